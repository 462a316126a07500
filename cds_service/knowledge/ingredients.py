"""The ingredients the service knows, and the names of products made of them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache

from cds_service.knowledge import tables
from cds_service.knowledge.concepts import Duration, Form, Ingredient, Role
from cds_service.knowledge.spellings import Spellings
from cds_service.knowledge.words import Phrases, words

OF_CONCERN = frozenset(Role) - {Role.OTHER, Role.RESCUE_ANTAGONIST}
"""Roles a rule acts on; partners such as acetaminophen have none of them."""


@dataclass(frozen=True, slots=True)
class Name:
    """What a name of a drug or product tells, beyond the words around it."""

    ingredients: tuple[str, ...]
    form: Form | None = None
    extended_release: bool = False
    naltrexone_mg: float | None = None


@cache
def by_name() -> dict[str, Ingredient]:
    """Every ingredient by its name."""
    return {row["name"]: _ingredient(row) for row in tables.rows("ingredients")}


def names_of(role: Role) -> list[str]:
    """All names of the ingredients in one role, longest first."""
    rows = (row for row in tables.rows("ingredients") if row["role"] == role)
    return sorted({name for row in rows for name in tables.cell(row["names"])}, key=len, reverse=True)


def _ingredient(row: dict[str, str]) -> Ingredient:
    duration = Duration(row["duration"]) if row["duration"] else None
    return Ingredient(row["name"], Role(row["role"]), duration)


@cache
def phrases() -> Phrases[Name]:
    """All names of products (brands, British combination names) and of ingredients."""
    found: Phrases[Name] = Phrases()
    for row in tables.rows("product_names"):
        found.add(row["name"], _product_name(row))
    for row in tables.rows("ingredients"):
        meaning = Name((row["name"],))
        for name in tables.cell(row["names"]):
            found.add(name, meaning)
    return found


@cache
def spellings() -> Spellings:
    """The ingredients of concern in other languages, with their salts, cut off or mistyped."""
    names, known = [], set()
    for row in tables.rows("product_names"):
        known.update(words(row["name"]))
    for row in tables.rows("ingredients"):
        for name in tables.cell(row["names"]):
            known.update(words(name))
            if row["role"] in OF_CONCERN or row["name"] == "naloxone":
                names.append(name)
    return Spellings(names, known)


def _product_name(row: dict[str, str]) -> Name:
    return Name(
        ingredients=tables.cell(row["ingredients"]),
        form=Form(row["form"]) if row["form"] else None,
        extended_release=row["extended_release"] == "yes",
        naltrexone_mg=float(row["naltrexone_mg"]) if row["naltrexone_mg"] else None,
    )


def of_concern(names: frozenset[str]) -> frozenset[str]:
    """Those of the named ingredients that a rule acts on."""
    known = by_name()
    return frozenset(name for name in names if known[name].role in OF_CONCERN)
