"""Which medicine an entry means, and when nobody can tell."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.chart import Presence
from cds_service.fhir.records import GapReason
from tests.chart.builders import RXNORM, chart, medication_request, statement

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


COMPOUNDED = {"text": "COMPOUNDED MEDICATION"}


def test_a_compounded_order_is_named_by_its_directions() -> None:
    directions = [{"text": "LDN 1.5 mg capsule, 3 capsules nightly"}]
    order = medication_request(COMPOUNDED, status="draft", dosageInstruction=directions)
    (only,) = chart(orders=(order,)).orders
    assert only.medicine.is_naltrexone and only.medicine.in_directions
    assert only.dose.mg_per_day == 4.5


def test_so_is_an_entry_of_a_list() -> None:
    (taken,) = chart(statement(COMPOUNDED, dosage=[{"text": "tramadol 50 mg, 1 as needed"}])).exposures
    assert taken.medicine.is_opioid and taken.presence is Presence.ACTIVE


@pytest.mark.parametrize(
    ("concept", "directions"),
    [
        (COMPOUNDED, "estriol cream, apply nightly"),
        (COMPOUNDED, "ketamine spray, do not take with tramadol"),
        (COMPOUNDED, None),
        ({"text": "lisinopril 10 mg"}, "tramadol is taken as well"),
    ],
)
def test_directions_that_name_no_medicine_of_concern(concept: dict[str, Any], directions: str | None) -> None:
    dosage = [{"text": directions}] if directions else []
    found = chart(statement(concept, dosage=dosage))
    assert (found.exposures, found.gaps) == ((), ())
