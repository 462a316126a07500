"""Is surgery planned for a patient on naltrexone?"""

from __future__ import annotations

from datetime import timedelta

from cds_service.chart import PatientChart, PlannedSurgery, day
from cds_service.chart.model import Basket
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.wording import say
from cds_service.rules.finding import Finding, Findings, Indicator, Topic
from cds_service.rules.regimen import FULL_DOSE, Regimen, of_exposure, of_order

TOPIC = Topic.SURGERY


def surgery(chart: PatientChart, clinical: Clinical) -> Findings:
    """When naltrexone is ordered, or surgery is ordered for a patient who takes it."""
    orders = chart.naltrexone_orders
    ordered = any([order.selected and order.kind is Basket.SURGERY for order in chart.orders])
    if not (orders or ordered):
        return "neither naltrexone nor surgery is to be judged"
    in_basket = {order.evidence for order in chart.orders if order.kind is Basket.SURGERY}
    planned = [s for s in chart.surgeries if s.evidence in in_basket or _soon(s, chart, clinical)]
    if not planned:
        return f"no surgery is ordered, or planned within {clinical.surgery.planned_days} days"
    taken = chart.taking_naltrexone()
    kinds = {of_order(order, clinical) for order in orders} | {of_exposure(e, clinical) for e in taken}
    if not kinds:
        return "the patient neither takes naltrexone nor is it ordered"
    perhaps_full = FULL_DOSE | {Regimen.UNKNOWN}
    key = "injection" if Regimen.INJECTION in kinds else "oral" if kinds & perhaps_full else "low_dose"
    dates = [s.day for s in planned if s.day]
    return [
        Finding(
            topic=TOPIC,
            indicator=Indicator.WARNING if kinds & FULL_DOSE else Indicator.INFO,
            summary=say(
                TOPIC,
                "planned",
                when=f"on {day(min(dates))}" if dates else "planned",
                drug="naltrexone" if kinds & perhaps_full else "LDN",
                hold=clinical.surgery.hold[key],
            ),
            found=(*(s.evidence for s in planned), *(e.evidence for e in taken)),
            lines=(say(TOPIC, "line"), *_of_injection(kinds), say(TOPIC, "tell")),
            basis=say(TOPIC, "basis"),
        )
    ]


def _of_injection(kinds: set[Regimen]) -> tuple[str, ...]:
    return (say(TOPIC, "injection"),) if Regimen.INJECTION in kinds else ()


def _soon(planned: PlannedSurgery, chart: PatientChart, clinical: Clinical) -> bool:
    """Within the window; without a date, planned is taken as soon."""
    return planned.day is None or chart.today <= planned.day <= chart.today + timedelta(
        days=clinical.surgery.planned_days
    )
