"""What an observation measures and what its value says."""

import pytest

from cds_service.knowledge import observation_measures, read_answer, tables
from cds_service.knowledge.concepts import Answer, Measure

LOINC = "http://loinc.org"
SNOMED = "http://snomed.info/sct"


@pytest.mark.parametrize(
    ("code", "measures"),
    [
        ("82810-3", {Measure.PREGNANCY_STATUS}),
        ("63895-7", {Measure.BREASTFEEDING_STATUS}),
        ("11778-8", {Measure.DUE_DATE}),
        ("49051-6", {Measure.GESTATIONAL_AGE}),
        ("2106-3", {Measure.PREGNANCY_TEST}),
        ("1742-6", {Measure.ALT}),
        ("1920-8", {Measure.AST}),
        ("98979-8", {Measure.EGFR}),
        ("58401-1", {Measure.OPIOID_ASSAY}),
        ("8221-4", {Measure.OPIOID_ASSAY}),
        ("8222-2", {Measure.OPIOID_SCREEN}),
        ("59673-4", {Measure.OPIOID_SCREEN}),
        ("9834-3", {Measure.OPIOID_SCREEN}),
        ("73995-3", {Measure.OPIOID_ASSAY}),
        ("19609-7", set()),
        ("12309-1", set()),
        ("82524-0", set()),
        ("79377-8", set()),
        ("77207-9", set()),
        ("60276-3", set()),
        ("72787-5", set()),
        ("86193-0", set()),
        ("86645-9", set()),
        ("11640-0", set()),
    ],
)
def test_loinc(code, measures):
    assert observation_measures([(LOINC, code, "Opiates confirmed, urine")], "opiate screen") == measures


def test_every_shipped_loinc_code_means_what_its_row_says():
    for row in tables.rows("loinc"):
        wanted = {row["measure"]} - {""}
        assert observation_measures([(LOINC, row["code"], None)]) == wanted, row


NAMED = """
Opiates, urine, screen = opioid-screen
UDS: opiates = opioid-screen
Urine drug screen - oxycodone = opioid-screen
Oxycodone Screen Ql (U) = opioid-screen
Fentanyl, urine = opioid-screen
Buprenorphine/Norbuprenorphine, LC/MS, urine = opioid-assay
Opiates Confirmation, Urine = opioid-assay
Morphine by GC-MS, urine = opioid-assay
6-monoacetylmorphine Confirm Ql (U) = opioid-assay
Mitragynine, urine, confirmatory = opioid-assay
Methadone metabolite (EDDP), urine = opioid-screen
Naltrexone, urine =
6-beta-naltrexol Confirm (U) =
Naloxone, LC/MS, urine =
Oxycodone cutoff (U) =
Morphine =
Urine drug screen = drug-screen
Amphetamines, urine, screen =
hCG, qualitative, urine = pregnancy-test
POC urine pregnancy test = pregnancy-test
Beta-hCG, quantitative, serum = pregnancy-test
Pregnancy status = pregnancy-status
Pregnant? = pregnancy-status
Breastfeeding status = breastfeeding-status
Estimated date of delivery = due-date
EDD = due-date
Gestational age in weeks = gestational-age
ALT (SGPT) = alt
Alanine aminotransferase = alt
AST = ast
AST/ALT ratio =
eGFR (CKD-EPI 2021) = egfr
Naloxone challenge test = naloxone-challenge
Hemoglobin A1c =
Salt intake =
"""


def _named():
    lines = (line.rpartition("=") for line in NAMED.strip().splitlines())
    return [(name.strip(), frozenset(map(Measure, wanted.split()))) for name, _, wanted in lines]


@pytest.mark.parametrize(("name", "measures"), _named())
def test_names(name, measures):
    assert observation_measures([], name) == measures
    assert observation_measures([("urn:local", "1", name)], None) == measures


P, B = Measure.PREGNANCY_STATUS, Measure.BREASTFEEDING_STATUS
T, S = Measure.PREGNANCY_TEST, Measure.OPIOID_SCREEN
V2 = "http://terminology.hl7.org/CodeSystem/v2-0136"
V3 = "http://terminology.hl7.org/CodeSystem/v3-NullFlavor"
INTERPRETATION = "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation"


@pytest.mark.parametrize(
    ("measure", "coding", "answer"),
    [
        (P, (LOINC, "LA15173-0", None), Answer.PREGNANT),
        (P, (LOINC, "LA26683-5", None), Answer.NOT_PREGNANT),
        (P, (LOINC, "LA4489-6", None), Answer.UNKNOWN),
        (P, (SNOMED, "77386006", None), Answer.PREGNANT),
        (P, (SNOMED, "72892002", None), Answer.PREGNANT),
        (P, (SNOMED, "60001007", None), Answer.NOT_PREGNANT),
        (P, (SNOMED, "146799005", None), Answer.POSSIBLY_PREGNANT),
        (P, (SNOMED, "102874004", None), Answer.POSSIBLY_PREGNANT),
        (P, (SNOMED, "152231000119106", None), Answer.POSSIBLY_PREGNANT),
        (P, (SNOMED, "261665006", None), Answer.UNKNOWN),
        (P, (V3, "UNK", None), Answer.UNKNOWN),
        (P, (V2, "Y", None), Answer.PREGNANT),
        (P, (V2, "N", None), Answer.NOT_PREGNANT),
        (P, (SNOMED, "10828004", None), Answer.PREGNANT),
        (B, (LOINC, "LA29252-6", None), Answer.LACTATING),
        (B, (LOINC, "LA29253-4", None), Answer.NOT_LACTATING),
        (B, (SNOMED, "413712001", None), Answer.LACTATING),
        (B, (V2, "N", None), Answer.NOT_LACTATING),
        (T, (SNOMED, "10828004", None), Answer.POSITIVE),
        (T, (SNOMED, "260385009", None), Answer.NEGATIVE),
        (T, (SNOMED, "77386006", None), Answer.POSITIVE),
        (T, (V2, "Y", None), Answer.POSITIVE),
        (S, (LOINC, "LA6576-8", None), Answer.POSITIVE),
        (S, (LOINC, "LA6577-6", None), Answer.NEGATIVE),
        (S, (LOINC, "LA11883-8", None), Answer.NEGATIVE),
        (S, (SNOMED, "260415000", None), Answer.NEGATIVE),
        (S, (INTERPRETATION, "POS", None), Answer.POSITIVE),
        (S, (INTERPRETATION, "ND", None), Answer.NEGATIVE),
        (S, ("urn:local", "1", "None Detected"), Answer.NEGATIVE),
        (S, (None, None, None), None),
    ],
)
def test_coded_answers(measure, coding, answer):
    assert read_answer(measure, [coding]) is answer


@pytest.mark.parametrize(
    ("measure", "text", "answer"),
    [
        (P, "Pregnant", Answer.PREGNANT),
        (P, "currently pregnant", Answer.PREGNANT),
        (P, "Not pregnant", Answer.NOT_PREGNANT),
        (P, "possible pregnancy", Answer.POSSIBLY_PREGNANT),
        (P, "Yes", Answer.PREGNANT),
        (P, "no", Answer.NOT_PREGNANT),
        (P, "true", Answer.PREGNANT),
        (P, "false", Answer.NOT_PREGNANT),
        (P, "Unknown", Answer.UNKNOWN),
        (B, "Currently breastfeeding", Answer.LACTATING),
        (B, "Not currently breastfeeding", Answer.NOT_LACTATING),
        (B, "Breast fed (finding)", Answer.LACTATING),
        (B, "Never breast fed", None),
        (B, "yes", Answer.LACTATING),
        (B, "No", Answer.NOT_LACTATING),
        (T, "Positive", Answer.POSITIVE),
        (T, "NEGATIVE", Answer.NEGATIVE),
        (T, "neg", Answer.NEGATIVE),
        (T, "pregnant", Answer.POSITIVE),
        (T, "not pregnant", Answer.NEGATIVE),
        (S, "Detected", Answer.POSITIVE),
        (S, "Not Detected", Answer.NEGATIVE),
        (S, "none detected", Answer.NEGATIVE),
        (S, "Presumptive positive", Answer.POSITIVE),
        (S, "non-reactive", Answer.NEGATIVE),
        (S, "+", Answer.POSITIVE),
        (S, "ND", Answer.NEGATIVE),
        (S, "indeterminate", Answer.UNKNOWN),
        (S, "specimen cancelled", Answer.UNKNOWN),
        (S, "not tested", Answer.UNKNOWN),
        (Measure.NALOXONE_CHALLENGE, "failed", Answer.POSITIVE),
        (Measure.NALOXONE_CHALLENGE, "passed", Answer.NEGATIVE),
        (T, "12 mIU/mL", None),
        (T, "", None),
        (T, None, None),
    ],
)
def test_written_answers(measure, text, answer):
    assert read_answer(measure, [], text) is answer


def test_a_code_is_believed_before_the_text():
    assert read_answer(S, [(SNOMED, "260385009", "Positive")], "Positive") is Answer.NEGATIVE


@pytest.mark.parametrize(
    ("text", "answer"),
    [
        ("POSITIVE for opiates", Answer.POSITIVE),
        ("Positive for THC, oxycodone and benzodiazepines", Answer.POSITIVE),
        ("fentanyl: detected", Answer.POSITIVE),
        ("THC positive, opiates negative", None),
        ("Opiates: not detected. Amphetamine: positive", None),
        ("positive for amphetamine; opiates pending", None),
        ("Positive", None),
        ("Negative", None),
    ],
)
def test_a_drug_screen_is_positive_for_an_opioid_only_when_it_says_so(text, answer):
    assert observation_measures([], "Urine drug screen") == {Measure.DRUG_SCREEN}
    assert read_answer(Measure.DRUG_SCREEN, [], text) == answer


def test_a_coded_positive_of_a_drug_screen_names_no_drug():
    positive = [(SNOMED, "10828004", "Positive (qualifier value)")]
    assert read_answer(Measure.OPIOID_SCREEN, positive) == Answer.POSITIVE
    assert read_answer(Measure.DRUG_SCREEN, positive) is None
