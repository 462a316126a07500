"""What the service takes a code or a name for, and which rows of which tables say so.

For people who ask why: tables are read through, so this belongs in no request.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from functools import cache
from typing import Literal

from cds_service.knowledge import tables
from cds_service.knowledge.codings import System, ndc_spellings, spell
from cds_service.knowledge.concepts import KnownBy, Medicine
from cds_service.knowledge.condition_names import read_condition
from cds_service.knowledge.conditions import code_meanings
from cds_service.knowledge.ingredients import of_concern, phrases, spellings
from cds_service.knowledge.medicines import recognise
from cds_service.knowledge.observations import code_measures, observation_measures
from cds_service.knowledge.products import find
from cds_service.knowledge.words import words

Kind = Literal["medicine", "condition", "observation"]


class Sure(StrEnum):
    """How far a reading can be believed."""

    CERTAIN = "certain"
    """A code of the tables says so, and nothing contradicts."""
    LIKELY = "likely"
    """A name says so, or a stem that stands for the codes below it: cards say how it was read."""
    DOUBTFUL = "doubtful"
    """Code and name contradict each other, or only a spelling met in orders says so."""


@dataclass(frozen=True, slots=True)
class Backing:
    """One row of a table, and where its fact comes from."""

    table: str
    row: str
    citations: tuple[str, ...]
    reviewer: str
    note: str


@dataclass(frozen=True, slots=True)
class Reading:
    """One thing that a code or a name is taken for."""

    kind: Kind
    says: tuple[str, ...]
    """Ingredients, meanings or measures; empty for what is known and says nothing to a rule."""
    how: str
    sure: Sure
    details: tuple[str, ...] = ()
    """Of a medicine: role, form, release, duration class and strength."""
    backing: tuple[Backing, ...] = ()
    """Empty where words of ``condition_patterns.py`` or ``observations.py`` were met."""

    def lines(self) -> Iterator[str]:
        """For a terminal."""
        says = ", ".join(self.says) or "nothing that a rule looks at"
        yield f"{self.kind}: {says} ({self.sure}; {self.how})"
        yield from (f"  {detail}" for detail in self.details)
        for backing in self.backing:
            note = f"; {backing.note}" if backing.note else ""
            yield f"  {backing.table}: {backing.row} (reviewer: {backing.reviewer}{note})"
            yield from (f"    {citation}" for citation in backing.citations)


def identify(text: str, system: str | None = None) -> tuple[Reading, ...]:
    """What ``text`` is taken for: a code of ``system``, or, without one, a code of any system or a name.

    An empty answer means that nothing here knows it.
    """
    systems = [system] if system else [known for known in System if known is not System.LOCAL]
    coded = [reading for name in systems for reading in _coded(*spell(name, text))] if text.strip() else []
    return tuple(coded) if coded or system else tuple(_named(text))


# --- codes --------------------------------------------------------------------------------------


def _coded(system: System, code: str) -> Iterator[Reading]:
    product = find(system, code)
    if product is not None:
        uri = code.partition("|")[0] if system is System.LOCAL else str(system)
        medicine = recognise([(uri, code.rpartition("|")[2], None)], [])
        yield _medicine(medicine, f"by code: {product.name}", tuple(_rows_of_product(system, code)))
    meanings = code_meanings(system, code)
    if meanings is not None:
        row, exact = _row_of_condition(system, code)
        how = "by code" if exact else f"by the stem {row['code']}"
        yield Reading(
            "condition", _sorted(meanings), _with_name(how, row), _stem(exact), (), (_backing(system, row),)
        )
    measures = code_measures(system, code)
    if measures is not None:
        row = _row("loinc" if system is System.LOINC else "local_observations", "code", code)
        yield Reading(
            "observation",
            _sorted(measures),
            _with_name("by code", row),
            Sure.CERTAIN,
            (),
            (_backing(system, row),),
        )


def _stem(exact: bool) -> Sure:
    return Sure.CERTAIN if exact else Sure.LIKELY


def _with_name(how: str, row: dict[str, str]) -> str:
    return f"{how}: {row['display']}" if row.get("display") else how


def _sorted(values: Iterable[StrEnum]) -> tuple[str, ...]:
    return tuple(sorted(str(value) for value in values))


def _row(table: str, column: str, value: str, **also: str) -> dict[str, str]:
    """The row in force: a shipped one wins over the site's."""
    found: dict[str, str] = {}
    for row in tables.rows_with_site(table):
        if row.get(column) == value and all(row.get(name) == wanted for name, wanted in also.items()):
            found = row
    return found


def _rows_of_product(system: System, code: str) -> Iterator[Backing]:
    if system is System.NDC:
        spelled = ndc_spellings(code)
        packages = [row for row in tables.rows_with_site("ndc") if row["ndc"] in spelled]
        yield from (_backing("ndc", row) for row in packages)
        name = found.name if (found := find(system, code)) else ""
        yield _backing("rxnorm_products", _row("rxnorm_products", "name", name))
    elif system is System.RXNORM:
        yield _backing("rxnorm_products", _row("rxnorm_products", "rxcui", code))
    else:
        yield _backing("medicine_codes", _row("medicine_codes", "code", code, system=system))


def _row_of_condition(system: System, code: str) -> tuple[dict[str, str], bool]:
    """The row that decides, and whether it is the code's own."""
    if system is not System.ICD10:
        return _row("snomed" if system is System.SNOMED else "local_conditions", "code", code), True
    rows = {row["code"].replace(".", ""): row for row in tables.rows_with_site("icd10cm")}
    if code in rows:
        return rows[code], True
    stems = (code[:length] for length in range(len(code), 0, -1))
    return next(rows[stem] for stem in stems if rows.get(stem, {}).get("match") == "prefix"), False


# --- names --------------------------------------------------------------------------------------


def _named(text: str) -> Iterator[Reading]:
    medicine = recognise([], [text])
    if medicine.known_by is not KnownBy.NOT:
        told = spellings().read(words(text))
        found = [(" ".join(told[start:end])) for start, end, _ in phrases().find(told)]
        backing = tuple(b for phrase in dict.fromkeys(found) for b in _rows_of_names().get(phrase, ()))
        quoted = " and ".join(repr(phrase) for phrase in dict.fromkeys(found))
        yield _medicine(medicine, f"by the name {quoted}", backing)
    if meanings := read_condition(text):
        yield Reading("condition", _sorted(meanings), "by words of its name", Sure.LIKELY)
    if measures := observation_measures([], text):
        yield Reading("observation", _sorted(measures), "by words of its name", Sure.LIKELY)


@cache
def _rows_of_names() -> dict[str, tuple[Backing, ...]]:
    """The rows that teach each name, the name as the reader sees it."""
    found: dict[str, tuple[Backing, ...]] = {}
    for row in tables.rows("product_names"):
        found[" ".join(words(row["name"]))] = (_backing("product_names", row),)
    for row in tables.rows("ingredients"):
        for name in tables.cell(row["names"]):
            backing = replace(_backing("ingredients", row), row=f"{name} = {row['name']}")
            found.setdefault(" ".join(words(name)), (backing,))
    return found


# --- both ---------------------------------------------------------------------------------------


def _medicine(medicine: Medicine, how: str, backing: tuple[Backing, ...]) -> Reading:
    return Reading(
        kind="medicine",
        says=tuple(ingredient.name for ingredient in medicine.ingredients),
        how=how,
        sure=_sure(medicine, backing),
        details=tuple(_details(medicine)),
        backing=backing,
    )


def _sure(medicine: Medicine, backing: tuple[Backing, ...]) -> Sure:
    if medicine.known_by is KnownBy.CODE and not medicine.conflict:
        return Sure.CERTAIN
    spelling = backing and all(_only_met(row) for row in backing)
    return Sure.DOUBTFUL if medicine.conflict or spelling else Sure.LIKELY


def _only_met(backing: Backing) -> bool:
    """Whether nothing but a spelling met in orders backs a name."""
    return backing.table == "product_names" and backing.citations == (_citations()["ehr-text"],)


def _details(medicine: Medicine) -> Iterator[str]:
    for ingredient in medicine.ingredients:
        if ingredient.name in of_concern(frozenset({ingredient.name})):
            yield f"{ingredient.name}: {ingredient.role}"
    if medicine.form:
        yield f"form: {medicine.form}"
    if medicine.extended_release:
        yield "extended release"
    if medicine.duration:
        yield f"duration class: {medicine.duration}"
    if medicine.naltrexone_mg is not None:
        yield f"naltrexone: {medicine.naltrexone_mg:g} mg{' per mL' if medicine.per_ml else ''}"


def _backing(table: str, row: dict[str, str]) -> Backing:
    named = row.get("name") or row.get("display") or row.get("ndc") or row.get("code") or ""
    of = {System.SNOMED: "snomed", System.ICD10: "icd10cm"}
    return Backing(
        table=of.get(System(table), table) if table in set(System) else table,
        row=named,
        citations=tuple(_citations().get(key, key) for key in tables.cell(row.get("source", ""))),
        reviewer=row.get("reviewer") or "unreviewed",
        note=row.get("note", ""),
    )


@cache
def _citations() -> dict[str, str]:
    return {row["key"]: row["citation"] for row in tables.rows("sources")}
