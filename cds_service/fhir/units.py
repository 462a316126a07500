"""Units of doses and of time, by the names this package uses.

UCUM (https://ucum.org) with its annotations (``{tbl}``), HL7's orderable drug
forms (``TAB``), SNOMED CT units and the words people write.
"""

from __future__ import annotations

from typing import Final

from msgspec import Struct

from cds_service.fhir.datatypes import Quantity

_NAMES: Final[dict[str, str]] = {
    "mg": "mg milligram milligrams milligramm 258684004",
    "mcg": "mcg ug µg μg microgram micrograms mikrogramm 258685003",
    "g": "g gm gram grams 258682000",
    "ng": "ng nanogram nanograms",
    "mL": "ml milliliter milliliters millilitre millilitres cc 258773002",
    "L": "l liter liters litre litres",
    "tablet": "tablet tablets tab tabs tbl pill pills caplet caplets ertab ectab chewtab ortab erectab "
    "disintab sltab 428673006",
    "capsule": "capsule capsules cap caps ercap eccap orcap 428641000",
    "unit": "unit units each ea dose doses 1 #",
    "IU": "iu [iu] international-unit international-units [u] u",
    "patch": "patch patches transdermal-patch",
    "drop": "drop drops gtt [drp]",
    "puff": "puff puffs inhalation inhalations actuation actuations actuat 415215001",
    "spray": "spray sprays",
    "film": "film films strip strips",
    "lozenge": "lozenge lozenges troche troches",
    "suppository": "suppository suppositories supp",
    "teaspoon": "tsp teaspoon teaspoons [tsp_us] teaspoonful",
    "tablespoon": "tbsp tablespoon tablespoons [tbs_us] tablespoonful",
    "vial": "vial vials",
    "syringe": "syringe syringes",
    "ampule": "ampule ampules ampoule ampoules amp",
    "implant": "implant implants",
    "application": "application applications appl",
    "packet": "packet packets sachet sachets",
    "mEq": "meq milliequivalent",
    "mmol": "mmol",
}
_BY_NAME: Final = {word: unit for unit, words in _NAMES.items() for word in words.split()}

MASS_UNITS: Final = frozenset({"mg", "mcg", "g", "ng"})

_DAYS: Final[dict[str, float]] = {
    "s": 1 / 86400, "min": 1 / 1440, "h": 1 / 24, "d": 1.0, "wk": 7.0, "mo": 30.0, "a": 365.0,
}  # fmt: skip
_TIME_NAMES: Final[dict[str, str]] = {
    "s": "s sec second seconds",
    "min": "min minute minutes",
    "h": "h hr hrs hour hours",
    "d": "d day days 258703001",
    "wk": "wk week weeks w",
    "mo": "mo month months mon",
    "a": "a y yr year years",
}
_TIME_BY_NAME: Final = {word: unit for unit, words in _TIME_NAMES.items() for word in words.split()}


class Unit(Struct, frozen=True, gc=False):
    """A unit read; ``conflict`` is the other one, when code and text name different units."""

    name: str | None
    conflict: str | None = None


def read_unit(quantity: Quantity | None) -> Unit:
    """The unit of a quantity: its code if that is known, else its text, else either as written."""
    if quantity is None:
        return Unit(None)
    by_code, by_text = _known(quantity.code), _known(quantity.unit)
    if by_code is not None:
        differs = by_text is not None and by_text != by_code and {by_code, by_text} & MASS_UNITS
        return Unit(by_code, by_text if differs else None)
    return Unit(by_text or (quantity.unit or quantity.code or "").strip() or None)


def days_in(value: float | None, unit: str | None) -> float | None:
    """A length of time in days; months count 30, years 365."""
    if value is None or not unit:
        return None
    name = _TIME_BY_NAME.get(unit.strip().lower().rstrip("."))
    return value * _DAYS[name] if name else None


def days_of(quantity: Quantity | None) -> float | None:
    """A Duration in days (https://hl7.org/fhir/datatypes.html#Duration)."""
    if quantity is None:
        return None
    by_code = days_in(quantity.value, quantity.code)
    return by_code if by_code is not None else days_in(quantity.value, quantity.unit)


def _known(text: str | None) -> str | None:
    if not text:
        return None
    if text in _BY_NAME:
        return _BY_NAME[text]
    word = text.strip().lower()
    if word.startswith("{") and word.endswith("}"):
        word = word[1:-1]
    word = word.strip().rstrip(".").removesuffix("(s)").replace(" ", "-")
    return _BY_NAME.get(word)
