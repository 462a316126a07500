"""Which start and titration to offer for a new order of LDN?"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta

from cds_service.chart import Order, PatientChart, Presence, listed, milligrams
from cds_service.fhir.records import GapReason
from cds_service.knowledge.clinical import SLOW, USUAL, Clinical
from cds_service.knowledge.concepts import Meaning, Role
from cds_service.knowledge.wording import say
from cds_service.rules.finding import NO_NALTREXONE, Finding, Findings, Indicator, Prescribe, Topic
from cds_service.rules.not_checked import MEDICATION_KINDS, unkept
from cds_service.rules.regimen import INDICATIONS, POSSIBLY_LDN, Regimen, of_exposure, of_order

TOPIC = Topic.STARTING_DOSE
_STEPS_TO_NAME = 6


def starting_dose(chart: PatientChart, clinical: Clinical) -> Findings:
    """For one LDN order by mouth that is a new start and no schedule yet.

    Whether it is withheld beside other findings is decided where all are known.
    """
    order = order_to_start(chart, clinical)
    if order is None:
        return _why_no_start(chart, clinical)
    if order.dose.is_stepwise:
        return "the order already is a stepwise schedule"
    return [
        Finding(
            topic=TOPIC,
            indicator=Indicator.INFO,
            summary=_summary(chart, order, clinical),
            found=chart.other_allergies[:4],
            lines=tuple(_lines(chart, order, clinical)),
            basis=say(TOPIC, "basis"),
            proposals=schedules(chart, order, clinical),
            exclusive=True,
        )
    ]


def _why_no_start(chart: PatientChart, clinical: Clinical) -> str:
    """In the order :func:`order_to_start` asks."""
    orders = chart.naltrexone_in_basket
    if not chart.naltrexone_orders:
        return NO_NALTREXONE
    if len(orders) > 1:
        return "the basket holds more than one order of naltrexone"
    (order,) = orders
    if of_order(order, clinical) is not Regimen.LOW:
        return f"the order is no LDN ({of_order(order, clinical).value})"
    if not order.route_oral:
        return "the order is not taken by mouth"
    if order.dose.sources_disagree:
        return "coded dose and directions disagree"
    return "the treatment is continued, not started"


def order_to_start(chart: PatientChart, clinical: Clinical) -> Order | None:
    """The one LDN order that begins a treatment, or None."""
    orders = chart.naltrexone_in_basket
    if len(orders) != 1 or not orders[0].selected:
        return None
    order = orders[0]
    low = of_order(order, clinical) is Regimen.LOW and order.route_oral and not order.dose.sources_disagree
    return order if low and not is_continued(chart, clinical) else None


def is_continued(chart: PatientChart, clinical: Clinical) -> bool:
    """LDN (or naltrexone of a dose not recorded) is active, or ended within a supply ago: no start."""
    listed_entries = chart.exposed(Role.NALTREXONE)
    if not listed_entries:
        return False
    since = chart.today - timedelta(days=clinical.exposure.assumed_supply)
    for exposure in listed_entries:
        if not exposure.medicine.is_naltrexone or of_exposure(exposure, clinical) not in POSSIBLY_LDN:
            continue
        if exposure.presence is Presence.ACTIVE or (exposure.ended and exposure.ended >= since):
            return True
    return False


def schedules(
    chart: PatientChart, order: Order, clinical: Clinical, compounded: bool = False
) -> tuple[Prescribe, ...]:
    """The schedules to choose from, the recommended one first."""
    slow_first = _recommended(chart, order, clinical) != "usual"
    ordered = sorted(
        clinical.titration.schedules, key=lambda s: (s.name != SLOW) if slow_first else (s.name == SLOW)
    )
    return tuple(
        Prescribe(order, schedule, recommended=position == 0, compounded=compounded)
        for position, schedule in enumerate(ordered)
    )


def _recommended(chart: PatientChart, order: Order, clinical: Clinical) -> str:
    """The key of the summary: the usual schedule, or the slower one by age, or since less was ordered."""
    age, ordered = chart.person.age, order.dose.mg_per_day
    if age is not None and age >= clinical.titration.slow_first_from_age:
        return "slow"
    first, _ = clinical.titration.schedule(USUAL).steps[0]
    return "slow_as_ordered" if ordered and ordered < first else "usual"


def _summary(chart: PatientChart, order: Order, clinical: Clinical) -> str:
    """The schedule in words, from the figures in force."""
    name = _recommended(chart, order, clinical)
    steps = clinical.titration.schedule(USUAL if name == "usual" else SLOW).steps
    doses = [milligrams(mg) for mg, _ in steps]
    doses = doses if len(doses) <= _STEPS_TO_NAME else [*doses[:2], "…", doses[-1]]
    return say(
        TOPIC,
        name,
        doses=listed(doses, last="then"),
        days=steps[0][1],
        age=clinical.titration.slow_first_from_age,
    )


def _lines(chart: PatientChart, order: Order, clinical: Clinical) -> Iterator[str]:
    first = [milligrams(s.steps[0][0]) for s in clinical.titration.schedules if s.name == SLOW]
    yield say(TOPIC, "schedule", slow=listed(first))
    if chart.person.age is None:
        yield say(TOPIC, "age_unknown")
    yield indication_line(chart, order)
    yield say(TOPIC, "compounding") + (say(TOPIC, "excipients") if chart.other_allergies else "")
    yield say(TOPIC, "sleep")
    if mood := _mood(chart):
        yield say(TOPIC, "depression", conditions=mood)
    yield say(TOPIC, "review", weeks=clinical.titration.review_weeks)
    yield say(TOPIC, "lists_miss") + _what_was_read(chart)


def _mood(chart: PatientChart) -> str:
    recorded = {Meaning.DEPRESSION: "depression", Meaning.SUICIDALITY: "suicidality"}
    return listed([words for meaning, words in recorded.items() if chart.with_meaning(meaning)])


def _what_was_read(chart: PatientChart) -> str:
    """What the medication lists could not hold, as far as it is no gap."""
    gaps = [gap for gap in chart.gaps if gap.kind in MEDICATION_KINDS]
    filtered = any(gap.reason is GapReason.INCOMPLETE and not gap.covers_list for gap in gaps)
    said = (say(TOPIC, "filtered") if filtered else "", unkept(chart))
    return "".join(f" {words}" for words in said if words)


def indication_line(chart: PatientChart, order: Order) -> str:
    """The honest evidence line of the order's own reason; without one, of the problem list."""
    for meaning in INDICATIONS:
        if meaning in order.reasons:
            return say("indications", meaning.value)
    if order.has_reason:
        return say(TOPIC, "other_indication")
    for meaning in INDICATIONS:
        if chart.with_meaning(meaning):
            return say("indications", meaning.value)
    alcohol = chart.with_meaning(Meaning.ALCOHOL_USE_DISORDER)
    return say(TOPIC, "alcohol") if alcohol else say(TOPIC, "no_indication")
