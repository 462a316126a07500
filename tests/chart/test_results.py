"""Numbers of opioid tests: judged by the report's cut-off, else by nobody."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.chart import Measurement
from tests.chart.builders import ago, chart, observation

OXYCODONE_CONFIRMED = "16249-5"


def measured(code: str, number: float, *ranges: dict[str, Any], **more: Any) -> Measurement:
    quantity = {"value": number, "unit": "ng/mL", **more}
    given = observation(code, effectiveDateTime=ago(3), valueQuantity=quantity, referenceRange=list(ranges))
    (found,) = chart(given).measurements
    return found


def below(high: float, low: float | None = None) -> dict[str, Any]:
    """A reference range of a report."""
    return {"high": {"value": high}} | ({"low": {"value": low}} if low is not None else {})


@pytest.mark.parametrize(
    ("number", "ranges", "positive"),
    [
        (450, (), None),
        (0, (), False),
        (450, (below(50),), True),
        (20, (below(50, 0),), False),
        (50, (below(50),), False),
        (150, (below(400, 100),), None),
        (450, ({"low": {"value": 5}},), None),
        (450, ({"high": {"unit": "ng/mL"}},), None),
    ],
)
def test_a_number_is_judged_by_a_cut_off(
    number: float, ranges: tuple[dict[str, Any], ...], positive: bool | None
) -> None:
    found = measured(OXYCODONE_CONFIRMED, number, *ranges)
    assert found.positive is positive and found.value == number


def test_less_than_is_negative() -> None:
    assert measured(OXYCODONE_CONFIRMED, 50, comparator="<").positive is False


ALT = "1742-6"
MICROKATAL = {"value": 3.6, "unit": "ukat/L"}


def enzyme(**elements: Any) -> Measurement:
    (found,) = chart(observation(ALT, effectiveDateTime=ago(3), **elements)).measurements
    return found


def test_an_enzyme_is_shown_in_the_unit_of_its_report() -> None:
    found = enzyme(valueQuantity=MICROKATAL, referenceRange=[below(0.72)])
    assert found.evidence.facts[0] == "3.6 ukat/L (upper limit 0.72)"
    assert (found.value, round(found.multiple or 0, 6)) == (216.0, 5.0)


@pytest.mark.parametrize(
    ("written", "value", "said"),
    [
        (">1000", 1000.0, "over 1000 (upper limit 40)"),
        ("212", 212.0, "212 (upper limit 40)"),
        ("10-20", None, ""),
        ("haemolysed", None, ""),
        ("≥ 400", 400.0, "over 400 (upper limit 40)"),
        ("<5", 5.0, "under 5 (upper limit 40)"),
        ("<=5", 5.0, "under 5 (upper limit 40)"),
    ],
)
def test_an_enzyme_written_as_text(written: str, value: float | None, said: str) -> None:
    found = enzyme(valueString=written)
    assert (found.value, found.evidence.facts[0] if said else "") == (value, said)


def test_a_range_without_a_number_is_none() -> None:
    found = enzyme(valueQuantity={"value": 80, "unit": "U/L"}, referenceRange=[{"high": {"unit": "U/L"}}])
    assert (found.evidence.facts[0], found.multiple) == ("80 U/L (upper limit 40)", 2.0)


def test_a_result_without_a_value_shows_its_day_alone() -> None:
    assert enzyme().evidence.facts == ("19 Nov 2026",)


@pytest.mark.parametrize(("code", "name"), [(ALT, "ALT"), ("1920-8", "AST"), ("62238-1", "eGFR")])
def test_a_result_without_a_text_has_its_usual_name(code: str, name: str) -> None:
    assert measured(code, 20).evidence.name == name


def test_beyond_the_range_of_the_method() -> None:
    found = enzyme(valueQuantity={"value": 1000, "unit": "U/L", "comparator": ">"})
    assert found.evidence.facts[0] == "over 1000 U/L (upper limit 40)"
