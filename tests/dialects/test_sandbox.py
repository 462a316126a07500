"""The public CDS Hooks sandbox: drafts without a drug, odd categories, Bundles without a type."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.dialects.shapes import (
    CONFLICT,
    NALTREXONE_50_MG,
    RXNORM,
    Body,
    Ehr,
    order,
    rest,
    signing,
    topics,
)
from tests.fhir.bodies import bundle
from tests.fhir.server import FhirServer

HOOKS = ("order-select", "order-sign")


def sandbox_order(**elements: Any) -> Body:
    """What the sandbox's form holds before a drug is chosen: nothing to decide on."""
    return {
        "resourceType": "MedicationRequest",
        "id": "request-123",
        "status": "draft",
        "subject": {"reference": "Patient/p1"},
        "authoredOn": "2026-11-22",
        **elements,
    }


def sandbox_request(ordered: Body, hook: str, **members: Any) -> Body:
    request = signing(ordered, hook=hook, **members)
    if hook == "order-select":
        request["context"]["selections"] = ["MedicationRequest/request-123"]
    return request


CHOSEN: Body = {
    "intent": "order",
    "category": {"coding": [{"code": "outpatient"}]},
    "medicationCodeableConcept": {
        "text": "Naltrexone hydrochloride 50 MG Oral Tablet",
        "coding": [{"system": RXNORM, "code": NALTREXONE_50_MG, "display": "Naltrexone 50 MG Oral Tablet"}],
    },
    "dosageInstruction": [
        {
            "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
            "doseAndRate": [
                {"doseQuantity": {"value": 1, "system": "http://unitsofmeasure.org", "code": "{pill}"}}
            ],
        }
    ],
}


def opioids() -> Body:
    """A list of one opioid, in a Bundle that does not say which type it is of."""
    listed = bundle(order(medicationCodeableConcept={"text": "oxycodone 5 mg tablet"}))
    return {key: value for key, value in listed.items() if key != "type"}


@pytest.mark.parametrize("hook", HOOKS)
def test_before_a_drug_is_chosen(client: FlaskClient, server: FhirServer, hook: str) -> None:
    assert topics(client, sandbox_request(sandbox_order(), hook, fhirServer=server.base)) == []
    assert server.asked == []


@pytest.mark.parametrize("hook", HOOKS)
def test_once_a_drug_is_chosen_the_conflict_is_found(client: FlaskClient, ehr: Ehr, hook: str) -> None:
    request = sandbox_request(sandbox_order(**CHOSEN), hook, **ehr.gives(medicationRequests=opioids()))
    found = topics(client, request)
    assert found[:1] == CONFLICT
    assert "not-checked" not in found


@pytest.mark.parametrize("hook", HOOKS)
def test_prefetch_under_names_of_its_own(client: FlaskClient, hook: str) -> None:
    lists = {f"item{number}": value for number, value in enumerate(rest().values(), start=1)}
    base = "https://launch.smarthealthit.example/v/r4/fhir"
    kinds = ("MedicationStatement", "MedicationRequest", "Condition", "AllergyIntolerance", "Observation")
    for number, kind in enumerate(kinds, start=2):
        lists[f"item{number}"] = bundle(self_link=f"{base}/{kind}?patient=p1")
    lists["item3"] = opioids()
    found = topics(client, sandbox_request(sandbox_order(**CHOSEN), hook, prefetch=lists))
    assert found[:1] == CONFLICT
    assert "not-checked" not in found
