"""What the conversions share: elements that move, lists that become one item, codes for concepts."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

Json = dict[str, Any]
Converter = Callable[[Json], Json]


class CannotExpress(ValueError):
    """The version has no element for it."""


def move(resource: Json, old: str, new: str) -> None:
    """Give ``old`` its new name, where it is."""
    if old in resource:
        resource[new] = resource.pop(old)


def only(resource: Json, old: str, new: str) -> None:
    """A list becomes its only item."""
    if old in resource:
        values = resource.pop(old)
        if not isinstance(values, list):
            raise CannotExpress(f"{old} is bent already")
        if len(values) > 1:
            raise CannotExpress(f"more than one {old}")
        resource[new] = values[0]


def code(resource: Json, name: str, changes: dict[str, str] | None = None) -> None:
    """A status CodeableConcept becomes its code."""
    if name in resource:
        code = resource[name]["coding"][0]["code"]
        resource[name] = (changes or {}).get(code, code)


def each(resource: Json, name: str, change: Callable[[Json], None]) -> None:
    """Change every item of a list in place."""
    for item in resource.get(name, []):
        change(item)


def plain_dose(dosage: Json) -> None:
    """Dose and rate stand in the dosage itself."""
    for dose in dosage.pop("doseAndRate", []):
        dosage.update(dose)
