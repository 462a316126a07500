"""What one hospital orders, records and measures: the words that the benchmarks' requests are made of.

Codes that the knowledge tables do not hold are invented.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

Json = dict[str, Any]

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"
ICD10 = "http://hl7.org/fhir/sid/icd-10-cm"
LOINC = "http://loinc.org"
OURS = "urn:oid:1.2.840.114350.1.13.999.2.7"
"""The root of the hospital's own code systems."""

_DRUGS = (
    "lisinopril", "atorvastatin", "metformin", "levothyroxine", "amlodipine", "metoprolol succinate",
    "omeprazole", "losartan", "gabapentin", "hydrochlorothiazide", "sertraline", "simvastatin", "montelukast",
    "escitalopram", "rosuvastatin", "bupropion", "furosemide", "trazodone", "duloxetine", "prednisone",
    "tamsulosin", "pantoprazole", "fluticasone", "clopidogrel", "warfarin", "apixaban", "cetirizine",
    "cyclobenzaprine", "methotrexate", "hydroxychloroquine", "folic acid", "cholecalciferol", "aripiprazole",
    "lamotrigine", "topiramate", "propranolol", "venlafaxine", "amitriptyline", "famotidine", "ibuprofen",
)  # fmt: skip
_FORMS = (("tablet", "TAB"), ("capsule", "CAP"), ("extended release tablet", "TAB"), ("oral solution", "ML"))
_STRENGTHS = ("5 mg", "10 mg", "20 mg", "25 mg", "40 mg", "50 mg", "100 mg", "500 mg")
_PROBLEMS = (
    "Essential hypertension", "Type 2 diabetes mellitus without complication", "Hyperlipidaemia",
    "Fibromyalgia", "Major depressive disorder, single episode", "Generalised anxiety disorder",
    "Low back pain", "Migraine",
    "Osteoarthritis of knee", "Hypothyroidism", "Gastro-oesophageal reflux disease", "Asthma", "Obesity",
    "Vitamin D deficiency", "Irritable bowel syndrome", "Seasonal allergic rhinitis", "Insomnia", "Psoriasis",
    "Rheumatoid arthritis", "Chronic kidney disease stage 2", "Iron deficiency anaemia", "Tension headache",
    "Encounter for immunization", "Prediabetes", "Sciatica", "Atrial fibrillation", "Acute sinusitis",
)  # fmt: skip
_TESTS = (
    ("Sodium", "mmol/L"), ("Potassium", "mmol/L"), ("Chloride", "mmol/L"), ("Creatinine", "mg/dL"),
    ("Glucose", "mg/dL"), ("Calcium", "mg/dL"), ("Haemoglobin", "g/dL"), ("Haematocrit", "%"),
    ("Leukocytes", "10*3/uL"), ("Platelets", "10*3/uL"), ("Cholesterol in LDL", "mg/dL"), ("TSH", "m[IU]/L"),
    ("Haemoglobin A1c", "%"), ("Albumin", "g/dL"), ("Bilirubin, total", "mg/dL"), ("Body weight", "kg"),
    ("Body height", "cm"), ("Heart rate", "/min"), ("Systolic blood pressure", "mm[Hg]"),
    ("Ferritin", "ng/mL"),
)  # fmt: skip
_ALLERGENS = (
    "Penicillin G",
    "Sulfonamide antibiotics",
    "Latex",
    "Peanut",
    "Iodinated contrast",
    "Lisinopril",
)


@dataclass(frozen=True)
class Vocabulary:
    """What one hospital orders, records and measures: concepts ready to be used, the common ones first."""

    drugs: tuple[Json, ...]
    problems: tuple[Json, ...]
    tests: tuple[tuple[Json, str], ...]
    allergens: tuple[Json, ...]


def vocabulary() -> Vocabulary:
    """The same every time."""
    products = [(drug, strength, *form) for drug in _DRUGS for strength in _STRENGTHS for form in _FORMS]
    random.Random(1).shuffle(products)
    drugs = tuple(_drug(number, *product) for number, product in enumerate(products))
    problems = tuple(_problem(number, name) for number, name in enumerate(_qualified(_PROBLEMS)))
    tests = tuple(_test(number, name, unit) for number, (name, unit) in enumerate(_specimens()))
    allergens = tuple(_allergen(number, name) for number, name in enumerate(_ALLERGENS))
    return Vocabulary(drugs, problems, tests, allergens)


def _drug(number: int, drug: str, strength: str, form: str, piece: str) -> Json:
    """Several RxNorm codings and the EHR's own, as EHRs send them; the numbers are not RxNorm's."""
    name = f"{drug} {strength} {form}"
    levels = (f"{drug} {strength.upper()} Oral {form.title()}", f"{drug} Oral {form.title()}", drug)
    coding = [
        {"system": RXNORM, "code": str(9_000_000 + 10 * number + level), "display": display}
        for level, display in enumerate(levels)
    ]
    coding.append({"system": f"{OURS}.2.698288", "code": str(50_000 + number), "display": name.upper()})
    return {"coding": coding, "text": name}


def _qualified(names: tuple[str, ...]) -> Iterator[str]:
    yield from names
    for qualifier in ("History of", "Mild", "Chronic", "Recurrent", "Post-operative", "Suspected"):
        yield from (f"{qualifier} {name[0].lower()}{name[1:]}" for name in names)


def _problem(number: int, name: str) -> Json:
    coding = [
        {"system": SNOMED, "code": f"9{number:05}7000", "display": f"{name} (disorder)"},
        {"system": ICD10, "code": f"Y{number // 10:02}.{number % 10}X", "display": name},
        {"system": f"{OURS}.2.696871", "code": str(70_000 + number), "display": name},
    ]
    return {"coding": coding, "text": name}


def _specimens() -> Iterator[tuple[str, str]]:
    for specimen in ("Serum or Plasma", "Blood", "Urine", "Capillary blood", "Venous blood"):
        yield from ((f"{name} in {specimen}", unit) for name, unit in _TESTS)


def _test(number: int, name: str, unit: str) -> tuple[Json, str]:
    coding = [
        {"system": LOINC, "code": f"{90_000 + number}-{number % 10}", "display": f"{name} [Mass/volume]"},
        {"system": f"{OURS}.2.768282", "code": str(1_230_000 + number), "display": name.upper()},
    ]
    return {"coding": coding, "text": name}, unit


def _allergen(number: int, name: str) -> Json:
    return {"coding": [{"system": SNOMED, "code": f"8{number:05}8009", "display": name}], "text": name}
