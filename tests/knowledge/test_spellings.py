"""Nonproprietary names in other languages, with their salts, cut off and mistyped."""

import pytest

from cds_service.knowledge import recognise
from cds_service.knowledge.concepts import Duration, Form
from cds_service.knowledge.spellings import skeleton

SPELLINGS = """
oxycodone: Oxycodon | oxikodon | oksykodon | oksykodoni | oxicodona
oxycodone: Oxycodonhydrochlorid 10 mg Retardtabletten
morphine: Morphin | morfin | morfina | morfine | morfiini | Morphinsulfat | morfinesulfaat
morphine: sulfate de morphine
morphine: chlorhydrate de morphine | cloruro mórfico morfina | Morphne Sulf 20mg/sch m/r gran
codeine: Kodein | codeína | codéine | codeïne | kodeiini | Codeinphosphat | kodeinfosfat | paracétamol codéine
methadone: Methadon | méthadone | metadona | metadon | metadone | Methadonhydrochlorid
tramadol: tramadal 50 | Tramdol
tramadol: Tramadolhydrochlorid | chlorhydrate de tramadol | tramadolo | tramadoli | clorhidrato de tramadol
fentanyl: fentanilo | fentanila | fentanyyli | Fentanylcitrat | fentanile
buprenorphine: Buprenorphin | buprenorfine | buprenorfina | buprénorphine | buprenorfin
hydromorphone: Hydromorphon | idromorfone | hidromorfona | hydromorfon
dihydrocodeine: Dihydrocodein | dihidrocodeína | diidrocodeina | Dihydrocodeinhydrogentartrat
meperidine: Pethidin | petidina | péthidine | petidin | meperidina
tilidine: Tilidin comp | tilidina
piritramide: Piritramid
ketobemidone: ketobemidon
propoxyphene: dextropropoxyphène | dextropropoxifen | dextropropoxyfeen | Dextroprop_Cap 60mg
ethylmorphine: etylmorfin | étylmorphine
nalbuphine: nalbufina
sufentanil: sufentanilo
remifentanil: rémifentanil | remifentanilo
diamorphine: heroína
papaveretum: Papaveret/Hyoscine_Inj 15.4/0.4mg
tapentadol: tapentadolo
naltrexone: naltrexona | Naltrexon 4,5 mg | naltreksoni | naltrekson | Naltrexonhydrochlorid | naltrexonne
methylnaltrexone: metilnaltrexona | Methylnaltrexonbromid
loperamide: loperamida | Loperamidhydrochlorid
diphenoxylate: difenoxilato
naloxone: naloxona
"""
CASES = [
    (name, text.strip())
    for name, _, texts in (line.partition(":") for line in SPELLINGS.strip().splitlines())
    for text in texts.split("|")
]


@pytest.mark.parametrize(("name", "text"), CASES)
def test_other_spellings(name, text):
    assert name in [ingredient.name for ingredient in recognise([], [text]).ingredients]


@pytest.mark.parametrize(
    "text",
    [
        "apomorfina",
        "Apomorphin",
        "Papaver HCl_Inj 30mg/1ml Vl",
        "Papaverin",
        "PHENAZO 100MG",
        "phenazopyridine",
    ]
    + [
        "Hydromol Oint",
        "Hydromoor Hypromellose Eye Dps",
        "GLYCEROLE AMIDON POM",
        "dihydrochloride",
        "hydrocortison",
    ]
    + ["dihydroergotamin", "dextrometorfano", "Dextromethorphan", "noscapina", "levomepromazin", "naltrexol"]
    + [
        "cocaine",
        "colchicin",
        "morpholin",
        "metadoxine",
        "trimetadione",
        "fenitoin",
        "oxcarbazepin",
        "codergocrine",
    ],
)
def test_neighbours_stay_silent(text):
    medicine = recognise([], [text])
    assert not medicine.is_opioid
    assert not medicine.is_naltrexone


def test_one_skeleton_for_all_spellings():
    assert len({skeleton(word) for word in ("oxycodone", "oxycodon", "oksykodoni", "oxicodona")}) == 1
    assert skeleton("apomorphine") != skeleton("morphine")


@pytest.mark.parametrize(
    ("text", "form", "released"),
    [
        ("SKENAN L.P. 10 mg, microgranules à libération prolongée en gélule", Form.CAPSULE, True),
        ("Oxycodon 10 mg Retardtabletten", Form.TABLET, True),
        ("Palexia depot 50 mg depottablett", Form.TABLET, True),
        ("Reltebon Depot 10 mg", None, True),
        ("Fentanyl Pflaster 25 µg/h", Form.PATCH, False),
        ("morfina 10 mg/ml solución inyectable", Form.INJECTION, False),
        ("naltrexone depot", Form.DEPOT, True),
        ("naltrexona 50 mg comprimidos", Form.TABLET, False),
    ],
)
def test_forms_and_release_in_other_languages(text, form, released):
    medicine = recognise([], [text])
    assert (medicine.form, medicine.extended_release) == (form, released)
    if released and medicine.is_opioid:
        assert medicine.duration is Duration.LONG


def test_strength_of_naltrexone_in_other_languages():
    assert recognise([], ["Naltrexon 4,5 mg Kapseln"]).naltrexone_mg == 4.5
    assert recognise([], ["naltrexona 3 mg cápsulas"]).naltrexone_mg == 3.0
