"""Is an opioid ordered for a patient who takes naltrexone?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cds_service.chart import Exposure, PatientChart, Presence
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Role
from cds_service.knowledge.wording import say
from cds_service.rules.finding import Finding, Indicator, Remove, Topic, worst
from cds_service.rules.opioid_coprescription import short_names
from cds_service.rules.regimen import (
    FULL_DOSE,
    Regimen,
    for_opioid_use_disorder,
    naltrexone_in_basket,
    of_exposure,
)

TOPIC = Topic.OPIOID_ORDERED


def opioid_ordered(chart: PatientChart, clinical: Clinical) -> Iterator[Finding]:
    """One card; naltrexone in the same basket is :mod:`opioid_coprescription`'s cause."""
    ordered = [order for order in chart.judged() if order.medicine.is_opioid]
    if not ordered or naltrexone_in_basket(chart):
        return
    blocking = [
        (exposure, indicator)
        for exposure in chart.exposed(Role.NALTREXONE)
        if exposure.medicine.is_naltrexone and (indicator := _indicator(exposure, chart, clinical))
    ]
    if not blocking:
        return
    indicator = worst(*(each for _, each in blocking))
    exposures = [exposure for exposure, _ in blocking]
    loudest = [exposure for exposure, each in blocking if each is indicator]
    treatment = any(for_opioid_use_disorder(o.medicine, o.reasons, chart) for o in ordered)
    yield Finding(
        topic=TOPIC,
        indicator=indicator,
        summary=_summary(loudest, short_names([order.medicine for order in ordered]), clinical),
        found=(
            *(e.evidence for e in exposures),
            *(e.contradicted for e in exposures if e.contradicted),
            *(order.evidence for order in ordered),
        ),
        lines=tuple(_lines(exposures, treatment, clinical)),
        basis=say(TOPIC, "basis"),
        proposals=() if treatment else tuple(Remove(order) for order in ordered),
    )


def _indicator(exposure: Exposure, chart: PatientChart, clinical: Clinical) -> Indicator | None:
    kind = of_exposure(exposure, clinical)
    if not _still_blocks(exposure, kind, chart, clinical):
        return None
    if exposure.presence is Presence.STALE or exposure.contradicted:
        return Indicator.WARNING
    if kind in FULL_DOSE:
        return Indicator.CRITICAL
    return Indicator(clinical.opioid_on_naltrexone.low_dose_indicator)


def _still_blocks(exposure: Exposure, kind: Regimen, chart: PatientChart, clinical: Clinical) -> bool:
    if exposure.is_current:
        return True
    if exposure.ended is None:
        return False
    days = clinical.naltrexone_block
    if kind is Regimen.INJECTION:  # the end of a depot is the end of its effect
        return False
    limit = days.oral if kind in FULL_DOSE else days.low_dose
    return (chart.today - exposure.ended).days <= limit


def _summary(loudest: Sequence[Exposure], opioids: str, clinical: Clinical) -> str:
    kinds = {of_exposure(exposure, clinical) for exposure in loudest}
    if all(e.presence is Presence.STALE or e.contradicted for e in loudest):
        return say(TOPIC, "stale", opioids=opioids)
    if Regimen.INJECTION in kinds:
        return say(TOPIC, "injection", opioids=opioids)
    if kinds & FULL_DOSE:
        name = "Naltrexone/bupropion" if kinds == {Regimen.COMBINATION} else "Full-dose naltrexone"
        return say(TOPIC, "full", naltrexone=name, opioids=opioids)
    return say(TOPIC, "ldn", opioids=opioids)


def _lines(exposures: Sequence[Exposure], treatment: bool, clinical: Clinical) -> Iterator[str]:
    kinds = {of_exposure(exposure, clinical) for exposure in exposures}
    if Regimen.INJECTION in kinds:
        yield say(TOPIC, "hold_injection")
    elif kinds & FULL_DOSE:
        yield say(TOPIC, "hold_oral")
    else:
        yield say(TOPIC, "hold_ldn")
    yield say(TOPIC, "fail")
    yield say(TOPIC, "sensitive")
    yield say(TOPIC, "emergency")
    if treatment:
        yield say(TOPIC, "treatment")
