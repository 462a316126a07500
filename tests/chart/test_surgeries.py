"""Surgery that the record holds as planned."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.builders import PATIENT, TODAY, ago, chart, condition

SURGICAL = [{"coding": [{"system": "http://snomed.info/sct", "code": "387713003"}]}]
KNEE = {"text": "Total knee arthroplasty"}


def service(kind: str = "ServiceRequest", **elements: Any) -> dict[str, Any]:
    return {
        "resourceType": kind,
        "id": "s1",
        "status": "active",
        "subject": PATIENT,
        "code": KNEE,
        **elements,
    }


def facts(*resources: dict[str, Any]) -> list[tuple[str, ...]]:
    return [surgery.evidence.facts for surgery in chart(*resources).surgeries]


@pytest.mark.parametrize(
    "given",
    [
        service(),
        service(status="draft"),
        service(category=SURGICAL, code={"text": "Repair"}),
        service(code={"concept": KNEE}),
        service(code={"coding": [{"display": "Laparoscopy"}]}),
        service("ProcedureRequest", status="requested"),
        service("Procedure", status="preparation"),
        service("Procedure", status="preparation", category=SURGICAL[0], code={"text": "Repair"}),
    ],
    ids=str,
)
def test_planned(given: dict[str, Any]) -> None:
    assert facts(given) == [("planned, no date",)]


@pytest.mark.parametrize(
    "given",
    [
        service(status="completed"),
        service(status="revoked"),
        service(doNotPerform=True),
        service("Procedure", status="completed"),
        service("Procedure", status="in-progress"),
        service(code={"text": "Surgical consultation"}),
        service(code={"text": "History of appendectomy"}),
        service(code={"text": "Knee X-ray"}),
        {**service(), "code": None},
    ],
    ids=str,
)
def test_not_planned_or_no_surgery(given: dict[str, Any]) -> None:
    assert facts(given) == []


@pytest.mark.parametrize(
    "dated",
    [
        {"occurrenceDateTime": ago(-5)},
        {"occurrencePeriod": {"start": ago(-5), "end": ago(-9)}},
        {"scheduledDateTime": ago(-5)},
    ],
    ids=str,
)
def test_the_day_is_the_first_it_can_be(dated: dict[str, Any]) -> None:
    (surgery,) = chart(service(**dated)).surgeries
    assert surgery.evidence.facts == ("planned for 27 Nov 2026",)
    assert surgery.day is not None and (surgery.day - TODAY).days == 5


@pytest.mark.parametrize(("days", "found"), [(0, 1), (14, 1), (15, 0)])
def test_on_the_problem_list_it_is_soon_for_two_weeks(days: int, found: int) -> None:
    planned = condition(text="Preoperative examination for planned surgery", recordedDate=ago(days))
    assert len(chart(planned).surgeries) == found
    resolved = {**planned, "clinicalStatus": {"coding": [{"code": "resolved"}]}}
    assert chart(resolved).surgeries == ()
    assert chart(condition(text="Fibromyalgia", recordedDate=ago(days))).surgeries == ()
