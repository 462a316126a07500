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
    opioids = short_names([order.medicine for order in ordered])
    only_treatment = len(treatment) == len(ordered)
    return [
        Finding(
            topic=TOPIC,
            indicator=indicator,
            summary=(
                say(TOPIC, "for_treatment", opioids=opioids)
                if only_treatment
                else _summary(loudest, opioids, clinical)
            ),
            found=(
                *(e.evidence for e in exposures),
                *(e.contradicted for e in exposures if e.contradicted),
                *(order.evidence for order in ordered),
            ),
            lines=tuple(_lines(exposures, clinical, bool(treatment), only_treatment)),
            basis=say(TOPIC, "basis"),
            proposals=tuple(Remove(order) for order in ordered if order not in treatment),
        )
    ]


def _indicator(exposure: Exposure, chart: PatientChart, clinical: Clinical) -> Indicator | None:
    """None when the naltrexone no longer blocks; an ended use counts as surely as its days."""
    if not _still_blocks(exposure, chart, clinical):
        return None
    if exposure.presence is Presence.STALE or exposure.contradicted:
        return Indicator.WARNING
    if is_full_dose(exposure, clinical):
        return Indicator.CRITICAL
    return Indicator(clinical.opioid_on_naltrexone.low_dose_indicator)


def _still_blocks(exposure: Exposure, chart: PatientChart, clinical: Clinical) -> bool:
    if exposure.is_current:
        return True
    if exposure.ended is None:
        return False
    return (chart.today - exposure.ended).days <= _days_of_block(exposure, clinical)


def _days_of_block(exposure: Exposure, clinical: Clinical) -> int:
    """Days after the end; an injection given, or reckoned from its supply, ends with its effect."""
    days = clinical.naltrexone_block
    if of_exposure(exposure, clinical) is not Regimen.INJECTION:
        return days.oral if is_full_dose(exposure, clinical) else days.low_dose
    ends_with_effect = exposure.kind == "MedicationAdministration" or not exposure.end_documented
    return -1 if ends_with_effect else days.injection


def _summary(loudest: Sequence[Exposure], opioids: str, clinical: Clinical) -> str:
    first = max(loudest, key=lambda e: (is_full_dose(e, clinical), e.is_current))
    kind = of_exposure(first, clinical)
    if first.contradicted:
        return say(TOPIC, "contradicted", opioids=opioids)
    if first.presence is Presence.STALE:
        return say(TOPIC, "stale", opioids=opioids)
    if kind is Regimen.INJECTION:
        return say(TOPIC, "injection", opioids=opioids)
    name = _NAMES.get(kind, "full-dose naltrexone" if is_full_dose(first, clinical) else "LDN")
    if first.ended and not first.is_current:
        return say(TOPIC, "ended", naltrexone=name, ended=day(first.ended), opioids=opioids)
    if is_full_dose(first, clinical):
        return say(TOPIC, "full", naltrexone=name, opioids=opioids)
    return say(TOPIC, "unknown" if kind is Regimen.UNKNOWN else "ldn", opioids=opioids)


_NAMES = {Regimen.COMBINATION: "naltrexone/bupropion", Regimen.UNKNOWN: "naltrexone, dose not recorded,"}


def _lines(
    exposures: Sequence[Exposure], clinical: Clinical, treatment: bool, only_treatment: bool
) -> Iterator[str]:
    if treatment:
        yield say(TOPIC, "treatment")
    if not only_treatment:
        yield _hold(exposures, clinical)
        yield say(TOPIC, "fail")
    yield say(TOPIC, "sensitive")
    if not only_treatment:
        yield say(TOPIC, "emergency")


def _hold(exposures: Sequence[Exposure], clinical: Clinical) -> str:
    kinds = {of_exposure(exposure, clinical) for exposure in exposures}
    if Regimen.INJECTION in kinds:
        return say(TOPIC, "hold_injection")
    full = Regimen.UNKNOWN in kinds or any(is_full_dose(exposure, clinical) for exposure in exposures)
    return say(TOPIC, "hold_oral") if full else say(TOPIC, "hold_ldn")
