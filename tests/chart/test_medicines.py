"""Which medicine an entry means, and when nobody can tell."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.fhir.records import GapReason
from tests.chart.builders import RXNORM, chart, medication_request

OWN, ABSENT = "urn:oid:1.2.3.4", "http://terminology.hl7.org/CodeSystem/data-absent-reason"


def coded(system: str, code: str, display: str | None = None, text: str | None = None) -> dict[str, Any]:
    """A medication concept with one code."""
    coding = {"system": system, "code": code} | ({"display": display} if display else {})
    return {"coding": [coding]} | ({"text": text} if text else {})


@pytest.mark.parametrize("concept", [coded(OWN, "12345"), coded(ABSENT, "unknown"), {}])
def test_a_code_without_a_name_that_nobody_knows_is_said(concept: dict[str, Any]) -> None:
    (gap,) = chart(medication_request(concept)).gaps
    assert (gap.kind, gap.reason, gap.count) == ("MedicationRequest", GapReason.UNRESOLVED, 1)


@pytest.mark.parametrize(
    "concept",
    [
        coded(RXNORM, "29046"),
        coded(OWN, "12345", display="lisinopril 10 mg"),
        coded(OWN, "12345", text="lisinopril 10 mg"),
        coded(OWN, "12345", text="oxycodone 5 mg"),
    ],
    ids=["a system whose opioids are known", "display", "text", "an opioid by name"],
)
def test_what_can_be_told_is_no_gap(concept: dict[str, Any]) -> None:
    assert not chart(medication_request(concept)).gaps
