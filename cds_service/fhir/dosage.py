"""Dosage instructions of every FHIR version as plain numbers.

See https://hl7.org/fhir/dosage.html and https://hl7.org/fhir/datatypes.html#Timing.
Nothing is known of drugs here: a dose is a number with a unit, and how often
it is taken. Free text is passed on and never read for numbers.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from datetime import UTC
from typing import Final

from msgspec import Struct
from msgspec.structs import replace

from cds_service.fhir.codes import codes_of, text_of
from cds_service.fhir.datatypes import (
    Dosage,
    DoseAndRate,
    Period,
    Quantity,
    Range,
    Repeat,
)
from cds_service.fhir.dates import read_date
from cds_service.fhir.timing import Frequency, read_frequency
from cds_service.fhir.units import MASS_UNITS, days_of, read_unit


class Dose(Struct, frozen=True, gc=False):
    """One dose as given."""

    value: float | None = None
    value_high: float | None = None
    unit: str | None = None
    unit_conflict: str | None = None


class DoseStep(Struct, frozen=True, gc=False):
    """One step of a dosage.

    ``value`` to ``value_high`` of ``unit`` are taken ``per_day`` to
    ``per_day_high`` times a day on average. ``_high`` is ``None`` where no
    range is given. ``starts_after_days`` counts from the first step; it is
    ``None`` when the order of several steps is not told. ``lasts_days`` comes
    from bounds or count. ``unit_conflict`` is the unit that the quantity's
    text names when its code names another.
    """

    value: float | None = None
    value_high: float | None = None
    unit: str | None = None
    per_day: float | None = None
    per_day_high: float | None = None
    starts_after_days: float | None = None
    lasts_days: float | None = None
    starts: str | None = None
    as_needed: bool = False
    sequence: int | None = None
    unit_conflict: str | None = None


def read_dosages(dosages: Sequence[Dosage]) -> tuple[DoseStep, ...]:
    """All steps, in the order of their ``sequence`` where that is given."""
    if len(dosages) == 1:
        return (_step(dosages[0], starts_after_days=0.0),)
    steps = [_step(dosage) for dosage in dosages]
    if any(step.sequence is not None for step in steps):
        steps.sort(key=lambda step: step.sequence if step.sequence is not None else len(steps))
    return tuple(_with_starts(steps))


def _step(dosage: Dosage, starts_after_days: float | None = None) -> DoseStep:
    dose = _dose_of(dosage)
    timing = dosage.timing
    frequency = read_frequency(timing)
    repeat = timing.repeat if timing is not None else None
    period = repeat.bounds_period if repeat is not None else None
    return DoseStep(
        value=dose.value,
        value_high=dose.value_high,
        unit=dose.unit,
        per_day=frequency.per_day,
        per_day_high=frequency.per_day_high,
        starts_after_days=starts_after_days,
        lasts_days=_length(repeat, frequency),
        starts=period.start if period is not None else None,
        as_needed=is_as_needed(dosage),
        sequence=dosage.sequence,
        unit_conflict=dose.unit_conflict,
    )


def is_as_needed(dosage: Dosage) -> bool:
    """Whether it is taken on demand only, in every version's words."""
    return bool(
        dosage.as_needed
        or dosage.as_needed_boolean
        or dosage.as_needed_codeable_concept is not None
        or dosage.as_needed_for
    )


def _dose_of(dosage: Dosage) -> Dose:
    """The dose to use: one in units of mass before tablets, ``ordered`` before the others."""
    given = [
        (dose, entry)
        for entry in dosage.dose_and_rate
        if (dose := _dose(entry.dose_quantity, entry.dose_range))
    ]
    others = (
        _dose(dosage.dose_quantity, dosage.dose_range),
        _dose(dosage.quantity_quantity, dosage.quantity_range),
        _dose(dosage.dose or dosage.quantity, None),
    )
    if len(given) == 1 and others == _NO_OTHERS:
        return given[0][0]
    given += [(dose, _UNTYPED) for dose in others if dose]
    return min(given, key=_rank)[0] if given else Dose()


_NO_OTHERS: Final = (None, None, None)
_UNTYPED: Final = DoseAndRate()
_KINDS: Final = ("ordered", None, "calculated")


def _rank(given: tuple[Dose, DoseAndRate]) -> tuple[bool, int]:
    kind = _kind(given[1])
    return given[0].unit not in MASS_UNITS, _KINDS.index(kind) if kind in _KINDS else len(_KINDS)


def _kind(entry: DoseAndRate) -> str | None:
    """The type of a doseAndRate entry (``ordered``)."""
    names = [code.code or code.display for code in codes_of(entry.type)] or [text_of(entry.type)]
    return names[0].strip().lower() if names[0] else None


def _dose(quantity: Quantity | None, limits: Range | None) -> Dose | None:
    if quantity is not None and quantity.value is not None:
        unit = read_unit(quantity)
        return Dose(quantity.value, None, unit.name, unit.conflict)
    if limits is None:
        return None
    low, high = limits.low, limits.high
    if low is None or low.value is None:  # "up to": the high end is the dose
        return _dose(high, None)
    unit = read_unit(low) if read_unit(low).name else read_unit(high)
    return Dose(low.value, high.value if high else None, unit.name, unit.conflict)


def _length(repeat: Repeat | None, frequency: Frequency) -> float | None:
    """How long a step lasts: bounds, else so many times at such a frequency."""
    if repeat is not None:
        limits = repeat.bounds_range
        bounds = (
            days_of(repeat.bounds_duration),
            days_of(repeat.bounds_quantity),
            days_of(limits.high or limits.low) if limits is not None else None,
            _days_between(repeat.bounds_period),
        )
        for days in bounds:
            if days is not None:
                return days
    if frequency.length is not None:
        return frequency.length
    return frequency.total / frequency.per_day if frequency.total and frequency.per_day else None


def _days_between(period: Period | None) -> float | None:
    """Both days count: 1 to 14 March is 14 days."""
    if period is None or not period.start or not period.end:
        return None
    start, end = read_date(period.start, UTC), read_date(period.end, UTC)
    if start is None or end is None:
        return None
    days = (end.latest - start.earliest).days + 1
    return float(days) if days > 0 else None


def _with_starts(steps: list[DoseStep]) -> Iterable[DoseStep]:
    dates = [read_date(step.starts, UTC) for step in steps]
    known = [date for date in dates if date is not None]
    if steps and len(known) == len(steps):
        first = min(date.earliest for date in known)
        return [
            replace(step, starts_after_days=float((date.earliest - first).days))
            for step, date in zip(steps, known, strict=True)
        ]
    if all(step.sequence is not None for step in steps):
        return _in_sequence(steps)
    return steps


def _in_sequence(steps: list[DoseStep]) -> Iterable[DoseStep]:
    """Steps of one number run side by side, those of the next number after them."""
    start: float | None = 0.0
    for number in sorted({step.sequence for step in steps if step.sequence is not None}):
        group = [step for step in steps if step.sequence == number]
        yield from (replace(step, starts_after_days=start) for step in group)
        lengths = [step.lasts_days for step in group if step.lasts_days is not None]
        start = start + max(lengths) if start is not None and len(lengths) == len(group) else None
