"""FHIR bodies for the tests: small, invented, and as real servers shape them."""

from __future__ import annotations

import json
from typing import Any

import msgspec

from cds_service.fhir import Deadline, GatherOptions, PatientRecord, gather, standard_queries

PATIENT_ID = "p1"
Body = dict[str, Any]


def subject(patient_id: str = PATIENT_ID) -> Body:
    return {"subject": {"reference": f"Patient/{patient_id}"}}


def order(identity: str = "m1", **elements: Any) -> Body:
    concept = {"medicationCodeableConcept": {"text": "Oxycodone 5 mg tablet"}}
    medication = {} if "medicationReference" in elements else concept
    return {
        "resourceType": "MedicationRequest",
        "id": identity,
        "status": "active",
        **subject(),
        **medication,
        **elements,
    }


def condition(identity: str = "c1", **elements: Any) -> Body:
    return {
        "resourceType": "Condition",
        "id": identity,
        "code": {"text": "Fibromyalgia"},
        **subject(),
        **elements,
    }


def patient(identity: str | None = PATIENT_ID) -> Body:
    return {"resourceType": "Patient", **({"id": identity} if identity else {}), "birthDate": "1980-02-01"}


def medication(identity: str, text: str = "Tramadol 50 mg capsule") -> Body:
    return {"resourceType": "Medication", "id": identity, "code": {"text": text}}


def outcome(severity: str = "warning", code: str = "processing") -> Body:
    issue = {"severity": severity, "code": code, "diagnostics": "Jane Doe 555-1234"}
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def bundle(*resources: Body, self_link: str = "", next_link: str = "", **elements: Any) -> Body:
    links = {"self": self_link, "next": next_link}
    return {
        "resourceType": "Bundle",
        "type": "searchset",
        "link": [{"relation": relation, "url": url} for relation, url in links.items() if url],
        "entry": [{"resource": resource} for resource in resources],
        **elements,
    }


def raws(values: dict[str, Any]) -> dict[str, msgspec.Raw]:
    """Prefetch as the protocol layer hands it over: each value undecoded."""
    return {key: msgspec.Raw(json.dumps(value).encode()) for key, value in values.items()}


def from_prefetch(
    values: dict[str, Any], patient_id: str = PATIENT_ID, options: GatherOptions | None = None
) -> PatientRecord:
    """The record that prefetch alone gives."""
    return gather(
        patient_id,
        raws(values),
        [],
        server=None,
        wanted=standard_queries(),
        deadline=Deadline(5),
        options=options,
    )


def gaps(record: PatientRecord, kind: str) -> list[tuple[str, bool]]:
    """Reason and reach of the gaps of one type."""
    return [(gap.reason.value, gap.covers_list) for gap in record.gaps_of([kind])]


def ids(record: PatientRecord, kind: str) -> list[str | None]:
    """The ids of the resources of one type, as read."""
    return [resource.id for resource, _ in record.entries.get(kind, [])]
