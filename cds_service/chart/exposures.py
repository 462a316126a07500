"""Medication lists to exposures: what the patient takes now, took, or never took.

Status and dates decide together. The principles (each a test): entered-in-error,
plans, proposals, drafts elsewhere and cancelled orders are no exposure; "not
taking" means *not now*; on hold counts as active; a completed order without an
end ended with its supply, at the latest today; a patch ends when the last one
comes off; an entry listed as active long past its supply is stale.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta, tzinfo

from cds_service.chart.doses import naltrexone_dose
from cds_service.chart.model import Evidence, Exposure, NaltrexoneDose, Presence
from cds_service.chart.showing import day, medicine_name, month
from cds_service.fhir.dates import Span, read_date
from cds_service.fhir.dosage import DoseStep, read_dosages
from cds_service.fhir.resources import (
    CodeableConcept,
    Dosage,
    MedicationAdministration,
    MedicationDispense,
    MedicationOrder,
    MedicationRecord,
    MedicationRequest,
    MedicationStatement,
    Period,
)
from cds_service.knowledge import Clinical
from cds_service.knowledge.concepts import Duration, Form, Meaning, Medicine, Role

LISTED_AS = {
    "MedicationRequest": "medication order",
    "MedicationOrder": "medication order",
    "MedicationStatement": "medication list",
    "MedicationDispense": "dispensing record",
    "MedicationAdministration": "administration record",
}
_NO_EXPOSURE = {
    "entered-in-error",
    "draft",
    "cancelled",
    "declined",
    "intended",
    "not-done",
    "preparation",
    "withheld",
}
_NOT_AN_ORDER = {"plan", "proposal", "option"}
_OVER = {"completed", "stopped", "ended"}
# R5 MedicationStatement: what the adherence code says, in the terms of the older status.
_ADHERENCE = (
    ("not-taking", "not-taken"),
    ("stopped", "stopped"),
    ("on-hold", "on-hold"),
    ("taking", "active"),
)


@dataclass(frozen=True, slots=True)
class Entry:
    """A medication resource with its medicine, as the chart takes it in."""

    record: MedicationRecord
    medicine: Medicine
    reasons: frozenset[Meaning] = frozenset()


@dataclass(frozen=True, slots=True)
class Clock:
    """The moment of decision: the site's date, and the zone in which days are counted."""

    today: date
    zone: tzinfo

    def latest(self, *texts: str | None) -> date | None:
        """The last day any of ``texts`` can mean."""
        return max((span.latest for span in self._spans(texts)), default=None)

    def earliest(self, *texts: str | None) -> date | None:
        """The first day any of ``texts`` can mean."""
        return min((span.earliest for span in self._spans(texts)), default=None)

    def _spans(self, texts: Iterable[str | None]) -> Iterator[Span]:
        return (span for text in texts if text and (span := read_date(text, self.zone)))

    def shown(self, *texts: str | None) -> str:
        """The first readable of ``texts`` as it was recorded: a partial date stays partial."""
        span = next(self._spans(texts), None)
        if span is None:
            return ""
        if span.earliest == span.latest:
            return day(span.latest)
        same_month = span.earliest.month == span.latest.month
        return month(span.latest) if same_month else str(span.latest.year)

    def not_after_today(self, when: date | None) -> date | None:
        """``when``, at the latest today."""
        return min(when, self.today) if when else None


def exposures(entries: Sequence[Entry], clock: Clock, clinical: Clinical) -> tuple[Exposure, ...]:
    """All exposures of ``entries``; entries that are none (errors, plans, denials) leave nothing behind."""
    judged = [(entry, _exposure(entry, clock, clinical)) for entry in entries]
    denials = [denial for entry in entries if (denial := _denial(entry, clock))]
    return tuple(_against(exposure, denials, clock) for _, exposure in judged if exposure)


# --- one entry -------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class _Times:
    """The dates of an entry: first day, last day it was known of, end of supply, recorded end."""

    first: date | None = None
    last_known: date | None = None
    supply_until: date | None = None
    ended: date | None = None
    days_supplied: float | None = None


def _exposure(entry: Entry, clock: Clock, clinical: Clinical) -> Exposure | None:
    record = entry.record
    if status_of(record) in _NO_EXPOSURE or _is_denial(record) or not _is_order(record):
        return None
    steps = read_dosages(_dosages(record))
    times = _times(record, steps, entry.medicine, clock, clinical)
    presence = _presence(record, times, entry.medicine, clock, clinical)
    ended = _end(times, entry.medicine, clock, clinical) if presence is Presence.ENDED else None
    as_needed = any(step.as_needed for step in steps)
    return Exposure(
        medicine=entry.medicine,
        presence=presence,
        evidence=_evidence(entry, times, presence, _ended_words(record, ended, clock), as_needed, clock),
        kind=type(record).__name__,
        id=record.id,
        first=times.first,
        last_known=times.last_known,
        supply_until=times.supply_until,
        ended=ended,
        as_needed=as_needed,
        brief=_is_brief(record, times, clinical),
        on_hold=status_of(record) in {"on-hold", "suspended"},
        end_documented=times.ended is not None and _names_its_day(record, clock),
        daily_mg=_daily_mg(steps, entry.medicine) if entry.medicine.has(Role.PERIPHERAL_OPIOID) else None,
        dose=_dose(entry, steps),
        reasons=entry.reasons,
    )


def status_of(record: MedicationRecord) -> str:
    """The status in FHIR's spelling, ``unknown`` when absent; in R5 the adherence speaks for ``recorded``."""
    status = (record.status or "unknown").strip().lower()
    if status == "recorded" and isinstance(record, MedicationStatement) and record.adherence:
        codes = " ".join((c.code or "").lower() for c in (record.adherence.code or CodeableConcept()).coding)
        return next((older for code, older in _ADHERENCE if code in codes), "unknown")
    return status


def _is_order(record: MedicationRecord) -> bool:
    """Plans and proposals are not orders; ``doNotPerform`` is the opposite of one."""
    if not isinstance(record, MedicationRequest):
        return True
    return (record.intent or "order").strip().lower() not in _NOT_AN_ORDER and not record.do_not_perform


def _dosages(record: MedicationRecord) -> list[Dosage]:
    if isinstance(record, MedicationStatement):
        return record.dosage
    if isinstance(record, MedicationAdministration):
        return [record.dosage] if record.dosage else []
    if isinstance(record, MedicationRequest | MedicationOrder | MedicationDispense):
        return record.dosage_instruction
    return []


def _dose(entry: Entry, steps: Sequence[DoseStep]) -> NaltrexoneDose | None:
    if not entry.medicine.has(Role.NALTREXONE):
        return None
    texts = [dosage.text for dosage in _dosages(entry.record) if dosage.text]
    return naltrexone_dose(steps, texts, entry.medicine)


_MG = re.compile(r"(\d+(?:\.\d+)?) ?mg\b", re.IGNORECASE)


def _daily_mg(steps: Sequence[DoseStep], medicine: Medicine) -> float | None:
    """mg a day, pieces counted at the strength in the medicine's name."""
    strength = _MG.search(medicine.name)
    total = 0.0
    for step in steps:
        amount = (step.value_high or step.value or 0.0) * (step.per_day or 1.0)
        if step.unit == "mg":
            total += amount
        elif strength and step.unit in {"tablet", "capsule", "unit"}:
            total += amount * float(strength.group(1))
    return total or None


# --- dates -----------------------------------------------------------------


def _times(
    record: MedicationRecord, steps: Sequence[DoseStep], medicine: Medicine, clock: Clock, clinical: Clinical
) -> _Times:
    if isinstance(record, MedicationStatement):
        return _statement_times(record, clock)
    if isinstance(record, MedicationDispense):
        return _dispense_times(record, steps, clock)
    if isinstance(record, MedicationAdministration):
        return _administration_times(record, medicine, clock, clinical)
    return _order_times(record, steps, clock)


def _order_times(record: MedicationRecord, steps: Sequence[DoseStep], clock: Clock) -> _Times:
    if isinstance(record, MedicationOrder):
        written, ended = clock.latest(record.date_written), clock.latest(record.date_ended)
    else:
        assert isinstance(record, MedicationRequest)
        written, ended = clock.latest(record.authored_on), None
        if (period := record.effective_dose_period) and status_of(record) in _OVER:
            ended = clock.latest(period.end)
    request = record.dispense_request
    days = _days_supplied(request.quantity.value if request and request.quantity else None, steps)
    if request and request.expected_supply_duration:
        days = _in_days(request.expected_supply_duration) or days
    fills = 1 + ((request.number_of_repeats_allowed or 0) if request else 0)
    total = days * fills if days else _bounded_days(steps)
    starts = _bounds(record, clock)
    first = starts[0] or written
    until = max((d for d in (_plus(first, total), starts[1]) if d), default=None)
    return _Times(first, first, until, ended, total)


def _statement_times(record: MedicationStatement, clock: Clock) -> _Times:
    period = record.effective_period or Period()
    first = clock.latest(period.start, record.effective_date_time)
    ended = clock.latest(period.end)
    asserted = clock.latest(record.date_asserted)
    known = max((d for d in (first, asserted) if d and d <= clock.today), default=first or asserted)
    over = status_of(record) in _OVER
    if ended is None and over:
        ended = (
            clock.latest(record.effective_date_time)
            or (asserted if status_of(record) == "stopped" else None)
            or known
        )
    return _Times(first, known, None, ended)


def _dispense_times(record: MedicationDispense, steps: Sequence[DoseStep], clock: Clock) -> _Times:
    handed = clock.latest(record.when_handed_over) or clock.latest(record.when_prepared, record.recorded)
    quantity = record.quantity.value if record.quantity else None
    days = (_in_days(record.days_supply) if record.days_supply else None) or _days_supplied(quantity, steps)
    return _Times(handed, handed, _plus(handed, days), None, days)


def _administration_times(
    record: MedicationAdministration, medicine: Medicine, clock: Clock, clinical: Clinical
) -> _Times:
    period = record.effective_period or record.effective_time_period or record.occurence_period or Period()
    point = record.effective_date_time or record.effective_time_date_time or record.occurence_date_time
    given = clock.latest(period.end, point, period.start)
    works = effect_days(medicine, clinical)
    return _Times(
        clock.earliest(period.start, point), given, _plus(given, works), _plus(given, works or 0), 1
    )


def effect_days(medicine: Medicine, clinical: Clinical) -> int | None:
    """Days one application works: patches, depots and implants; None for the rest."""
    times = clinical.exposure
    table = {Form.PATCH: times.patch_wear, Form.DEPOT: times.depot_days, Form.IMPLANT: times.implant_days}
    days = [table[medicine.form].get(i.name) for i in medicine.ingredients] if medicine.form in table else []
    return max((d for d in days if d), default=None)


def _bounds(record: MedicationRecord, clock: Clock) -> tuple[date | None, date | None]:
    repeats = [d.timing.repeat for d in _dosages(record) if d.timing and d.timing.repeat]
    periods = [r.bounds_period for r in repeats if r.bounds_period]
    return clock.earliest(*(p.start for p in periods)), clock.latest(*(p.end for p in periods))


def _bounded_days(steps: Sequence[DoseStep]) -> float | None:
    days = [step.lasts_days for step in steps]
    return sum(d for d in days if d) if days and all(days) else None


def _days_supplied(quantity: float | None, steps: Sequence[DoseStep]) -> float | None:
    """Pieces dispensed over pieces a day, when both are known."""
    per_day = sum(
        (s.value_high or s.value or 0) * (s.per_day or 0) for s in steps if s.unit not in {"mg", "mcg", "g"}
    )
    return quantity / per_day if quantity and per_day > 0 else None


_DAYS = {"d": 1, "day": 1, "wk": 7, "week": 7, "mo": 30, "month": 30, "a": 365, "year": 365, "h": 1 / 24}


def _in_days(quantity: object) -> float | None:
    value, unit = (
        getattr(quantity, "value", None),
        getattr(quantity, "code", None) or getattr(quantity, "unit", None),
    )
    if value is None:
        return None
    unit = (unit or "d").strip().lower()
    factor = _DAYS.get(unit) or _DAYS.get(unit.rstrip("s"))
    return float(value) * factor if factor else None


def _plus(when: date | None, days: float | None) -> date | None:
    if when is None or days is None or days > 36_500:
        return None
    return when + timedelta(days=round(days))


# --- presence --------------------------------------------------------------


def _presence(
    record: MedicationRecord, times: _Times, medicine: Medicine, clock: Clock, clinical: Clinical
) -> Presence:
    if isinstance(record, MedicationAdministration):
        still = times.ended and times.ended >= clock.today and effect_days(medicine, clinical)
        return Presence.ACTIVE if still or status_of(record) == "in-progress" else Presence.ENDED
    if isinstance(record, MedicationDispense):
        until = times.supply_until or _plus(times.last_known, clinical.exposure.assumed_supply)
        return Presence.ACTIVE if until and until >= clock.today else Presence.ENDED
    if status_of(record) in _OVER:
        depot = (
            _plus(times.ended or times.last_known, effect_days(medicine, clinical))
            if medicine.form in _LASTING
            else None
        )
        return Presence.ACTIVE if depot and depot >= clock.today else Presence.ENDED
    if times.ended:
        return Presence.ENDED if times.ended < clock.today else Presence.ACTIVE
    return Presence.STALE if _is_stale(record, times, medicine, clock, clinical) else Presence.ACTIVE


_LASTING = frozenset({Form.DEPOT, Form.IMPLANT})


def _is_stale(
    record: MedicationRecord, times: _Times, medicine: Medicine, clock: Clock, clinical: Clinical
) -> bool:
    """Active without any date is active; with dates, only as long as a supply can reach.

    A statement names no supply: it is believed for the longer span.
    """
    limits = clinical.exposure
    stated = isinstance(record, MedicationStatement)
    until = times.supply_until or _plus(times.last_known, 0 if stated else limits.assumed_supply)
    if until is None:
        return False
    until = max(until, times.last_known or until)
    lasting = medicine.duration in {Duration.LONG, Duration.METHADONE_BUPRENORPHINE}
    as_needed = any(step.as_needed for step in read_dosages(_dosages(record)))
    believed = limits.stale_long if stated or (lasting and not as_needed) else limits.stale_short
    return (clock.today - until).days > believed


def _end(times: _Times, medicine: Medicine, clock: Clock, clinical: Clinical) -> date | None:
    """The last day of use, at the latest today; None when no date is recorded at all."""
    if times.ended:
        wear = (
            effect_days(medicine, clinical) if medicine.form is Form.PATCH and times.days_supplied != 1 else 0
        )
        return clock.not_after_today(_plus(times.ended, wear or 0))
    if times.supply_until is None and _may_still_have_been_taken(times, medicine, clock, clinical):
        return None
    supply = times.supply_until or _plus(times.last_known, clinical.exposure.assumed_supply)
    return clock.not_after_today(supply)


def _may_still_have_been_taken(times: _Times, medicine: Medicine, clock: Clock, clinical: Clinical) -> bool:
    """A long-acting opioid ordered within a year, without supply or end: it may have ended yesterday."""
    lasting = medicine.duration in {Duration.LONG, Duration.METHADONE_BUPRENORPHINE}
    known = times.last_known
    return lasting and known is not None and (clock.today - known).days <= clinical.exposure.stale_long


def _is_brief(record: MedicationRecord, times: _Times, clinical: Clinical) -> bool:
    if isinstance(record, MedicationStatement):
        span = (times.ended - times.first).days if times.ended and times.first else None
        return (
            span is not None
            and record.effective_period is not None
            and span <= clinical.opioid_free.brief_supply_days
        )
    return times.days_supplied is not None and times.days_supplied <= clinical.opioid_free.brief_supply_days


# --- denials and contradictions --------------------------------------------


@dataclass(frozen=True, slots=True)
class _Denial:
    """An entry that says the patient does not take the medicine (any more)."""

    names: frozenset[str]
    day: date | None
    evidence: Evidence


def _is_denial(record: MedicationRecord) -> bool:
    if isinstance(record, MedicationAdministration):
        return bool(record.not_given or record.was_not_given)
    if not isinstance(record, MedicationStatement):
        return False
    return (
        bool(record.was_not_taken) or (record.taken or "").lower() == "n" or status_of(record) == "not-taken"
    )


def _denial(entry: Entry, clock: Clock) -> _Denial | None:
    """Statements only: a dose not given on a ward denies nothing."""
    record = entry.record
    if not isinstance(record, MedicationStatement) or status_of(record) == "entered-in-error":
        return None
    denies = _is_denial(record)
    if not denies and status_of(record) not in {"stopped", "completed"}:
        return None
    period = record.effective_period or Period()
    when = clock.not_after_today(
        clock.latest(record.date_asserted)
        or clock.latest(period.end)
        or clock.latest(record.effective_date_time, period.start)
    )
    words = "says not taken" if denies else f"says {status_of(record)}"
    facts = (f"{words}, {day(when)}" if when else words,)
    names = frozenset(i.name for i in entry.medicine.ingredients if i.role is not Role.OTHER)
    return _Denial(
        names, when, Evidence(medicine_name(entry.medicine), facts, LISTED_AS["MedicationStatement"])
    )


def _against(exposure: Exposure, denials: Sequence[_Denial], clock: Clock) -> Exposure:
    """A denial ends a use that was over anyway, and contradicts one that is listed as current."""
    if exposure.kind == "MedicationStatement" and exposure.presence is Presence.ENDED:
        return exposure
    names = {i.name for i in exposure.medicine.ingredients}
    newer = [d for d in denials if d.names & names and not _older(d.day, exposure.first)]
    if not newer:
        return exposure
    if exposure.is_current:
        return replace(exposure, contradicted=newer[0].evidence)
    days = [d.day for d in newer if d.day and (exposure.ended is None or d.day < exposure.ended)]
    return _ended_on(exposure, max(days)) if days else exposure


def _ended_on(exposure: Exposure, when: date) -> Exposure:
    facts = (fact for fact in exposure.evidence.facts if not fact.startswith("ended"))
    evidence = replace(exposure.evidence, facts=(*facts, f"ended {day(when)} (said not taken)"))
    return replace(exposure, ended=when, evidence=evidence, end_documented=True)


def _older(denied: date | None, began: date | None) -> bool:
    return denied is not None and began is not None and denied < began


# --- evidence --------------------------------------------------------------


def _evidence(
    entry: Entry, times: _Times, presence: Presence, ended: str, as_needed: bool, clock: Clock
) -> Evidence:
    kind = type(entry.record).__name__
    since = clock.shown(*_since(entry.record)) or (day(times.first) if times.first else "")
    facts = ["as needed"] if as_needed else []
    if since:
        facts.append(f"{_STARTED[kind]} {since}")
    if status_of(entry.record) in {"on-hold", "suspended"}:
        facts.append("on hold")
    works = entry.medicine.form in _LASTING
    if presence is Presence.ENDED:
        facts += [] if works and since else [ended]  # the day a depot was given, not a day it "ended"
    elif times.supply_until:
        facts.append(f"{'works' if works else 'supply'} to {day(times.supply_until)}")
    if presence is Presence.STALE:
        facts.append("listed as active, may be out of date")
    if not since and presence is not Presence.ENDED:
        facts.append("no date")
    return Evidence(medicine_name(entry.medicine), tuple(facts), LISTED_AS[kind])


def _since(record: MedicationRecord) -> tuple[str | None, ...]:
    """When it was ordered, taken, handed over or given, as recorded."""
    if isinstance(record, MedicationRequest):
        return (record.authored_on,)
    if isinstance(record, MedicationOrder):
        return (record.date_written,)
    if isinstance(record, MedicationDispense):
        return record.when_handed_over, record.when_prepared, record.recorded
    if isinstance(record, MedicationStatement):
        return (record.effective_period or Period()).start, record.effective_date_time, record.date_asserted
    return ()


def _names_its_day(record: MedicationRecord, clock: Clock) -> bool:
    """Whether a statement's own end is a day, not a month or a year."""
    if not isinstance(record, MedicationStatement) or not record.effective_period:
        return True
    end = record.effective_period.end
    return not end or clock.latest(end) == clock.earliest(end)


def _ended_words(record: MedicationRecord, ended: date | None, clock: Clock) -> str:
    """As recorded where the record names the end itself."""
    recorded = (
        clock.shown((record.effective_period or Period()).end)
        if isinstance(record, MedicationStatement)
        else ""
    )
    if ended is None:
        return "ended, date not recorded"
    return f"ended {recorded or day(ended)}"


_STARTED = {
    "MedicationRequest": "ordered",
    "MedicationOrder": "ordered",
    "MedicationStatement": "since",
    "MedicationDispense": "dispensed",
    "MedicationAdministration": "given",
}
