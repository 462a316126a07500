"""Is an opioid taken, listed or ordered together with naltrexone?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cds_service.chart import Evidence, Exposure, Order, PatientChart, Presence, listed, milligrams
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Duration, Form, Medicine, Role
from cds_service.knowledge.wording import say
from cds_service.rules.finding import Finding, Findings, Indicator, Remove, Topic, worst
from cds_service.rules.names import opioid_names, short_names
from cds_service.rules.regimen import Regimen, drug, for_opioid_use_disorder, is_renewal, of_order

TOPIC = Topic.OPIOID_COPRESCRIPTION
_CURRENT = (Presence.ACTIVE, Presence.STALE)
_WITHOUT_FIGURE = (Form.DEPOT, Form.IMPLANT)


def opioid_coprescription(chart: PatientChart, clinical: Clinical) -> Findings:
    """One card that lists every opioid, from the lists and from the basket."""
    naltrexone = chart.naltrexone_in_basket
    in_basket = [order for order in chart.orders if order.medicine.is_opioid]
    if not naltrexone:
        return "the basket holds no naltrexone"
    if not chart.naltrexone_orders and not any([order.selected for order in in_basket]):
        return "neither the naltrexone nor an opioid of the basket is to be judged"
    on_lists: Sequence[Exposure] = ()
    if chart.naltrexone_orders:
        on_lists = chart.exposed(Role.OPIOID, Role.OPIOID_LIKE, presence=_CURRENT)
    if not on_lists and not in_basket:
        return "no opioid is active on the lists or in the basket"
    taken = chart.taking_naltrexone()
    micro = _agreed_microgram(naltrexone, clinical)
    indicator = Indicator.WARNING if micro else _indicator(on_lists, in_basket)
    name = drug(chart, clinical)
    # who takes it already is not asked to start it
    begin = "renew" if taken and is_renewal(chart, clinical) else "start"
    removable = [o for o in in_basket if not for_opioid_use_disorder(o.medicine, o.reasons, chart)]
    return [
        Finding(
            topic=TOPIC,
            indicator=indicator,
            summary=_summary(on_lists, in_basket, indicator, micro, name, begin),
            found=(*_evidence(on_lists, in_basket), *[e.evidence for e in taken]),
            lines=tuple(_lines(chart, clinical, on_lists, in_basket, micro, bool(taken), name, begin)),
            basis=say(TOPIC, "basis"),
            proposals=tuple([Remove(order) for order in (*naltrexone, *removable)]),
            exclusive=len(naltrexone) == 1 and len(removable) <= 1,
            withholds_start=True,
        )
    ]


def _evidence(on_lists: Sequence[Exposure], in_basket: Sequence[Order]) -> tuple[Evidence, ...]:
    denied = [e.contradicted for e in on_lists if e.contradicted]
    return (*[e.evidence for e in on_lists], *dict.fromkeys(denied), *[order.evidence for order in in_basket])


def _indicator(on_lists: Sequence[Exposure], in_basket: Sequence[Order]) -> Indicator:
    one_by_one = [Indicator.CRITICAL if _is_certain(exposure) else Indicator.WARNING for exposure in on_lists]
    ordered = [
        Indicator.CRITICAL if Role.OPIOID in o.medicine.roles else Indicator.WARNING for o in in_basket
    ]
    return worst(*one_by_one, *ordered)


def _is_certain(exposure: Exposure) -> bool:
    current = exposure.presence is Presence.ACTIVE and not exposure.contradicted
    return current and Role.OPIOID in exposure.medicine.roles


def _agreed_microgram(naltrexone: Sequence[Order], clinical: Clinical) -> float | None:
    """The daily dose when coded dose and directions both say a microgram dose."""
    for order in naltrexone:
        agree = order.dose.structured_mg and order.dose.text_mg and not order.dose.sources_disagree
        if not agree or of_order(order, clinical) is not Regimen.MICRO:
            return None
    return max([order.dose.mg_per_day or 0.0 for order in naltrexone], default=None)


def _summary(
    on_lists: Sequence[Exposure],
    in_basket: Sequence[Order],
    indicator: Indicator,
    micro: float | None,
    naltrexone: str,
    begin: str,
) -> str:
    shown = [e for e in on_lists if _is_certain(e)] or on_lists
    names = short_names([e.medicine for e in shown] or [order.medicine for order in in_basket])
    if micro is not None:
        key = "micro"
    elif in_basket and (not on_lists or indicator is not _indicator(on_lists, ())):
        key, names = "basket", short_names([order.medicine for order in in_basket])
    elif indicator is Indicator.CRITICAL:
        key = "active"
    elif any([e.contradicted for e in on_lists]):
        key = "contradicted"
    elif any([e.presence is Presence.STALE for e in on_lists]):
        key = "stale"
    else:
        key = "opioid_like"
    verb = "are" if " and " in names else "is"
    return say(TOPIC, key, opioids=names, drug=naltrexone, verb=verb, begin=begin)


def _lines(
    chart: PatientChart,
    clinical: Clinical,
    on_lists: Sequence[Exposure],
    in_basket: Sequence[Order],
    micro: float | None,
    taken: bool,
    name: str,
    begin: str,
) -> Iterator[str]:
    named = [(e.medicine, e.reasons) for e in on_lists] + [(o.medicine, o.reasons) for o in in_basket]
    treatment = [m for m, reasons in named if for_opioid_use_disorder(m, reasons, chart)]
    others = [m for m, _ in named if m not in treatment]
    if micro is not None:
        yield say(TOPIC, "micro_line", mg=milligrams(micro))
    if taken:
        yield say(TOPIC, "already_on")
    yield say(TOPIC, "ask")
    if treatment:
        kept = listed(opioid_names(treatment))
        yield say(TOPIC, "treatment" if name == "LDN" else "treatment_full", opioids=kept)
    if others and micro is not None:
        yield say(TOPIC, "still_micro", begin=begin, drug=name)
    elif others:
        prescribed = any([Role.OPIOID in medicine.roles for medicine in others])
        yield say(TOPIC, "still" if prescribed else "still_like", begin=begin, drug=name)
        yield already_stopped(others, clinical)


def already_stopped(medicines: Sequence[Medicine], clinical: Clinical) -> str:
    """The opioid-free interval of the slowest of ``medicines``."""
    if any([m.form in _WITHOUT_FIGURE for m in medicines]):
        return say(TOPIC, "stopped_no_figure")
    days, why = max([interval(medicine, clinical) for medicine in medicines])
    return say(TOPIC, "stopped", days=days, why=say(TOPIC, why))


def interval(medicine: Medicine, clinical: Clinical) -> tuple[int, str]:
    """(opioid-free days, key of the sentence that says why)."""
    days = clinical.opioid_free
    if medicine.duration is Duration.METHADONE_BUPRENORPHINE:
        return days.methadone_buprenorphine, "why_methadone_buprenorphine"
    if medicine.duration is Duration.LONG:
        return days.long, "why_long"
    return days.short, "why_short"
