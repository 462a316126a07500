"""What a card shows of an entry: since when, until when, and on which list."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.builders import BUPRENORPHINE, PATIENT, ago, chart, medication_request, statement, supply

SUBLOCADE = {"text": "Sublocade 300 mg/1.5 mL extended-release injection"}


def dispensed(**elements: Any) -> dict[str, Any]:
    ten_days = {"value": 10, "unit": "d"}
    return given(resourceType="MedicationDispense", daysSupply=ten_days, **elements)


def given(**elements: Any) -> dict[str, Any]:
    entry = medication_request(status="completed", **{"resourceType": "MedicationAdministration", **elements})
    del entry["intent"]
    return entry


DSTU2 = {
    "resourceType": "MedicationOrder",
    "id": "m1",
    "status": "active",
    "patient": PATIENT,
    "dateWritten": ago(60),
    "medicationCodeableConcept": BUPRENORPHINE,
}


@pytest.mark.parametrize(
    ("entry", "facts"),
    [
        (medication_request(authoredOn=ago(20)), ["ordered 2 Nov 2026"]),
        (DSTU2, ["ordered 23 Sep 2026"]),
        (
            medication_request(status="on-hold", authoredOn=ago(20), dispenseRequest=supply(30)),
            ["ordered 2 Nov 2026", "on hold", "supply to 2 Dec 2026"],
        ),
        (
            medication_request(authoredOn=ago(20), dosageInstruction=[{"asNeededBoolean": True}]),
            ["as needed", "ordered 2 Nov 2026"],
        ),
        (medication_request(), ["no date"]),
        (
            medication_request(authoredOn="1989-03"),
            ["ordered Mar 1989", "listed as active, may be out of date"],
        ),
        (medication_request(status="stopped"), ["ended, date not recorded"]),
        (statement(effectiveDateTime=ago(12)), ["since 10 Nov 2026"]),
        (statement(dateAsserted="2026-10"), ["since Oct 2026"]),
        (
            statement(status="completed", effectivePeriod={"start": "2026-01", "end": "2026-11"}),
            ["since Jan 2026", "ended Nov 2026"],
        ),
        (dispensed(whenHandedOver=ago(3)), ["dispensed 19 Nov 2026", "supply to 29 Nov 2026"]),
        (dispensed(whenPrepared=ago(4)), ["dispensed 18 Nov 2026", "supply to 28 Nov 2026"]),
        (given(effectiveDateTime=ago(3)), ["given 19 Nov 2026"]),
        (
            given(medication=SUBLOCADE, effectiveDateTime=ago(3)),
            ["given 19 Nov 2026", "works to 17 Dec 2026"],
        ),
        (given(medication=SUBLOCADE, effectiveDateTime=ago(60)), ["given 23 Sep 2026"]),
    ],
)
def test_the_facts_of_an_entry(entry: dict[str, Any], facts: list[str]) -> None:
    (exposure,) = chart(entry).exposures
    assert list(exposure.evidence.facts) == facts


@pytest.mark.parametrize(
    ("entry", "listed_as"),
    [
        (medication_request(), "medication order"),
        (DSTU2, "medication order"),
        (statement(), "medication list"),
        (dispensed(whenHandedOver=ago(3)), "dispensing record"),
        (given(effectiveDateTime=ago(3)), "administration record"),
    ],
)
def test_where_it_is_listed(entry: dict[str, Any], listed_as: str) -> None:
    (exposure,) = chart(entry).exposures
    assert exposure.evidence.listed_as == listed_as
