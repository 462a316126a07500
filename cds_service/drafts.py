"""Changing the prescriber's own draft, in the FHIR version it was written in.

A draft is the resource as sent, decoded to plain JSON values (numbers as
:class:`~decimal.Decimal`, so that 4.50 goes back as 4.50). Every function
returns a new draft that holds every element of the old one except those it
replaces; nothing is validated away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from datetime import date, timedelta
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from html import escape
from typing import Any

from cds_service.chart.showing import day
from cds_service.knowledge.clinical import Schedule
from cds_service.products import BEDTIME, UCUM, Product, exact, in_words, step_in_words, supply

Draft = dict[str, Any]

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NALTREXONE = {"system": RXNORM, "code": "7243", "display": "naltrexone"}
_ORAL = {"system": "http://snomed.info/sct", "code": "26643006", "display": "Oral route"}
_MG = {"unit": "mg", "system": UCUM, "code": "mg"}


class Version(StrEnum):
    """The FHIR versions whose orders differ in shape."""

    DSTU2 = "DSTU2"
    STU3 = "STU3"
    R4 = "R4"
    R5 = "R5"


def version_of(draft: Mapping[str, Any], hint: Version = Version.R4) -> Version:
    """The version a draft is written in; ``hint`` decides where the shape does not."""
    return version_told(draft) or hint


def version_told(draft: Mapping[str, Any]) -> Version | None:
    """The version that the shape of a draft tells; None when it fits several."""
    if draft.get("resourceType") == "MedicationOrder":
        return Version.DSTU2
    if "medication" in draft:
        return Version.R5
    dosages = _dosages(draft)
    if any("doseAndRate" in d for d in dosages):
        return Version.R4
    direct = any("doseQuantity" in d or "doseRange" in d for d in dosages)
    if direct or "context" in draft or "agent" in _object(draft.get("requester")):
        return Version.STU3
    return None


def _object(value: object) -> Draft:
    """``value`` when it is an object; a client may send anything."""
    return value if isinstance(value, dict) else {}


def _objects(value: object) -> list[Draft]:
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []


def _dosages(draft: Mapping[str, Any]) -> list[Draft]:
    return _objects(draft.get("dosageInstruction"))


def with_schedule(
    draft: Draft, version: Version, schedule: Schedule, product: Product, final_days: int
) -> Draft:
    """``draft`` with the steps of ``schedule`` as its dosage, and quantity and medication to match.

    ``final_days`` is the supply of the last, open step.
    """
    changed = deepcopy(draft)
    first = next(iter(_dosages(draft)), {})
    time = time_of_day(draft, schedule)
    starts = _first_day(first)
    elapsed = 0
    changed["dosageInstruction"] = []
    for number, (mg, days) in enumerate(schedule.steps, start=1):
        dosage = _dosage(first, version, product, number, mg)
        dosage["text"] = step_in_words(mg, days, product, time)
        if "patientInstruction" in first:
            dosage["patientInstruction"] = dosage["text"]
        dosage["timing"] = (
            deepcopy(first["timing"])
            if time != BEDTIME and len(schedule.steps) == 1
            else _timing(version, days, starts + timedelta(days=elapsed) if starts else None)
        )
        changed["dosageInstruction"].append(dosage)
        elapsed += days
    if product.compounded:
        _replace_medication(changed, version, product.compounded)
    _set_supply(changed, schedule, product, final_days)
    _repeat_directions(changed, in_words(schedule, product, time))
    return changed


def _repeat_directions(draft: Draft, words: str) -> None:
    """The directions where they stand once more: R5's rendering, and the narrative of the old dose."""
    if "renderedDosageInstruction" in draft:
        draft["renderedDosageInstruction"] = words
    if "text" in draft:
        div = f'<div xmlns="http://www.w3.org/1999/xhtml">{escape(words)}</div>'
        draft["text"] = {"status": "generated", "div": div}


def _dosage(first: Mapping[str, Any], version: Version, product: Product, number: int, mg: float) -> Draft:
    """One step: everything of the draft's first dosage but its time and dose."""
    dosage = {key: deepcopy(value) for key, value in first.items() if not _is_replaced(key, number)}
    if version is not Version.DSTU2:
        dosage["sequence"] = number
    quantity = (
        {"value": _decimal(product.amount(mg)), **product.unit}
        if product.doses_in_pieces
        else {"value": _decimal(exact(mg)), **_MG}
    )
    if version in (Version.DSTU2, Version.STU3):
        dosage["doseQuantity"] = quantity
    else:
        dosage["doseAndRate"] = [{"doseQuantity": quantity}]
    return dosage


def _is_replaced(key: str, number: int) -> bool:
    """What the new step says itself, extensions of a replaced primitive included; an id is kept once."""
    name = key.removeprefix("_")
    return name in _REPLACED_IN_DOSAGE or (name == "id" and number > 1)


_REPLACED_IN_DOSAGE = frozenset(
    {
        "sequence", "text", "timing", "patientInstruction", "doseQuantity", "doseRange", "doseAndRate",
        "asNeeded", "asNeededBoolean", "asNeededCodeableConcept", "asNeededFor", "maxDosePerPeriod",
        "maxDosePerAdministration", "maxDosePerLifetime", "rateRatio", "rateRange", "rateQuantity",
        "rateSimpleQuantity",
    }
)  # fmt: skip


def time_of_day(draft: Mapping[str, Any], schedule: Schedule) -> str:
    """At bedtime; a single corrected dose keeps the draft's own time when that is once a day."""
    repeat = _object(_object(next(iter(_dosages(draft)), {}).get("timing")).get("repeat"))
    units = {repeat.get("periodUnit", "d"), repeat.get("periodUnits", "d")}
    once = repeat.get("frequency", 1) == 1 and repeat.get("period", 1) == 1 and units == {"d"}
    when = repeat.get("when")
    times = when if isinstance(when, list) else [when] if when else []
    if len(schedule.steps) > 1 or not repeat or not once or times == ["HS"] or len(times) > 1:
        return BEDTIME
    return _TIMES.get(str(times[0]), "once a day") if times else "once a day"


_TIMES = {"MORN": "in the morning", "AFT": "in the afternoon", "EVE": "in the evening", "NIGHT": "at night"}


def _timing(version: Version, days: int, starts: date | None) -> Draft:
    """At bedtime for ``days``, from ``starts`` on where the draft names its first day.

    DSTU2 allows a frequency or an event of the day, not both (tim-3): there the words alone say bedtime.
    """
    if version is Version.DSTU2:
        repeat: Draft = {"frequency": 1, "period": 1, "periodUnits": "d"}
    else:
        repeat = {"frequency": 1, "period": 1, "periodUnit": "d", "when": ["HS"]}
    if starts:
        end = {"end": (starts + timedelta(days=days - 1)).isoformat()} if days else {}
        return {"repeat": {"boundsPeriod": {"start": starts.isoformat(), **end}, **repeat}}
    if days:
        bounds = "boundsQuantity" if version is Version.DSTU2 else "boundsDuration"
        repeat = {bounds: {"value": days, "unit": "days", "system": UCUM, "code": "d"}, **repeat}
    return {"repeat": repeat}


_NO_DAY = 9000
"""Records write 9999-12-31 for a day that is not set; nothing can be counted from it."""


def _first_day(dosage: Mapping[str, Any]) -> date | None:
    """The day the dosage is bounded to start on, when it is named to the day."""
    repeat = _object(_object(dosage.get("timing")).get("repeat"))
    return _day(_object(repeat.get("boundsPeriod")).get("start"))


def _day(value: object) -> date | None:
    try:
        named = date.fromisoformat(str(value)[:10])
    except ValueError:
        return None
    return named if named.year < _NO_DAY else None


def by_mouth(draft: Draft) -> Draft:
    """``draft`` with its route changed to the mouth: an injection gives way to capsules."""
    changed = deepcopy(draft)
    for dosage in _dosages(changed):
        for key in ("site", "siteCodeableConcept", "siteReference", "method"):
            dosage.pop(key, None)
        dosage["route"] = {"coding": [dict(_ORAL)], "text": "oral"}
    return changed


def _replace_medication(draft: Draft, version: Version, text: str) -> None:
    concept = {"coding": [dict(NALTREXONE)], "text": text}
    old = draft.pop("medicationReference", None) or _object(draft.get("medication")).get("reference")
    for key in ("medicationCodeableConcept", "_medicationCodeableConcept", "_medicationReference"):
        draft.pop(key, None)
    request = _object(draft.get("dispenseRequest"))  # DSTU2 names the product to supply once more
    request.pop("medicationCodeableConcept", None)
    request.pop("medicationReference", None)
    if version is Version.R5:
        draft["medication"] = {"concept": concept}
    else:
        draft["medicationCodeableConcept"] = concept
    _drop_contained(draft, _object(old).get("reference"))


def _drop_contained(draft: Draft, reference: object) -> None:
    """A contained Medication that nothing refers to any more is not allowed (dom-3)."""
    contained = draft.get("contained")
    if not isinstance(reference, str) or not reference.startswith("#") or not isinstance(contained, list):
        return
    kept = [c for c in contained if _object(c).get("id") != reference[1:]]
    draft.pop("contained")
    if kept:
        draft["contained"] = kept


def _set_supply(draft: Draft, schedule: Schedule, product: Product, final_days: int) -> None:
    """Quantity and days together; a first fill counted for the old dose goes."""
    total, days = supply(schedule, product, final_days)
    request = {k: v for k, v in _object(draft.get("dispenseRequest")).items() if k != "initialFill"}
    request["quantity"] = {"value": _decimal(total), **product.unit}
    request["expectedSupplyDuration"] = {"value": days, "unit": "days", "system": UCUM, "code": "d"}
    draft["dispenseRequest"] = request


def starting_later(draft: Draft, version: Version, not_before: date) -> Draft:
    """``draft`` as it is, to start on ``not_before`` and saying so.

    The date stands in the bounds of the dosage; where those name a length
    instead, in the period of the supply. Steps that have dates move together.
    """
    changed = deepcopy(draft)
    words = f"Not before {day(not_before)}, and only if opioid-free and without withdrawal signs."
    dosages = _dosages(changed) or [{}]
    starts = [first for dosage in dosages if (first := _first_day(dosage))]
    shift = max(timedelta(0), not_before - min(starts)) if starts else timedelta(0)
    bounded = [_bound(dosage, not_before, shift) for dosage in dosages]
    for dosage in dosages:
        for key in ("text", "patientInstruction"):
            if key == "text" or dosage.get(key):
                dosage[key] = f"{words} {dosage[key]}" if isinstance(dosage.get(key), str) else words
    changed["dosageInstruction"] = dosages
    if not any(bounded):
        request = _object(changed.get("dispenseRequest"))
        period = _object(request.get("validityPeriod"))
        changed["dispenseRequest"] = {
            **request,
            "validityPeriod": {**period, "start": not_before.isoformat()},
        }
    if isinstance(changed.get("renderedDosageInstruction"), str) or "text" in changed:
        rendered = changed.get("renderedDosageInstruction")
        texts = [rendered] if isinstance(rendered, str) else [str(d["text"]) for d in dosages]
        whole = " ".join(texts)
        _repeat_directions(changed, whole if whole.startswith(words) else f"{words} {whole}")
    return changed


def _bound(dosage: Draft, not_before: date, shift: timedelta) -> bool:
    """Move the dates of ``dosage`` by ``shift``, or give it a first day; whether its bounds could say so."""
    timing = dosage["timing"] = _object(dosage.get("timing"))
    repeat = timing["repeat"] = _object(timing.get("repeat"))
    if any(key.startswith("bounds") and key != "boundsPeriod" for key in repeat):
        return False
    period = dict(_object(repeat.get("boundsPeriod")))
    moved = {key: (on + shift).isoformat() for key in ("start", "end") if (on := _day(period.get(key)))}
    if shift:
        period.update(moved)
    if "start" not in moved:
        period["start"] = not_before.isoformat()
    repeat["boundsPeriod"] = period
    return True


def counted_in_pieces(draft: Mapping[str, Any]) -> bool:
    """Whether the draft's own dose is a number of pieces rather than mg."""
    quantities = [q for dosage in _dosages(draft) for q in _dose_quantities(dosage)]
    units = {str(q.get("code") or q.get("unit") or "").strip("{}[]()").lower() for q in quantities}
    return bool(units) and not units & {"mg", "mcg", "ug", "g"}


def _dose_quantities(dosage: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    nested = [dose.get("doseQuantity") for dose in _objects(dosage.get("doseAndRate"))]
    return [q for q in (dosage.get("doseQuantity"), *nested) if isinstance(q, dict)]


def _decimal(number: Fraction) -> Decimal | int:
    """An exact JSON number without trailing zeros."""
    if number.denominator == 1:
        return int(number)
    return (Decimal(number.numerator) / Decimal(number.denominator)).quantize(Decimal("0.0001")).normalize()
