"""Reading directions written as free text: "1.5 mg nightly x 2 weeks then 3 mg", "1 cap qhs".

The reader takes what prescribers write about naltrexone and answers with the
same :class:`~cds_service.fhir.dosage.DoseStep` values that a structured dosage
gives, so that one reckoning serves both. What it does not understand it leaves
out: a step without a value is not a step. Most orders are written in the same
few words; their numbers are remembered, the words are not.
"""

from __future__ import annotations

import re

from msgspec.structs import replace

from cds_service.chart.direction_phrases import MASS as _MASS
from cds_service.chart.direction_phrases import NUMBER as _NUMBER
from cds_service.chart.direction_phrases import PIECES as _PIECES
from cds_service.chart.direction_phrases import RISE_SIZE as _RISE_SIZE
from cds_service.chart.direction_phrases import RISES as _RISES
from cds_service.chart.direction_phrases import plainly
from cds_service.fhir.dosage import DoseStep
from cds_service.knowledge.memory import Memory

_MG_PER = {
    "mg": 1.0,
    "milligram": 1.0,
    "mcg": 0.001,
    "microgram": 0.001,
    "µg": 0.001,
    "μg": 0.001,
    "ug": 0.001,
}
_WORDS = {
    "one half": "0.5", "one-half": "0.5", "1/2": "0.5", "½": "0.5", "half": "0.5",
    "1/4": "0.25", "¼": "0.25", "quarter": "0.25", "three": "3", "two": "2", "one": "1", "four": "4",
    "whole": "1",
    "zwei": "2", "drei": "3", "halbe": "0.5", "deux": "2", "trois": "3", "demi": "0.5", "dos": "2",
    "tres": "3",
}  # fmt: skip
_WORD = re.compile(r"(?<![\w./])(?:" + "|".join(map(re.escape, _WORDS)) + r")(?![\w/])")
# more than any amount, also when cut: in a run of digits each could begin a number, and each is tried
_ENDLESS = re.compile(r"(\d{10})\d+")
# what parts one step from the next: "1.5 mg nightly, then 3 mg"; "1.5 mg → 3 mg"; "…, and increase to 4.5 mg"
_NEXT_STEP = re.compile(
    r"\bthen\b|→|-{1,9}>|=>|\bthereafter\b|\bafter (?:that|which)\b|;|\bfollowed by\b"
    r"|[,.]?\s*(?:and )?\b(?:increas\w*(?: (?:to|dose to))?|titrat\w* (?:up )?to)\b"
)
# "dissolve one 50 mg tablet in 50 mL"
_DISSOLVED = re.compile(
    rf"\b(?:dissolv|crush|mix|dilut|suspend|dispers)\w*\s+(?:({_NUMBER})|an?|the)?\s*(?:({_NUMBER})\s*-?({_MASS})\s+)?"
    rf"(?:[a-z]+\s+)?(?:{_PIECES})\s+(?:[a-z]+\s+){{0,3}}?(?:in|with|into|to)\s+({_NUMBER})\s*(?:mls?|cc)\b"
)
# "3 mg/mL", "4.5 mg per 1 mL"
_CONCENTRATION = re.compile(rf"({_NUMBER})\s*({_MASS})\s*(?:{_PIECES})?\s*(?:/|per|in)\s*({_NUMBER})?\s*ml\b")
# what is left of "increase by 0.5 mg weekly to 4.5 mg" when the steps between could not be reckoned
_STEPS_UP_TO = re.compile(
    rf"\b{_RISES} {_RISE_SIZE}.{{0,120}}?\b(?:to|until|max\w*)\b(?=[^.;]{{0,80}}?{_NUMBER})"
)
# "3 capsules (4.5 mg total)"
_TOTAL = re.compile(rf"\(\s*(?:=\s*)?({_NUMBER})\s*({_MASS})\s*(?:total|dose)?\s*\)")
# "2 x 1.5 mg capsules", "half of a 3 mg tablet"
_COUNT_OF_STRENGTH = re.compile(
    rf"({_NUMBER})\s*(?:x|×|of(?: an?)?|(?:{_PIECES})\s*of)?\s+({_NUMBER})\s*-?({_MASS})\s*(?:{_PIECES})\b"
)
# "2 capsules of 1.5 mg", "2 x 1.5 mg"
_PIECES_OF_STRENGTH = re.compile(
    rf"({_NUMBER})\s*(?:(?:{_PIECES})\s*of(?: an?| the)?|[x×])\s*({_NUMBER})\s*-?({_MASS})\b"
)
# "1.5 mg caps: 2 qhs"
_STRENGTH_OF_PIECE = re.compile(rf"({_NUMBER})\s*-?({_MASS})\s*(?:oral |compounded )?(?:{_PIECES})\b")
# "4.5mg nightly", not "3 mg/mL"
_MASS_DOSE = re.compile(rf"({_NUMBER})\s*-?({_MASS})\b(?!\s*/)")
# "take 2.5 mL"
_VOLUME = re.compile(rf"({_NUMBER})\s*(?:mls?|cc|milliliters?|millilitres?)\b")
# "1 cap", "two of the tablets", "take 2 at night"
_COUNT = re.compile(
    rf"(?<![\d.,/])({_NUMBER})\s*(?:of\s+)?(?:an?\s+|the\s+)?(?:{_PIECES})\b|\btake\s+({_NUMBER})(?!\s*(?:{_MASS}|ml|\.|\d|time|x))\b"
)
# "1 qhs", "2 po daily"
_BARE_COUNT = re.compile(
    rf"(?:^[^\w#]*(?:(?:sig|s):\s*)?|\.\s+)({_NUMBER})\s+"
    r"(?=qhs|hs\b|qd|daily|nightly|nocte|at (?:bed|night)|po\b|by mouth|every|each|ea\b|per day|a day|od\b"
    r"|q\s?\d|(?:for|x)\s?\d)"
    r"|^[^\w#]*(\d(?:\.\d)?)[\s.]*$"
)
# "a capsule at bedtime", not the strength in "half of a capsule"
_ONE_PIECE = re.compile(rf"(?<!of )\ban?\s+(?:{_PIECES})\b")
# "for 14 days", "x 2 weeks", "14 days"
_DURATION = re.compile(
    rf"(?:for|x|×|during)\s*({_NUMBER})\s*(day|d|week|wk|w|month)s?\b"
    rf"|\b({_NUMBER})\s*(day|week|wk)s?\b(?! apart)"
)
# "every 3 days", "q12h"
_EVERY = re.compile(rf"\b(?:every|q)\s*({_NUMBER})\s*(h|hr|hour|d|day|w|wk|week|month)s?\b")
# "4 times a day", "twice weekly", "3x per week"
_TIMES_IN = re.compile(
    rf"\b(?:({_NUMBER})\s*(?:x|×|times)|twice)\s*(?:(?:a|per|each|every)\s)?\s*(day|dai|week|month)"
)
_DAYS_IN = {"h": 1 / 24, "d": 1.0, "w": 7.0, "m": 30.0}
_AS_NEEDED = re.compile(r"\bprn\b|\bas (?:needed|required)\b")
# Doses a day; the first that is found counts, so that "twice a day" stands above "a day".
_FREQUENCIES = (
    (re.compile(r"\bq\.?i\.?d\b|\b4 times"), 4.0),
    (re.compile(r"\bt\.?i\.?d\b|\b3 times|\btds\b"), 3.0),
    (re.compile(
        r"\bb\.?i\.?d\b|twice|\b2 times|\bbd\b"
        r"|morning (?:and|&|\+) (?:at |in the |every )?(?:night|evening|bed ?time)"
        r"|\bq?am (?:and|&) (?:q?pm|q?hs)\b"
        r"|\b(?:2 ?x|2 ?mal|zweimal) (?:täglich|am tag)|\b2 fois par jour"
        r"|\b2 veces al d[ií]a|morgens und abends|matin et soir"
    ), 2.0),
    (re.compile(r"every other (?:day|night)|alternate days?|\bqod\b|every second (?:day|night)"), 0.5),
    (re.compile(r"(?:once )?weekly|(?:once )?(?:a|per|every) week"), 1 / 7),
    (re.compile(r"monthly|(?:a|per|every) month"), 1 / 30),
    (re.compile(
        r"\bq\.?h\.?s\b|\bhs\b|bed ?time|night|\bdaily\b|\bq\.?\s?d\b|\bqday\b|once a day|every day|each day"
        r"|a day|per day|\bo\.?d\b|\bnocte\b|\bqam\b|\bqpm\b|\bq ?(?:am|pm)\b"
        r"|morning|evening|\bom\b|\bon\b(?! )"
    ), 1.0),
)  # fmt: skip


def read_directions(text: str | None) -> tuple[DoseStep, ...]:
    """The steps written in ``text``, in order; empty when it names no dose. They do not repeat the text."""
    return _steps_of.ask(text, lambda: _read(text)) if text else ()


_steps_of: Memory[tuple[DoseStep, ...]] = Memory()


def _read(text: str) -> tuple[DoseStep, ...]:
    plain = _WORD.sub(lambda found: _WORDS[found.group()], plainly(_ENDLESS.sub(r"\1", text.casefold())))
    per_ml = _concentration(plain)
    plain = _STEPS_UP_TO.sub(" then ", _CONCENTRATION.sub(" ", _DISSOLVED.sub(" ", plain)))
    steps = [step for part in _NEXT_STEP.split(plain) if (step := _step(part, per_ml))]
    return _in_sequence(_inherit_frequency(_inherit_strength(steps, plain)))


_PerMl = tuple[float, str] | None
"""What a millilitre holds: mg, or pieces ("unit") of a strength that the medicine tells."""


def _concentration(text: str) -> _PerMl:
    """ "4.5 mg per 1 mL"; or "dissolve one 50 mg tablet in 50 mL"."""
    if (found := _CONCENTRATION.search(text)) and (per := _number(found.group(3) or "1")):
        return _milligrams(found.group(1), found.group(2)) / per, "mg"
    if found := _DISSOLVED.search(text):
        pieces = _number(found.group(1) or "1") / (_number(found.group(4)) or 1.0)
        mg = _milligrams(found.group(2), found.group(3)) if found.group(2) else None
        return (pieces * mg, "mg") if mg else (pieces, "unit")
    return None


def _step(part: str, per_ml: _PerMl) -> DoseStep | None:
    amount = _amount(part, per_ml)
    if amount is None:
        return None
    value, unit = amount
    return DoseStep(
        value=value,
        unit=unit,
        per_day=_frequency(part),
        lasts_days=_duration(part),
        as_needed=bool(_AS_NEEDED.search(part)),
    )


def _amount(part: str, per_ml: _PerMl) -> tuple[float, str] | None:
    """Value and unit (``mg``, ``mL`` or ``unit``) of one step; what tells most of the dose is asked first."""
    if volume := _VOLUME.search(part):
        millilitres = _number(volume.group(1))
        if per_ml:
            return round(millilitres * per_ml[0], 6), per_ml[1]
        mass = _MASS_DOSE.search(part)  # "1.5 mg (1.5 mL)": the mass needs no strength
        return (_milligrams(mass.group(1), mass.group(2)), "mg") if mass else (millilitres, "mL")
    if total := _TOTAL.search(part):
        return _milligrams(total.group(1), total.group(2)), "mg"
    if several := _COUNT_OF_STRENGTH.search(part) or _PIECES_OF_STRENGTH.search(part):
        return _number(several.group(1)) * _milligrams(several.group(2), several.group(3)), "mg"
    if piece := _STRENGTH_OF_PIECE.search(part):
        count = _count(part[: piece.start()]) or _count(part[piece.end() :]) or 1.0
        return count * _milligrams(piece.group(1), piece.group(2)), "mg"
    if mass := _MASS_DOSE.search(part):
        return _milligrams(mass.group(1), mass.group(2)), "mg"
    pieces = _count(part)
    return (pieces, "unit") if pieces else None


def _count(part: str) -> float | None:
    if found := _COUNT.search(part) or _BARE_COUNT.search(part):
        return _number(next(group for group in found.groups() if group))
    return 1.0 if _ONE_PIECE.search(part) else None


_WEEKDAY = r"\b(mon|tues?|wed|thu(?:rs?)?|fri|sat|sun)(?:day|nesday|urday)?s?\b"
_WEEKDAYS = re.compile(_WEEKDAY)
_EVERY_WEEKDAY = re.compile(rf"\b(?:every|each)\s+{_WEEKDAY}")
_FROM_DAY_TO_DAY = re.compile(rf"{_WEEKDAY}\s*(?:-|–|to|through)\s*{_WEEKDAY}")


def _frequency(part: str) -> float | None:
    """Doses per day."""
    if (every := _EVERY.search(part)) and (number := _number(every.group(1))):
        return 1 / (number * _DAYS_IN[every.group(2)[0]])
    if times := _TIMES_IN.search(part):
        return _number(times.group(1) or "2") / _DAYS_IN[times.group(2)[0]]
    told = next((per_day for pattern, per_day in _FREQUENCIES if pattern.search(part)), None)
    return told or _on_weekdays(part)


def _on_weekdays(part: str) -> float | None:
    """ "100 mg Mon and Wed", "every Sunday"; a lone weekday is when to start or to come back."""
    days = {day[:3] for day in _WEEKDAYS.findall(part)}
    regular = len(days) > 1 or _EVERY_WEEKDAY.search(part)
    return len(days) / 7 if regular and not _FROM_DAY_TO_DAY.search(part) else None


def _duration(part: str) -> float | None:
    """Days."""
    found = _DURATION.search(_EVERY.sub(" ", part))
    if not found:
        return None
    number, unit = found.group(1) or found.group(3), found.group(2) or found.group(4)
    return _number(number) * _DAYS_IN[unit[0]]


def _inherit_strength(steps: list[DoseStep], plain: str) -> list[DoseStep]:
    """ "1.5 mg caps: 1 qhs, then 2 qhs": the strength is named once for all steps."""
    named = _STRENGTH_OF_PIECE.search(plain)
    if not named:
        return steps
    mg = _milligrams(named.group(1), named.group(2))
    return [
        replace(step, value=step.value * mg, unit="mg") if step.unit == "unit" and step.value else step
        for step in steps
    ]


def _inherit_frequency(steps: list[DoseStep]) -> list[DoseStep]:
    """ "1.5 mg nightly x 2 weeks then 3 mg": the second step is nightly too."""
    known = next((step.per_day for step in steps if step.per_day), None)
    return [step if step.per_day else replace(step, per_day=known) for step in steps]


def _in_sequence(steps: list[DoseStep]) -> tuple[DoseStep, ...]:
    elapsed: float | None = 0.0
    placed = []
    for number, step in enumerate(steps, start=1):
        placed.append(replace(step, sequence=number, starts_after_days=elapsed))
        elapsed = None if elapsed is None or step.lasts_days is None else elapsed + step.lasts_days
    return tuple(placed)


def _number(text: str) -> float:
    return float(text.replace(",", "."))


def _milligrams(number: str, unit: str) -> float:
    return round(_number(number) * _MG_PER[unit.rstrip("s") if len(unit) > 2 else unit], 6)
