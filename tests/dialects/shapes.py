"""Requests and records as EHRs shape them; each EHR gives its lists as prefetch, from a server, or by half.

The payloads are invented, in the shapes those systems send. In each the patient takes oxycodone, and
naltrexone is being signed.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.settings import Settings
from tests.fhir.bodies import bundle
from tests.fhir.server import Answer, FhirServer

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
RXNORM_OID = "urn:oid:2.16.840.1.113883.6.88"
GPI_OID = "urn:oid:2.16.840.1.113883.6.68"
OXYCODONE_5_MG = "1049621"
NALTREXONE_50_MG = "1483744"
CONFLICT = ["opioid-coprescription"]
Body = dict[str, Any]

WAYS = ("prefetch", "server", "mixture")
ASKED_OF_A_MIXTURE = ("medicationStatements", "medicationRequests", "observations")
KINDS = {
    "patient": "Patient/",
    "medicationStatements": "MedicationStatement",
    "medicationRequests": "MedicationRequest",
    "conditions": "Condition",
    "allergies": "AllergyIntolerance",
    "observations": "Observation",
}


@dataclass
class Ehr:
    """An EHR that gives its lists in one of :data:`WAYS`."""

    way: str
    server: FhirServer

    @property
    def base(self) -> str:
        return self.server.base

    def gives(self, orders: str = "MedicationRequest", empty: Any = None, **lists: Any) -> Body:
        """What the request has of ``lists``, and the server of the rest; all others are empty.

        A list may be an :class:`Answer`, of which prefetch has the body; ``orders`` is their type.
        """
        every = {**rest(), **(dict.fromkeys(list(KINDS)[1:], empty) if empty else {}), **lists}
        asked = {"prefetch": (), "server": tuple(every), "mixture": ASKED_OF_A_MIXTURE}[self.way]
        for key in asked:
            kind = orders if key == "medicationRequests" else KINDS[key]
            self.server.routes[kind] = every[key] if isinstance(every[key], Answer) else Answer(every[key])
        given = {key: value for key, value in every.items() if key not in asked}
        given = {key: value.body if isinstance(value, Answer) else value for key, value in given.items()}
        members: Body = {"prefetch": given} if given else {}
        return {**members, "fhirServer": self.base} if asked else members


def app(folder: Path, **values: Any) -> FlaskClient:
    database = f"sqlite:///{folder}/test.sqlite3"
    development = {"cds_environment": "development", "database_url": database, "time_budget_ms": 10_000}
    return create_app(Settings(**{**development, **values}), now=lambda: NOW).test_client()


def patient() -> Body:
    return {"resourceType": "Patient", "id": "p1", "gender": "male", "birthDate": "1980-02-01"}


def draft(**elements: Any) -> Body:
    """Naltrexone, as plain as R4 has it; ``medication…`` elements take the place of its text."""
    plain = {"medicationCodeableConcept": {"text": "naltrexone 4.5 mg compounded capsule"}}
    return {
        "resourceType": "MedicationRequest",
        "id": "draft-1",
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
        **({} if any(name.startswith("medication") for name in elements) else plain),
        "dosageInstruction": [{"text": "1 capsule at bedtime"}],
        **elements,
    }


def order(**elements: Any) -> Body:
    """An active order of two weeks ago."""
    return draft(**{"id": "m1", "status": "active", "authoredOn": "2026-11-10", **elements})


def rest(**lists: Any) -> Body:
    """Prefetch that is complete apart from ``lists``."""
    names = ("medicationStatements", "medicationRequests", "conditions", "allergies", "observations")
    return {"patient": patient(), **dict.fromkeys(names, bundle()), **lists}


def signing(*orders: Body, hook: str = "order-sign", **members: Any) -> Body:
    entries = [{"resource": resource} for resource in orders or (draft(),)]
    return {
        "hook": hook,
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {
            "userId": "Practitioner/1",
            "patientId": "p1",
            "draftOrders": {"resourceType": "Bundle", "entry": entries},
        },
        **members,
    }


def topics(client: FlaskClient, request: Body) -> list[str]:
    answer = client.post(f"/cds-services/ldn-{request['hook']}", json=request)
    assert answer.status_code == 200, answer.json
    return [card["source"]["topic"]["code"] for card in answer.json["cards"]]  # type: ignore[index]


def detail(client: FlaskClient, request: Body, topic: str) -> str:
    answer: Any = client.post(f"/cds-services/ldn-{request['hook']}", json=request).json
    (card,) = [card for card in answer["cards"] if card["source"]["topic"]["code"] == topic]
    return f"{card['summary']}\n{card.get('detail', '')}"


def codings(*pairs: tuple[str, str]) -> Body:
    """A concept of codes alone, as several EHRs send it."""
    return {"coding": [{"system": system, "code": code} for system, code in pairs]}
