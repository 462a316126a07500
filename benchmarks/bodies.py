"""Requests for the benchmarks: an order of naltrexone and a record such as an EHR sends it.

Each resource is about 2 kB, as EHRs send them: identifiers, meta, encounter, several codings with displays,
dosage with text and structure. Every body is another patient with other ids, dates, doses and directions;
what is ordered and measured is drawn from one vocabulary, common entries more often, as in one hospital.
Every patient is invented.
"""

from __future__ import annotations

import json
import random
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from benchmarks.vocabulary import LOINC, OURS, RXNORM, SNOMED, Json, Vocabulary, vocabulary

SIZES = (10, 50, 200, 1000)
"""Resources in prefetch."""

_BASE = "https://ehr.example.org/api/FHIR/R4"
_UCUM = "http://unitsofmeasure.org"
_HL7 = "http://terminology.hl7.org/CodeSystem"
_TIMES = (
    ("daily", 1, 1, "d"),
    ("twice daily", 2, 1, "d"),
    ("every 8 hours", 1, 8, "h"),
    ("nightly", 1, 1, "d"),
)
_KNOWN_TESTS = (("1742-6", "ALT"), ("1920-8", "AST"))
_REACTIONS = ("Hives", "Rash", "Swelling", "Shortness of breath", "Nausea")


def order_sign(size: int, seed: int, *, silent: bool = False, words: Vocabulary | None = None) -> bytes:
    """An order-sign request with ``size`` resources in prefetch, compact as machines write it.

    It orders naltrexone for a patient who takes oxycodone; ``silent``: amoxicillin instead.
    """
    chance, words = random.Random(seed * 10_007 + size), words or vocabulary()
    patient = f"e{_uuid(chance).hex[:22]}3"
    makers: dict[str, tuple[str, int, Callable[..., Json]]] = {
        "medicationRequests": ("MedicationRequest", 30, _medication_request),
        "medicationStatements": ("MedicationStatement", 10, _medication_statement),
        "conditions": ("Condition", 20, _condition),
        "observations": ("Observation", 34, _observation),
        "allergies": ("AllergyIntolerance", 6, _allergy),
    }
    left, prefetch = size - 1, {"patient": _patient(patient, chance)}
    for key, (kind, share, make) in makers.items():
        count = left if key == "allergies" else max(1, round((size - 1) * share / 100))
        left -= 0 if key == "allergies" else count
        found = [make(chance, words, patient) for _ in range(count)]
        if kind == "MedicationRequest":
            found[-1] = _oxycodone(found[-1], chance)
        prefetch[key] = _searchset(kind, patient, found)
    context = {
        "userId": f"Practitioner/e{_uuid(chance).hex[:22]}3",
        "patientId": patient,
        "encounterId": f"e{_uuid(chance).hex[:22]}3",
        "draftOrders": {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": _draft(patient, chance, silent=silent)}],
        },
    }
    body = {
        "hook": "order-sign",
        "hookInstance": str(_uuid(chance)),
        "context": context,
        "prefetch": prefetch,
    }
    return json.dumps(body, separators=(",", ":"), ensure_ascii=False).encode()


# --- resources -----------------------------------------------------------------


def _medication_request(chance: random.Random, words: Vocabulary, patient: str) -> Json:
    status = chance.choices(("active", "completed", "stopped"), (3, 6, 1))[0]
    days = chance.choice((30, 60, 90))
    return {
        **_head("MedicationRequest", chance),
        "identifier": _identifiers(chance, "798268", "697"),
        "status": status,
        "intent": "order",
        "category": [_concept(f"{_HL7}/medicationrequest-category", "community", "Community")],
        "medicationCodeableConcept": _often(chance, words.drugs),
        "subject": _person("Patient", patient, chance),
        "encounter": _encounter(chance),
        "authoredOn": _moment(chance, 900),
        "requester": _person("Practitioner", f"e{_uuid(chance).hex[:22]}3", chance),
        "dosageInstruction": [_dosage(chance)],
        "dispenseRequest": {
            "validityPeriod": {"start": _day(chance, 900)},
            "numberOfRepeatsAllowed": chance.randrange(4),
            "quantity": _pieces(days),
            "expectedSupplyDuration": {"value": days, "unit": "Day", "system": _UCUM, "code": "d"},
        },
    }


def _medication_statement(chance: random.Random, words: Vocabulary, patient: str) -> Json:
    status = chance.choices(("active", "completed", "stopped"), (6, 3, 1))[0]
    return {
        **_head("MedicationStatement", chance),
        "identifier": _identifiers(chance, "798268", "10000"),
        "status": status,
        "category": _concept(
            f"{_HL7}/medication-statement-category", "patientspecified", "Patient Specified"
        ),
        "medicationCodeableConcept": _often(chance, words.drugs),
        "subject": _person("Patient", patient, chance),
        "context": _encounter(chance),
        "effectivePeriod": {"start": _day(chance, 900)},
        "dateAsserted": _moment(chance, 200),
        "informationSource": _person("Patient", patient, chance),
        "dosage": [_dosage(chance)],
    }


def _condition(chance: random.Random, words: Vocabulary, patient: str) -> Json:
    status = chance.choices(("active", "resolved", "inactive"), (6, 3, 1))[0]
    return {
        **_head("Condition", chance),
        "identifier": _identifiers(chance, "768076", "5"),
        "clinicalStatus": _concept(f"{_HL7}/condition-clinical", status, status.title()),
        "verificationStatus": _concept(f"{_HL7}/condition-ver-status", "confirmed", "Confirmed"),
        "category": [_concept(f"{_HL7}/condition-category", "problem-list-item", "Problem List Item")],
        "code": _often(chance, words.problems),
        "subject": _person("Patient", patient, chance),
        "encounter": _encounter(chance),
        "onsetDateTime": _day(chance, 4000),
        "recordedDate": _day(chance, 3000),
        "recorder": _person("Practitioner", f"e{_uuid(chance).hex[:22]}3", chance),
        "note": [{"text": _note(chance)}],
    }


def _observation(chance: random.Random, words: Vocabulary, patient: str) -> Json:
    code, unit = _often(chance, words.tests)
    if chance.random() < 0.08:
        loinc, name = chance.choice(_KNOWN_TESTS)
        code, unit = {"coding": [{"system": LOINC, "code": loinc, "display": name}], "text": name}, "U/L"
    value = round(chance.uniform(8, 38), 1)
    when = _moment(chance, 1200)
    return {
        **_head("Observation", chance),
        "identifier": _identifiers(chance, "798268", "6"),
        "basedOn": [{"reference": f"ServiceRequest/e{_uuid(chance).hex}3", "display": "COMPREHENSIVE PANEL"}],
        "status": "final",
        "category": [_concept(f"{_HL7}/observation-category", "laboratory", "Laboratory")],
        "code": code,
        "subject": _person("Patient", patient, chance),
        "encounter": _encounter(chance),
        "effectiveDateTime": when,
        "issued": when,
        "performer": [_person("Practitioner", f"e{_uuid(chance).hex[:22]}3", chance)],
        "valueQuantity": {"value": value, "unit": unit, "system": _UCUM, "code": unit},
        "interpretation": [_concept(f"{_HL7}/v3-ObservationInterpretation", "N", "Normal")],
        "specimen": {"reference": f"Specimen/e{_uuid(chance).hex}3", "display": "Specimen 24-330CH0115"},
        "referenceRange": [
            {
                "low": {"value": 7, "unit": unit, "system": _UCUM, "code": unit},
                "high": {"value": 40, "unit": unit, "system": _UCUM, "code": unit},
                "text": f"7 - 40 {unit}",
            }
        ],
    }


def _allergy(chance: random.Random, words: Vocabulary, patient: str) -> Json:
    reaction = chance.choice(_REACTIONS)
    return {
        **_head("AllergyIntolerance", chance),
        "identifier": _identifiers(chance, "768076", "8"),
        "clinicalStatus": _concept(f"{_HL7}/allergyintolerance-clinical", "active", "Active"),
        "verificationStatus": _concept(f"{_HL7}/allergyintolerance-verification", "confirmed", "Confirmed"),
        "type": "allergy",
        "category": ["medication"],
        "criticality": "high",
        "code": _often(chance, words.allergens),
        "patient": _person("Patient", patient, chance),
        "onsetPeriod": {"start": _day(chance, 4000)},
        "recordedDate": _moment(chance, 4000),
        "recorder": _person("Practitioner", f"e{_uuid(chance).hex[:22]}3", chance),
        "reaction": [
            {
                "manifestation": [_concept(SNOMED, f"7{chance.randrange(10**5):05}7003", reaction)],
                "description": reaction,
                "severity": "moderate",
            }
        ],
        "note": [{"text": _note(chance)}],
    }


def _patient(patient: str, chance: random.Random) -> Json:
    return {
        **_head("Patient", chance),
        "id": patient,
        "identifier": _identifiers(chance, "698084", "737384"),
        "active": True,
        "name": [{"use": "official", "text": "Ada Invented", "family": "Invented", "given": ["Ada"]}],
        "telecom": [{"system": "phone", "value": "555-0100", "use": "home"}],
        "gender": "female",
        "birthDate": "1978-04-12",
        "address": [{"use": "home", "line": ["1 Example Way"], "city": "Springfield", "country": "US"}],
        "maritalStatus": _concept(f"{_HL7}/v3-MaritalStatus", "M", "Married"),
        "communication": [{"language": _concept("urn:ietf:bcp:47", "en", "English"), "preferred": True}],
    }


def _oxycodone(order: Json, chance: random.Random) -> Json:
    """The one order that matters."""
    return order | {
        "status": "active",
        "authoredOn": _moment(chance, 20),
        "medicationCodeableConcept": {
            "coding": [
                {"system": RXNORM, "code": "1049621", "display": "oxycodone hydrochloride 5 MG Oral Tablet"},
                {"system": f"{OURS}.2.698288", "code": "49291", "display": "OXYCODONE 5 MG TABLET"},
            ],
            "text": "oxycodone 5 mg tablet",
        },
    }


def _draft(patient: str, chance: random.Random, *, silent: bool) -> Json:
    naltrexone = {
        "coding": [{"system": RXNORM, "code": "7243", "display": "naltrexone"}],
        "text": "naltrexone 4.5 mg compounded capsule",
    }
    return {
        "resourceType": "MedicationRequest",
        "id": f"e{_uuid(chance).hex[:22]}3",
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {"text": "amoxicillin 500 mg capsule"} if silent else naltrexone,
        "subject": {"reference": f"Patient/{patient}"},
        "authoredOn": _moment(chance, 1),
        "dosageInstruction": [
            {
                "text": "Take 1 capsule by mouth at bedtime",
                "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "when": ["HS"]}},
                "route": {"text": "oral"},
                "doseAndRate": [{"doseQuantity": _pieces(1)}],
            }
        ],
        "dispenseRequest": {"numberOfRepeatsAllowed": 2, "quantity": _pieces(30)},
    }


# --- elements ------------------------------------------------------------------


def _searchset(kind: str, patient: str, resources: list[Json]) -> Json:
    entries = [
        {
            "fullUrl": f"{_BASE}/{kind}/{resource['id']}",
            "resource": resource,
            "search": {"mode": "match"},
        }
        for resource in resources
    ]
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": len(resources),
        "link": [{"relation": "self", "url": f"{_BASE}/{kind}?patient={patient}"}],
        "entry": entries,
    }


def _head(kind: str, chance: random.Random) -> Json:
    return {
        "resourceType": kind,
        "id": f"e{_uuid(chance).hex}3",
        "meta": {"versionId": "1", "lastUpdated": _moment(chance, 300)},
    }


def _identifiers(chance: random.Random, *roots: str) -> list[Json]:
    return [
        {"use": "usual", "system": f"{OURS}.2.{root}", "value": str(chance.randrange(10**9))}
        for root in roots
    ]


def _person(kind: str, identity: str, chance: random.Random) -> Json:
    return {"reference": f"{kind}/{identity}", "display": "Invented, Ada"}


def _encounter(chance: random.Random) -> Json:
    return {
        "reference": f"Encounter/e{_uuid(chance).hex[:22]}3",
        "identifier": {"system": f"{OURS}.3.698084.8", "value": str(chance.randrange(10**9))},
        "display": "Office Visit",
    }


def _concept(system: str, code: str, display: str) -> Json:
    return {"coding": [{"system": system, "code": code, "display": display}], "text": display}


def _dosage(chance: random.Random) -> Json:
    words, frequency, period, unit = chance.choice(_TIMES)
    count = chance.choice((1, 1, 1, 2))
    text = f"Take {count} tablet(s) by mouth {words}. {_note(chance)}"
    return {
        "text": text,
        "timing": {
            "repeat": {
                "boundsPeriod": {"start": _moment(chance, 900)},
                "frequency": frequency,
                "period": period,
                "periodUnit": unit,
            },
            "code": {"text": words.title()},
        },
        "asNeededBoolean": chance.random() < 0.1,
        "route": _concept(f"{OURS}.4.798268.7025", "15", "Oral"),
        "doseAndRate": [
            {
                "type": _concept(f"{_HL7}/dose-rate-type", "ordered", "ordered"),
                "doseQuantity": _pieces(count),
            }
        ],
    }


def _pieces(count: int) -> Json:
    return {"value": count, "unit": "tablet", "system": _UCUM, "code": "{tbl}"}


def _note(chance: random.Random) -> str:
    """No two alike, as free text is."""
    return f"Reviewed with the patient on visit {chance.randrange(10**6)}; continue as discussed."


def _often(chance: random.Random, choices: Any) -> Any:
    """One of ``choices``, the first ones much more often."""
    return choices[int(len(choices) * chance.random() ** 3)]


def _moment(chance: random.Random, days: int) -> str:
    when = datetime.now(UTC) - timedelta(days=1, seconds=chance.randrange(days * 86_400))
    return when.strftime("%Y-%m-%dT%H:%M:%SZ")


def _day(chance: random.Random, days: int) -> str:
    return _moment(chance, days)[:10]


def _uuid(chance: random.Random) -> UUID:
    return UUID(int=chance.getrandbits(128), version=4)
