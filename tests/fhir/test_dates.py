"""FHIR dates as spans of days."""

from __future__ import annotations

from datetime import date
from zoneinfo import ZoneInfo

import pytest

from cds_service.fhir.dates import Span, read_date

NEW_YORK = ZoneInfo("America/New_York")
TOKYO = ZoneInfo("Asia/Tokyo")


def day(year: int, month: int, number: int) -> Span:
    return Span(date(year, month, number), date(year, month, number))


@pytest.mark.parametrize(
    ("text", "span"),
    [
        ("2024", Span(date(2024, 1, 1), date(2024, 12, 31))),
        ("2024-02", Span(date(2024, 2, 1), date(2024, 2, 29))),
        ("2023-02", Span(date(2023, 2, 1), date(2023, 2, 28))),
        ("2024-02-29", day(2024, 2, 29)),
        (" 2024-03-01  ", day(2024, 3, 1)),
        ("2024-3-1", day(2024, 3, 1)),
    ],
)
def test_dates_and_partial_dates(text: str, span: Span) -> None:
    assert read_date(text, NEW_YORK) == span


@pytest.mark.parametrize(
    ("text", "zone", "span"),
    [
        ("2024-03-02T02:00:00Z", NEW_YORK, day(2024, 3, 1)),
        ("2024-03-02T02:00:00z", NEW_YORK, day(2024, 3, 1)),
        ("2024-03-02t02:00:00+00:00", NEW_YORK, day(2024, 3, 1)),
        ("2024-03-01T23:30:00-05:00", TOKYO, day(2024, 3, 2)),
        ("2024-03-01T23:30:00-0500", TOKYO, day(2024, 3, 2)),
        ("2024-03-01T23:30:00.123456789Z", TOKYO, day(2024, 3, 2)),
        ("2024-03-01T23:30Z", TOKYO, day(2024, 3, 2)),
        ("2024-03-01 23:30:00Z ", TOKYO, day(2024, 3, 2)),
        ("2024-03-01T24:00:00Z", TOKYO, day(2024, 3, 2)),
    ],
)
def test_instants_count_in_the_sites_zone(text: str, zone: ZoneInfo, span: Span) -> None:
    assert read_date(text, zone) == span


@pytest.mark.parametrize("text", ["2024-03-01T23:30:00", "2024-03-01T99:99:99Z", "2024-03-01Tnoon"])
def test_without_a_usable_time_the_day_stands_as_written(text: str) -> None:
    assert read_date(text, TOKYO) == day(2024, 3, 1)


@pytest.mark.parametrize(
    "text",
    [None, "", "   ", "yesterday", "0000", "2024-13", "2023-02-29", "24-01-01", "2024-01-01-01", "２０２４",
     "9999-12-31T23:59:59-12:00", "0001-01-01T00:00:00+14:00", "2024-03-01T00:00:00+99:00"],
)  # fmt: skip
def test_nonsense_is_no_date(text: str | None) -> None:
    assert read_date(text, NEW_YORK if text and text.startswith("0001") else TOKYO) is None


def test_blanks_without_end_are_no_date() -> None:
    """Each blank was tried as the end of the time: a hundred thousand took hours."""
    assert read_date("2026-01-01T10:00:00" + " " * 100_000 + "x", ZoneInfo("UTC")) is None
