"""Medicines as records name them: every way the knowledge tables know, by code and by name.

What a row says it is, is what the tests expect of it.
"""

from __future__ import annotations

import csv
from importlib.resources import files
from typing import Any

Json = dict[str, Any]

SYSTEMS = {
    "rxnorm": "http://www.nlm.nih.gov/research/umls/rxnorm",
    "snomed": "http://snomed.info/sct",
    "atc": "http://www.whocc.no/atc",
    "unii": "http://fdasis.nlm.nih.gov",
    "hcpcs": "https://www.cms.gov/Medicare/Coding/HCPCSReleaseCodeSets",
    "loinc": "http://loinc.org",
    "icd10": "http://hl7.org/fhir/sid/icd-10-cm",
}


def _rows(table: str) -> list[dict[str, str]]:
    text = (files("cds_service.knowledge") / "tables" / f"{table}.csv").read_text(encoding="utf-8")
    return list(csv.DictReader(text.splitlines()))


_ROLES = {row["name"]: row["role"] for row in _rows("ingredients")}


def _holds(row: dict[str, str], *roles: str) -> bool:
    return not {_ROLES[name] for name in row["ingredients"].split("|") if name}.isdisjoint(roles)


def coded(system: str, code: str, display: str) -> Json:
    return {"coding": [{"system": SYSTEMS[system], "code": code, "display": display}], "text": display}


def bare(system: str, code: str) -> Json:
    return {"coding": [{"system": SYSTEMS[system], "code": code}]}


_RXNORM = [(row["rxcui"], row) for row in _rows("rxnorm_products")]
_CODES = [row for row in _rows("medicine_codes") if row["system"] in SYSTEMS]
OPIOID_NAMES = [
    name
    for row in _rows("ingredients")
    if row["role"] == "opioid"
    for name in row["names"].split("|")
    if name
]
OPIOIDS: list[Json] = [
    *({"text": name} for name in OPIOID_NAMES),
    *({"text": f"{name.upper()} 5 MG TABLET"} for name in OPIOID_NAMES),
    *({"text": row["name"]} for row in _rows("product_names") if _holds(row, "opioid")),
    *(coded("rxnorm", code, row["name"]) for code, row in _RXNORM if _holds(row, "opioid")),
    *(bare("rxnorm", code) for code, row in _RXNORM if _holds(row, "opioid")),
    *({"text": row["name"]} for _, row in _RXNORM if _holds(row, "opioid")),
    *(coded(r["system"], r["code"], r["display"]) for r in _CODES if _holds(r, "opioid")),
    *(bare(r["system"], r["code"]) for r in _CODES if _holds(r, "opioid")),
]
"""Every way the tables know to say that something is a centrally acting opioid."""
SHORT_OPIOIDS: list[Json] = [
    coded("rxnorm", "1049621", "oxycodone hydrochloride 5 MG Oral Tablet"),
    {"text": "tramadol 50 mg tablet"},
    {"text": "Percocet 5/325"},
    {"text": "codeine 30 mg"},
]
SLOW_OPIOIDS: list[Json] = [
    {"text": "methadone 10 mg tablet"},
    {"text": "OxyContin 20 mg"},
    {"text": "buprenorphine 8 mg / naloxone 2 mg sublingual film"},
    {"text": "fentanyl 25 mcg/hr patch"},
]
_PLAIN_NALTREXONE = [r for r in _CODES if r["ingredients"] == "naltrexone" and r["system"] == "snomed"]
FULL_DOSE: list[Json] = [
    coded("rxnorm", "1483744", "naltrexone hydrochloride 50 MG Oral Tablet"),
    coded("rxnorm", "637213", "naltrexone 380 MG Injection"),
    coded("rxnorm", "1551474", "Contrave"),
    {"text": "Vivitrol 380 mg"},
    {"text": "ReVia 50 mg tablet"},
]
NALTREXONE: list[Json] = [
    {"text": "LDN"},
    {"text": "low dose naltrexone 4.5 mg capsule"},
    {"text": "naltrexone 1 mg/mL oral suspension"},
    {"text": "naltrexone"},
    {"text": "naltrexone 1.5 mg capsule (compounded)"},
    coded("rxnorm", "7243", "naltrexone"),
    bare("rxnorm", "7243"),
    *(coded(r["system"], r["code"], r["display"]) for r in _PLAIN_NALTREXONE),
]
OTHERS: list[Json] = [
    {"text": "loperamide 2 mg"},
    {"text": "methylnaltrexone 450 mg"},
    {"text": "naloxone 4 mg nasal spray"},
    {"text": "thioridazine 50 mg tablet"},
    {"text": "disulfiram 250 mg"},
    {"text": "Olanzapine / samidorphan 10/10 mg"},
    {"text": "kratom"},
    {"text": "levothyroxine 50 mcg"},
    {"text": "something nobody has heard of"},
]
