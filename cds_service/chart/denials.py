"""Entries that say the patient does not take a medicine, and what they do to those that say otherwise."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

from msgspec.structs import replace

from cds_service.chart.clock import Clock
from cds_service.chart.entries import LISTED_AS, Entry
from cds_service.chart.model import Evidence, Exposure, Presence
from cds_service.chart.showing import day, medicine_name
from cds_service.chart.times import LASTING, status_of
from cds_service.fhir.datatypes import Period
from cds_service.fhir.resources import MedicationAdministration, MedicationRecord, MedicationStatement
from cds_service.knowledge.concepts import Medicine, Role


@dataclass(frozen=True, slots=True)
class Denial:
    """An entry that says the patient does not take the medicine (any more)."""

    medicine: Medicine
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
    evidence = Evidence(medicine_name(entry.medicine), facts, LISTED_AS["MedicationStatement"])
    return Denial(entry.medicine, when, evidence, says_stopped=not denies)


def against(exposure: Exposure, denials: Sequence[Denial]) -> Exposure:
    """A denial ends a use that was over anyway, and contradicts one that is listed as current.

    A depot or an implant that was given goes on working after it was stopped. A long-acting product that was
    stopped says nothing of the short-acting one beside it, nor does one strength of another.
    """
    if exposure.kind == "MedicationStatement" and exposure.presence is Presence.ENDED:
        return exposure
    newer = [d for d in denials if _same(d.medicine, exposure.medicine) and not _older(d, exposure.first)]
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


_STRENGTH = re.compile(r"(\d+(?:[.,]\d+)?)\s*-?\s*(?:mg|mcg|µg|microg)", re.IGNORECASE)


def _same(denied: Medicine, taken: Medicine) -> bool:
    """Whether the denial means the product that is taken; a bare name ("oxycodone") means all of them."""
    if _of_concern(denied).isdisjoint(_of_concern(taken)):
        return False
    if denied.form is None and not denied.extended_release and not _STRENGTH.search(denied.name):
        return True
    strengths = set(_STRENGTH.findall(denied.name)), set(_STRENGTH.findall(taken.name))
    forms = {denied.form, taken.form} - {None}
    return (
        len(forms) < 2
        and denied.extended_release == taken.extended_release
        and {i.name for i in denied.ingredients} == {i.name for i in taken.ingredients}
        and (not all(strengths) or strengths[0] == strengths[1])
    )


def _of_concern(medicine: Medicine) -> frozenset[str]:
    return frozenset(i.name for i in medicine.ingredients if i.role is not Role.OTHER)


def _older(denial: Denial, began: date | None) -> bool:
    """Of a use before: what was stopped on the day another entry began is the one it replaced."""
    if denial.day is None:
        return denial.says_stopped
    return began is not None and (denial.day <= began if denial.says_stopped else denial.day < began)
