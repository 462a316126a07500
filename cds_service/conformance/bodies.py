"""Requests to try a service with: a made-up patient, one order, prefetch as the service's templates ask.

The order holds naltrexone and the list an opioid, so that a service for medications has something to say;
``--request`` gives one's own.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any
from uuid import uuid4

Json = dict[str, Any]

PATIENT = "conformance-patient"
STRANGER = "conformance-stranger"
_USER = "Practitioner/conformance-user"
_BASE = "https://ehr.example.org/fhir"
_UCUM = "http://unitsofmeasure.org"
_ORDER: Json = {
    "resourceType": "MedicationRequest",
    "id": "conformance-order",
    "status": "draft",
    "intent": "order",
    "subject": {"reference": f"Patient/{PATIENT}"},
    "medicationCodeableConcept": {
        "coding": [
            {
                "system": "http://www.nlm.nih.gov/research/umls/rxnorm",
                "code": "7243",
                "display": "naltrexone",
            }
        ],
        "text": "naltrexone 4.5 mg compounded capsule",
    },
    "dosageInstruction": [
        {
            "text": "1 capsule (4.5 mg) by mouth at bedtime",
            "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
            "doseAndRate": [{"doseQuantity": {"value": 4.5, "unit": "mg", "system": _UCUM, "code": "mg"}}],
        }
    ],
}  # fmt: skip
_TAKEN: Json = {
    "resourceType": "MedicationRequest",
    "id": "conformance-taken",
    "status": "active",
    "intent": "order",
    "subject": {"reference": f"Patient/{PATIENT}"},
    "medicationCodeableConcept": {"text": "oxycodone 5 mg tablet"},
}
_ORDERS = {"order-select": "draftOrders", "order-sign": "draftOrders", "medication-prescribe": "medications"}
_CONTEXTS: dict[str, Json] = {
    "patient-view": {},
    "encounter-start": {"encounterId": "conformance-encounter"},
    "encounter-discharge": {"encounterId": "conformance-encounter"},
}


def body_for(service: Mapping[str, Any], given: Mapping[str, Json]) -> Json | None:
    """A request for ``service`` of the discovery document; None for a hook that nothing is known of.

    ``given`` are one's own requests by hook.
    """
    hook = str(service.get("hook"))
    if hook in given:
        return {**copy.deepcopy(given[hook]), "hookInstance": str(uuid4())}
    context = _context(hook)
    if context is None:
        return None
    body: Json = {"hook": hook, "hookInstance": str(uuid4()), "context": context}
    templates = service.get("prefetch")
    if isinstance(templates, dict) and templates:
        body["prefetch"] = {key: _answer(str(template)) for key, template in templates.items()}
    return body


def _context(hook: str) -> Json | None:
    who = {"userId": _USER, "patientId": PATIENT}
    if hook in _CONTEXTS:
        return {**who, **_CONTEXTS[hook]}
    if hook not in _ORDERS:
        return None
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": copy.deepcopy(_ORDER)}]}
    selections = {"selections": ["MedicationRequest/conformance-order"]} if hook == "order-select" else {}
    return {**who, **selections, _ORDERS[hook]: bundle}


def _answer(template: str) -> Json:
    """What a client would fill a prefetch template with."""
    kind = template.split("?")[0].split("/")[0]
    if "?" not in template:
        identity = PATIENT if kind == "Patient" else "conformance-user"
        return {
            "resourceType": kind,
            "id": identity,
            **({"birthDate": "1980-02-01"} if kind == "Patient" else {}),
        }
    url = template.replace("{{context.patientId}}", PATIENT)
    found = [copy.deepcopy(_TAKEN)] if kind == "MedicationRequest" else []
    return searchset(found, f"{_BASE}/{url}" if "{{" not in url else None)


def searchset(found: list[Json], self_url: str | None = None, next_url: str | None = None) -> Json:
    """The result of a search."""
    links = [("self", self_url), ("next", next_url)]
    bundle: Json = {"resourceType": "Bundle", "type": "searchset", "total": len(found)}
    if any(url for _, url in links):
        bundle["link"] = [{"relation": name, "url": url} for name, url in links if url]
    if found:
        bundle["entry"] = [{"resource": one, "search": {"mode": "match"}} for one in found]
    return bundle


def changed(body: Json, **members: Any) -> Json:
    """A copy with top-level members replaced; ``...`` takes one away."""
    merged = {**copy.deepcopy(body), **members}
    return {name: value for name, value in merged.items() if value is not ...}


def in_context(body: Json, **members: Any) -> Json:
    """A copy with members of ``context`` replaced; ``...`` takes one away."""
    context = {**copy.deepcopy(body.get("context", {})), **members}
    return changed(body, context={name: value for name, value in context.items() if value is not ...})


def of_stranger(value: Any, patient: str) -> Any:
    """Prefetch with every mention of ``patient`` turned into another's id."""
    if isinstance(value, str):
        return value.replace(patient, STRANGER)
    if isinstance(value, dict):
        return {name: of_stranger(member, patient) for name, member in value.items()}
    return [of_stranger(item, patient) for item in value] if isinstance(value, list) else value
