"""Small makers of records for the chart's tests; every date is counted from :data:`TODAY`."""

from __future__ import annotations

from datetime import UTC, date, timedelta
from typing import Any

import msgspec

from cds_service.cds_hooks import DraftOrder
from cds_service.chart import PatientChart
from cds_service.chart.assembly import read_chart
from cds_service.chart.baskets import read_drafts
from cds_service.chart.clock import Clock
from cds_service.fhir import Deadline, GatherOptions, gather
from cds_service.knowledge.clinical import load_clinical

TODAY = date(2026, 11, 22)
CLOCK = Clock(TODAY, UTC)
CLINICAL = load_clinical()
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
PATIENT = {"reference": "Patient/p1"}

OXYCODONE = {"coding": [{"system": RXNORM, "code": "7804", "display": "oxycodone"}]}
METHADONE = {"coding": [{"system": RXNORM, "code": "6813", "display": "methadone"}]}
BUPRENORPHINE = {"coding": [{"system": RXNORM, "code": "1819", "display": "buprenorphine"}]}
NALTREXONE = {"coding": [{"system": RXNORM, "code": "7243", "display": "naltrexone"}]}
TABLET_50 = {"coding": [{"system": RXNORM, "code": "1483744"}]}


def ago(days: int) -> str:
    """The date ``days`` before today, as FHIR writes it."""
    return (TODAY - timedelta(days=days)).isoformat()


def medication_request(medication: dict[str, Any] = OXYCODONE, **elements: Any) -> dict[str, Any]:
    """An active R4 order."""
    return {
        "resourceType": "MedicationRequest",
        "id": "m1",
        "status": "active",
        "intent": "order",
        "subject": PATIENT,
        "medicationCodeableConcept": medication,
        **elements,
    }


def statement(medication: dict[str, Any] = OXYCODONE, **elements: Any) -> dict[str, Any]:
    """An active R4 statement."""
    return {
        "resourceType": "MedicationStatement",
        "id": "s1",
        "status": "active",
        "subject": PATIENT,
        "medicationCodeableConcept": medication,
        **elements,
    }


def supply(days: int) -> dict[str, Any]:
    """A dispenseRequest for ``days``."""
    return {"expectedSupplyDuration": {"value": days, "unit": "days", "code": "d"}}


def condition(*codings: tuple[str, str], text: str | None = None, **elements: Any) -> dict[str, Any]:
    """An active, confirmed R4 condition."""
    code: dict[str, Any] = {"coding": [{"system": system, "code": value} for system, value in codings]}
    if text:
        code["text"] = text
    return {
        "resourceType": "Condition",
        "id": "c1",
        "subject": PATIENT,
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "code": code,
        **elements,
    }


def observation(code: str, **elements: Any) -> dict[str, Any]:
    """A final R4 observation of a LOINC code."""
    return {
        "resourceType": "Observation",
        "id": "o1",
        "status": "final",
        "subject": PATIENT,
        "code": {"coding": [{"system": "http://loinc.org", "code": code}]},
        **elements,
    }


def person(**elements: Any) -> dict[str, Any]:
    """A woman of 42 unless told otherwise."""
    return {"resourceType": "Patient", "id": "p1", "gender": "female", "birthDate": "1984-05-06", **elements}


def chart(*resources: dict[str, Any], orders: tuple[dict[str, Any], ...] = ()) -> PatientChart:
    """The chart of ``resources`` given as prefetch, each read on its own."""
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": r} for r in resources]}
    drafts = read_drafts(_draft(order, position) for position, order in enumerate(orders))
    record = gather(
        "p1",
        {"everything": msgspec.Raw(msgspec.json.encode(bundle))},
        [draft.resource for draft in drafts if draft.resource],
        server=None,
        wanted=(),
        deadline=Deadline(1),
        options=GatherOptions(),
    )
    return read_chart(drafts, record, CLOCK, CLINICAL)


def _draft(order: dict[str, Any], position: int) -> DraftOrder:
    raw = msgspec.Raw(msgspec.json.encode(order))
    path = f"$.context.draftOrders.entry[{position}].resource"
    kind = order["resourceType"]
    return DraftOrder(raw=raw, content=order, resource_type=kind, id=order.get("id"), path=path)
