"""A schedule as a picture and as a table: what is taken when, and how long the first supply lasts."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from fractions import Fraction
from typing import Any

from cds_service.chart.showing import listed, milligrams
from cds_service.errors import InvalidRequest
from cds_service.knowledge.clinical import Clinical, Schedule
from cds_service.knowledge.concepts import Form
from cds_service.knowledge.sheet import Part, parts
from cds_service.products import Product, compounded_capsule, product_of, supply

FORMS: Mapping[str, Form] = {"capsule": Form.CAPSULE, "tablet": Form.TABLET, "liquid": Form.LIQUID}
_WEEK = 7
_AFTER_REFILL = 14
_LARGEST_MG = 50.0


@dataclass(frozen=True, slots=True)
class Step:
    """One dose, from its first to its last day (None: from then on); day 1 is the first dose."""

    number: int
    mg: str
    amount: str
    first: int
    last: int | None

    @property
    def when(self) -> str:
        """``Weeks 1 to 2`` where the days are whole weeks, else the days."""
        if self.last is None:
            weeks = (self.first - 1) % _WEEK == 0
            return f"From week {(self.first - 1) // _WEEK + 1} on" if weeks else f"From day {self.first} on"
        if (self.first - 1) % _WEEK or self.last % _WEEK:
            return f"Days {self.first} to {self.last}"
        first, last = (self.first - 1) // _WEEK + 1, self.last // _WEEK
        return f"Week {first}" if first == last else f"Weeks {first} to {last}"


@dataclass(frozen=True, slots=True)
class Plan:
    """A schedule taken with one product."""

    name: str
    product: Product
    steps: tuple[Step, ...]
    supply: str
    supply_days: int
    chart: Chart

    @property
    def product_words(self) -> str:
        """``1.5 mg capsules``, ``1 mg/mL oral liquid``."""
        mg = milligrams(float(self.product.mg))
        return f"{mg} mg per mL oral liquid" if self.product.noun == "mL" else f"{mg} mg {self.product.noun}s"


@dataclass(frozen=True, slots=True)
class Bar:
    """One step of the chart, in the units of its view box."""

    x: float
    y: float
    width: float
    height: float
    mg: str
    amount: str
    later: bool = False


@dataclass(frozen=True, slots=True)
class Chart:
    """Dose over days. ``ticks`` are (x, label) of the weeks, ``levels`` (y, label) of the doses."""

    width: int
    height: int
    left: int
    base: int
    bars: tuple[Bar, ...]
    ticks: tuple[tuple[float, str], ...]
    refill: float


def plan(schedule: Schedule, product: Product, final_days: int) -> Plan:
    """``schedule`` with ``product``; the last, open step is supplied for ``final_days``."""
    steps = tuple(_steps(schedule, product))
    total, days = supply(schedule, product, final_days)
    amount = _amount(total, product.noun)
    return Plan(schedule.name, product, steps, amount, days, _chart(schedule, steps, days))


def _steps(schedule: Schedule, product: Product) -> Iterator[Step]:
    first = 1
    for number, (mg, days) in enumerate(schedule.steps, start=1):
        last = first + days - 1 if days else None
        yield Step(number, milligrams(mg), _amount(product.amount(mg), product.noun), first, last)
        first += days


def _amount(count: Fraction, noun: str) -> str:
    number = milligrams(float(count))
    return f"{number} {noun}" if noun == "mL" or count == 1 else f"{number} {noun}s"


_WIDTH, _HEIGHT, _LEFT, _RIGHT, _TOP, _BASE = 720, 250, 10, 8, 46, 206


def _chart(schedule: Schedule, steps: tuple[Step, ...], supply_days: int) -> Chart:
    end = supply_days + _AFTER_REFILL
    highest = max(mg for mg, _ in schedule.steps)
    across = (_WIDTH - _LEFT - _RIGHT) / end

    def x(day: int) -> float:
        return round(_LEFT + day * across, 1)

    def bar(step: Step, mg: float, first: int, last: int, later: bool = False) -> Bar:
        height = round((_BASE - _TOP) * mg / highest, 1)
        width = round(x(last) - x(first), 1)
        return Bar(x(first), _BASE - height, width, height, step.mg, step.amount, later)

    doses = list(zip(steps, (mg for mg, _ in schedule.steps), strict=True))
    bars = [bar(step, mg, step.first - 1, step.last or supply_days) for step, mg in doses]
    bars.append(bar(*doses[-1], supply_days, end, later=True))
    ticks = tuple((x(day), str(day // _WEEK)) for day in range(0, end + 1, 2 * _WEEK))
    return Chart(_WIDTH, _HEIGHT, _LEFT, _BASE, tuple(bars), ticks, x(supply_days))


# --- what the address says ---------------------------------------------------------------------------


def product_asked(schedule: Schedule, form: str | None, strength: str | None) -> Product:
    """The product of an address such as ``?form=liquid&strength=1``; without one, compounded capsules.

    Raises ``InvalidRequest`` for a form or strength that is none.
    """
    if not strength:
        return compounded_capsule(schedule)
    if (form or "capsule") not in FORMS:
        raise InvalidRequest(f"form is one of {listed(list(FORMS), last='or')}")
    try:
        mg = float(strength)
    except ValueError:
        mg = 0.0
    if not 0 < mg <= _LARGEST_MG:
        raise InvalidRequest("strength is a number of mg, such as 1.5")
    return product_of(FORMS[form or "capsule"], mg)


# --- words -------------------------------------------------------------------------------------------


def sheet(clinical: Clinical, plan: Plan) -> Mapping[str, list[Part]]:
    """The paragraphs for the patient and for the pharmacy, with the figures in force."""
    liquid = plan.product.noun == "mL"
    fields: dict[str, Any] = {
        "low": milligrams(clinical.dose.low_mg),
        "high": milligrams(max(clinical.dose.high_mg, *(float(step.mg) for step in plan.steps))),
        "full": milligrams(min(clinical.dose.standard_mg)),
        "weeks": clinical.titration.review_weeks,
        "product": plan.product_words,
        "per_ml": " and mg per mL, and the mL of each dose" if liquid else "",
        "excipients": listed(clinical.compounding.excipients),
        "minimum": clinical.opioid_free.short_label_minimum,
        "short": clinical.opioid_free.short,
        "methadone": clinical.opioid_free.methadone_buprenorphine,
    }
    return {"patient": parts("patient", **fields), "pharmacy": parts("pharmacy", **fields)}
