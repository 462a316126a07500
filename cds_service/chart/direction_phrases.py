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

_ROMAN = re.compile(rf"(?<![\w.])(i{{1,3}})(?=\s+(?:(?:{PIECES})\b|po\b|q?hs\b|daily\b|nightly\b))")
_AND_A_HALF = re.compile(r"(?<![\d/.,])(\d+|one|two|three|four)\s+and\s+(?:a|one)[\s-]half\b")
_COUNTED = {"one": "1", "two": "2", "three": "3", "four": "4", "half": "0.5"}
_SHARE = re.compile(
    rf"\b(?:(?:an?|one|1)[\s-])?(third|fifth|tenth)\s+of(?=\s+(?:an?\s+|the\s+|one\s+)?(?:{PIECES})\b)"
)
_BELOW = {"third": 3, "fifth": 5, "tenth": 10}
_A_FEW = r"[1-9](?:[.,]\d+)?|0?[.,]\d+"
"""Thirty capsules are what is dispensed, not what is taken."""
_PRODUCT_AND_COUNT = re.compile(
    rf"\b(?:naltrexone|ldn|revia)(?:\s+(?:hcl|hydrochloride))?\s+({NUMBER})\s*({MASS})(?:\s+(?:{PIECES}))?\s*[,:;-]?"
    rf"\s*(?:take\s+)?({_A_FEW}|one|two|three|four|half)\s+(?:an?\s+)?(?:{PIECES})\b"
)
_MIXED = re.compile(r"(?<![\d/.,])(\d+)\s*(?:and|&|\+)?\s+(\d)\s*/\s*(\d{1,2})(?![\d/.])")
_FRACTION = re.compile(r"(?<![\d/.,])(\d)\s*/\s*(\d{1,2})(?:rds?|ths?)?(?![\d/.]|\s*mg)")
_SMALL_PIECE = re.compile(
    rf"(?<![\d/.,])1\s*/\s*(1[1-9]|20|25|50)(?:ths?)?(?=\s*(?:of\s+)?(?:an?\s+|the\s+|one\s+)?(?:{PIECES})\b)"
)
_A_DAY = re.compile(r"/\s*(?:day|d|night|24\s*h(?:ou)?rs?|24\s*h)\b")
_SPANS = r"days?|d|weeks?|wks?|w|months?"
_STEP_AND_COMMA = re.compile(rf"((?:for|x|×)\s*{NUMBER}\s*(?:{_SPANS}))\s*,\s*(?:then\s+)?")
_MORNING = r"(?:morning|q?a\.?m|breakfast)"
_EVENING = r"(?:night|evening|q?p\.?m|q?hs|bed\s?time|bed)"
_MORNING_AND_NIGHT = re.compile(
    rf"({NUMBER})\s*(mg)\b[^,;.]{{0,60}}?\b{_MORNING}\b\s*(?:and|,|\+|plus|&)\s*"
    rf"(?:{NUMBER}\s*(?:{PIECES})\s*\(\s*)?({NUMBER})\s*(?:mg)\b[^,;.]{{0,60}}?\b{_EVENING}\b"
)
_A_COUNT = rf"({NUMBER}|one|two|three|four|half)\b(?!\s*-?(?:{MASS}|mls?)\b)"
_PIECES_MORNING_AND_NIGHT = re.compile(
    rf"(?<![\d.,/]){_A_COUNT}\s+({NUMBER}\s*-?(?:{MASS})\s+)?(?:an?\s+)?(?:(?:{PIECES})\b)?[^,;.\d]{{0,60}}?"
    rf"\b{_MORNING}\b\s*(?:and|,|\+|plus|&)\s*(?:take\s+)?{_A_COUNT}[^,;.\d]{{0,60}}?"
    rf"\b{_EVENING}\b"
)
_CUT = re.compile(
    rf"\b(?:cut|split|divid\w*|break)\s+(?:(?:the|each|an?|one|1)\s+)?({NUMBER}\s*-?(?:{MASS})\s+)?(?:(?:{PIECES})\s+)?"
    rf"(?:in|into)\s+({NUMBER})(?:ths?)?(?:\s+equal)?(?:\s+(?:pieces|parts|portions|doses))?[\s,;.:-]*(?:and\s+)?(?:then\s+)?"
    rf"take\s+{_A_COUNT}(?:\s+(?:piece|part|portion|dose)s?)?"
)
_UNIT = rf"{MASS}|mls?|{PIECES}"
_SOME = rf"{NUMBER}|one|two|three|four|half"
RISES = r"(?:increas\w*|titrat\w*|rais\w*|go(?:ing)? up)"
_BETWEEN_DOSES = r"(?:every|each|per|q\s?\d|q\s?w|weekly)"
RISE_SIZE = rf"(?:by\b|(?=(?:{_SOME})\s*(?:{_UNIT})?\s*{_BETWEEN_DOSES}))"
"""What follows "increase" and says by how much, with or without the "by"."""
_RISE = re.compile(
    rf"\b{RISES}\s+(?:the\s+)?(?:dose\s+)?{RISE_SIZE}\s*({_SOME})\s*({_UNIT})?\b(?:\s*\([^)]{{0,20}}\))?"
    rf"(?:\s*(?:every|each|per|q)\s*({NUMBER})?\s*({_SPANS})\b|\s*(weekly))?"
    rf"[^.;]{{0,80}}?\b(?:to|until|max\w*)\s+(?:an?\s+|the\s+)?(?:max\w*\s+(?:dose\s+)?)?(?:of\s+)?"
    rf"({_SOME})\s*({_UNIT})?\b"
)
_SIZE_ALONE = re.compile(
    rf"\bby\s+(?:{_SOME})\s*(?:{_UNIT})\s*(?:(?:every|each|per|q)\s*(?:{NUMBER}\s*)?(?:{_SPANS})\b|weekly\b)"
)
_INTERVAL_FIRST = re.compile(
    rf"\b({RISES})\s+(weekly|(?:every|each|per|q)\s*(?:{NUMBER}\s*)?(?:{_SPANS})\b)"
    rf"\s+by\s+({NUMBER}\s*(?:{MASS})?)"
)
_FROM_TO = re.compile(rf"(?<![\d.,]){NUMBER}\s*({MASS})\s*(?:-|–|to)\s*({NUMBER})\s*\1\b")
_AMOUNT = re.compile(rf"(?<![\w.,/])({_SOME})\s*-?({_UNIT})\b")
_DAYS_IN = {"d": 1, "w": 7, "m": 30}
_IN_52 = {"7": "days", "52": "weeks", "12": "months"}
_ORDINALS = r"first|second|third|fourth|next|1st|2nd|3rd|4th"
_RISES_CUT_SHORT = re.compile(r"↑\s*|\bincr?\b\.?\s*")
_SPAN_IN_52 = re.compile(r"\b(for|x)\s*(\d{1,2})\s*/\s*(7|52|12)\b")
_AFTER_ANOTHER = re.compile(
    rf"\bafter\s+(?:another|\d{{1,2}}\s+(?:more|further|additional))\s+(?:{_SPANS})\b(?:\s+to\b)?"
)
_ONE_SPAN = re.compile(
    rf"\b(for|after|in|within)\s+(?:an?|another|the\s+(?:{_ORDINALS}))\s+(day|week|month)\b"
)
_LABEL_BEHIND = re.compile(
    rf"\(?\b(?:day|week|wk)s?\s*\d{{1,3}}(?:\s*(?:-|–|to)\s*\d{{1,3}})?\)?\s*,\s*(?={NUMBER}\s*(?:{_UNIT})\b)"
)
_LABEL = re.compile(
    r"(?<!\d)(?<!\d )\b(day|week|wk|month)s?\s*(\d{1,3})\s*"
    rf"(?:(?:-|–|to|through|thru|and|&)\s*(\d{{1,3}})(?!\s*-?(?:{_UNIT})\b|[.,]?\d)\s*[:=]?"
    r"|(\+|on(?:wards?)?\b|and (?:on|after|beyond)\b)\s*[:=]?|[:=])"
)
_ORDINAL_WEEK = re.compile(
    rf"(?<!every )(?<!each )(?<!for the )(?<!for )\b(?:the\s+)?(?:{_ORDINALS})\s+(?:(\d)\s+)?"
    r"(week|month)s?\b:?"
)
_COUNT_CUT_SHORT = re.compile(
    rf"\b(?:take|tk|t)\s*({NUMBER})\s*([ct])s?\b"
    rf"|(?<![\w.,/])({NUMBER})\s*([ct])s?\b(?=\s+(?:po|by mouth|q\w*|hs|daily|nightly|at|for|x)\b)"
)
_COUNT_TO_COUNT = re.compile(
    rf"(?<![\d.,/-])(?:{NUMBER}|one|two)\s*(?:-|–|to|or)\s*({_SOME})(?=\s*(?:(?:{PIECES}|mls?)\b|q?hs\b|qd\b))"
)
_MORNING_NOON_NIGHT = re.compile(r"(?<![\w.,/-])([0-4])-([0-4])-([0-4])(?:-([0-4]))?(?![\w/-]|[.,]\d)")
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
    before = [(number, _plain_unit(unit)) for number, unit in _AMOUNT.findall(rise.string[: rise.start()])]
    unit = _plain_unit(rise[2] or rise[7] or (before[-1][1] if before else ""))
    starts = [_counted(number) for number, its_unit in before if its_unit == unit]
    if not starts or _plain_unit(rise[7] or unit) != unit:
        return rise[0]
    dose, size, end = starts[-1], _counted(rise[1]), _counted(rise[6])
    count = (end - dose) / size if size else 0
    if not 0 < count <= _MOST_STEPS:
        return rise[0]
    days = 7 if rise[5] else round(_value(rise[3] or "1") * _DAYS_IN[rise[4][0]]) if rise[4] else 0
    span = f" for {days} days" if days else ""
    between = [dose + size * n for n in range(1, int(count - 1e-6) + 1)]
    return (
        span
        + "".join(f" then {_decimal(amount)} {unit}{span}" for amount in between)
        + f" then {_decimal(end)} {unit} "
    )


def _plain_unit(unit: str) -> str:
    """One word for every kind of piece, and for a millilitre."""
    if unit in ("", "ml", "mls"):
        return unit.rstrip("s")
    return unit if re.fullmatch(MASS, unit) else "capsules"


def _labelled(label: re.Match[str]) -> str:
    """How long the step lasts that is named by its weeks; without an end where it says "onwards"."""
    if label[4]:
        return "then "
    weeks = int(label[3] or label[2]) - int(label[2]) + 1
    return f"then for {weeks * _DAYS_IN[label[1][0]]} days. " if weeks > 0 else label[0]


def _ordinal(match: re.Match[str]) -> str:
    return f"then for {int(match[1] or 1) * _DAYS_IN[match[2][0]]} days. "


def _written_out(match: re.Match[str]) -> str:
    """A count of capsules or tablets of which a pharmacy wrote the first letter."""
    number, letter = match[1] or match[3], match[2] or match[4]
    return f"take {number} {'capsules' if letter == 'c' else 'tablets'}"


def _of_the_day(match: re.Match[str]) -> str:
    pieces = sum(int(count or 0) for count in match.groups())
    return f"{pieces} capsules a day" if pieces else match[0]


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
    Turn("iii caps", "3 caps", _ROMAN, lambda m: str(len(m[1]))),
    Turn("4.5 mgs", "4.5 mg", re.compile(r"\bmgs\b"), "mg"),
    Turn("inc. by 0.5 mg", "increase by 0.5 mg", _RISES_CUT_SHORT, "increase "),
    Turn("x 2/52", "x 2 weeks", _SPAN_IN_52, lambda m: f"{m[1]} {m[2]} {_IN_52[m[3]]}"),
    Turn("after another week to 3 mg", "then 3 mg", _AFTER_ANOTHER, "then"),
    Turn("1.5 mg for a week", "1.5 mg for 1 week", _ONE_SPAN, r"\1 1 \2"),
    Turn("1.5 mg week 1, 3 mg", "1.5 mg then 3 mg", _LABEL_BEHIND, "then "),
    Turn("week 1-2: 1 qhs", "then for 14 days.  1 qhs", _LABEL, _labelled),
    Turn("second week 3 mg", "then for 7 days.  3 mg", _ORDINAL_WEEK, _ordinal),
    Turn("one and a half tablets", "1 1/2 tablets", _AND_A_HALF, lambda m: f"{_COUNTED.get(m[1], m[1])} 1/2"),
    Turn("a tenth of a tablet", "0.1 of a tablet", _SHARE, lambda m: f"{_decimal(1 / _BELOW[m[1]])} of"),
    Turn("1 1/2 tablets", "1.5 tablets", _MIXED, _turn_mixed),
    Turn("1/10 tablet", "0.1 tablet", _FRACTION, _proper),
    Turn("1/16 tablet", "0.0625 tablet", _SMALL_PIECE, lambda m: _decimal(1 / int(m[1]))),
    Turn("tk 2 cs po qhs", "take 2 capsules po qhs", _COUNT_CUT_SHORT, _written_out),
    Turn("1-2 capsules", "2 capsules", _COUNT_TO_COUNT, r"\1"),
    Turn("1-0-0-2", "3 capsules a day", _MORNING_NOON_NIGHT, _of_the_day),
    Turn("half a ml", "0.5 ml", re.compile(r"\bhalf an? ml\b"), "0.5 ml"),
    Turn(
        "1 teaspoon", "5 ml", re.compile(rf"({NUMBER})\s*(?:tsp|teaspoon(?:ful)?)s?\b"),
        lambda m: f"{_decimal(_value(m[1]) * 5)} ml",
    ),
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
    Turn("0.5 mg by 0.5 mg weekly", "0.5 mg ", _SIZE_ALONE, ""),
    Turn("1.5 mg to 4.5 mg", "4.5 mg", _FROM_TO, r"\2 \1"),  # of a range the high end counts
)  # fmt: skip


def plainly(text: str) -> str:
    """``text`` (lower case) in plain phrases."""
    text = " ".join(text.replace("½", " 1/2").replace("¼", " 1/4").split())
    for turn in TURNS:
        text = turn.pattern.sub(turn.by, text)
    return text
