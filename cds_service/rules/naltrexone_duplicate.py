"""Is another opioid antagonist already active, or do LDN orders add up?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from cds_service.chart import Evidence, Exposure, Order, PatientChart, listed, milligrams
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Role
from cds_service.knowledge.wording import say
from cds_service.rules.finding import Finding, Indicator, Remove, Topic
from cds_service.rules.regimen import (
    FULL_DOSE,
    Regimen,
    drug,
    is_combination,
    naltrexone_in_basket,
    of_exposure,
    of_order,
)

TOPIC = Topic.NALTREXONE_DUPLICATE


def naltrexone_duplicate(chart: PatientChart, clinical: Clinical) -> Iterator[Finding]:
    """Renewals, replacements and sequential steps are silent."""
    orders = chart.naltrexone_orders()
    if not orders:
        return
    others = list(_other_antagonists(chart, orders, clinical))
    total, overlapping = _overlap(chart, clinical)
    if others:
        names = listed([name for name, _, _ in others])
        summary = say(TOPIC, "other", others=names, drug=drug(chart, clinical))
        lines = tuple(dict.fromkeys(line for _, line, _ in others))
        found = tuple(evidence for _, _, evidence in others)
    elif total:
        summary, lines, found = (
            say(TOPIC, "sum", mg=milligrams(total)),
            (say(TOPIC, "line_sum"),),
            overlapping,
        )
    else:
        return
    yield Finding(
        topic=TOPIC,
        indicator=Indicator.WARNING,
        summary=summary,
        found=found,
        lines=lines,
        basis=say(TOPIC, "basis"),
        proposals=tuple(Remove(order) for order in orders),
        withholds_start=True,
    )


def _other_antagonists(
    chart: PatientChart, orders: Sequence[Order], clinical: Clinical
) -> Iterator[tuple[str, str, Evidence]]:
    """(name, line, evidence) of every other systemic antagonist; renewals of the same treatment are none."""
    ordered = {of_order(order, clinical) for order in orders}
    replaced = {reference for order in orders for reference in order.replaces}
    for exposure in chart.exposed(Role.NALTREXONE, Role.ANTAGONIST):
        if (
            not exposure.is_current
            or exposure.medicine.is_opioid
            or f"{exposure.kind}/{exposure.id}" in replaced
        ):
            continue
        kind = of_exposure(exposure, clinical) if exposure.medicine.is_naltrexone else Regimen.COMBINATION
        if kind not in FULL_DOSE or kind in ordered:
            continue
        name, line = _named(exposure, kind)
        yield name, line, exposure.evidence
    for order in chart.orders:
        other = order.medicine.has(Role.ANTAGONIST) or (
            is_combination(order.medicine) and order not in orders[:1]
        )
        if other and not order.medicine.is_opioid:
            name = listed(order.medicine.named(Role.NALTREXONE, Role.ANTAGONIST))
            yield name, say(TOPIC, "line_combination", others=name), order.evidence


def _named(exposure: Exposure, kind: Regimen) -> tuple[str, str]:
    if kind is Regimen.INJECTION:
        return "naltrexone injection or implant", say(TOPIC, "line_injection")
    if exposure.medicine.is_naltrexone and not is_combination(exposure.medicine):
        mg = (
            exposure.dose.per_dose_mg
            if exposure.dose and exposure.dose.per_dose_mg
            else exposure.medicine.naltrexone_mg
        )
        return f"naltrexone {milligrams(mg or 0)} mg", say(TOPIC, "line_full")
    name = (
        "naltrexone/bupropion"
        if is_combination(exposure.medicine)
        else listed(exposure.medicine.named(Role.ANTAGONIST))
    )
    return name, say(TOPIC, "line_combination", others=name)


def _overlap(chart: PatientChart, clinical: Clinical) -> tuple[float | None, tuple[Evidence, ...]]:
    """mg a day of LDN orders that overlap in time, when above the range, and their evidence."""
    basket = [
        o for o in naltrexone_in_basket(chart) if o.dose.mg_per_day and of_order(o, clinical) is Regimen.LOW
    ]
    listed_low = [
        e
        for e in chart.exposed(Role.NALTREXONE)
        if e.is_current and e.medicine.is_naltrexone and of_exposure(e, clinical) is Regimen.LOW
    ]
    added = [e for e in _one_per_dose(listed_low) if not any(_continues(order, e) for order in basket)]
    doses = [e.dose.mg_per_day or 0.0 for e in added if e.dose]
    drafts = _concurrent(basket)
    total = round(sum(doses) + sum(order.dose.mg_per_day or 0.0 for order in drafts), 4)
    if total <= clinical.dose.upper_edge_mg or len(doses) + len(drafts) < 2:
        return None, ()
    return total, (*(e.evidence for e in added), *(order.evidence for order in drafts))


def _one_per_dose(entries: Sequence[Exposure]) -> list[Exposure]:
    """An order, its dispensing and the patient's statement of it are one treatment."""
    return list({(e.dose.mg_per_day if e.dose else None): e for e in entries}.values())


def _continues(order: Order, exposure: Exposure) -> bool:
    """A renewal (same dose) or a replacement (names the older order) of a list entry."""
    if f"{exposure.kind}/{exposure.id}" in order.replaces:
        return True
    if order.starts and exposure.supply_until and order.starts >= exposure.supply_until:
        return True
    before = exposure.dose.mg_per_day if exposure.dose else None
    same = before is not None and abs(before - (order.dose.mg_per_day or 0.0)) < 0.05
    stepped = order.dose.is_stepwise and before in {step.mg for step in order.dose.steps}
    return same or stepped


def _concurrent(basket: Sequence[Order]) -> list[Order]:
    """The drafts taken at the same time: of sequential steps only the last."""
    return list(basket[-1:]) if are_sequential(basket) else list(basket)


def are_sequential(orders: Sequence[Order]) -> bool:
    """Several drafts that follow each other: by their dates, or all but the last bounded and rising."""
    if len(orders) < 2:
        return False
    starts = [order.starts for order in orders]
    if all(starts) and len(set(starts)) == len(starts):
        ordered = sorted(orders, key=lambda o: o.starts.toordinal() if o.starts else 0)
        return all(
            first.until is not None and second.starts is not None and first.until <= second.starts
            for first, second in zip(ordered, ordered[1:], strict=False)
        )
    doses = [order.dose.mg_per_day or 0.0 for order in orders]
    bounded = all(order.dose.steps and order.dose.steps[-1].days for order in orders[:-1])
    return bounded and doses == sorted(doses) and len(set(doses)) == len(doses)
