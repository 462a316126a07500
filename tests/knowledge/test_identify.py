"""What a code or a name is taken for, and the rows that say so."""

import pytest

from cds_service.knowledge.identify import Sure, identify
from cds_service.knowledge.site_knowledge import add_site_knowledge, forget_site_knowledge


@pytest.mark.parametrize(
    ("text", "kind", "says", "sure", "table"),
    [
        ("1049502", "medicine", ("oxycodone",), Sure.CERTAIN, "rxnorm_products"),
        ("0054-0176-13", "medicine", ("buprenorphine",), Sure.CERTAIN, "ndc"),
        ("n02aj06", "medicine", ("acetaminophen", "codeine"), Sure.CERTAIN, "medicine_codes"),
        ("373546002", "medicine", ("naltrexone",), Sure.CERTAIN, "medicine_codes"),
        ("F11.20", "condition", ("opioid-use-disorder",), Sure.CERTAIN, "icd10cm"),
        ("F1120", "condition", ("opioid-use-disorder",), Sure.CERTAIN, "icd10cm"),
        ("F11.21", "condition", (), Sure.CERTAIN, "icd10cm"),
        ("B15.99", "condition", ("acute-hepatitis",), Sure.LIKELY, "icd10cm"),
        ("77386006", "condition", ("pregnant",), Sure.CERTAIN, "snomed"),
        ("82810-3", "observation", ("pregnancy-status",), Sure.CERTAIN, "loinc"),
        ("OxyContin 40 mg", "medicine", ("oxycodone",), Sure.LIKELY, "product_names"),
        ("LDN 4.5 mg", "medicine", ("naltrexone",), Sure.LIKELY, "ingredients"),
        ("acetamin cod", "medicine", ("acetaminophen", "codeine"), Sure.DOUBTFUL, "product_names"),
    ],
)
def test_codes_and_names(text, kind, says, sure, table):
    (reading,) = identify(text)
    assert (reading.kind, reading.says, reading.sure) == (kind, says, sure)
    assert reading.backing[0].table == table
    assert all(backing.citations and backing.reviewer for backing in reading.backing)


@pytest.mark.parametrize(
    ("text", "kind", "says"),
    [
        ("opioid use disorder", "condition", ("opioid-use-disorder",)),
        ("urine opiate screen", "observation", ("opioid-screen",)),
    ],
)
def test_what_only_words_tell_has_no_row(text, kind, says):
    (reading,) = identify(text)
    assert (reading.kind, reading.says, reading.sure, reading.backing) == (kind, says, Sure.LIKELY, ())


@pytest.mark.parametrize("text", ["", "  ", "zzz", "abbreviated visit", "99999999999999"])
def test_what_nothing_here_knows(text):
    assert identify(text) == ()


def test_a_system_is_kept_to():
    assert identify("7243", "http://www.nlm.nih.gov/research/umls/rxnorm")[0].says == ("naltrexone",)
    assert identify("7243", "http://loinc.org") == ()
    assert identify("naltrexone", "http://loinc.org") == ()


def test_a_terminal_reads_what_form_class_strength_and_source_are():
    (reading,) = identify("naltrexone 1 mg/mL susp")
    said = "\n".join(reading.lines())
    for wanted in ("form: liquid", "naltrexone: 1 mg per mL", "by the name 'naltrexone'", "RxNorm"):
        assert wanted in said


def test_a_code_of_the_site_is_explained_too(tmp_path):
    head = "system,code,name,ingredients,naltrexone_mg,per_ml,form\n"
    row = "https://hospital.example/codes,LDN45,Naltrexone 4.5 mg capsule,naltrexone,4.5,,capsule\n"
    (tmp_path / "local-codes.csv").write_text(head + row, "utf-8")
    add_site_knowledge(tmp_path)
    try:
        (reading,) = identify("LDN45", "https://hospital.example/codes")
    finally:
        forget_site_knowledge()
    assert reading.says == ("naltrexone",)
    assert reading.backing[0].citations == ("site",)
