"""Which start and titration to offer for a new order of LDN?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from cds_service.chart import Evidence, Order, PatientChart, Presence
from cds_service.fhir.records import GapReason
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Meaning, Role
from cds_service.knowledge.wording import say
from cds_service.rules.finding import Finding, Indicator, Prescribe, Topic
from cds_service.rules.regimen import INDICATIONS, Regimen, naltrexone_in_basket, of_exposure, of_order

TOPIC = Topic.STARTING_DOSE


def starting_dose(chart: PatientChart, clinical: Clinical) -> Iterator[Finding]:
    """For one LDN order by mouth that is a new start and no schedule yet.

    Whether it is withheld beside other findings is decided where all are known.
    """
    order = order_to_start(chart, clinical)
    if order is None or order.dose.is_stepwise:
        return
    age = chart.person.age
    slow = age is not None and age >= clinical.titration.slow_first_from_age
    yield Finding(
        topic=TOPIC,
        indicator=Indicator.INFO,
        summary=say(TOPIC, "slow" if slow else "usual", age=clinical.titration.slow_first_from_age),
        found=(*_indications(chart), *chart.other_allergies[:4]),
        lines=tuple(_lines(chart, order, clinical)),
        basis=say(TOPIC, "basis"),
        proposals=schedules(chart, order, clinical),
        exclusive=True,
    )


def order_to_start(chart: PatientChart, clinical: Clinical) -> Order | None:
    """The one LDN order that begins a treatment, or None."""
    orders = naltrexone_in_basket(chart)
    if len(orders) != 1 or not orders[0].selected:
        return None
    order = orders[0]
    low = of_order(order, clinical) is Regimen.LOW and order.route_oral and not order.dose.sources_disagree
    return order if low and not is_continued(chart, clinical) else None


def is_continued(chart: PatientChart, clinical: Clinical) -> bool:
    """LDN is active, or ended within a supply ago: a renewal, no start."""
    since = chart.today - timedelta(days=clinical.exposure.assumed_supply)
    for exposure in chart.exposed(Role.NALTREXONE):
        if not exposure.medicine.is_naltrexone or of_exposure(exposure, clinical) not in (
            Regimen.LOW,
            Regimen.MICRO,
        ):
            continue
        if exposure.presence is Presence.ACTIVE or (exposure.ended and exposure.ended >= since):
            return True
    return False


def schedules(
    chart: PatientChart, order: Order, clinical: Clinical, compounded: bool = False
) -> tuple[Prescribe, ...]:
    """The schedules to choose from; from age 75 the slower one first and recommended."""
    age = chart.person.age
    slow_first = age is not None and age >= clinical.titration.slow_first_from_age
    ordered = sorted(
        clinical.titration.schedules, key=lambda s: (s.name != "slow") if slow_first else (s.name == "slow")
    )
    return tuple(
        Prescribe(order, schedule, recommended=position == 0, compounded=compounded)
        for position, schedule in enumerate(ordered)
    )


def _indications(chart: PatientChart) -> tuple[Evidence, ...]:
    return tuple(p.evidence for p in chart.with_meaning(*INDICATIONS))[:3]


def _lines(chart: PatientChart, order: Order, clinical: Clinical) -> Iterator[str]:
    yield say(TOPIC, "schedule")
    if chart.person.age is None:
        yield say(TOPIC, "age_unknown")
    yield indication_line(chart, order)
    yield say(TOPIC, "compounding")
    if chart.other_allergies:
        yield say(TOPIC, "excipients")
    yield say(TOPIC, "sleep")
    mood = chart.with_meaning(Meaning.DEPRESSION, Meaning.SUICIDALITY)
    if mood:
        yield say(TOPIC, "depression", conditions="Suicidality" if _suicidal(chart) else "Depression")
    yield say(TOPIC, "review", weeks=clinical.titration.review_weeks)
    yield say(TOPIC, "lists_miss")
    if any(gap.reason is GapReason.NOT_KEPT for gap in chart.gaps):
        yield say(TOPIC, "not_kept")
    if any(gap.reason is GapReason.INCOMPLETE and not gap.covers_list for gap in chart.gaps):
        yield say(TOPIC, "filtered")


def _suicidal(chart: PatientChart) -> bool:
    return bool(chart.with_meaning(Meaning.SUICIDALITY))


def indication_line(chart: PatientChart, order: Order) -> str:
    """The honest evidence line of the order's own reason, else of the problem list."""
    for meaning in INDICATIONS:
        if meaning in order.reasons:
            return say("indications", meaning.value)
    for meaning in INDICATIONS:
        if chart.with_meaning(meaning):
            return say("indications", meaning.value)
    return say(TOPIC, "no_indication")
