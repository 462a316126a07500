"""Dates moved together: the day of the decision becomes one of January 2001, the others keep their distance.

The day of the month stays, so that a date without a day ends as far from the decision as before, to within
the lengths of months. Times of day are cut to the hour.
"""

from __future__ import annotations

import re
from datetime import date, timedelta

UNREADABLE = "not-a-date"
_OLDEST = 90
"""Years; who is older is 90 (45 CFR 164.514(b)(2)(i)(C) counts all ages over 89 as one)."""
_DATE = re.compile(
    r"(\d{4})(?:-(\d\d)(?:-(\d\d)(?:[T ](\d\d):\d\d(?::\d\d(?:\.\d+)?)?(Z|[+-]\d\d:\d\d)?)?)?)?"
)


def anchor(today: date) -> date:
    """What ``today`` becomes."""
    return date(2001, 1, today.day)


def shifted(text: str, today: date, *, birth: bool = False) -> str:
    """``text`` moved as ``today`` is; what is no date says so, and no more."""
    found = _DATE.fullmatch(text.strip())
    if found is None:
        return UNREADABLE
    year, month, day, hour, zone = found.groups()
    try:
        if day is None:
            return _shifted_partial(int(year), int(month) if month else None, today, birth)
        moved = _not_too_old(date(int(year), int(month), int(day)), today, birth) + (anchor(today) - today)
    except (ValueError, OverflowError):
        return UNREADABLE
    return moved.isoformat() + (f"T{hour}:00:00{zone or ''}" if hour else "")


def _shifted_partial(year: int, month: int | None, today: date, birth: bool) -> str:
    """A year, or a month of one. Raises ``ValueError`` for what is none."""
    year = max(year, today.year - _OLDEST) if birth else year
    moved = year + anchor(today).year - today.year
    if month is None:
        return date(moved, 1, 1).isoformat()[:4]
    years, index = divmod(date(year, month, 1).month - 1 + anchor(today).month - today.month, 12)
    return date(moved + years, index + 1, 1).isoformat()[:7]


def _not_too_old(born: date, today: date, birth: bool) -> date:
    oldest = today - timedelta(days=round(_OLDEST * 365.25))
    return max(born, oldest) if birth else born
