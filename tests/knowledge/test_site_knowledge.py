"""What a site teaches from its folder, and how it is told what does not fit."""

import json

import pytest

from cds_service.knowledge import condition_meanings, observation_measures, recognise
from cds_service.knowledge.concepts import Form, KnownBy, Meaning, Measure, Role
from cds_service.knowledge.site_knowledge import (
    SiteKnowledgeError,
    add_site_knowledge,
    forget_site_knowledge,
)

OURS = "https://hospital.example/codes/"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"
NDC = "http://hl7.org/fhir/sid/ndc"
HEAD = "system,code,name,ingredients,naltrexone_mg,per_ml,form\n"


@pytest.fixture(autouse=True)
def nothing_left():
    yield
    forget_site_knowledge()


def local_codes(folder, *rows):
    (folder / "local-codes.csv").write_text(HEAD + "".join(f"{row}\n" for row in rows), "utf-8")


def value_set(folder, name, *codes, **more):
    contains = [{"system": system, "code": code, "display": display} for system, code, display in codes]
    resource = {"resourceType": "ValueSet", "expansion": {"contains": contains}, **more}
    (folder / f"{name}.valueset.json").write_text(json.dumps(resource), "utf-8")


def concept_map(folder, source, code, target, to, **more):
    element = {
        "code": code,
        "display": "ours",
        "target": [{"code": to, "relationship": "equivalent", **more}],
    }
    group = {"source": source, "target": target, "element": [element]}
    resource = {"resourceType": "ConceptMap", "group": [group]}
    (folder / "ours.conceptmap.json").write_text(json.dumps(resource), "utf-8")


def test_our_code_is_our_capsule(tmp_path):
    local_codes(tmp_path, f"{OURS},LDN45,Naltrexone 4.5 mg capsule (own),naltrexone,4.5,,capsule")
    assert add_site_knowledge(tmp_path).added == 1
    medicine = recognise([(OURS.rstrip("/").upper(), " LDN45 ", None)], [])
    assert (medicine.known_by, medicine.naltrexone_mg, medicine.form) == (KnownBy.CODE, 4.5, Form.CAPSULE)
    assert medicine.is_naltrexone


def test_our_liquid_has_its_strength(tmp_path):
    local_codes(tmp_path, f"{OURS},LDNLIQ,LDN liquid,naltrexone,3,yes,liquid")
    add_site_knowledge(tmp_path)
    medicine = recognise([(OURS, "LDNLIQ", None)], [])
    assert (medicine.naltrexone_mg, medicine.per_ml) == (3.0, True)


def test_our_combination_is_an_opioid(tmp_path):
    local_codes(tmp_path, f"{OURS},X1,House mixture,codeine|acetaminophen,,,tablet")
    add_site_knowledge(tmp_path)
    assert recognise([(OURS, "X1", None)], []).is_opioid


def test_without_the_folder_the_code_says_nothing():
    assert recognise([(OURS, "LDN45", None)], []).known_by is KnownBy.NOT


@pytest.mark.parametrize(
    ("row", "said"),
    [
        (f"{OURS},A,name,unobtainium,,,", "local-codes.csv:2: ingredients: 'unobtainium' is not known"),
        (",A,name,codeine,,,", "local-codes.csv:2: system: empty"),
        (f"{OURS},A,,codeine,,,", "local-codes.csv:2: name: empty"),
        (f"{OURS},A,name,naltrexone,4.5mg,,", "naltrexone_mg: '4.5mg' is no number"),
        (f"{OURS},A,name,naltrexone,-1,,", "naltrexone_mg: -1 is not between"),
        (f"{OURS},A,name,codeine,4.5,,", "naltrexone_mg: the ingredients hold no naltrexone"),
        (f"{OURS},A,name,codeine,,maybe,", "per_ml: 'maybe'"),
        (f"{OURS},A,name,codeine,,,pill", "form: 'pill' is none of tablet"),
        (f"{SNOMED},123,name,codeine,,,", "code: SNOMED CT id 123 fails its check digit"),
        (f"{NDC},00406-0123-05,name,codeine,,,", "system: ndc codes cannot be taught here"),
        (f"{OURS},A,name,codeine", "wrong number of cells"),
    ],
)
def test_a_row_that_does_not_fit_is_named(tmp_path, row, said):
    local_codes(tmp_path, row)
    with pytest.raises(SiteKnowledgeError) as caught:
        add_site_knowledge(tmp_path)
    assert said in str(caught.value)


def test_a_code_twice_is_named(tmp_path):
    local_codes(tmp_path, f"{OURS},A,one,codeine,,,", f"{OURS},A,two,naltrexone,3,,")
    with pytest.raises(SiteKnowledgeError, match="local-codes.csv:3: code: 'A' stands there twice"):
        add_site_knowledge(tmp_path)


def test_a_missing_column_is_named(tmp_path):
    (tmp_path / "local-codes.csv").write_text("system,code\n", "utf-8")
    with pytest.raises(SiteKnowledgeError, match="no column name, ingredients"):
        add_site_knowledge(tmp_path)


def test_every_problem_is_told_at_once_and_nothing_added(tmp_path):
    local_codes(tmp_path, f"{OURS},A,fine,codeine,,,", f"{OURS},B,bad,unobtainium,,,")
    value_set(tmp_path, "meaning-expecting", (SNOMED, "77386006", "Pregnant"))
    with pytest.raises(SiteKnowledgeError) as caught:
        add_site_knowledge(tmp_path)
    assert len(str(caught.value).splitlines()) == 2
    assert recognise([(OURS, "A", None)], []).known_by is KnownBy.NOT


# --- value sets ---------------------------------------------------------------------------------


def test_codes_of_a_condition(tmp_path):
    value_set(tmp_path, "meaning-pregnant.own", (OURS, "P1", "Expecting"), (SNOMED, "90688005", "CRF"))
    add_site_knowledge(tmp_path)
    assert condition_meanings([(OURS, "P1", None)]) == {Meaning.PREGNANT}


def test_a_code_in_two_value_sets_means_both(tmp_path):
    value_set(tmp_path, "meaning-fibromyalgia", (OURS, "C1", "both"))
    value_set(tmp_path, "meaning-lupus", (OURS, "C1", "both"))
    add_site_knowledge(tmp_path)
    assert condition_meanings([(OURS, "C1", None)]) == {Meaning.FIBROMYALGIA, Meaning.LUPUS}


def test_codes_of_a_measurement(tmp_path):
    value_set(tmp_path, "measure-opioid-screen", (OURS, "UDS", "Urine drug screen"))
    add_site_knowledge(tmp_path)
    assert observation_measures([(OURS, "UDS", None)]) == {Measure.OPIOID_SCREEN}


def test_codes_of_an_ingredient(tmp_path):
    value_set(tmp_path, "ingredient-oxycodone", (RXNORM, "99999999", "Oxywonder 12 HR 10 MG Oral Tablet"))
    add_site_knowledge(tmp_path)
    medicine = recognise([(RXNORM, "99999999", None)], [])
    assert medicine.named(Role.OPIOID) == ("oxycodone",)
    assert medicine.extended_release


def test_codes_of_opioids_without_ingredient(tmp_path):
    value_set(tmp_path, "role-opioid.vsac", (OURS, "OP", "some opioid"))
    add_site_knowledge(tmp_path)
    assert recognise([(OURS, "OP", None)], []).is_opioid


def test_compose_is_read_where_there_is_no_expansion(tmp_path):
    compose = {"include": [{"system": OURS, "concept": [{"code": "L1", "display": "nursing"}]}]}
    resource = {"resourceType": "ValueSet", "compose": compose}
    (tmp_path / "meaning-lactating.valueset.json").write_text(json.dumps(resource), "utf-8")
    add_site_knowledge(tmp_path)
    assert condition_meanings([(OURS, "L1", None)]) == {Meaning.LACTATING}


def test_nested_codes_are_read_and_abstract_ones_are_not(tmp_path):
    below = [{"system": OURS, "code": "child", "display": "c"}]
    top = {"system": OURS, "code": "group", "abstract": True, "contains": below}
    resource = {"resourceType": "ValueSet", "expansion": {"contains": [top]}}
    (tmp_path / "meaning-pregnant.valueset.json").write_text(json.dumps(resource), "utf-8")
    assert add_site_knowledge(tmp_path).added == 1
    assert condition_meanings([(OURS, "child", None)]) == {Meaning.PREGNANT}


@pytest.mark.parametrize(
    ("name", "codes", "said"),
    [
        ("meaning-expecting", [(OURS, "A", "a")], "'meaning-expecting' says no known thing"),
        ("ingredient-unobtainium", [(OURS, "A", "a")], "says no known thing"),
        ("role-naltrexone", [(OURS, "A", "a")], "says no known thing"),
        ("meaning-pregnant", [], "neither expansion.contains nor compose.include.concept"),
        ("meaning-pregnant", [(SNOMED, "77386007", "x")], "expansion.contains[0].code: SNOMED CT id"),
        ("meaning-pregnant", [("http://loinc.org", "82810-3", "x")], "system: loinc codes cannot be"),
        ("meaning-pregnant", [(None, "A", "x")], "expansion.contains[0].system: missing"),
        ("meaning-pregnant", [(OURS, "", "x")], "expansion.contains[0].code: missing"),
    ],
)
def test_a_value_set_that_does_not_fit_is_named(tmp_path, name, codes, said):
    value_set(tmp_path, name, *codes)
    with pytest.raises(SiteKnowledgeError) as caught:
        add_site_knowledge(tmp_path)
    assert f"{name}.valueset.json" in str(caught.value)
    assert said in str(caught.value)


@pytest.mark.parametrize(
    ("text", "said"),
    [("{", "no JSON"), ("[]", "resourceType"), ('{"resourceType": "Bundle"}', "resourceType")],
)
@pytest.mark.parametrize("name", ["meaning-pregnant.valueset.json", "x.conceptmap.json"])
def test_what_is_no_such_resource_is_named(tmp_path, name, text, said):
    (tmp_path / name).write_text(text, "utf-8")
    with pytest.raises(SiteKnowledgeError, match=said):
        add_site_knowledge(tmp_path)


def test_the_shipped_tables_win_and_it_is_told(tmp_path):
    value_set(tmp_path, "meaning-pregnant", (SNOMED, "60001007", "Not pregnant"), (SNOMED, "77386006", "P"))
    added = add_site_knowledge(tmp_path)
    assert added.added == 0
    assert added.kept == ("meaning-pregnant.valueset.json: expansion.contains[0]",)
    assert condition_meanings([(SNOMED, "60001007", None)]) == {Meaning.NOT_PREGNANT}


# --- concept maps -------------------------------------------------------------------------------


def test_our_code_is_an_rxnorm_product(tmp_path):
    concept_map(tmp_path, OURS, "OXY5", RXNORM, "1049621")
    add_site_knowledge(tmp_path)
    assert recognise([(OURS, "OXY5", None)], []).named(Role.OPIOID) == ("oxycodone",)


def test_our_code_is_a_condition(tmp_path):
    concept_map(tmp_path, OURS, "PREG", SNOMED, "77386006")
    add_site_knowledge(tmp_path)
    assert condition_meanings([(OURS, "PREG", None)]) == {Meaning.PREGNANT}


def test_our_code_is_a_measurement(tmp_path):
    concept_map(tmp_path, OURS, "PS", "http://loinc.org", "82810-3")
    add_site_knowledge(tmp_path)
    assert observation_measures([(OURS, "PS", None)]) == {Measure.PREGNANCY_STATUS}


def test_a_new_package_is_a_known_product(tmp_path):
    concept_map(tmp_path, NDC, "99999-0123-05", RXNORM, "1049621")
    add_site_knowledge(tmp_path)
    assert recognise([(NDC, "99999012305", None)], []).is_opioid


def test_a_code_can_be_mapped_to_one_of_our_own(tmp_path):
    local_codes(tmp_path, f"{OURS},LDN45,LDN,naltrexone,4.5,,capsule")
    concept_map(tmp_path, "https://pharmacy.example", "77", OURS, "LDN45")
    add_site_knowledge(tmp_path)
    assert recognise([("https://pharmacy.example", "77", None)], []).naltrexone_mg == 4.5


def test_what_is_mapped_as_different_is_left_out(tmp_path):
    concept_map(tmp_path, OURS, "OXY5", RXNORM, "1049621", relationship="not-related-to")
    assert add_site_knowledge(tmp_path).added == 0


@pytest.mark.parametrize(
    ("source", "code", "target", "to", "said"),
    [
        (OURS, "A", RXNORM, "1", "ours.conceptmap.json: group[0].element[0].target[0].code: rxnorm 1 is not"),
        (None, "A", RXNORM, "1049621", "group[0].element[0].system: missing"),
        (NDC, "0406012305", RXNORM, "1049621", "NDC 0406012305 is written neither"),
        (NDC, "99999-0123-05", SNOMED, "373546002", "an NDC needs an RxNorm product"),
    ],
)
def test_a_map_that_leads_nowhere_is_named(tmp_path, source, code, target, to, said):
    concept_map(tmp_path, source, code, target, to)
    with pytest.raises(SiteKnowledgeError) as caught:
        add_site_knowledge(tmp_path)
    assert said in str(caught.value)


# --- the folder ---------------------------------------------------------------------------------


def test_no_folder_is_named(tmp_path):
    with pytest.raises(SiteKnowledgeError, match="no such folder"):
        add_site_knowledge(tmp_path / "missing")


def test_a_file_of_another_name_is_named(tmp_path):
    (tmp_path / "codes.csv").write_text("x", "utf-8")
    (tmp_path / "README.md").write_text("x", "utf-8")
    with pytest.raises(SiteKnowledgeError, match="codes.csv: not known"):
        add_site_knowledge(tmp_path)


def test_a_second_call_replaces_the_first(tmp_path):
    local_codes(tmp_path, f"{OURS},A,one,codeine,,,")
    first = add_site_knowledge(tmp_path)
    local_codes(tmp_path, f"{OURS},B,two,codeine,,,")
    second = add_site_knowledge(tmp_path)
    assert first.version != second.version
    assert not recognise([(OURS, "A", None)], []).is_opioid
    assert recognise([(OURS, "B", None)], []).is_opioid
