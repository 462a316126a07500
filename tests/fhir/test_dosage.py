"""Dosages of every version as plain numbers."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cds_service.fhir import DoseStep, read_dosages
from cds_service.fhir.datatypes import Dosage, Quantity
from cds_service.fhir.units import Unit, days_of, read_unit

MG = {"value": 4.5, "unit": "mg", "code": "mg"}


def steps(*dosages: dict[str, Any]) -> tuple[DoseStep, ...]:
    return read_dosages(msgspec.convert(list(dosages), list[Dosage]))


def step(**dosage: Any) -> DoseStep:
    (only,) = steps(dosage)
    return only


@pytest.mark.parametrize(
    ("dosage", "value", "high"),
    [
        ({"doseAndRate": [{"doseQuantity": MG}]}, 4.5, None),
        ({"doseQuantity": MG}, 4.5, None),
        ({"quantityQuantity": MG}, 4.5, None),
        ({"dose": MG}, 4.5, None),
        ({"quantity": MG}, 4.5, None),
        ({"doseAndRate": [{"doseRange": {"low": MG, "high": {"value": 6, "unit": "mg"}}}]}, 4.5, 6),
        ({"doseRange": {"low": MG, "high": {"value": 6, "unit": "mg"}}}, 4.5, 6),
        ({"doseRange": {"high": MG}}, 4.5, None),
    ],
)
def test_a_dose_in_every_versions_place(
    dosage: dict[str, Any], value: float | None, high: float | None
) -> None:
    found = step(**dosage)
    assert (found.value, found.value_high, found.unit) == (value, high, "mg")


def test_no_dose_at_all() -> None:
    found = step(text=" as directed ")
    assert (found.value, found.unit, found.per_day) == (None, None, None)
    assert read_dosages([]) == ()


def typed(kind: str, value: float, unit: str) -> dict[str, Any]:
    return {
        "type": {"coding": [{"system": "http://epic.com/CodeSystem/dose-rate-type", "code": kind}]},
        "doseQuantity": {"value": value, "unit": unit},
    }


@pytest.mark.parametrize(
    ("entries", "chosen"),
    [
        (
            [typed("calculated", 4.4, "mg"), typed("ordered", 4.5, "mg"), typed("admin-amount", 1, "tablet")],
            4.5,
        ),
        ([typed("ordered", 1, "{tbl}"), typed("calculated", 4.4, "mg")], 4.4),
        ([typed("admin-amount", 2, "tablet"), typed("ordered", 1, "{tbl}")], 1),
    ],
)
def test_epics_three_ways_of_one_dose(entries: list[dict[str, Any]], chosen: float) -> None:
    assert step(doseAndRate=entries).value == chosen


@pytest.mark.parametrize(
    ("code", "unit", "name"),
    [
        ("mg", None, "mg"),
        (None, "milligrams", "mg"),
        (None, "MG", "mg"),
        (None, "mg.", "mg"),
        ("ug", None, "mcg"),
        (None, "µg", "mcg"),
        (None, "μg", "mcg"),
        (None, "mcg", "mcg"),
        ("g", None, "g"),
        ("mL", None, "mL"),
        (None, "milliliter(s)", "mL"),
        (None, "cc", "mL"),
        ("{pill}", None, "tablet"),
        ("{tbl}", None, "tablet"),
        ("{tablet}", "tablet", "tablet"),
        ("TAB", "Tab", "tablet"),
        ("{capsule}", None, "capsule"),
        ("CAP", None, "capsule"),
        (None, "Capsules", "capsule"),
        (None, "each", "unit"),
        ("[iU]", None, "IU"),
        (None, "patch", "patch"),
        (None, "gtt", "drop"),
        (None, "puff(s)", "puff"),
        ("428673006", "Tablet (unit of presentation)", "tablet"),
        ("12345", "tablet", "tablet"),
        (None, "mg/kg", "mg/kg"),
        (None, " ", None),
        (None, None, None),
    ],
)
def test_a_unit_is_named_by_its_code_else_by_its_text(
    code: str | None, unit: str | None, name: str | None
) -> None:
    assert read_unit(Quantity(value=1, code=code, unit=unit)) == Unit(name)


def test_a_code_and_a_text_that_name_different_masses_are_a_conflict() -> None:
    found = step(doseQuantity={"value": 4500, "unit": "mcg", "code": "mg"})
    assert (found.unit, found.unit_conflict) == ("mg", "mcg")


def repeat(**elements: Any) -> DoseStep:
    return step(timing={"repeat": elements})


@pytest.mark.parametrize(
    ("elements", "per_day", "high"),
    [
        ({"frequency": 1, "period": 1, "periodUnit": "d"}, 1, None),
        ({"frequency": 3, "period": 1, "periodUnits": "d"}, 3, None),
        ({"period": 2, "periodUnit": "d"}, 0.5, None),
        ({"frequency": 1, "period": 72, "periodUnit": "h"}, 1 / 3, None),
        ({"frequency": 1, "period": 1, "periodUnit": "wk"}, 1 / 7, None),
        ({"frequency": 1, "period": 1, "periodUnit": "mo"}, 1 / 30, None),
        ({"frequency": 2, "periodUnit": "d"}, 2, None),
        ({"frequency": 1, "frequencyMax": 2, "period": 1, "periodUnit": "d"}, 1, 2),
        ({"frequency": 1, "period": 4, "periodMax": 6, "periodUnit": "h"}, 4, 6),
        ({"timeOfDay": ["08:00:00", "20:00:00"]}, 2, None),
        ({"frequency": 1, "period": 1, "periodUnit": "d", "timeOfDay": ["08:00", "20:00"]}, 2, None),
        ({"when": ["HS"]}, 1, None),
        ({"when": "HS"}, 1, None),
        ({"when": ["MORN", "HS"]}, 2, None),
        ({"when": ["PC"]}, 3, None),
        ({"period": 1, "periodUnit": "d", "when": ["HS"]}, 1, None),
        ({"frequency": 1, "period": 1, "periodUnit": "d", "dayOfWeek": ["mon", "fri"]}, 2 / 7, None),
        ({"frequency": 1, "period": 1, "periodUnit": "wk", "dayOfWeek": ["mon", "wed", "fri"]}, 3 / 7, None),
        ({"dayOfWeek": ["mon"]}, 1 / 7, None),
        ({"frequency": 2}, None, None),
        ({"frequency": 0, "period": 0, "periodUnit": "d"}, None, None),
        ({"frequency": 1, "period": 1, "periodUnit": "fortnight"}, None, None),
        ({}, None, None),
    ],
)
def test_how_often_by_repeat(elements: dict[str, Any], per_day: float | None, high: float | None) -> None:
    found = repeat(**elements)
    assert found.per_day == (pytest.approx(per_day) if per_day else None)
    assert found.per_day_high == (pytest.approx(high) if high else None)


@pytest.mark.parametrize(
    ("word", "per_day"),
    [
        ("QD", 1), ("BID", 2), ("TID", 3), ("QID", 4), ("QOD", 0.5),
        ("AM", 1), ("PM", 1), ("HS", 1), ("BED", 1),
        ("Q4H", 6), ("Q6H", 4), ("Q8H", 3), ("Q72H", 1 / 3), ("every 6 hours", 4), ("Q 12 h", 2),
        ("Twice daily", 2), ("nightly", 1), ("at bedtime", 1), ("b.i.d.", 2), ("every 3 days", 1 / 3),
        ("WK", 1 / 7), ("BID PRN", 2), ("when needed", None), ("Q0H", None),
    ],
)  # fmt: skip
@pytest.mark.parametrize("place", ["code", "display", "text"])
def test_how_often_by_code_or_words(word: str, per_day: float | None, place: str) -> None:
    code = {"text": word} if place == "text" else {"coding": [{place: word}]}
    found = step(timing={"code": code})
    assert found.per_day == (pytest.approx(per_day) if per_day else None)


def test_a_range_of_hours_in_words() -> None:
    found = step(timing={"code": {"text": "every 4 to 6 hours"}})
    assert found.per_day == pytest.approx(4)
    assert found.per_day_high == pytest.approx(6)


def test_repeat_before_code() -> None:
    timing = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}, "code": {"text": "BID"}}
    assert step(timing=timing).per_day == 1


def test_the_events_of_a_timing_are_counted() -> None:
    once = step(timing={"event": ["2026-11-22T08:00:00Z"]})
    twice_daily = step(timing={"event": ["2026-11-22T08:00:00Z", "2026-11-22T20:00:00Z"]})
    assert (once.per_day, once.lasts_days) == (None, 1)
    assert twice_daily.per_day == 2


@pytest.mark.parametrize(
    ("elements", "days"),
    [
        ({"boundsDuration": {"value": 14, "code": "d"}}, 14),
        ({"boundsDuration": {"value": 2, "unit": "weeks"}}, 14),
        ({"boundsQuantity": {"value": 1, "unit": "month"}}, 30),
        ({"boundsRange": {"low": {"value": 5, "unit": "d"}, "high": {"value": 7, "unit": "d"}}}, 7),
        ({"boundsPeriod": {"start": "2026-03-01", "end": "2026-03-14"}}, 14),
        ({"boundsPeriod": {"start": "2026-03-01"}}, None),
        ({"boundsPeriod": {"start": "2026-03-02", "end": "2026-03-01"}}, None),
        ({"count": 10, "frequency": 2, "period": 1, "periodUnit": "d"}, 5),
    ],
)
def test_how_long(elements: dict[str, Any], days: float | None) -> None:
    assert repeat(**elements).lasts_days == days


def test_a_duration_of_an_unknown_unit() -> None:
    assert days_of(Quantity(value=3, code="fortnight")) is None
    assert days_of(None) is None


@pytest.mark.parametrize(
    "elements",
    [
        {"asNeededBoolean": True},
        {"asNeeded": True},
        {"asNeededCodeableConcept": {"text": "pain"}},
        {"asNeededFor": [{"text": "pain"}]},
    ],
)
def test_as_needed(elements: dict[str, Any]) -> None:
    assert step(**elements).as_needed
    assert not step(asNeededBoolean=False).as_needed


def titration(number: int | None, mg: float, days: float | None, **bounds: Any) -> dict[str, Any]:
    length = {"boundsDuration": {"value": days, "code": "d"}} if days else bounds
    sequence = {"sequence": number} if number else {}
    return {**sequence, "doseQuantity": {"value": mg, "code": "mg"}, "timing": {"repeat": length}}


def test_steps_follow_their_sequence_numbers() -> None:
    found = steps(titration(3, 4.5, None), titration(1, 1.5, 14), titration(2, 3, 14))
    assert [(s.value, s.starts_after_days) for s in found] == [(1.5, 0), (3, 14), (4.5, 28)]


def test_steps_of_one_number_run_side_by_side() -> None:
    found = steps(titration(1, 1.5, 7), titration(1, 3, 14), titration(2, 4.5, None))
    assert [s.starts_after_days for s in found] == [0, 0, 14]


def test_after_a_step_of_unknown_length_nothing_is_known() -> None:
    found = steps(titration(1, 1.5, None), titration(2, 3, 14))
    assert [s.starts_after_days for s in found] == [0, None]


def test_dates_order_steps_without_numbers() -> None:
    found = steps(
        titration(None, 3, None, boundsPeriod={"start": "2026-03-15"}),
        titration(None, 1.5, None, boundsPeriod={"start": "2026-03-01", "end": "2026-03-14"}),
    )
    assert [s.starts_after_days for s in found] == [14, 0]


def test_without_numbers_or_dates_the_order_is_not_told() -> None:
    assert [s.starts_after_days for s in steps(titration(None, 1.5, 14), titration(None, 3, 14))] == [
        None,
        None,
    ]
    assert step(doseQuantity=MG).starts_after_days == 0


@pytest.mark.parametrize("period", [0, 1e-320, 1e-9])
def test_a_period_of_no_length_says_nothing_of_how_often(period: float) -> None:
    timing = {"repeat": {"frequency": 1, "period": period, "periodUnit": "d"}}
    assert step(doseQuantity=MG, timing=timing).per_day in (None, 1.0)
