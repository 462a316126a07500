"""The orders of the basket: by which route they are taken, for what reason, and which are surgery."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.builders import NALTREXONE, chart, medication_request

SNOMED = "http://snomed.info/sct"


@pytest.mark.parametrize(
    ("route", "oral"),
    [
        ({"coding": [{"system": SNOMED, "code": "26643006", "display": "Oral route"}]}, True),
        ({"coding": [{"code": "PO"}]}, True),
        ({"coding": [{"code": "15", "display": "Oral"}], "text": " By Mouth "}, True),
        ({"text": "by mouth"}, True),
        ({"text": " "}, True),
        ({}, True),
        (None, True),
        ({"coding": [{"system": SNOMED, "code": "34206005", "display": "Subcutaneous route"}]}, False),
        ({"coding": [{"code": "15"}]}, False),
        ({"text": "pr"}, False),
    ],
)
def test_by_mouth_unless_a_route_says_otherwise(route: dict[str, Any] | None, oral: bool) -> None:
    dosage = {"text": "4.5 mg at bedtime", "route": route}
    order = medication_request(NALTREXONE, status="draft", dosageInstruction=[dosage])
    assert chart(orders=(order,)).orders[0].route_oral is oral


@pytest.mark.parametrize(
    ("given", "has_reason"),
    [
        ({}, False),
        ({"reasonCode": [{"text": "Hailey-Hailey disease"}]}, True),
        ({"reasonReference": [{"reference": "Condition/1"}]}, True),
        ({"reason": [{"concept": {"text": "pruritus"}}]}, True),
    ],
)
def test_a_reason_counts_though_it_is_not_understood(given: dict[str, Any], has_reason: bool) -> None:
    order = medication_request(NALTREXONE, status="draft", **given)
    assert chart(orders=(order,)).orders[0].has_reason is has_reason


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Extraction of wisdom teeth", "surgery"),
        ("Tooth extraction, surgical", "surgery"),
        ("Total knee arthroplasty", "surgery"),
        ("Colonoscopy", "other"),
        ("DNA extraction", "other"),
    ],
)
def test_which_services_are_surgery(name: str, kind: str) -> None:
    service = {"resourceType": "ServiceRequest", "id": "s1", "status": "draft", "intent": "order"}
    assert chart(orders=({**service, "code": {"text": name}},)).orders[0].kind == kind
