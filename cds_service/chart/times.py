"""When a medication resource says its medicine was taken: first day, last day known of, supply, end."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from msgspec import Struct

from cds_service.chart.clock import Clock
from cds_service.fhir.datatypes import (
    CodeableConcept,
    Dosage,
    Period,
    Quantity,
)
from cds_service.fhir.dosage import DoseStep, read_dosages
from cds_service.fhir.resources import (
    MedicationAdministration,
    MedicationDispense,
    MedicationOrder,
    MedicationRecord,
    MedicationRequest,
    MedicationStatement,
)
from cds_service.fhir.units import days_of
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Form, Medicine

LASTING = frozenset({Form.DEPOT, Form.IMPLANT})
"""Forms that work for weeks or months from one dose."""
_NO_PERIOD = Period()
OVER = frozenset({"completed", "stopped", "ended"})
# R5 MedicationStatement: what the adherence code says, in the terms of the older status.
_ADHERENCE = (
    ("not-taking", "not-taken"),
    ("stopped", "stopped"),
    ("on-hold", "on-hold"),
    ("taking", "active"),
)


class Times(Struct, frozen=True, kw_only=True, gc=False):
    """The dates of an entry: first day, last day it was known of, end of supply, recorded end."""

    first: date | None = None
    last_known: date | None = None
    supply_until: date | None = None
    ended: date | None = None
    days_supplied: float | None = None


_WITH_INSTRUCTIONS = (MedicationRequest, MedicationOrder, MedicationDispense)


def dosages_of(record: MedicationRecord) -> list[Dosage]:
    if isinstance(record, _WITH_INSTRUCTIONS):
        return record.dosage_instruction
    if isinstance(record, MedicationStatement):
        return record.dosage
    if isinstance(record, MedicationAdministration):
        return [record.dosage] if record.dosage else []
    return []


def status_of(record: MedicationRecord) -> str:
    """The status in FHIR's spelling, ``unknown`` when absent; in R5 the adherence speaks for ``recorded``."""
    status = record.status or "unknown"
    if status == "recorded" and isinstance(record, MedicationStatement) and record.adherence:
        codes = " ".join((c.code or "").lower() for c in (record.adherence.code or CodeableConcept()).coding)
        return next((older for code, older in _ADHERENCE if code in codes), "unknown")
    return status


def times_of(record: MedicationRecord, medicine: Medicine, clock: Clock, clinical: Clinical) -> Times:
    if isinstance(record, MedicationStatement):
        return _statement_times(record, clock)
    if isinstance(record, MedicationDispense):
        return _dispense_times(record, clock)
    if isinstance(record, MedicationAdministration):
        return _administration_times(record, medicine, clock, clinical)
    return _order_times(record, clock)


def _order_times(record: MedicationRecord, clock: Clock) -> Times:
    """The dosage tells the supply where the order does not."""
    if isinstance(record, MedicationOrder):
        written, ended = record.date_written, clock.latest(record.date_ended)
    else:
        assert isinstance(record, MedicationRequest)
        written, ended = record.authored_on, None
        if (period := record.effective_dose_period) and status_of(record) in OVER:
            ended = clock.latest(period.end)
    request = record.dispense_request
    days = days_of(request.expected_supply_duration) if request else None
    steps = () if days else read_dosages(record.dosage_instruction)
    days = days or _days_supplied(request.quantity if request else None, steps)
    fills = 1 + ((request.number_of_repeats_allowed or 0) if request else 0)
    supplied = days * fills if days else None
    bounded = None if supplied else _bounded_days(steps)
    start, end = ends(periods_of(record.dosage_instruction), clock)
    first = start or clock.latest(written)
    lasts = supplied or (None if end else bounded)  # a period names its last day itself
    until = max([d for d in (plus(first, lasts), end) if d], default=None)
    ended = ended or _stopped_on(record, until, clock)
    return Times(
        first=first,
        last_known=first,
        supply_until=until,
        ended=ended,
        days_supplied=supplied or bounded,
    )


def _stopped_on(record: MedicationRecord, until: date | None, clock: Clock) -> date | None:
    """R5: the day an order was stopped, unless its supply had ended before."""
    if not isinstance(record, MedicationRequest) or status_of(record) != "stopped":
        return None
    changed = clock.latest(record.status_changed)
    return changed if changed and (until is None or changed <= until) else None


def _statement_times(record: MedicationStatement, clock: Clock) -> Times:
    period = record.effective_period or _NO_PERIOD
    first = clock.latest(period.start, record.effective_date_time)
    ended = clock.latest(period.end)
    asserted = clock.latest(record.date_asserted)
    known = max([d for d in (first, asserted) if d and d <= clock.today], default=first or asserted)
    if ended is None and status_of(record) in OVER:
        later = asserted if asserted and (first is None or asserted >= first) else None
        ended = clock.latest(record.effective_date_time) or later  # the first day is no last one
    return Times(first=first, last_known=known, ended=ended)


def _dispense_times(record: MedicationDispense, clock: Clock) -> Times:
    handed = clock.latest(record.when_handed_over) or clock.latest(record.when_prepared, record.recorded)
    days = days_of(record.days_supply) or _days_supplied(
        record.quantity, read_dosages(record.dosage_instruction)
    )
    return Times(first=handed, last_known=handed, supply_until=plus(handed, days), days_supplied=days)


def _administration_times(
    record: MedicationAdministration, medicine: Medicine, clock: Clock, clinical: Clinical
) -> Times:
    period = record.effective_period or record.effective_time_period or record.occurence_period or _NO_PERIOD
    point = record.effective_date_time or record.effective_time_date_time or record.occurence_date_time
    given = clock.latest(period.end, point, period.start)
    works = effect_days(medicine, clinical)
    return Times(
        first=clock.earliest(period.start, point),
        last_known=given,
        supply_until=plus(given, works),
        ended=plus(given, works or 0),
        days_supplied=1,
    )


def effect_days(medicine: Medicine, clinical: Clinical) -> int | None:
    """Days one application works: patches, depots and implants; None for the rest."""
    times = clinical.exposure
    table = {Form.PATCH: times.patch_wear, Form.DEPOT: times.depot_days, Form.IMPLANT: times.implant_days}
    days = [table[medicine.form].get(i.name) for i in medicine.ingredients] if medicine.form in table else []
    return max((d for d in days if d), default=None)


def periods_of(dosages: Sequence[Dosage]) -> list[Period]:
    """The periods that dosages are bounded by."""
    repeats = [d.timing.repeat for d in dosages if d.timing]
    return [repeat.bounds_period for repeat in repeats if repeat and repeat.bounds_period]


def ends(periods: Sequence[Period], clock: Clock) -> tuple[date | None, date | None]:
    """The first and the last day of all."""
    if not periods:
        return None, None
    return clock.earliest(*[p.start for p in periods]), clock.latest(*[p.end for p in periods])


def _bounded_days(steps: Sequence[DoseStep]) -> float | None:
    days = [step.lasts_days for step in steps]
    return sum(d for d in days if d) if days and all(days) else None


def _days_supplied(quantity: Quantity | None, steps: Sequence[DoseStep]) -> float | None:
    """Pieces dispensed over pieces a day, when both are known."""
    if quantity is None or not quantity.value:
        return None
    per_day = sum(
        (s.value_high or s.value or 0) * (s.per_day or 0) for s in steps if s.unit not in {"mg", "mcg", "g"}
    )
    return quantity.value / per_day if per_day > 0 else None


def plus(when: date | None, days: float | None) -> date | None:
    if when is None or days is None or not 0 <= days <= 36_500:
        return None
    return when + timedelta(days=round(days))


def names_its_day(record: MedicationRecord, clock: Clock) -> bool:
    """Whether a statement's own end is a day, not a month or a year."""
    if not isinstance(record, MedicationStatement) or not record.effective_period:
        return True
    end = record.effective_period.end
    return not end or clock.latest(end) == clock.earliest(end)
