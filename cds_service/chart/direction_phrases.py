"""Turns of phrase in written directions, brought to the plain ones that :mod:`directions` reads.

:data:`TURNS`, at the end, has them all in the order in which they are applied, each with an example.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import NamedTuple

NUMBER = r"(?:\d+(?:[.,]\d+)?|\.\d+)"
MASS = r"mg|milligrams?|mcg|micrograms?|µg|μg|ug"

PIECES = (
    r"capsules?|caps?|tablets?|tabs?|pills?|lozenges?|troches?"
    r"|kapseln?|tabletten?|gélules?|gelules?|comprimés?|comprimes?|cápsulas?|capsulas?|comprimidos?"
)
"""English; then German, French and Spanish, whose counts alone are read."""

_AND_A_HALF = re.compile(r"(?<![\d/.,])(\d+|one|two|three|four)\s+and\s+(?:a|one)[\s-]half\b")
_COUNTED = {"one": "1", "two": "2", "three": "3", "four": "4", "half": "0.5"}
_SHARE = re.compile(
    rf"\b(?:(?:an?|one|1)[\s-])?(third|fifth|tenth)\s+of(?=\s+(?:an?\s+|the\s+|one\s+)?(?:{PIECES})\b)"
)
_BELOW = {"third": 3, "fifth": 5, "tenth": 10}
_A_FEW = r"[1-9](?:[.,]\d+)?|0?[.,]\d+"
"""Thirty capsules are what is dispensed, not what is taken."""
_PRODUCT_AND_COUNT = re.compile(
    rf"\b(?:naltrexone|ldn)(?:\s+(?:hcl|hydrochloride))?\s+({NUMBER})\s*({MASS})(?:\s+(?:{PIECES}))?\s*[,:;-]?"
    rf"\s*(?:take\s+)?({_A_FEW}|one|two|three|four|half)\s+(?:an?\s+)?(?:{PIECES})\b"
)
_MIXED = re.compile(r"(?<![\d/.,])(\d+)\s*(?:and|&|\+)?\s+(\d)\s*/\s*(\d{1,2})(?![\d/.])")
_FRACTION = re.compile(r"(?<![\d/.,])(\d)\s*/\s*(\d{1,2})(?![\d/.]|\s*mg)")
_A_DAY = re.compile(r"/\s*(?:day|d|night|24\s*h(?:ou)?rs?|24\s*h)\b")
_SPANS = r"days?|d|weeks?|wks?|w|months?"
_STEP_AND_COMMA = re.compile(rf"((?:for|x|×)\s*{NUMBER}\s*(?:{_SPANS}))\s*,\s*(?:then\s+)?")
_MORNING_AND_NIGHT = re.compile(
    rf"({NUMBER})\s*(mg)\b[^,;.]{{0,60}}?\b(?:morning|a\.?m|breakfast)\b\s*(?:and|,|\+|plus|&)\s*"
    rf"({NUMBER})\s*(?:mg)\b[^,;.]{{0,60}}?\b(?:night|evening|p\.?m|bed\s?time|bed)\b"
)
_A_COUNT = rf"({NUMBER}|one|two|three|four|half)\b(?!\s*-?(?:{MASS}|mls?)\b)"
_PIECES_MORNING_AND_NIGHT = re.compile(
    rf"(?<![\d.,/]){_A_COUNT}\s+({NUMBER}\s*-?(?:{MASS})\s+)?(?:an?\s+)?(?:(?:{PIECES})\b)?[^,;.\d]{{0,60}}?"
    rf"\b(?:morning|a\.?m|breakfast)\b\s*(?:and|,|\+|plus|&)\s*(?:take\s+)?{_A_COUNT}[^,;.\d]{{0,60}}?"
    r"\b(?:night|evening|p\.?m|bed\s?time|bed)\b"
)
_CUT = re.compile(
    rf"\b(?:cut|split|divid\w*|break)\s+(?:(?:the|each|an?|one|1)\s+)?({NUMBER}\s*-?(?:{MASS})\s+)?(?:{PIECES})\s+"
    rf"(?:in|into)\s+({NUMBER})(?:\s+equal)?(?:\s+(?:pieces|parts|portions|doses))?[\s,;.:-]*(?:and\s+)?(?:then\s+)?"
    rf"take\s+{_A_COUNT}(?:\s+(?:piece|part|portion|dose)s?)?"
)
_RISES = r"(?:increas\w*|titrat\w*|rais\w*|go(?:ing)? up)"
RISE_SIZE = rf"(?:by\b|(?={NUMBER}\s*(?:{MASS}|mls?)?\s*(?:every|each|per|q\s?\d|weekly)))"
"""What follows "increase" and says by how much, with or without the "by"."""
_RISE = re.compile(
    rf"\b{_RISES}\s+(?:the\s+)?(?:dose\s+)?{RISE_SIZE}\s*({NUMBER})\s*({MASS})?"
    rf"(?:\s*(?:every|each|per|q)\s*({NUMBER})?\s*({_SPANS})\b|\s*(weekly))?"
    rf"[^.;]{{0,80}}?\b(?:to|until|max\w*)\s+(?:an?\s+|the\s+)?(?:max\w*\s+(?:dose\s+)?)?(?:of\s+)?({NUMBER})\s*({MASS})?"
)
_INTERVAL_FIRST = re.compile(
    rf"\b({_RISES})\s+(weekly|(?:every|each|per|q)\s*(?:{NUMBER}\s*)?(?:{_SPANS})\b)"
    rf"\s+by\s+({NUMBER}\s*(?:{MASS})?)"
)
_FROM_TO = re.compile(rf"(?<![\d.,]){NUMBER}\s*({MASS})\s*(?:-|–|to)\s*({NUMBER})\s*\1\b")
_DOSE = re.compile(rf"({NUMBER})\s*-?({MASS})\b")
_DAYS_IN = {"d": 1, "w": 7, "m": 30}
_MOST_STEPS = 20


def _proper(match: re.Match[str]) -> str:
    """A half, a tenth; other pairs ("5/325") are none."""
    above, below = int(match[1]), int(match[2])
    return _decimal(above / below) if 0 < above < below <= 10 else match[0]


def _both(match: re.Match[str]) -> str:
    """The pieces of morning and night together, of the strength that is named."""
    count = _decimal(_counted(match[1]) + _counted(match[3]))
    return f"{count} x {match[2]}tablets a day" if match[2] else f"{count} tablets a day"


def _part(match: re.Match[str]) -> str:
    """The share of a tablet that is taken."""
    parts = _value(match[2])
    if not parts:
        return match[0]
    share = _decimal(_counted(match[3]) / parts)
    return f"take {share} x {match[1]}tablet" if match[1] else f"take {share} tablet"


def _counted(number: str) -> float:
    return _value(_COUNTED.get(number, number))


def _steps(rise: re.Match[str]) -> str:
    """Every step of a rise, or the words as they stand when start, size and end do not fit."""
    start = _DOSE.findall(rise.string[: rise.start()])
    unit = rise[2] or rise[7] or (start[-1][1] if start else "")
    if not start or {start[-1][1], rise[7] or unit, unit} != {unit}:
        return rise[0]
    dose, size, end = _value(start[-1][0]), _value(rise[1]), _value(rise[6])
    count = (end - dose) / size if size else 0
    if not 0 < count <= _MOST_STEPS:
        return rise[0]
    days = 7 if rise[5] else round(_value(rise[3] or "1") * _DAYS_IN[rise[4][0]]) if rise[4] else 0
    span = f" for {days} days" if days else ""
    between = [dose + size * n for n in range(1, int(count - 1e-6) + 1)]
    return (
        span
        + "".join(f" then {_decimal(mg)} {unit}{span}" for mg in between)
        + f" then {_decimal(end)} {unit} "
    )


def _value(number: str) -> float:
    return float(number.replace(",", "."))


def _decimal(value: float) -> str:
    return f"{value:.4f}".rstrip("0").rstrip(".")


class Turn(NamedTuple):
    """One turn of phrase, an example of it, and what becomes of the example."""

    written: str
    plain: str
    pattern: re.Pattern[str]
    by: str | Callable[[re.Match[str]], str]


def _turn_mixed(match: re.Match[str]) -> str:
    whole, above, below = int(match[1]), int(match[2]), int(match[3])
    return _decimal(whole + above / below) if below else match[0]


# In this order: numbers first, then what is counted in them, then doses that change.
TURNS: tuple[Turn, ...] = (
    Turn("one and a half tablets", "1 1/2 tablets", _AND_A_HALF, lambda m: f"{_COUNTED.get(m[1], m[1])} 1/2"),
    Turn("a tenth of a tablet", "0.1 of a tablet", _SHARE, lambda m: f"{_decimal(1 / _BELOW[m[1]])} of"),
    Turn("1 1/2 tablets", "1.5 tablets", _MIXED, _turn_mixed),
    Turn("1/10 tablet", "0.1 tablet", _FRACTION, _proper),
    Turn("naltrexone 50 mg 2 tablets", "2 x 50 mg tablets", _PRODUCT_AND_COUNT, r"\3 x \1 \2 tablets"),
    Turn("4.5 mg/day", "4.5 mg a day ", _A_DAY, " a day "),
    Turn("1.5 mg x 14 d, 3 mg x 14 d", "1.5 mg x 14 d then 3 mg x 14 d", _STEP_AND_COMMA, r"\1 then "),
    Turn("cut the 50 mg tablet in 10, take one piece", "take 0.1 x 50 mg tablet", _CUT, _part),
    Turn(
        "one capsule in the morning and two at night", "3 tablets a day", _PIECES_MORNING_AND_NIGHT, _both
    ),
    Turn(
        "3 mg in the morning and 1.5 mg at night", "4.5 mg a day", _MORNING_AND_NIGHT,
        lambda m: f"{_decimal(_value(m[1]) + _value(m[3]))} mg a day",
    ),
    Turn("increase weekly by 1.5 mg", "increase by 1.5 mg weekly", _INTERVAL_FIRST, r"\1 by \3 \2"),
    Turn(
        "1.5 mg, increase by 1.5 mg every 2 weeks to 4.5 mg",
        "1.5 mg,  for 14 days then 3 mg for 14 days then 4.5 mg ", _RISE, _steps,
    ),
    Turn("1.5 mg to 4.5 mg", "4.5 mg", _FROM_TO, r"\2 \1"),  # of a range the high end counts
)  # fmt: skip


def plainly(text: str) -> str:
    """``text`` (lower case) in plain phrases."""
    text = " ".join(text.replace("½", " 1/2").replace("¼", " 1/4").split())
    for turn in TURNS:
        text = turn.pattern.sub(turn.by, text)
    return text
