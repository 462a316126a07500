"""The data tables: sound, quick to load, and what the linter says of bad ones."""

import re

import pytest

from cds_service.knowledge import VERSION, lint, tables
from cds_service.knowledge.checkdigits import is_loinc_code, is_snomed_id
from cds_service.knowledge.codings import System
from cds_service.knowledge.drug_names import read_drug_name
from cds_service.knowledge.products import known_products

URIS = {
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "ndc": "http://hl7.org/fhir/sid/ndc",
    "snomed": "http://snomed.info/sct",
    "atc": "http://www.whocc.no/atc",
    "unii": "http://fdasis.nlm.nih.gov",
    "hcpcs": "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
}


def test_the_tables_are_sound():
    assert lint.problems() == []


def test_the_linter_runs_as_a_program(capsys):
    assert lint.main() == 0
    assert "nothing wrong" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("table", "change", "said"),
    [
        ("snomed", {"code": "2032002"}, "fails its check digit"),
        ("loinc", {"code": "82810-4"}, "fails its check digit"),
        ("snomed", {"source": ""}, "no source"),
        ("snomed", {"source": "hearsay"}, "unknown source 'hearsay'"),
        ("product_names", {"source": "unverified"}, "unknown source 'unverified'"),
        ("snomed", {"meanings": "very-pregnant"}, "unknown meanings 'very-pregnant'"),
        ("snomed", {"meanings": "pregnant|not-pregnant"}, "contradicting meanings"),
        ("ingredients", {"role": "opioid", "duration": ""}, "without duration"),
        ("ingredients", {"class_source": ""}, "short-acting without a source"),
        ("ingredients", {"class_source": ""}, "kind of agonist without a source"),
        ("ingredients", {"class_source": "own"}, "an own decision is no source"),
        ("ingredients", {"class_source": "hearsay"}, "unknown class_source 'hearsay'"),
        ("ingredients", {"reviewer": ""}, "no reviewer"),
        ("icd10cm", {"match": "fuzzy"}, "match is 'fuzzy'"),
        ("rxnorm_products", {"ingredients": "unobtainium"}, "unknown ingredients 'unobtainium'"),
        ("rxnorm_products", {"naltrexone_mg": "50000"}, "naltrexone_mg is 50000"),
        ("ndc", {"ndc": "123"}, "has not eleven digits"),
        ("ndc", {"rxcui": "0"}, "unknown RxCUI"),
        ("product_names", {"name": "Vicodin", "ingredients": "aspirin"}, "means"),
    ],
)
def test_the_linter_sees(monkeypatch, table, change, said):
    real = tables.rows

    def broken(name):
        rows = list(real(name))
        return iter([{**rows[0], **change}, *rows[1:]] if name == table else rows)

    monkeypatch.setattr(tables, "rows", broken)
    assert any(said in problem for problem in lint.problems())


def test_the_linter_sees_a_table_without_reviewers(monkeypatch):
    real = tables.rows

    def broken(name):
        return iter({key: row[key] for key in row if key != "reviewer"} for row in real(name))

    monkeypatch.setattr(tables, "rows", broken)
    assert any("ndc.csv:2: no column reviewer" in problem for problem in lint.problems())


def test_the_linter_sees_duplicates(monkeypatch):
    real = tables.rows
    monkeypatch.setattr(tables, "rows", lambda name: iter([*real(name), *list(real(name))[:1]]))
    assert sum("stands there 2 times" in problem for problem in lint.problems()) == len(tables.names())


def test_version_names_release_and_content():
    assert re.fullmatch(r"\d{4}-\d{2}\+[0-9a-f]{8}", VERSION)


def test_every_medicine_code_stands_for_its_ingredients():
    rows = [(URIS["rxnorm"], r["rxcui"], r) for r in tables.rows("rxnorm_products")]
    rows += [(URIS[r["system"]], r["code"], r) for r in tables.rows("medicine_codes")]
    for system, code, row in rows:
        (product,) = known_products([(system, code, None)])
        assert product.ingredients == tables.cell(row["ingredients"]), row


def test_every_ndc_leads_to_its_product():
    names = {row["rxcui"]: row["name"] for row in tables.rows("rxnorm_products")}
    for row in tables.rows("ndc"):
        (product,) = known_products([(URIS["ndc"], row["ndc"], None)])
        assert product.name == names[row["rxcui"]]
        assert product.system is System.NDC


def test_reading_the_name_of_a_known_product_finds_the_ingredients_of_its_code():
    for row in tables.rows("rxnorm_products"):
        acting = set(tables.cell(row["ingredients"]))
        assert acting & set(read_drug_name(row["name"]).ingredients), row


def test_every_name_is_read():
    for row in tables.rows("product_names"):
        assert read_drug_name(row["name"]).ingredients == tables.cell(row["ingredients"]), row
    for row in tables.rows("ingredients"):
        for name in tables.cell(row["names"]):
            assert read_drug_name(name).ingredients == (row["name"],), name


@pytest.mark.parametrize("code", ["77386006", "1081000119105", "20320002", "21066009"])
def test_right_snomed_ids(code):
    assert is_snomed_id(code)


@pytest.mark.parametrize("code", ["2032002", "2106609", "744937001", "77386007", "12345", "x", ""])
def test_wrong_snomed_ids(code):
    assert not is_snomed_id(code)


@pytest.mark.parametrize("code", ["82810-3", "1742-6", "LA6576-8", "LA33-6", "LA15173-0"])
def test_right_loinc_codes(code):
    assert is_loinc_code(code)


@pytest.mark.parametrize("code", ["82810-4", "2737920", "LA6576-7", "1742", "1742-", ""])
def test_wrong_loinc_codes(code):
    assert not is_loinc_code(code)
