"""What makes a finding the same finding, and an order the same order.

Parts for keyed hashes: the words leave this process only as a hash. Everything that could make
a prescriber decide differently belongs in them, so that a change speaks again: what was found and
when, the medicines ordered and their doses. Ids of cards and the indicator do not.
"""

from __future__ import annotations

from cds_service.chart import Order, PatientChart
from cds_service.chart.model import Basket
from cds_service.rules import Finding


def order_parts(chart: PatientChart) -> list[str]:
    """The orders that are judged, by ``Type/id``; one without an id is known by what it orders."""
    return sorted([order.reference or _ordered(order) for order in _of_concern(chart)])


def finding_parts(finding: Finding, chart: PatientChart) -> list[str]:
    """Topic, what it says in one sentence, the evidence with its dates, each medicine and dose ordered."""
    evidence = ["|".join((e.name, *e.facts, e.listed_as)) for e in finding.found]
    return [
        finding.topic.value,
        finding.summary,
        *evidence,
        *[_ordered(order) for order in _of_concern(chart)],
    ]


def _of_concern(chart: PatientChart) -> list[Order]:
    """Whatever any finding can be about: surgery, and every medicine that a rule knows."""
    return [order for order in chart.judged() if order.kind is Basket.SURGERY or order.medicine.ingredients]


def _ordered(order: Order) -> str:
    dose = order.dose
    parts = (
        order.medicine.name, order.route_oral, dose.problem or "", dose.per_dose_mg,
        *[f"{step.mg:g} mg for {step.days}" for step in dose.steps],
        order.daily_mg, order.as_needed, order.starts, order.until,
        *sorted(order.reasons),
    )  # fmt: skip
    return "|".join(map(str, parts))
