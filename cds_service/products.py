"""What the doses of a schedule are counted in: the draft's own product, or naltrexone that is compounded."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from fractions import Fraction
from functools import reduce
from math import gcd, lcm

from cds_service.chart.showing import milligrams
from cds_service.knowledge.clinical import Schedule
from cds_service.knowledge.concepts import Form, Medicine

UCUM = "http://unitsofmeasure.org"
BEDTIME = "at bedtime"
_SMALLEST_ML = Fraction(1, 20)
_MOST_PIECES = 12


@dataclass(frozen=True, slots=True)
class Product:
    """What the doses are counted in.

    ``unit`` is the Quantity (without value) of one piece or of a mL;
    ``mg`` the naltrexone in it. ``compounded`` is the new medication's text
    when the draft's own product cannot deliver the schedule, or has no name outside its directions.
    """

    mg: Fraction
    unit: Mapping[str, str]
    noun: str
    compounded: str | None = None
    doses_in_pieces: bool = False

    def amount(self, mg: float) -> Fraction:
        """Pieces or mL for ``mg``."""
        return exact(mg) / self.mg


_PIECE_UNITS = {
    Form.CAPSULE: ({"unit": "capsule", "system": UCUM, "code": "{capsule}"}, "capsule"),
    Form.TABLET: ({"unit": "tablet", "system": UCUM, "code": "{tbl}"}, "tablet"),
}
_ML = {"unit": "mL", "system": UCUM, "code": "mL"}


def product_for(medicine: Medicine, schedule: Schedule, *, pieces: bool, compounded: bool) -> Product:
    """The draft's own product when it can deliver every step, else compounded naltrexone.

    ``pieces`` says that the draft's own dose was counted in pieces.
    """
    own = None if compounded else _own_product(medicine, pieces)
    if not own or not delivers(own, schedule):
        return compounded_capsule(schedule)
    return replace(own, compounded=_called(own)) if medicine.in_directions else own


def _called(product: Product) -> str:
    kind = "mg/mL liquid" if product.noun == "mL" else f"mg {product.noun}"
    return f"naltrexone, compounded {milligrams(float(product.mg))} {kind}"


def compounded_capsule(schedule: Schedule) -> Product:
    """The largest capsule that every step is a whole number of."""
    strength = reduce(_common, (exact(mg) for mg, _ in schedule.steps))
    text = f"naltrexone, compounded {milligrams(float(strength))} mg capsule"
    unit, noun = _PIECE_UNITS[Form.CAPSULE]
    return Product(strength, unit, noun, compounded=text)


def product_of(form: Form, mg: float) -> Product:
    """A capsule or tablet of ``mg``, or for any other form a liquid with ``mg`` in one mL."""
    if form in _PIECE_UNITS:
        return Product(exact(mg), *_PIECE_UNITS[form])
    return Product(exact(mg), _ML, "mL", doses_in_pieces=True)


def as_query(product: Product) -> dict[str, str]:
    """``{"form": "capsule", "strength": "1.5"}``: the product in an address."""
    form = Form.LIQUID if product.noun == "mL" else Form(product.noun)
    return {"form": form.value, "strength": milligrams(float(product.mg))}


def delivers(product: Product, schedule: Schedule) -> bool:
    """Whether every step can be counted out, or measured, with it."""
    return all(_measurable(product, mg) for mg, _ in schedule.steps)


def _own_product(medicine: Medicine, pieces: bool) -> Product | None:
    if not medicine.naltrexone_mg or medicine.extended_release or len(medicine.ingredients) != 1:
        return None
    mg = exact(medicine.naltrexone_mg)
    if medicine.per_ml:
        return Product(mg, _ML, "mL", doses_in_pieces=True)
    found = _PIECE_UNITS.get(medicine.form or Form.CAPSULE)
    return Product(mg, found[0], found[1], doses_in_pieces=pieces) if found else None


def _measurable(product: Product, mg: float) -> bool:
    amount = product.amount(mg)
    if product.noun == "mL":
        return amount % _SMALLEST_ML == 0
    return amount.denominator == 1 and 1 <= amount <= _MOST_PIECES


def exact(number: float) -> Fraction:
    """The number that was meant: a third, where a float says 0.3333333333333333."""
    return Fraction(str(number)).limit_denominator(10_000)


def _common(a: Fraction, b: Fraction) -> Fraction:
    """The largest strength that divides both doses."""
    return Fraction(gcd(a.numerator, b.numerator), lcm(a.denominator, b.denominator))


def supply(schedule: Schedule, product: Product, final_days: int) -> tuple[Fraction, int]:
    """Pieces or mL for the whole schedule, and its days."""
    days = [step_days or final_days for _, step_days in schedule.steps]
    amounts = (product.amount(mg) * d for (mg, _), d in zip(schedule.steps, days, strict=True))
    return sum(amounts, Fraction(0)), sum(days)


def step_in_words(mg: float, days: int, product: Product, time: str = BEDTIME) -> str:
    """``1.5 mg (1 capsule) by mouth at bedtime for 14 days``."""
    count = product.amount(mg)
    noun = product.noun if product.noun == "mL" or count == 1 else f"{product.noun}s"
    duration = f" for {days} days" if days else ""
    return f"{milligrams(mg)} mg ({_plain(count)} {noun}) by mouth {time}{duration}"


def in_words(schedule: Schedule, product: Product, time: str = BEDTIME) -> str:
    """The whole schedule in one sentence."""
    return ", then ".join(step_in_words(mg, days, product, time) for mg, days in schedule.steps)


def supply_in_words(schedule: Schedule, product: Product, final_days: int) -> str:
    """``132 capsules for 58 days``."""
    total, days = supply(schedule, product, final_days)
    noun = product.noun if product.noun == "mL" else f"{product.noun}s"
    return f"{_plain(total)} {noun} for {days} days"


def _plain(number: Fraction) -> str:
    return milligrams(float(number))
