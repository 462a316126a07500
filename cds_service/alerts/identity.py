"""What makes a finding the same finding, and an order the same order.

Parts for keyed hashes: the words leave this process only as a hash. Everything that could make
a prescriber decide differently belongs in them, so that a change speaks again: what was found and
when, the medicines ordered and their doses. Ids of cards and the indicator do not.
"""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.chart import Order, PatientChart
from cds_service.chart.model import Basket
from cds_service.rules import Finding


def order_parts(chart: PatientChart) -> Iterator[str]:
    """The orders that are judged, by ``Type/id``; one without an id is known by what it orders."""
    yield from sorted(order.reference or "|".join(_ordered(order)) for order in _of_concern(chart))


def finding_parts(finding: Finding, chart: PatientChart) -> Iterator[str]:
    """Topic, what it says in one sentence, the evidence with its dates, each medicine and dose ordered."""
    yield finding.topic.value
    yield finding.summary
    for evidence in finding.found:
        yield "|".join((evidence.name, *evidence.facts, evidence.listed_as))
    for order in _of_concern(chart):
        yield "|".join(_ordered(order))


def _of_concern(chart: PatientChart) -> list[Order]:
    """Whatever any finding can be about: surgery, and every medicine that a rule knows."""
    return [order for order in chart.judged() if order.kind is Basket.SURGERY or order.medicine.ingredients]


def _ordered(order: Order) -> Iterator[str]:
    yield order.medicine.name
    yield str(order.route_oral)
    yield order.dose.problem or ""
    yield str(order.dose.per_dose_mg)
    for step in order.dose.steps:
        yield f"{step.mg:g} mg for {step.days}"
    yield from map(str, (order.daily_mg, order.as_needed, order.starts, order.until))
    yield from sorted(reason.value for reason in order.reasons)
