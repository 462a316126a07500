"""A medication resource as an entry of a list, and how a card shows it."""

from __future__ import annotations

from datetime import date

from msgspec import Struct

from cds_service.chart.clock import Clock
from cds_service.chart.model import Evidence, Presence
from cds_service.chart.showing import day, medicine_name
from cds_service.chart.times import LASTING, Times, status_of
from cds_service.fhir.datatypes import Period
from cds_service.fhir.resources import (
    MedicationAdministration,
    MedicationDispense,
    MedicationOrder,
    MedicationRecord,
    MedicationRequest,
    MedicationStatement,
)
from cds_service.knowledge.concepts import Meaning, Medicine

LISTED_AS = {
    "MedicationRequest": "medication order",
    "MedicationOrder": "medication order",
    "MedicationStatement": "medication list",
    "MedicationDispense": "dispensing record",
    "MedicationAdministration": "administration record",
}


class Entry(Struct, frozen=True, gc=False):
    """A medication resource with its medicine, as the chart takes it in."""

    record: MedicationRecord
    medicine: Medicine
    reasons: frozenset[Meaning] = frozenset()


def evidence_of(
    entry: Entry, times: Times, presence: Presence, ended: str, as_needed: bool, clock: Clock
) -> Evidence:
    kind = type(entry.record).__name__
    since = clock.shown(*_since(entry.record)) or (day(times.first) if times.first else "")
    facts = ["as needed"] if as_needed else []
    if since:
        facts.append(f"{_STARTED[kind]} {since}")
    if status_of(entry.record) in {"on-hold", "suspended"}:
        facts.append("on hold")
    works = entry.medicine.form in LASTING
    if presence is Presence.ENDED:
        # the day a depot was given is no day it "ended", nor does one dose end on a day of its own
        facts += [] if since and (works or _is_one_dose(entry.record, ended, since)) else [ended]
    elif times.supply_until:
        facts.append(f"{'works' if works else 'supply'} to {day(times.supply_until)}")
    if presence is Presence.STALE:
        facts.append("listed as active, may be out of date")
    if not since and presence is not Presence.ENDED:
        facts.append("no date")
    return Evidence(medicine_name(entry.medicine), tuple(facts), LISTED_AS[kind])


def _is_one_dose(record: MedicationRecord, ended: str, since: str) -> bool:
    return isinstance(record, MedicationAdministration) and ended == f"ended {since}"


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


def ended_words(record: MedicationRecord, ended: date | None, documented: bool, clock: Clock) -> str:
    """As recorded where the record names the end itself; a reckoned day is told as one."""
    recorded = (
        clock.shown((record.effective_period or Period()).end)
        if isinstance(record, MedicationStatement)
        else ""
    )
    if ended is None:
        return "ended, date not recorded"
    if recorded or documented:
        return f"ended {recorded or day(ended)}"
    return f"ended by {day(ended)} at the latest"


_STARTED = {
    "MedicationRequest": "ordered",
    "MedicationOrder": "ordered",
    "MedicationStatement": "since",
    "MedicationDispense": "dispensed",
    "MedicationAdministration": "given",
}
