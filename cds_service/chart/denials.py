"""Entries that say the patient does not take a medicine, and what they do to those that say otherwise."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from msgspec.structs import replace

from cds_service.chart.clock import Clock
from cds_service.chart.entries import LISTED_AS, Entry
from cds_service.chart.model import Evidence, Exposure, Presence
from cds_service.chart.showing import day, medicine_name
from cds_service.chart.times import LASTING, status_of
from cds_service.fhir.resources import MedicationAdministration, MedicationRecord, MedicationStatement, Period
from cds_service.knowledge.concepts import Role


@dataclass(frozen=True, slots=True)
class Denial:
    """An entry that says the patient does not take the medicine (any more)."""

    names: frozenset[str]
    day: date | None
    evidence: Evidence
    says_stopped: bool = False
    """That no more is given; what was given goes on working."""


def is_denial(record: MedicationRecord) -> bool:
    if isinstance(record, MedicationAdministration):
        return bool(record.not_given or record.was_not_given)
    if not isinstance(record, MedicationStatement):
        return False
    return bool(record.was_not_taken) or record.taken == "n" or status_of(record) == "not-taken"


def denial_of(entry: Entry, clock: Clock) -> Denial | None:
    """Statements only: a dose not given on a ward denies nothing."""
    record = entry.record
    if not isinstance(record, MedicationStatement):
        return None
    status = status_of(record)
    denies = is_denial(record)
    if status == "entered-in-error" or (not denies and status not in {"stopped", "completed"}):
        return None
    period = record.effective_period or Period()
    when = clock.not_after_today(
        clock.latest(record.date_asserted)
        or clock.latest(period.end)
        or clock.latest(record.effective_date_time, period.start)
    )
    words = "says not taken" if denies else f"says {status}"
    facts = (f"{words}, {day(when)}" if when else words,)
    names = frozenset(i.name for i in entry.medicine.ingredients if i.role is not Role.OTHER)
    evidence = Evidence(medicine_name(entry.medicine), facts, LISTED_AS["MedicationStatement"])
    return Denial(names, when, evidence, says_stopped=not denies)


def against(exposure: Exposure, denials: Sequence[Denial]) -> Exposure:
    """A denial ends a use that was over anyway, and contradicts one that is listed as current.

    A depot or an implant that was given goes on working after it was stopped.
    """
    if exposure.kind == "MedicationStatement" and exposure.presence is Presence.ENDED:
        return exposure
    names = {i.name for i in exposure.medicine.ingredients}
    newer = [d for d in denials if d.names & names and not _older(d.day, exposure.first)]
    if exposure.medicine.form in LASTING:
        newer = [d for d in newer if not d.says_stopped and exposure.kind != "MedicationAdministration"]
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
