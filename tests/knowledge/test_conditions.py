"""What a condition means, by code and by name."""

import pytest

from cds_service.knowledge import condition_meanings, gestational_weeks, tables
from cds_service.knowledge.concepts import Meaning

ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"

ICD10_CODES = """
Z33.1 pregnant
Z34.90 pregnant
Z36.9 pregnant
Z3A.20 pregnant
Z32.01 pregnant
Z32.00 possibly-pregnant
Z32.02 not-pregnant
Z32.2 possibly-pregnant
Z33.2 pregnancy-ended
Z33.3 pregnant
O00.101 pregnancy-ended
O02.1 pregnancy-ended
O03.9 pregnancy-ended
O07.4 possibly-pregnant
O09.91 pregnant
O14.03 pregnant
O14.04 delivered
O14.05 postpartum
O14 pregnant
O20.0 pregnant
O24.410 pregnant
O24.430 postpartum
O26.63 postpartum
O34.211 pregnant
O36.4XX0 pregnant
O44.01 pregnant
O47.9 pregnant
O60.02 pregnant
O60.14X0 delivered
O80 delivered
O82 delivered
O85 postpartum
O90.3 possibly-pregnant
O90.49 postpartum severe-renal-impairment
O91.13 lactating
O92.5
O94
O98.419 pregnant
O98.43 postpartum
O99.343 pregnant
O99.89 possibly-pregnant
Z37.0 delivered
Z38.00
Z39.0 postpartum
Z39.1 lactating
Z39.2 postpartum
Z31.69
Z87.51
Z86.32
P07.30
P96.1
F11.10 opioid-use-disorder
F11.11
F11.13 opioid-use-disorder opioid-withdrawal
F11.20 opioid-use-disorder
F11.21
F11.23 opioid-use-disorder opioid-withdrawal
F11.90 opioid-use-disorder
F11.91
F11.93 opioid-use-disorder opioid-withdrawal
Z79.891 long-term-opioid
T40.0X1A opioid-overdose
T40.1X2D opioid-overdose
T40.2X4A opioid-overdose
T40.2X1S
T40.2X5A
T40.2X6A
T40.411A opioid-overdose
T40.415A
T40.601A opioid-overdose
F10.20 alcohol-use-disorder
F10.21
B15.9 acute-hepatitis
B16.0 acute-hepatitis liver-failure
B17.10 acute-hepatitis
K70.10 acute-hepatitis
K71.2 acute-hepatitis
K75.2
K72.00 liver-failure
K72.91 liver-failure
K76.7 liver-failure
K70.30 cirrhosis
K70.31 decompensated-cirrhosis
K74.60 cirrhosis
K74.01
K70.2
K76.6 decompensation-sign
K76.82 liver-failure
I85.00 decompensation-sign
R18.8 decompensation-sign
B18.2
N18.4 severe-renal-impairment
N18.5 severe-renal-impairment
N18.6 severe-renal-impairment
N17.9 severe-renal-impairment
N19
F32.1 depression
F32.5
F33.42
F33.41 depression
F53.0 depression postpartum
R45.851 suicidality
T14.91XA suicidality
Z91.51
Z01.818 planned-surgery
M79.7 fibromyalgia
G90.511 complex-regional-pain-syndrome
M05.79 rheumatoid-arthritis
M06.4
M32.10 lupus
G35 multiple-sclerosis
G35.A multiple-sclerosis
G35.C2 multiple-sclerosis
K50.90 crohns-disease
N80.0 endometriosis
G93.32 me-cfs
G93.3 me-cfs
U09.9 long-covid
G89.29 chronic-pain
R10.2 pelvic-pain
R10.20 pelvic-pain
E11.42 neuropathic-pain
"""

SNOMED_CODES = """
77386006 pregnant
72892002 pregnant
47200007 pregnant
36813001 pregnant
54048003 pregnant
146799005 possibly-pregnant
102874004 possibly-pregnant
152231000119106 possibly-pregnant
60001007 not-pregnant
289259007 delivered
11466000 delivered
34801009 pregnancy-ended
17369002 pregnancy-ended
86569001 postpartum
58703003 depression postpartum
169750002 lactating
866041003 lactating
169746009 not-lactating
169643005
240301009
75544000 opioid-use-disorder
191821007
1081000119105 opioid-agonist-therapy opioid-use-disorder
87132004 opioid-withdrawal
242253008 opioid-overdose
37871000 acute-hepatitis
59927004 liver-failure
111896003
62216007
19943007 cirrhosis
716203000 decompensated-cirrhosis
389026000 decompensation-sign
13920009 liver-failure
14669001 severe-renal-impairment
42399005
46177005 severe-renal-impairment
370143000 depression
6471006 suicidality
161474000
294276006 naltrexone-allergy
294277002 naloxone-allergy
203082005 fibromyalgia
69896004 rheumatoid-arthritis
143441000119108
55464009 lupus
24700007 multiple-sclerosis
34000006 crohns-disease
52702003 me-cfs
1119303003 long-covid
"""


def _rows(table):
    lines = [line.split() for line in table.strip().splitlines()]
    return [(line[0], frozenset(map(Meaning, line[1:]))) for line in lines]


@pytest.mark.parametrize(("code", "meanings"), _rows(ICD10_CODES))
def test_icd10(code, meanings):
    assert condition_meanings([(ICD10, code, None)]) == meanings


@pytest.mark.parametrize(("code", "meanings"), _rows(SNOMED_CODES))
def test_snomed(code, meanings):
    assert condition_meanings([(SNOMED, code, None)]) == meanings


@pytest.mark.parametrize("code", ["F11.23", "f11.23", "F1123", " F11.23 ", "F11.23 "])
def test_spellings_of_icd10(code):
    assert Meaning.OPIOID_WITHDRAWAL in condition_meanings([(ICD10, code, None)])


@pytest.mark.parametrize(
    ("code", "meaning"),
    [
        ("G35.Z9", Meaning.MULTIPLE_SCLEROSIS),
        ("R10.299", Meaning.PELVIC_PAIN),
        ("O09.999", Meaning.PREGNANT),
        ("F11.299", Meaning.OPIOID_USE_DISORDER),
        ("N80.9999", Meaning.ENDOMETRIOSIS),
    ],
)
def test_codes_split_later_fall_back_to_their_stem(code, meaning):
    assert condition_meanings([(ICD10, code, None)]) == {meaning}


def test_an_exact_leaf_is_no_stem():
    assert condition_meanings([(ICD10, "M79.71", None)], "") == frozenset()


@pytest.mark.parametrize(
    "coding",
    [
        (ICD10, "F11.21", "Opioid dependence"),
        (ICD10, "P96.1", "Neonatal withdrawal, opioid withdrawal"),
        (ICD10, "Z87.51", "pregnancy"),
        (SNOMED, "111896003", "Liver failure"),
    ],
)
def test_a_silent_code_never_falls_to_the_text(coding):
    assert condition_meanings([coding], "currently pregnant, opioid withdrawal, liver failure") == frozenset()


def test_a_known_code_decides_and_an_unknown_one_is_read_by_name():
    assert condition_meanings([(ICD10, "M79.7", "x")], "pregnant") == {Meaning.FIBROMYALGIA}
    assert condition_meanings([(SNOMED, "295210001", "Accidental levorphanol overdose (disorder)")]) == {
        Meaning.OPIOID_OVERDOSE
    }
    assert condition_meanings([(None, "O80", None)]) == frozenset()
    assert condition_meanings([], None) == frozenset()


def test_several_codes_add_up():
    both = condition_meanings([(ICD10, "K74.60", None), (SNOMED, "389026000", None)])
    assert both == {Meaning.CIRRHOSIS, Meaning.DECOMPENSATION_SIGN}


def test_every_shipped_code_means_what_its_row_says():
    for row in tables.rows("icd10cm"):
        assert condition_meanings([(ICD10, row["code"], None)]) == set(tables.cell(row["meanings"])), row
    for row in tables.rows("snomed"):
        assert condition_meanings([(SNOMED, row["code"], None)]) == set(tables.cell(row["meanings"])), row


NAMES = """
not pregnant = not-pregnant
Patient is not currently pregnant = not-pregnant
no longer pregnant = not-pregnant
Pregnancy test negative = not-pregnant
Negative urine pregnancy test = not-pregnant
Pregnancy: no = not-pregnant
Not pregnant (meaning) = not-pregnant
Pregnancy test positive = pregnant
currently pregnant = pregnant
Normal pregnancy (meaning) = pregnant
High risk pregnancy = pregnant
Pregnant - planned = pregnant
Twin pregnancy = pregnant
Supervision of pregnancy with history of preterm labor = pregnant
Pregnant, rheumatoid arthritis in remission = pregnant
Placenta previa = pregnant
Gestational diabetes mellitus = pregnant
Third trimester bleeding = pregnant
Pre-eclampsia = pregnant
Threatened miscarriage = pregnant
Hyperemesis gravidarum = pregnant
suspected pregnancy = possibly-pregnant
Possible pregnancy = possibly-pregnant
pregnant? = possibly-pregnant
? pregnancy = possibly-pregnant
Pregnancy not yet confirmed = possibly-pregnant
Complications of pregnancy, childbirth and the puerperium = possibly-pregnant
planning pregnancy =
Trying to become pregnant =
Ambivalent about becoming pregnant =
History of pregnancy =
Previous pregnancy =
Personal history of gestational diabetes =
Pregnancy counselling =
Contraception management =
Fetus or newborn affected by maternal complication of pregnancy =
Wife is pregnant =
Wife pregnant, anxiety =
Recurrent pregnancy loss =
Ectopic pregnancy = pregnancy-ended
Abdominal pregnancy = pregnancy-ended
Missed abortion = pregnancy-ended
Termination of pregnancy = pregnancy-ended
History of miscarriage =
Severe pre-eclampsia - delivered (disorder) = delivered
Spontaneous vaginal delivery = delivered
Delivery by elective cesarean section = delivered
History of 2 cesarean sections =
Scheduled cesarean section =
Postpartum hemorrhage = postpartum
Postnatal depression = depression postpartum
breastfeeding = lactating
Currently breast-feeding = lactating
not breastfeeding = not-lactating
Stopped breastfeeding = not-lactating
Breast-feeding problem in newborn =
Plans to breastfeed =
Opioid use disorder, severe = opioid-use-disorder
OUD = opioid-use-disorder
Heroin addiction = opioid-use-disorder
Fentanyl dependence (disorder) = opioid-use-disorder
Opioid dependence, in remission =
Opioid use disorder in sustained remission =
History of opioid use disorder =
h/o heroin abuse =
Opioid use disorder, history of =
Pregnancy, history of =
Opioid therapy, long-term = long-term-opioid
Buprenorphine treatment for OUD = opioid-agonist-therapy opioid-use-disorder
Naltrexone allergy - none =
No opioid use disorder =
Denies opioid misuse =
Family history of opioid abuse =
Risk of opioid dependence =
Opioid abuse counseling =
Opioid dependence, on agonist therapy = opioid-agonist-therapy opioid-use-disorder
Methadone maintenance = opioid-agonist-therapy
Patient on methadone program = opioid-agonist-therapy
IV heroin use, active = opioid-use-disorder
Heroin use = opioid-use-disorder
Kratom dependence = opioid-use-disorder
Opioid use, unspecified = opioid-use-disorder
Former heroin user =
Opioid use agreement =
Chronic opioid use = long-term-opioid
Long term (current) use of opiate analgesic = long-term-opioid
Chronic opioid therapy = long-term-opioid
Opioid withdrawal = opioid-withdrawal
Opioid dependence with withdrawal = opioid-use-disorder opioid-withdrawal
Neonatal opioid withdrawal =
Alcohol withdrawal =
Heroin overdose = opioid-overdose
Accidental poisoning by methadone = opioid-overdose
Acetaminophen overdose =
Failed naloxone challenge = naloxone-challenge-failed
Naloxone challenge positive = naloxone-challenge-failed
Naloxone challenge passed =
Alcohol use disorder = alcohol-use-disorder
Acute viral hepatitis = acute-hepatitis
Acute hepatitis B = acute-hepatitis
Alcoholic hepatitis = acute-hepatitis
Chronic hepatitis C =
Chronic alcoholic hepatitis =
Acute on chronic hepatitis = acute-hepatitis
Rule out acute hepatitis =
Acute hepatitis ruled out =
Viral hepatitis without hepatic coma =
Liver failure = liver-failure
Hepatic encephalopathy = liver-failure
no evidence of liver failure =
Risk for hepatic failure =
Cirrhosis of liver = cirrhosis
Compensated cirrhosis = cirrhosis
Decompensated cirrhosis = cirrhosis decompensated-cirrhosis
Cirrhosis without ascites = cirrhosis
Ascites = decompensation-sign
Fetal ascites =
Esophageal varices = decompensation-sign
CKD stage 4 = severe-renal-impairment
CKD 3b =
CKD (chronic kidney disease) stage 5, GFR less than 15 ml/min (HCC) = severe-renal-impairment
CKD (chronic kidney disease) stage 3, GFR 30-59 ml/min (HCC) =
Chronic kidney disease, stage IV = severe-renal-impairment
End-stage renal disease = severe-renal-impairment
Acute kidney injury = severe-renal-impairment
Major depressive disorder = depression
Respiratory depression =
Depression screening negative =
Suicidal ideation = suicidality
Denies suicidal ideation =
Awaiting hip replacement surgery = planned-surgery
Preoperative evaluation = planned-surgery
Allergy to naltrexone = naltrexone-allergy
Naloxone allergy = naloxone-allergy
Methylnaltrexone allergy =
Fibromyalgia = fibromyalgia
CRPS type I of left arm = complex-regional-pain-syndrome
Reflex sympathetic dystrophy = complex-regional-pain-syndrome
Seronegative rheumatoid arthritis = rheumatoid-arthritis
SLE = lupus
Lupus anticoagulant =
Family history of lupus =
Relapsing-remitting multiple sclerosis = multiple-sclerosis
Crohn's disease of colon = crohns-disease
Crohn’s disease = crohns-disease
Endometriosis = endometriosis
ME/CFS = me-cfs
Chronic fatigue syndrome = me-cfs
Long COVID = long-covid
Post-COVID-19 condition = long-covid
Post-acute sequelae of SARS-CoV-2 infection = long-covid
Post COVID vaccination fever =
Chronic low back pain = chronic-pain
Peripheral neuropathy = neuropathic-pain
Pelvic pain = pelvic-pain
Mitral stenosis =
Type 2 diabetes mellitus without complications =
"""


def _names():
    lines = (line.rpartition("=") for line in NAMES.strip().splitlines())
    return [(name.strip(), frozenset(map(Meaning, wanted.split()))) for name, _, wanted in lines]


@pytest.mark.parametrize(("text", "meanings"), _names())
def test_names(text, meanings):
    assert condition_meanings([], text) == meanings
    assert condition_meanings([("urn:local", "1", text)]) == meanings


@pytest.mark.parametrize(
    ("code", "weeks"),
    [("Z3A.20", 20), ("z3a40", 40), ("Z3A.01", 1), ("Z3A.49", 43), ("Z3A.00", None), ("O09.91", None)],
)
def test_gestational_weeks(code, weeks):
    assert gestational_weeks([(None, "x", None), (ICD10, code, None)]) == weeks


@pytest.mark.parametrize(
    "system",
    [
        "http://hl7.org/fhir/sid/icd-10",
        "http://fhir.de/CodeSystem/bfarm/icd-10-gm",
        "http://fhir.de/CodeSystem/dimdi/icd-10-gm",
    ],
)
def test_other_editions_of_icd_10_share_its_stems(system):
    assert condition_meanings([(system, "F11.2", None)]) == {Meaning.OPIOID_USE_DISORDER}
    assert condition_meanings([(system, "Z34", None)]) == {Meaning.PREGNANT}
