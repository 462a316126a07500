"""The orders of the basket: by which route they are taken."""

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
