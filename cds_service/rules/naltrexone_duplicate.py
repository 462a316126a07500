"""Is another opioid antagonist already active, or do LDN orders add up?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from cds_service.chart import Evidence, Exposure, Order, PatientChart, listed, milligrams
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Medicine, Role
from cds_service.knowledge.wording import say
from cds_service.rules.finding import NO_NALTREXONE, Finding, Findings, Indicator, Remove, Topic
from cds_service.rules.names import shortened
from cds_service.rules.regimen import (
    LOW_DOSE,
    POSSIBLY_LDN,
    Regimen,
    disorder_treated,
    is_combination,
    of_exposure,
    of_order,
)

TOPIC = Topic.NALTREXONE_DUPLICATE
_ANTAGONISTS = (Role.NALTREXONE, Role.ANTAGONIST)
_SILENT = "no other antagonist is active, and the low doses that overlap stay within the range"


@dataclass(frozen=True, slots=True)
class _Treatment:
    """One antagonist treatment: what it is called, what to do about it, and which it is.

    Two entries of one ``kind`` are one treatment: an order, its dispensing, its renewal.
    """

    kind: str
    name: str
    line: str
    evidence: Evidence


def naltrexone_duplicate(chart: PatientChart, clinical: Clinical) -> Findings:
    """Renewals, replacements and sequential steps are silent."""
    orders = chart.naltrexone_orders
    if not orders:
        return NO_NALTREXONE
    if len(chart.orders) == 1 and chart.roles_listed.isdisjoint(_ANTAGONISTS):
        return _SILENT
    others = list(_others(chart, orders, clinical))
    total, overlapping = _overlap(chart, clinical)
    if others:
        names = shortened(list(dict.fromkeys(other.name for other in others)))
        summary = say(TOPIC, "other", others=names, drug=_called(orders, clinical))
        lines = tuple(dict.fromkeys(other.line for other in others))
        found = tuple(other.evidence for other in others)
    elif total:
        summary, lines = say(TOPIC, "sum", mg=milligrams(total)), (say(TOPIC, "line_sum"),)
        found = overlapping
    else:
        return _SILENT
    return [
        Finding(
            topic=TOPIC,
            indicator=Indicator.WARNING,
            summary=summary,
            found=found,
            lines=lines,
            basis=say(TOPIC, "basis"),
            proposals=tuple(Remove(o) for o in orders if not _is_to_stay(o, others, chart, clinical)),
            withholds_start=True,
        )
    ]


def _called(orders: Sequence[Order], clinical: Clinical) -> str:
    """LDN when one of ``orders`` is: it is what would start beside the other."""
    return "LDN" if any(of_order(order, clinical) in LOW_DOSE for order in orders) else "naltrexone"


def _is_to_stay(order: Order, others: Sequence[_Treatment], chart: PatientChart, clinical: Clinical) -> bool:
    """A full dose that treats a use disorder does not give way to LDN."""
    only_ldn = bool(others) and all(other.kind == Regimen.LOW.value for other in others)
    return only_ldn and disorder_treated(order, chart, clinical) is not None


def _others(chart: PatientChart, orders: Sequence[Order], clinical: Clinical) -> Iterator[_Treatment]:
    """Every treatment on the lists or in the basket that is none of the ordered ones."""
    name = _called(orders, clinical)
    ordered = {_kind(order.medicine, of_order(order, clinical)) for order in orders}
    replaced = {reference for order in orders for reference in order.replaces}
    listed_entries = [e for e in chart.exposed(*_ANTAGONISTS) if _counts(e)]
    ended = {_kind_of(e, clinical) for e in listed_entries if f"{e.kind}/{e.id}" in replaced}
    renewed = ordered | (ended - {Regimen.INJECTION.value})
    for exposure in listed_entries:
        if _kind_of(exposure, clinical) not in renewed and not _may_be(exposure, orders, clinical):
            kind = of_exposure(exposure, clinical)
            yield _treatment(exposure.medicine, kind, _mg(exposure), exposure.evidence, name)
    basket = [o for o in chart.orders if o.medicine.is_naltrexone or o.medicine.has(Role.ANTAGONIST)]
    kinds = {_kind(o.medicine, of_order(o, clinical)) for o in basket} - {Regimen.UNKNOWN.value}
    if len(kinds) < 2 or are_sequential(basket):
        return
    for order in basket:
        kind = of_order(order, clinical)
        if order.medicine.has(Role.ANTAGONIST) or kind not in POSSIBLY_LDN:
            yield _treatment(order.medicine, kind, order.dose.per_dose_mg, order.evidence, name)


def _counts(exposure: Exposure) -> bool:
    return exposure.is_current and not exposure.medicine.is_opioid


def _kind(medicine: Medicine, kind: Regimen) -> str:
    """Low doses are one treatment; of the others each product class, of other antagonists each drug."""
    if medicine.has(Role.ANTAGONIST):
        return listed(medicine.named(Role.ANTAGONIST))
    return Regimen.LOW.value if kind in LOW_DOSE else kind.value


def _kind_of(exposure: Exposure, clinical: Clinical) -> str:
    return _kind(exposure.medicine, of_exposure(exposure, clinical))


def _may_be(exposure: Exposure, orders: Sequence[Order], clinical: Clinical) -> bool:
    """An order without a dose may renew the same product."""
    return any(
        of_order(order, clinical) is Regimen.UNKNOWN
        and order.medicine.naltrexone_mg == exposure.medicine.naltrexone_mg
        and not is_combination(exposure.medicine)
        for order in orders
    )


def _mg(exposure: Exposure) -> float | None:
    dose = exposure.dose.per_dose_mg if exposure.dose else None
    return dose or exposure.medicine.naltrexone_mg


def _treatment(
    medicine: Medicine, kind: Regimen, mg: float | None, evidence: Evidence, drug_name: str
) -> _Treatment:
    """How to call it, and what to do about it."""
    if medicine.has(Role.ANTAGONIST) or is_combination(medicine):
        combined = medicine.is_naltrexone
        name = "naltrexone/bupropion" if combined else listed(medicine.named(Role.ANTAGONIST))
        line = say(TOPIC, "line_combination", others=_capital(name))
    elif kind is Regimen.INJECTION:
        name, line = "naltrexone injection or implant", say(TOPIC, "line_injection")
    elif kind is Regimen.UNKNOWN:
        name, line = "naltrexone, dose not recorded", say(TOPIC, "line_unknown")
    else:
        low = kind in LOW_DOSE
        name = "LDN" if low else "naltrexone"
        name += f" {milligrams(mg)} mg" if mg else ""
        line = say(TOPIC, "line_low" if low else "line_full", other=_capital(name), drug=drug_name)
    return _Treatment(_kind(medicine, kind), name, line, evidence)


def _capital(name: str) -> str:
    return name[:1].upper() + name[1:]


def _overlap(chart: PatientChart, clinical: Clinical) -> tuple[float | None, tuple[Evidence, ...]]:
    """mg a day of LDN orders that overlap in time, when above the range, and their evidence."""
    basket = [
        o for o in chart.naltrexone_in_basket if o.dose.mg_per_day and of_order(o, clinical) is Regimen.LOW
    ]
    if not basket:
        return None, ()
    added = list(_running(chart, basket, clinical))
    drafts = _concurrent(basket)
    total = round(sum(map(_daily, added)) + sum(order.dose.mg_per_day or 0.0 for order in drafts), 4)
    if total <= clinical.dose.upper_edge_mg or len(added) + len(drafts) < 2:
        return None, ()
    return total, (*(e.evidence for e in added), *(order.evidence for order in drafts))


def _running(chart: PatientChart, basket: Sequence[Order], clinical: Clinical) -> Iterator[Exposure]:
    """LDN on the lists that goes on beside the drafts: one entry a dose, since an order, its dispensing
    and the patient's statement of it are one treatment."""
    low = [
        e
        for e in chart.exposed(Role.NALTREXONE)
        if _counts(e) and e.medicine.is_naltrexone and _daily(e) and of_exposure(e, clinical) is Regimen.LOW
    ]
    over = {_daily(e) for e in low if any(_continues(order, e, chart) for order in basket)}
    yield from {_daily(e): e for e in low if _daily(e) not in over}.values()


def _daily(exposure: Exposure) -> float:
    return (exposure.dose.mg_per_day if exposure.dose else None) or 0.0


def _continues(order: Order, exposure: Exposure, chart: PatientChart) -> bool:
    """A renewal (same dose), a replacement (names the older order), or the next after a used-up supply."""
    if f"{exposure.kind}/{exposure.id}" in order.replaces:
        return True
    if exposure.supply_until and (order.starts or chart.today) >= exposure.supply_until:
        return True
    before = _daily(exposure)
    same = abs(before - (order.dose.mg_per_day or 0.0)) < 0.05
    return same or (order.dose.is_stepwise and before in {step.mg for step in order.dose.steps})


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
