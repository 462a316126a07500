"""FHIR dates as spans of calendar days.

FHIR dates may be partial (https://hl7.org/fhir/datatypes.html#date): ``2024``
is some day of 2024. Everything here is a :class:`Span`, from the earliest to
the latest day it can mean, so that a rule can take the cautious end.
"""

from __future__ import annotations

import re
from calendar import monthrange
from datetime import UTC, date, datetime, time, timedelta, timezone, tzinfo

from msgspec import Struct

_LONGEST = 100
"""Characters; an instant with nanoseconds has 35. Blanks are tried at each place where they may stand."""
_DATE = re.compile(
    r"\s*(?P<year>\d{4})(?:-(?P<month>\d{1,2})(?:-(?P<day>\d{1,2})(?P<time>[Tt ].*)?)?)?\s*\Z",
    re.ASCII | re.DOTALL,
)
_TIME = re.compile(
    r"[Tt ]\s*(?P<hour>\d{1,2}):(?P<minute>\d{2})(?::(?P<second>\d{2})(?:[.,]\d+)?)?"
    r"\s*(?P<zone>[Zz]|(?P<sign>[+-])(?P<zh>\d{2}):?(?P<zm>\d{2})?)?\s*\Z",
    re.ASCII,
)


class Span(Struct, frozen=True, gc=False):
    """The first and the last calendar day that a FHIR date can mean."""

    earliest: date
    latest: date


def read_date(text: str | None, zone: tzinfo) -> Span | None:
    """Read a FHIR date, dateTime or instant; days are counted in ``zone``.

    A time without an offset is taken as local to ``zone``. A time that makes
    no sense leaves the day as written; a day that makes none gives ``None``.
    """
    if not text or len(text) > _LONGEST:
        return None
    return _usual(text, zone) or _read(text, zone)


def _usual(text: str, zone: tzinfo) -> Span | None:
    """A whole day or an instant as nearly every server writes it; None of anything else."""
    if text[4:5] != "-" or text[7:8] != "-":
        return None
    try:
        if len(text) == 10:
            day = date.fromisoformat(text)
        elif text[10] == "T" and text[13] == ":" and text[-1] == "Z":
            day = datetime.fromisoformat(text).astimezone(zone).date()
        else:
            return None
    except (ValueError, OverflowError, IndexError):
        return None
    return Span(day, day)


def _read(text: str, zone: tzinfo) -> Span | None:
    match = _DATE.match(text)
    if match is None:
        return None
    try:
        if match["day"]:
            return _day(match, zone)
        return _partial(int(match["year"]), match["month"])
    except (ValueError, OverflowError):
        return None


def _partial(year: int, month: str | None) -> Span:
    if month is None:
        return Span(date(year, 1, 1), date(year, 12, 31))
    first = date(year, int(month), 1)
    return Span(first, first.replace(day=monthrange(year, int(month))[1]))


def _day(match: re.Match[str], zone: tzinfo) -> Span:
    day = date(int(match["year"]), int(match["month"]), int(match["day"]))
    clock = _TIME.match(match["time"]) if match["time"] else None
    if clock is not None and clock["zone"]:
        day = _local_day(day, clock, zone)
    return Span(day, day)


def _local_day(day: date, clock: re.Match[str], zone: tzinfo) -> date:
    hour, minute = int(clock["hour"]), int(clock["minute"])
    if hour > 24 or minute > 59:
        return day
    moment = datetime.combine(day, time(0), _offset(clock)) + timedelta(hours=hour, minutes=minute)
    return moment.astimezone(zone).date()


def _offset(clock: re.Match[str]) -> timezone:
    if clock["sign"] is None:
        return UTC
    offset = timedelta(hours=int(clock["zh"]), minutes=int(clock["zm"] or 0))
    return timezone(-offset if clock["sign"] == "-" else offset)
