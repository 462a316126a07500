"""Names of medicines as RxNorm, EHRs, pharmacies and prescribers write them."""

import pytest

from cds_service.knowledge import recognise
from cds_service.knowledge.concepts import Duration, Form, KnownBy, Role
from cds_service.knowledge.drug_names import CACHED_LENGTH, read_drug_name

ACTING = (Role.OPIOID, Role.OPIOID_LIKE, Role.NALTREXONE)

NAMES = """
12 HR oxycodone hydrochloride 10 MG Extended Release Oral Tablet        = oxycodone
acetaminophen 325 MG / oxycodone hydrochloride 5 MG Oral Tablet [Percocet] = oxycodone
OXYCODONE-ACETAMINOPHEN 5-325 MG PO TABS                                 = oxycodone
oxyCODONE-acetaminophen (PERCOCET) 5-325 mg per tablet                   = oxycodone
oxyCODONE IR 5 mg tab                                                    = oxycodone
OXYCODONE HCL ER 20 MG PO T12A                                           = oxycodone
OxyContin 40 mg 12 hr tablet                                             = oxycodone
Oxy Contin 10                                                            = oxycodone
oxycodon 5 mg                                                            = oxycodone
OxyNorm 5mg capsules                                                     = oxycodone
Longtec 10mg modified-release tablets                                    = oxycodone
Roxicodone 15 MG                                                         = oxycodone
Xtampza ER 9 mg                                                          = oxycodone
Endocet 10/325                                                           = oxycodone
Percodan                                                                 = oxycodone
Targinact 10mg/5mg prolonged-release tablets                             = oxycodone
Oxycodone 10mg / Naloxone 5mg modified-release tablets                   = oxycodone
Oxycodone+ibuprofen                                                      = oxycodone
HYDROcodone-APAP                                                         = hydrocodone
HYDROcodone bit-acetaminophen 7.5-325 mg/15 mL oral soln                 = hydrocodone
hydrocod/apap 5-325                                                      = hydrocodone
Norco 5-325                                                              = hydrocodone
Vicodin ES                                                               = hydrocodone
Lortab Elixir                                                            = hydrocodone
Hydrocodone/Ibuprofen                                                    = hydrocodone
hydrocodone & homatropine syrup                                          = hydrocodone
Tussionex Pennkinetic                                                    = hydrocodone
Hysingla ER 20 mg                                                        = hydrocodone
Zohydro ER                                                               = hydrocodone
Apadaz 4.08/325                                                          = benzhydrocodone
MS Contin 15 MG                                                          = morphine
morphine sulfate ER 30 mg tablet                                         = morphine
MORPHINE SULFATE (PF) 4 MG/ML IV SOLN                                    = morphine
Morphine 2 mg IV push                                                    = morphine
morphine PCA                                                             = morphine
MSIR 15 mg                                                               = morphine
MST Continus 10mg tablets                                                = morphine
MST 30mg                                                                 = morphine
Oramorph 10mg/5ml oral solution                                          = morphine
Zomorph 10mg modified-release capsules                                   = morphine
Sevredol 10mg                                                            = morphine
Kadian 20 mg                                                             = morphine
Kaolin and morphine mixture                                              = morphine
Cyclimorph 10                                                            = morphine
APAP/COD                                                                 = codeine
acetaminophen-codeine #3                                                 = codeine
ACETAMINOPHEN-COD #3 TABLET                                              = codeine
Tylenol #3                                                               = codeine
Tylenol with Codeine No. 4                                               = codeine
Tylenol w/ codeine                                                       = codeine
promethazine with codeine 6.25-10 mg/5 mL                                = codeine
guaifenesin AC 100-10 mg/5 mL                                            = codeine
Cheratussin AC                                                           = codeine
Robitussin AC                                                            = codeine
butalbital, aspirin, caffeine, codeine                                   = codeine
Fioricet with Codeine                                                    = codeine
co-codamol 30mg/500mg tablets                                            = codeine
Co-Codamol 8/500 effervescent                                            = codeine
Virtussin AC syrup                                                       = codeine
Paracodin N Tropfen                                                      = dihydrocodeine
Hydal retard 4 mg Kapseln                                                = hydromorphone
Depalgos 5 mg/325 mg                                                     = oxycodone
Néo-Codion sirop                                                         = codeine
7-OH 20 mg tablets                                                       = kratom
ZaZa Red                                                                 = tianeptine
cocodamol                                                                = codeine
co-codaprin                                                              = codeine
Solpadol caplets                                                         = codeine
Nurofen Plus                                                             = codeine
Codeine phosphate 15mg tablets                                           = codeine
Codeine linctus                                                          = codeine
co-dydramol 10mg/500mg tablets                                           = dihydrocodeine
Dihydrocodeine 30mg tablets                                              = dihydrocodeine
DHC Continus 60mg                                                        = dihydrocodeine
DF118 Forte 40mg                                                         = dihydrocodeine
Trezix                                                                   = dihydrocodeine
co-proxamol                                                              = propoxyphene
dextropropoxyphene 65 mg                                                 = propoxyphene
Darvocet-N 100                                                           = propoxyphene
hydromorphone HCl 2 mg tablet                                            = hydromorphone
HYDROmorphone (DILAUDID) injection 0.5 mg                                = hydromorphone
Exalgo 8 mg                                                              = hydromorphone
Palladone SR 2mg capsules                                                = hydromorphone
oxymorphone ER 10 mg                                                     = oxymorphone
Opana                                                                    = oxymorphone
fentaNYL 25 mcg/hr transdermal patch                                     = fentanyl
FENTANYL 25 MCG/HR TD PT72                                               = fentanyl
72 HR fentanyl 0.025 MG/HR Transdermal System                            = fentanyl
Duragesic-50                                                             = fentanyl
Durogesic DTrans 12micrograms/hour transdermal patches                   = fentanyl
Actiq 200 mcg lozenge                                                    = fentanyl
Abstral 100microgram sublingual tablets                                  = fentanyl
fentanyl citrate (PF) 50 mcg/mL injection                                = fentanyl
bupivacaine 0.125% with fentanyl 2 mcg/mL epidural                       = fentanyl
sufentanil 50 mcg/mL                                                     = sufentanil
Dsuvia 30 mcg SL                                                         = sufentanil
alfentanil                                                               = alfentanil
remifentanil 1 mg vial                                                   = remifentanil
meperidine 50 mg/mL                                                      = meperidine
Pethidine 50mg tablets                                                   = meperidine
Demerol                                                                  = meperidine
Pamergan P100                                                            = meperidine
methadone 10 mg/mL oral concentrate                                      = methadone
METHADONE HCL 10 MG PO TABS                                              = methadone
Methadose dispersible tablet 40 mg                                       = methadone
Physeptone 5mg tablets                                                   = methadone
levomethadone 5 mg/mL                                                    = levomethadone
buprenorphine 8 mg SL tablet                                             = buprenorphine
buprenorphine-naloxone 8-2 mg SL film                                    = buprenorphine
BUPRENORPHINE HCL-NALOXONE HCL 8-2 MG SL FILM                            = buprenorphine
Suboxone 8-2 mg                                                          = buprenorphine
Zubsolv                                                                  = buprenorphine
Butrans 10 mcg/hr weekly patch                                           = buprenorphine
Sublocade 300 mg/1.5 mL                                                  = buprenorphine
Brixadi weekly 24 mg                                                     = buprenorphine
Probuphine                                                               = buprenorphine
Belbuca 150 mcg                                                          = buprenorphine
Temgesic 200microgram sublingual tablets                                 = buprenorphine
traMADol 50 mg tablet                                                    = tramadol
TRAMADOL HCL ER 100 MG PO TB24                                           = tramadol
traMADol-acetaminophen                                                   = tramadol
Ultracet                                                                 = tramadol
Ultram                                                                   = tramadol
Zydol SR 100mg                                                           = tramadol
Tramacet 37.5mg/325mg                                                    = tramadol
Seglentis                                                                = tramadol
tapentadol 50 mg                                                         = tapentadol
Nucynta ER 100 mg                                                        = tapentadol
Palexia SR 50mg                                                          = tapentadol
levorphanol tartrate 2 mg                                                = levorphanol
butorphanol 10 mg/mL nasal spray                                         = butorphanol
nalbuphine 10 mg/mL                                                      = nalbuphine
Nubain                                                                   = nalbuphine
pentazocine-naloxone 50-0.5 mg                                           = pentazocine
Talwin NX                                                                = pentazocine
opium tincture 10 mg/mL (1%)                                             = opium
Paregoric 2 mg/5 mL                                                      = opium
belladonna alkaloids-opium 16.2-60 mg rectal suppository                 = opium
laudanum                                                                 = opium
papaveretum 15.4 mg/mL                                                   = papaveretum
diamorphine 10mg powder for solution for injection ampoules              = diamorphine
Heroin                                                                   = diamorphine
meptazinol 200mg tablets                                                 = meptazinol
Diconal                                                                  = dipipanone
Palfium 5mg                                                              = dextromoramide
piritramide                                                              = piritramide
Valoron N                                                                = tilidine
LAAM                                                                     = levacetylmethadol
pholcodine linctus                                                       = pholcodine
Olinvyk 1 mg/mL                                                          = oliceridine
Kratom powder (OTC)                                                      = kratom
Mitragyna speciosa leaf                                                  = kratom
tianeptine sodium 12.5 mg                                                = tianeptine
LDN                                                                      = naltrexone
LDN 4.5mg qhs                                                            = naltrexone
(LDN) 3 mg                                                               = naltrexone
Low dose naltrexone                                                      = naltrexone
low-dose naltrexone 1.5 mg capsule                                       = naltrexone
lo dose naltrexone                                                       = naltrexone
naltrexon 4.5 mg                                                         = naltrexone
naltraxone 50mg                                                          = naltrexone
naltrexone 4.5 mg compounded capsule                                     = naltrexone
Naltrexone HCl Powder                                                    = naltrexone
naltrexone hydrochloride 50 MG Oral Tablet [ReVia]                       = naltrexone
NALTREXONE HCL 50 MG PO TABS                                             = naltrexone
ReVia                                                                    = naltrexone
Nalorex 50mg tablets                                                     = naltrexone
Vivitrol 380 mg IM                                                       = naltrexone
naltrexone implant                                                       = naltrexone
Contrave 8-90 mg ER tablet                                               = naltrexone
Mysimba 8mg/90mg modified-release tablets                                = naltrexone
naltrexone-bupropion 8-90 mg                                             = naltrexone
Embeda 100-4 mg                                                          = morphine naltrexone
Morphine sulfate 20mg + naltrexone hydrochloride 800microgram m/r capsule = morphine naltrexone
Troxyca ER 10-1.2 mg                                                     = naltrexone oxycodone
oxycodone® 5 mg                                                          = oxycodone
1 ML morphine sulfate 10 MG/ML Prefilled Syringe                         = morphine
"""


def _pairs(table):
    lines = (line.rpartition("=") for line in table.strip().splitlines())
    return [(name.strip(), tuple(sorted(wanted.split()))) for name, _, wanted in lines]


@pytest.mark.parametrize(("text", "wanted"), _pairs(NAMES))
def test_names_of_opioids_and_naltrexone(text, wanted):
    medicine = recognise([], [text])
    assert tuple(sorted(medicine.named(*ACTING))) == wanted
    assert medicine.known_by is KnownBy.TEXT


def test_the_list_is_long_enough():
    assert len(_pairs(NAMES)) >= 150


LOOK_ALIKES = """
25-OH vitamin D
Non-opioid analgesics
non-narcotic pain medication
naloxone for opioid overdose
opioid antagonist
naloxone 4 mg nasal spray
Narcan nasal spray kit
naloxone HCl take-home kit
apomorphine 10 mg/mL
tiotropium 18 mcg capsule
dextromethorphan-guaifenesin
dextromethorphan-bupropion 45-105 mg
noscapine
placenta previa
abbreviated
naltrexol
6-beta-naltrexol
poppy seed
opioid
opioid allergy
olanzapine 5 mg
bupropion XL 150 mg
acetaminophen 500 mg
cod liver oil
ipratropium bromide
trospium
levothyroxine 50 mcg
methotrexate 2.5 mg
gabapentin 300 mg
medroxyprogesterone
nalidixic acid
codergocrine
lidocaine 5% patch
"""


@pytest.mark.parametrize("text", ["opioid pain patch, unknown", "narcotic pain medication from a friend"])
def test_an_opioid_that_nobody_named(text):
    assert recognise([], [text]).named(*ACTING) == ("unspecified opioid",)


@pytest.mark.parametrize("text", LOOK_ALIKES.strip().splitlines())
def test_look_alikes_are_neither_opioid_nor_naltrexone(text):
    assert recognise([], [text]).named(*ACTING, Role.PERIPHERAL_OPIOID, Role.OPIOID_SIGN) == ()


@pytest.mark.parametrize(
    ("text", "role"),
    [
        ("methylnaltrexone 12 MG/0.6 ML injection", Role.OPIOID_SIGN),
        ("methyl-naltrexone", Role.OPIOID_SIGN),
        ("Relistor", Role.OPIOID_SIGN),
        ("naloxegol 25 mg (Movantik)", Role.OPIOID_SIGN),
        ("naldemedine", Role.OPIOID_SIGN),
        ("Lucemyra 0.18 mg", Role.OPIOID_SIGN),
        ("loperamide 2 mg capsule", Role.PERIPHERAL_OPIOID),
        ("Imodium A-D", Role.PERIPHERAL_OPIOID),
        ("Lomotil", Role.PERIPHERAL_OPIOID),
        ("co-phenotrope", Role.PERIPHERAL_OPIOID),
        ("eluxadoline", Role.PERIPHERAL_OPIOID),
        ("Korsuva", Role.PERIPHERAL_OPIOID),
        ("Lybalvi 10-10 mg", Role.ANTAGONIST),
        ("Selincro 18 mg tablets", Role.ANTAGONIST),
        ("nalmefene 18mg tablets", Role.ANTAGONIST),
        ("nalmefene 2.7 mg nasal spray", Role.RESCUE_ANTAGONIST),
        ("Opvee", Role.RESCUE_ANTAGONIST),
        ("nalmefene 1 mg/mL injection", Role.RESCUE_ANTAGONIST),
        ("Narcan", Role.RESCUE_ANTAGONIST),
        ("thioridazine 25 mg", Role.THIORIDAZINE),
        ("Antabuse", Role.DISULFIRAM),
    ],
)
def test_other_roles(text, role):
    medicine = recognise([], [text])
    assert medicine.has(role)
    assert not medicine.is_naltrexone
    assert not medicine.is_opioid


@pytest.mark.parametrize(
    ("text", "duration"),
    [
        ("oxycodone 5 mg tablet", Duration.SHORT),
        ("oxycodone ER 10 mg", Duration.LONG),
        ("oxycodone 10 mg PO TB12", Duration.LONG),
        ("oxycodone 5 mg every 12 hr", Duration.SHORT),
        ("OxyContin", Duration.LONG),
        ("MS Contin", Duration.LONG),
        ("MXL 30mg", Duration.LONG),
        ("morphine sulphate 10 mg m/r tablets", Duration.LONG),
        ("fentanyl patch", Duration.LONG),
        ("fentanyl 12 mcg/hr", Duration.LONG),
        ("fentanyl citrate 50 mcg/mL injection", Duration.SHORT),
        ("levorphanol 2 mg", Duration.LONG),
        ("methadone 5 mg", Duration.METHADONE_BUPRENORPHINE),
        ("Butrans", Duration.METHADONE_BUPRENORPHINE),
        ("LAAM", Duration.METHADONE_BUPRENORPHINE),
        ("Embeda", Duration.LONG),
        ("kratom", Duration.LONG),
        ("naltrexone 50 mg", None),
        ("loperamide", None),
    ],
)
def test_duration(text, duration):
    assert recognise([], [text]).duration is duration


@pytest.mark.parametrize(
    ("text", "form"),
    [
        ("naltrexone 380 mg injection", Form.DEPOT),
        ("Naltrexone ER injectable suspension 380 mg", Form.DEPOT),
        ("naltrexone 380 mg", Form.DEPOT),
        ("Vivitrol", Form.DEPOT),
        ("Sublocade", Form.DEPOT),
        ("0.5 ML buprenorphine 200 MG/ML Prefilled Syringe", Form.DEPOT),
        ("buprenorphine 0.3 mg/mL injection", Form.INJECTION),
        ("buprenorphine ER injection 100 mg", Form.DEPOT),
        ("naltrexone implant", Form.IMPLANT),
        ("Probuphine", Form.IMPLANT),
        ("naltrexone 4.5 mg capsule", Form.CAPSULE),
        ("naltrexone 1 mg/mL susp", Form.LIQUID),
        ("naltrexone 50 mg film-coated tablet", Form.TABLET),
        ("methadone tablet for oral suspension", Form.TABLET),
        ("Suboxone 8-2 mg film", Form.FILM),
        ("naltrexone 1% cream", Form.TOPICAL),
        ("naltrexone 0.1% ophthalmic drops", Form.TOPICAL),
        ("belladonna-opium suppository PR", Form.SUPPOSITORY),
        ("butorphanol nasal spray", Form.NASAL),
        ("naltrexone 1 mg/mL oral solution, oral syringe", Form.LIQUID),
        ("LDN", None),
    ],
)
def test_form(text, form):
    assert recognise([], [text]).form is form


def test_a_rectal_route_is_no_prolonged_release():
    assert not recognise([], ["morphine 10 mg PR suppository"]).extended_release


@pytest.mark.parametrize(
    ("text", "mg", "per_ml"),
    [
        ("naltrexone 4.5 mg capsule", 4.5, False),
        ("naltrexone hydrochloride 1 MG/ML Oral Suspension", 1.0, True),
        ("Naltrexone 5mg/5ml oral solution", 1.0, True),
        ("Naltrexone 25mg/5ml oral suspension", 5.0, True),
        ("naltrexone 1.5 mg per 5 mL", 0.3, True),
        ("naltrexone 1.5mg", 1.5, False),
        ("naltrexone 500 mcg capsule", 0.5, False),
        ("naltrexone 4,500 mcg", 4.5, False),
        ("naltrexone 4,5 mg", 4.5, False),
        ("naltrexone .5 mg", 0.5, False),
        ("naltrexone 0.1 g", 100.0, False),
        ("4.5 mg LDN capsule", 4.5, False),
        ("LDN 4.5mg qhs", 4.5, False),
        ("LDN", None, False),
        ("naltrexone 1.5-4.5 mg", None, False),
        ("12 HR bupropion hydrochloride 90 MG / naltrexone hydrochloride 8 MG ER Oral Tablet", 8.0, False),
        ("Naltrexone 8mg / Bupropion 90mg modified-release tablets", 8.0, False),
        ("Contrave", 8.0, False),
        ("ReVia", 50.0, False),
        ("Vivitrol", 380.0, False),
        ("Morphine sulfate 20mg + naltrexone hydrochloride 800microgram m/r capsule", 0.8, False),
        ("oxycodone 5 mg", None, False),
        ("methylnaltrexone 150 mg", None, False),
    ],
)
def test_strength_of_naltrexone(text, mg, per_ml):
    medicine = recognise([], [text])
    assert (medicine.naltrexone_mg, medicine.per_ml) == (mg, per_ml)


def test_long_texts_are_read_but_not_kept():
    text = "patient Jane Doe may take naltrexone 4.5 mg at bedtime " + "and nothing else " * 10
    assert len(text) > CACHED_LENGTH
    before = read_drug_name.__globals__["_cached"].cache_info().currsize
    assert read_drug_name(text).ingredients == ("naltrexone",)
    assert read_drug_name.__globals__["_cached"].cache_info().currsize == before
