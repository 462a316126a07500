"""Medication lists to exposures: what the patient takes now, took, or never took.

Status and dates decide together. The principles (each a test): entered-in-error,
plans, proposals, drafts elsewhere and cancelled orders are no exposure; "not
taking" means *not now*; on hold counts as active; a completed order without an
end ended with its supply, at the latest today; a patch ends when the last one
comes off; an entry listed as active long past its supply is stale.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from cds_service.chart.clock import Clock
from cds_service.chart.denials import against, denial_of, is_denial
from cds_service.chart.doses import DOSED, naltrexone_dose
from cds_service.chart.entries import Entry, ended_words, evidence_of
from cds_service.chart.model import Exposure, NaltrexoneDose, Presence
from cds_service.chart.peripheral_doses import daily_mg
from cds_service.chart.times import (
    LASTING,
    OVER,
    Times,
    dosages_of,
    effect_days,
    names_its_day,
    plus,
    status_of,
    times_of,
)
from cds_service.fhir.dosage import DoseStep, is_as_needed, read_dosages
from cds_service.fhir.resources import (
    MedicationAdministration,
    MedicationDispense,
    MedicationRecord,
    MedicationRequest,
    MedicationStatement,
)
from cds_service.knowledge import Clinical
from cds_service.knowledge.concepts import Duration, Form, Role

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


def exposures(entries: Sequence[Entry], clock: Clock, clinical: Clinical) -> tuple[Exposure, ...]:
    """All exposures of ``entries``; entries that are none (errors, plans, denials) leave nothing behind."""
    denials = [denial for entry in entries if (denial := denial_of(entry, clock))]
    found = [exposure for entry in entries if (exposure := _exposure(entry, clock, clinical))]
    return tuple([against(exposure, denials) for exposure in found] if denials else found)


# --- one entry -------------------------------------------------------------


def _exposure(entry: Entry, clock: Clock, clinical: Clinical) -> Exposure | None:
    record = entry.record
    if why_no_exposure(record):
        return None
    dosages = dosages_of(record)
    steps = read_dosages(dosages) if entry.medicine.has(*DOSED) else ()
    times = times_of(record, entry.medicine, clock, clinical)
    as_needed = any([is_as_needed(dosage) for dosage in dosages])
    presence = _presence(entry, times, as_needed, clock, clinical)
    ended = _end(entry, times, clock, clinical) if presence is Presence.ENDED else None
    documented = times.ended is not None and names_its_day(record, clock)
    words = ended_words(record, ended, documented, clock)
    return Exposure(
        medicine=entry.medicine,
        presence=presence,
        evidence=evidence_of(entry, times, presence, words, as_needed, clock),
        kind=type(record).__name__,
        id=record.id,
        first=times.first,
        last_known=times.last_known,
        supply_until=times.supply_until,
        ended=ended,
        as_needed=as_needed,
        brief=_is_brief(record, times, clinical),
        end_documented=documented,
        daily_mg=_daily_mg(entry, steps),
        dose=_dose(entry, steps),
        reasons=entry.reasons,
    )


def why_no_exposure(record: MedicationRecord) -> str | None:
    """Why an entry is none, in words; None when it is one."""
    status = status_of(record)
    if status in _NO_EXPOSURE:
        return f"status {status}"
    if is_denial(record):
        return "says that it is not taken"
    return None if _is_order(record) else "a plan, a proposal, or an order not to give it"


def _is_order(record: MedicationRecord) -> bool:
    """Plans and proposals are not orders; ``doNotPerform`` is the opposite of one."""
    if not isinstance(record, MedicationRequest):
        return True
    return record.intent not in _NOT_AN_ORDER and not record.do_not_perform


def _daily_mg(entry: Entry, steps: Sequence[DoseStep]) -> float | None:
    if Role.PERIPHERAL_OPIOID not in entry.medicine.roles:
        return None
    return daily_mg(steps, _texts(entry), entry.medicine)


def _texts(entry: Entry) -> list[str]:
    return [dosage.text for dosage in dosages_of(entry.record) if dosage.text]


def _dose(entry: Entry, steps: Sequence[DoseStep]) -> NaltrexoneDose | None:
    if Role.NALTREXONE not in entry.medicine.roles:
        return None
    return naltrexone_dose(steps, _texts(entry), entry.medicine)


# --- presence --------------------------------------------------------------


def _presence(entry: Entry, times: Times, as_needed: bool, clock: Clock, clinical: Clinical) -> Presence:
    record, medicine = entry.record, entry.medicine
    if isinstance(record, MedicationAdministration):
        still = times.ended and times.ended >= clock.today and effect_days(medicine, clinical)
        return Presence.ACTIVE if still or status_of(record) == "in-progress" else Presence.ENDED
    if isinstance(record, MedicationDispense):
        until = times.supply_until or plus(times.last_known, clinical.exposure.assumed_supply)
        return Presence.ACTIVE if until and until >= clock.today else Presence.ENDED
    over = status_of(record) in OVER
    ended = times.ended or (times.last_known if over else None)
    if ended and medicine.form in LASTING:  # however it ended, the last one works on
        works_until = plus(ended, effect_days(medicine, clinical))
        if works_until:
            return Presence.ACTIVE if works_until >= clock.today else Presence.ENDED
    elif over:
        return Presence.ENDED
    elif ended:
        return Presence.ACTIVE if ended >= clock.today else Presence.ENDED
    return Presence.STALE if _is_stale(entry, times, as_needed, clock, clinical) else Presence.ACTIVE


def _is_stale(entry: Entry, times: Times, as_needed: bool, clock: Clock, clinical: Clinical) -> bool:
    """Active without any date is active; with dates, only as long as a supply can reach.

    A statement names no supply: it is believed for the longer span.
    """
    limits = clinical.exposure
    stated = isinstance(entry.record, MedicationStatement)
    until = times.supply_until or plus(times.last_known, 0 if stated else limits.assumed_supply)
    if until is None:
        return False
    until = max(until, times.last_known or until)
    lasting = entry.medicine.duration in {Duration.LONG, Duration.METHADONE_BUPRENORPHINE}
    believed = limits.stale_long if stated or (lasting and not as_needed) else limits.stale_short
    return (clock.today - until).days > believed


def _end(entry: Entry, times: Times, clock: Clock, clinical: Clinical) -> date | None:
    """The last day of use, at the latest today; None when no date is recorded that tells of it."""
    medicine = entry.medicine
    if times.ended:
        wear = (
            effect_days(medicine, clinical) if medicine.form is Form.PATCH and times.days_supplied != 1 else 0
        )
        return clock.not_after_today(plus(times.ended, wear or 0))
    if times.supply_until is None and _may_still_have_been_taken(entry, times, clock, clinical):
        return None
    supply = times.supply_until or plus(times.last_known, clinical.exposure.assumed_supply)
    return clock.not_after_today(supply)


def _may_still_have_been_taken(entry: Entry, times: Times, clock: Clock, clinical: Clinical) -> bool:
    """Told of so lately, without supply or end, that it may have ended yesterday.

    A long-acting opioid within a year; naltrexone for as long as an active entry of it would be believed.
    """
    if times.last_known is None:
        return False
    medicine, limits = entry.medicine, clinical.exposure
    days = (clock.today - times.last_known).days
    if medicine.duration in {Duration.LONG, Duration.METHADONE_BUPRENORPHINE}:
        return days <= limits.stale_long
    if not medicine.is_naltrexone or medicine.form in LASTING:
        return False
    stated = isinstance(entry.record, MedicationStatement)
    believed = limits.stale_long if stated else limits.assumed_supply + limits.stale_short
    return limits.assumed_supply < days <= believed


def _is_brief(record: MedicationRecord, times: Times, clinical: Clinical) -> bool:
    if isinstance(record, MedicationStatement):
        span = (times.ended - times.first).days if times.ended and times.first else None
        return (
            span is not None
            and record.effective_period is not None
            and span <= clinical.opioid_free.brief_supply_days
        )
    return times.days_supplied is not None and times.days_supplied <= clinical.opioid_free.brief_supply_days
