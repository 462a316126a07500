"""Is an opioid ordered for a patient who takes naltrexone?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cds_service.chart import Exposure, PatientChart, Presence, day
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Role
from cds_service.knowledge.wording import say
from cds_service.rules.finding import Finding, Findings, Indicator, Remove, Topic, worst
from cds_service.rules.names import short_names
from cds_service.rules.regimen import (
    LOW_DOSE,
    Regimen,
    for_opioid_use_disorder,
    is_full_dose,
    of_exposure,
)

TOPIC = Topic.OPIOID_ORDERED


def opioid_ordered(chart: PatientChart, clinical: Clinical) -> Findings:
    """One card; naltrexone in the same basket is :mod:`opioid_coprescription`'s cause."""
    ordered = [order for order in chart.orders if order.selected and order.medicine.is_opioid]
    if not ordered:
        return "no order to judge holds an opioid"
    if chart.naltrexone_in_basket:
        return "naltrexone is in the same basket: that is opioid-coprescription"
    blocking = [
        (exposure, indicator)
        for exposure in chart.exposed(Role.NALTREXONE)
        if exposure.medicine.is_naltrexone and (indicator := _indicator(exposure, chart, clinical))
    ]
    if not blocking:
        return "no naltrexone is on the lists that still blocks opioids"
    indicator = worst(*(each for _, each in blocking))
    exposures = [exposure for exposure, _ in blocking]
    loudest = [exposure for exposure, each in blocking if each is indicator]
    treatment = [o for o in ordered if for_opioid_use_disorder(o.medicine, o.reasons, chart)]
    for_relief = [o for o in ordered if o not in treatment]
    taken = _opioids_taken(chart)
    return [
        Finding(
            topic=TOPIC,
            indicator=indicator,
            summary=(
                _summary(loudest, short_names([o.medicine for o in for_relief]), clinical)
                if for_relief
                else _of_treatment(exposures, short_names([o.medicine for o in treatment]))
            ),
            found=(
                *(e.evidence for e in exposures),
                *(e.contradicted for e in exposures if e.contradicted),
                *(e.evidence for e in taken),
                *(order.evidence for order in ordered),
            ),
            lines=tuple(_lines(exposures, clinical, bool(treatment), bool(for_relief), bool(taken))),
            basis=say(TOPIC, "basis"),
            proposals=tuple(Remove(order) for order in ordered if order not in treatment),
        )
    ]


def _opioids_taken(chart: PatientChart) -> list[Exposure]:
    """Opioids that the list says are taken beside naltrexone."""
    listed = chart.exposed(Role.OPIOID, presence=(Presence.ACTIVE,))
    return [exposure for exposure in listed if not exposure.contradicted]


def _indicator(exposure: Exposure, chart: PatientChart, clinical: Clinical) -> Indicator | None:
    """None when the naltrexone no longer blocks; an ended use counts as surely as its days."""
    if not _still_blocks(exposure, chart, clinical):
        return None
    if exposure.presence is Presence.STALE or exposure.contradicted:
        return Indicator.WARNING
    if _is_undated(exposure):
        low = of_exposure(exposure, clinical) in LOW_DOSE
        return Indicator.INFO if low else Indicator.WARNING
    if is_full_dose(exposure, clinical):
        return Indicator.CRITICAL
    return Indicator(clinical.opioid_on_naltrexone.low_dose_indicator)


def _still_blocks(exposure: Exposure, chart: PatientChart, clinical: Clinical) -> bool:
    if exposure.is_current or exposure.ended is None:
        return True  # a last day that nobody recorded may have been yesterday
    return (chart.today - exposure.ended).days <= _days_of_block(exposure, clinical)


def _is_undated(exposure: Exposure) -> bool:
    return not exposure.is_current and exposure.ended is None


def _days_of_block(exposure: Exposure, clinical: Clinical) -> int:
    """Days after the end; an injection given, or reckoned from its supply, ends with its effect."""
    days = clinical.naltrexone_block
    if of_exposure(exposure, clinical) is not Regimen.INJECTION:
        return days.oral if is_full_dose(exposure, clinical) else days.low_dose
    ends_with_effect = exposure.kind == "MedicationAdministration" or not exposure.end_documented
    return -1 if ends_with_effect else days.injection


def _of_treatment(exposures: Sequence[Exposure], opioids: str) -> str:
    taken = any(exposure.is_current for exposure in exposures)
    return say(TOPIC, "for_treatment" if taken else "for_treatment_ended", opioids=opioids)


def _summary(loudest: Sequence[Exposure], opioids: str, clinical: Clinical) -> str:
    first = max(loudest, key=lambda e: (is_full_dose(e, clinical), e.is_current))
    kind = of_exposure(first, clinical)
    if first.contradicted:
        return say(TOPIC, "contradicted", opioids=opioids)
    if first.presence is Presence.STALE:
        return say(TOPIC, "stale", opioids=opioids)
    name = _NAMES.get(kind, "full-dose naltrexone" if is_full_dose(first, clinical) else "LDN")
    if not first.is_current and not (first.ended and first.end_documented):
        return say(TOPIC, "undated", naltrexone=name, opioids=opioids)
    if kind is Regimen.INJECTION:
        return say(TOPIC, "injection", opioids=opioids)
    if first.ended and not first.is_current:
        return say(TOPIC, "ended", naltrexone=name, ended=day(first.ended), opioids=opioids)
    if is_full_dose(first, clinical):
        return say(TOPIC, "full", naltrexone=name, opioids=opioids)
    return say(TOPIC, "unknown" if kind is Regimen.UNKNOWN else "ldn", opioids=opioids)


_NAMES = {
    Regimen.COMBINATION: "naltrexone/bupropion",
    Regimen.UNKNOWN: "naltrexone, dose not recorded,",
    Regimen.INJECTION: "naltrexone injection or implant",
}


def _lines(
    exposures: Sequence[Exposure], clinical: Clinical, treatment: bool, relief: bool, opioid_taken: bool
) -> Iterator[str]:
    if any(of_exposure(e, clinical) is not Regimen.INJECTION or _is_undated(e) for e in exposures):
        yield say(TOPIC, "ask")
    if opioid_taken:
        yield say(TOPIC, "opioid_taken")
    if treatment:
        yield say(TOPIC, "treatment")
    if relief:
        yield _pause(exposures, clinical)
        yield say(TOPIC, "fail")
    yield say(TOPIC, "sensitive")
    if relief:
        yield say(TOPIC, "emergency")


def _pause(exposures: Sequence[Exposure], clinical: Clinical) -> str:
    """How long before the opioid: what is taken is held, what is over is waited for."""
    kinds = {of_exposure(exposure, clinical) for exposure in exposures}
    if Regimen.INJECTION in kinds:
        return say(TOPIC, "hold_injection")
    full = Regimen.UNKNOWN in kinds or any(is_full_dose(exposure, clinical) for exposure in exposures)
    if any(exposure.is_current for exposure in exposures):
        return say(TOPIC, "hold_oral" if full else "hold_ldn")
    return say(TOPIC, "wait_oral" if full else "wait_ldn")
