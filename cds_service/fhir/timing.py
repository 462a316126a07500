"""How often: https://hl7.org/fhir/datatypes.html#Timing in times per day."""

from __future__ import annotations

import re
from datetime import UTC, date
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from cds_service.fhir.codes import codes_of, text_of
from cds_service.fhir.datatypes import Repeat, Timing
from cds_service.fhir.dates import read_date
from cds_service.fhir.units import days_in


class Frequency(Struct, frozen=True, gc=False):
    """Times per day on average, from the low to the high end; ``total`` times in all; ``length`` in days."""

    per_day: float | None = None
    per_day_high: float | None = None
    total: int | None = None
    length: float | None = None


# Event codes that stand for three meals, not for one moment of the day.
_MEALS: Final = frozenset({"C", "AC", "PC"})

# Timing abbreviations (GTSAbbreviation) and what is written in their place.
_PER_DAY: Final[dict[str, float]] = {
    word: per_day
    for per_day, words in {
        1.0: "qd od daily once-daily once-a-day every-day each-day qam am morning every-morning "
        "in-the-morning qpm pm evening every-evening in-the-evening qhs hs bed bedtime at-bedtime nightly "
        "every-night at-night daily-at-bedtime once-per-day once-nightly every-day-at-bedtime",
        2.0: "bid bd twice-daily twice-a-day two-times-daily 2-times-daily two-times-a-day 2-times-a-day",
        3.0: "tid tds three-times-daily three-times-a-day 3-times-daily 3-times-a-day",
        4.0: "qid qds four-times-daily four-times-a-day 4-times-daily 4-times-a-day",
        5.0: "five-times-daily 5-times-daily five-times-a-day",
        0.5: "qod eod every-other-day alternate-days every-second-day",
        1 / 7: "wk qwk qw weekly once-weekly every-week once-a-week",
        2 / 7: "twice-weekly biw twice-a-week",
        3 / 7: "tiw three-times-weekly",
        1 / 14: "q2wk every-other-week every-two-weeks",
        1 / 30: "mo qmo monthly once-monthly every-month once-a-month",
    }.items()
    for word in words.split()
}
_A_SECOND: Final = 1 / 86400
_EVERY: Final = re.compile(
    r"(?:q|every)-?(?P<low>\d+)(?:(?:-to)?-(?P<high>\d+))?-?(?P<unit>h|hr|hrs|hours?|d|days?|wk|weeks?|mo|months?)\b"
)


def read_frequency(timing: Timing | None) -> Frequency:
    """From ``repeat``; else from the timing's code or its text; else from its dates."""
    if timing is None:
        return Frequency()
    frequency = _from_repeat(timing.repeat) if timing.repeat is not None else Frequency()
    if frequency.per_day is not None:
        return frequency
    if timing.code is not None:
        codes = codes_of(timing.code)
        words = [code.code for code in codes] + [code.display for code in codes]
        for word in (*words, text_of(timing.code)):
            low, high = _from_word(word)
            if low is not None:
                return replace(frequency, per_day=low, per_day_high=high)
    return frequency if frequency != Frequency() else _from_events(timing.event)


def _from_repeat(repeat: Repeat) -> Frequency:
    unit = repeat.period_unit or repeat.period_units
    days = days_in(repeat.period if repeat.period is not None else 1.0, unit)
    longest = max(days_in(repeat.period_max, unit) or 0.0, days or 0.0)
    moments = max(len(repeat.time_of_day), _moments(repeat.when)) if repeat.time_of_day or repeat.when else 0
    times = repeat.frequency if repeat.frequency is not None else (moments or 1)
    if not days or abs(days) < _A_SECOND:
        return Frequency(_on_weekdays(float(moments), repeat), None, repeat.count)
    if days == 1:
        times = max(times, moments)
    most = max(repeat.frequency_max or 0, times)
    low, high = times / (longest or days), most / days
    if repeat.day_of_week:
        low, high = _weekly(low, days, repeat), _weekly(high, days, repeat)
    return Frequency(low or None, high if high > low else None, repeat.count)


def _moments(when: list[str] | str | None) -> int:
    whens = [when] if isinstance(when, str) else when or []
    return sum(3 if code.strip().upper() in _MEALS else 1 for code in whens)


def _weekly(per_day: float, period: float, repeat: Repeat) -> float:
    """On some weekdays only: "once a day on Monday and Friday", also written as once a week."""
    weekdays = len(set(repeat.day_of_week))
    if period >= 7:
        return max(per_day, weekdays / period)
    return per_day * weekdays / 7


def _on_weekdays(per_day: float, repeat: Repeat) -> float | None:
    if repeat.day_of_week:
        return (per_day or 1.0) * len(set(repeat.day_of_week)) / 7
    return per_day or None


def _from_word(word: str | None) -> tuple[float | None, float | None]:
    text = re.sub(r"[\s_]+", "-", word.strip().lower()) if word else ""
    plain = re.sub(r"[().,]", "", text)
    if plain in _PER_DAY:
        return _PER_DAY[plain], None
    match = _EVERY.match(plain)
    if match is None:
        first = plain.split("-")[0]
        return (_PER_DAY.get(first), None) if first in {"bid", "tid", "qid", "qd", "qod"} else (None, None)
    return _every(match)


def _every(match: re.Match[str]) -> tuple[float | None, float | None]:
    shortest = days_in(float(match["low"]), match["unit"])
    longest = days_in(float(match["high"]), match["unit"]) if match["high"] else None
    if not shortest:
        return None, None
    return (1 / longest, 1 / shortest) if longest else (1 / shortest, None)


def _from_events(events: list[str]) -> Frequency:
    spans = [span for span in (read_date(event, UTC) for event in events) if span is not None]
    if not spans:
        return Frequency()
    days: list[date] = sorted(span.earliest for span in spans)
    length = (days[-1] - days[0]).days + 1
    return Frequency(len(spans) / length if len(spans) > 1 else None, None, len(spans), float(length))
