"""What a medication entry is, from codes, displays and texts together."""

import pytest

from cds_service.knowledge import recognise
from cds_service.knowledge.concepts import Duration, Form, KnownBy, Role

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NDC = "http://hl7.org/fhir/sid/ndc"
SNOMED = "http://snomed.info/sct"
ATC = "http://www.whocc.no/atc"
UNII = "http://fdasis.nlm.nih.gov"


def rx(code, display=None):
    return (RXNORM, code, display)


@pytest.mark.parametrize(
    ("coding", "ingredients"),
    [
        (rx("7243"), {"naltrexone"}),
        (rx("105069"), {"naltrexone"}),
        (rx("1483744"), {"naltrexone"}),
        (rx("637213"), {"naltrexone"}),
        (rx("1551468"), {"naltrexone", "bupropion"}),
        (rx("863845"), {"morphine", "naltrexone"}),
        (rx("859959"), {"morphine", "naltrexone"}),
        (rx("1806701"), {"oxycodone", "naltrexone"}),
        (rx("1483774"), {"naltrexone"}),
        (rx("1483780"), {"naltrexone"}),
        (rx("352362"), {"acetaminophen", "tramadol"}),
        (rx("7804"), {"oxycodone"}),
        (rx("1049502"), {"oxycodone"}),
        (rx("6813"), {"methadone"}),
        (rx("414152"), {"levomethadone"}),
        (rx("8785"), {"propoxyphene"}),
        (rx("29899"), {"methylnaltrexone"}),
        (rx("1551777"), {"naloxegol"}),
        (rx("7242"), {"naloxone"}),
        (rx("31479"), {"nalmefene"}),
        (rx("2570392"), {"olanzapine", "samidorphan"}),
        (rx("10502"), {"thioridazine"}),
        (rx("3554"), {"disulfiram"}),
        (rx("28863"), {"lofexidine"}),
        (rx("3289"), {"dextromethorphan"}),
        ((ATC, "N07BB04", None), {"naltrexone"}),
        ((ATC, "A08AA62", None), {"naltrexone", "bupropion"}),
        ((ATC, "N02AA56", None), {"naltrexone", "oxycodone"}),
        ((ATC, "n02aj13", None), {"acetaminophen", "tramadol"}),
        ((ATC, "N07BC05", None), {"levomethadone"}),
        ((ATC, "A06AH01", None), {"methylnaltrexone"}),
        ((UNII, "5S6W795CQM", None), {"naltrexone"}),
        ((UNII, "CD35PMG570", None), {"oxycodone"}),
        ((SNOMED, "373546002", None), {"naltrexone"}),
        ((SNOMED, "55452001", None), {"oxycodone"}),
        ((SNOMED, "8822311000001104", None), {"naltrexone"}),
        ((SNOMED, "444476007", None), {"morphine", "naltrexone"}),
        (("https://dmd.nhs.uk", "16106611000001100", None), {"naltrexone"}),
    ],
)
def test_codes(coding, ingredients):
    medicine = recognise([coding], [])
    assert {i.name for i in medicine.ingredients} == ingredients
    assert medicine.known_by is KnownBy.CODE
    assert medicine.conflict is None


def test_ten_digits_that_can_be_two_products_are_both():
    medicine = recognise([(NDC, "4280600501", None)], [])
    assert medicine.is_opioid
    assert "oxycodone" in medicine.named(Role.OPIOID)
    assert " or " in medicine.name


@pytest.mark.parametrize(
    "system",
    [
        "http://www.nlm.nih.gov/research/umls/rxnorm",
        "https://www.nlm.nih.gov/research/umls/rxnorm",
        "http://nlm.nih.gov/research/umls/rxnorm/",
        "HTTP://WWW.NLM.NIH.GOV/research/umls/RxNorm",
        "http://www.nlm.nih.gov/research/umls/rxnorm|2025-10",
        "urn:oid:2.16.840.1.113883.6.88",
        "2.16.840.1.113883.6.88",
        "RxNorm",
    ],
)
def test_rxnorm_by_any_name(system):
    assert recognise([(system, " 7243 ", None)], []).code == "rxnorm 7243"


@pytest.mark.parametrize(
    "system", ["http://snomed.info/sct", "http://snomed.info/", "http://snomed.info/sct/83821000000107"]
)
def test_snomed_by_any_name(system):
    assert recognise([(system, "373546002", None)], []).is_naltrexone


@pytest.mark.parametrize(
    "code", ["10702-0340-01", "10702034001", "10702-340-01", "1070234001", "10702-0340", "10702034099"]
)
def test_ndc_spellings(code):
    medicine = recognise([(NDC, code, None)], [])
    assert medicine.named(Role.OPIOID) == ("benzhydrocodone",)
    assert medicine.code == f"ndc {code}"


@pytest.mark.parametrize("code", ["99999-9999-99", "not a code", "", "123", "10702-03A0-01"])
def test_unknown_ndc(code):
    assert recognise([(NDC, code, None)], []).known_by is KnownBy.NOT


def test_a_code_without_system_or_of_a_local_system_is_read_by_its_display():
    local = "https://fhir.cerner.com/ec2458f2/synonym"
    for system in (None, "", local):
        medicine = recognise([(system, "7243", "oxyCODONE 5 mg tab")], [])
        assert (medicine.named(Role.OPIOID), medicine.known_by) == (("oxycodone",), KnownBy.DISPLAY)


def test_order_of_codings_does_not_matter():
    codings = [("urn:local", "X1", "Oxy 5"), rx("1049502"), (None, None, None)]
    assert recognise(codings, []).code == recognise(codings[::-1], []).code == "rxnorm 1049502"


def test_nothing_known():
    medicine = recognise([rx("999999999", "levothyroxine 50 mcg")], ["Levothyroxine"])
    assert medicine.known_by is KnownBy.NOT
    assert medicine.ingredients == ()
    assert medicine.name == "Levothyroxine"
    assert recognise([], []).name


def test_code_is_believed_and_the_contradiction_is_said():
    medicine = recognise([rx("7804")], ["naltrexone 4.5 mg capsule"])
    assert medicine.named(Role.OPIOID) == ("oxycodone",)
    assert medicine.naltrexone_mg is None
    assert medicine.conflict == "The code says oxycodone, the text says naltrexone; the code is believed."


@pytest.mark.parametrize(
    ("coding", "text"),
    [
        (rx("1483744"), "naltrexone 4.5 mg compounded"),
        (rx("352362"), "Acetaminophen"),
        (rx("7804"), "oxyCODONE-acetaminophen 5-325 mg"),
        (rx("7804"), "oxycodone 5 mg"),
        (rx("863845"), "morphine 100 mg ER"),
        (rx("863845"), "Embeda"),
        (rx("7243"), "LDN"),
    ],
)
def test_a_text_that_only_adds_is_no_conflict(coding, text):
    assert recognise([coding], [text]).conflict is None


@pytest.mark.parametrize(
    ("coding", "text"),
    [
        (rx("7804"), "acetaminophen 500 mg"),
        (rx("10689"), "oxycodone"),
        (rx("863845"), "naltrexone 4 mg capsule"),
        (rx("29899"), "naltrexone 12 mg"),
        (rx("7243"), "methylnaltrexone"),
        (rx("7804", "morphine 15 mg"), "oxycodone"),
    ],
)
def test_a_text_that_names_something_else_is_a_conflict(coding, text):
    assert recognise([coding], [text]).conflict


def test_codes_that_disagree_are_all_counted():
    medicine = recognise([rx("7804"), rx("10689")], [])
    assert set(medicine.named(Role.OPIOID)) == {"oxycodone", "tramadol"}
    assert medicine.conflict


def test_a_partner_code_does_not_hide_the_opioid_in_the_text():
    medicine = recognise([rx("161")], ["oxycodone-acetaminophen 5-325 mg"])
    assert (medicine.is_opioid, medicine.known_by) == (True, KnownBy.TEXT)
    assert recognise([rx("161")], ["tramadol 50 mg"]).conflict


def test_product_and_ingredient_codes_agree():
    assert recognise([rx("7052"), rx("863845")], []).conflict is None


def test_ingredients_of_a_compounded_medication():
    medicine = recognise([], ["LDN capsule"], [rx("7243")])
    assert (medicine.is_naltrexone, medicine.known_by, medicine.form) == (True, KnownBy.CODE, Form.CAPSULE)
    both = recognise([], [], [rx("7052"), rx("7243"), ("urn:x", "1", "lactose")])
    assert both.is_opioid
    assert both.conflict is None
    named = recognise([], [], [(None, None, "naltrexone hydrochloride")])
    assert named.known_by is KnownBy.DISPLAY


def test_embeda_and_troxyca_are_opioids_and_never_ldn():
    for code in ("863845", "1806701", "859959"):
        medicine = recognise([rx(code)], [])
        assert medicine.is_opioid
        assert not medicine.is_naltrexone
        assert medicine.duration is Duration.LONG


def test_strength_and_form_from_the_code():
    assert recognise([rx("1483744")], ["naltrexone 4.5 mg"]).naltrexone_mg == 50.0
    vivitrol = recognise([rx("637213")], [])
    assert (vivitrol.naltrexone_mg, vivitrol.form) == (380.0, Form.DEPOT)
    liquid = recognise([(SNOMED, "8637811000001102", None)], [])
    assert (liquid.naltrexone_mg, liquid.per_ml, liquid.form) == (5.0, True, Form.LIQUID)
    micrograms = recognise([(SNOMED, "444477003", None)], [])
    assert micrograms.naltrexone_mg == 0.8
    assert recognise([("hcpcs", "J2315", None)], []).form is Form.DEPOT


def test_an_ingredient_code_takes_form_release_and_strength_from_the_text():
    ldn = recognise([rx("7243", "naltrexone")], ["naltrexone 4.5 mg compounded capsule"])
    assert (ldn.naltrexone_mg, ldn.form, ldn.code) == (4.5, Form.CAPSULE, "rxnorm 7243")
    assert ldn.name == "naltrexone 4.5 mg compounded capsule"
    assert recognise([rx("7804")], ["oxycodone ER 20 mg tablet"]).duration is Duration.LONG


def test_a_product_code_is_not_made_long_acting_by_its_text():
    assert recognise([rx("1049621")], ["oxycodone ER"]).duration is Duration.SHORT


@pytest.mark.parametrize("code", ["1996184", "2639036", "1996189"])
def test_buprenorphine_depots(code):
    medicine = recognise([rx(code)], [])
    assert (medicine.form, medicine.duration) == (Form.DEPOT, Duration.METHADONE_BUPRENORPHINE)


def test_the_naloxone_in_suboxone_is_a_rescue_antagonist():
    medicine = recognise([rx("352990")], ["Suboxone 8-2 mg film"])
    assert medicine.named(Role.OPIOID) == ("buprenorphine",)
    assert not medicine.has(Role.ANTAGONIST, Role.NALTREXONE)


@pytest.mark.parametrize(
    ("text", "low"),
    [
        ("LDN", True),
        ("Low-dose naltrexone", True),
        ("low dose naltrexone caps", True),
        ("naltrexone", False),
    ],
)
def test_what_is_called_low_dose(text, low):
    assert recognise([rx("7243")], [text]).low_dose is low


def test_oliceridine_is_short_acting():
    assert recognise([], ["Olinvyk 1 mg/mL"]).duration is Duration.SHORT


def test_codings_by_the_thousand_are_compared_once_each():
    """Each was compared with all before it: twenty thousand held a process for minutes."""
    medicine = recognise([rx("1049621", f"oxycodone 5 mg tablet {n}") for n in range(20_000)], [])
    assert medicine.named(Role.OPIOID) == ("oxycodone",)
    assert medicine.conflict is None


def test_the_first_contradiction_is_told():
    medicine = recognise([rx("1049621"), rx("1049621"), rx("7243")], [])
    assert medicine.conflict == ("The code says oxycodone, the code says naltrexone; the code is believed.")
