"""Checks across tables and figures: what two places say of one thing, and what nothing backs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from cds_service.knowledge import tables
from cds_service.knowledge.clinical import contradictions, load_clinical, shipped_figures
from cds_service.knowledge.codings import System
from cds_service.knowledge.concepts import Duration, Meaning, Role
from cds_service.knowledge.drug_names import read_drug_name
from cds_service.knowledge.ingredients import by_name, of_concern
from cds_service.knowledge.wording import sentences, titles

Row = dict[str, str]

_INTERVALS = {
    Duration.SHORT: "short",
    Duration.LONG: "long",
    Duration.METHADONE_BUPRENORPHINE: "methadone_buprenorphine",
}
"""The figure of ``[opioid_free]`` for each duration class."""

_STATEMENTS_OF_NOBODY = frozenset({"review", "rules", "indicator"})
"""Sections of clinical.toml that state no fact."""


def claims(loaded: dict[str, list[Row]]) -> Iterator[str]:
    """Every problem, one line each; ``loaded`` are the rows of all tables."""
    yield from _codes_claimed_twice(loaded)
    yield from _answers_against_conditions(loaded)
    yield from _names_against_ingredients(loaded)
    yield from _opioids_without_interval(loaded["ingredients"])
    yield from _unused_sources(loaded)
    yield from _statements_without_reference(shipped_figures())
    yield from _topics_without_basis()
    for problem in contradictions(load_clinical()):
        yield f"clinical.toml: {problem}"


def _codes_claimed_twice(loaded: dict[str, list[Row]]) -> Iterator[str]:
    """A code that is a medicine in one table and a condition or a measurement in another."""
    claimed: dict[tuple[str, str], str] = {}
    for table, system in (("snomed", System.SNOMED), ("icd10cm", System.ICD10), ("loinc", System.LOINC)):
        claimed.update({(system, row["code"]): table for row in loaded[table]})
    for row in loaded["medicine_codes"]:
        other = claimed.get((row["system"], row["code"]))
        if other:
            yield f"{row['system']} {row['code']} is claimed by medicine_codes and {other}"


_SAME = {
    "pregnant": Meaning.PREGNANT,
    "possibly-pregnant": Meaning.POSSIBLY_PREGNANT,
    "not-pregnant": Meaning.NOT_PREGNANT,
    "lactating": Meaning.LACTATING,
    "not-lactating": Meaning.NOT_LACTATING,
}


def _answers_against_conditions(loaded: dict[str, list[Row]]) -> Iterator[str]:
    """A SNOMED CT code that answers one thing and means another as a condition."""
    conditions = {row["code"]: tables.cell(row["meanings"]) for row in loaded["snomed"]}
    for row in loaded["answers"]:
        meaning = _SAME.get(row["answer"])
        known = conditions.get(row["code"])
        if row["system"] == System.SNOMED and meaning and known and meaning not in known:
            yield f"snomed {row['code']} answers {row['answer']} and means {' and '.join(known)}"


def _names_against_ingredients(loaded: dict[str, list[Row]]) -> Iterator[str]:
    """A product whose name names another opioid or antagonist than its row."""
    known = set(by_name())
    for table, column in (("rxnorm_products", "name"), ("medicine_codes", "display")):
        for row in loaded[table]:
            said = frozenset(tables.cell(row["ingredients"]))
            read = frozenset(read_drug_name(row[column]).ingredients)
            if read and said <= known and not of_concern(read) <= of_concern(said):
                yield f"{table}: {row[column]!r} names {_list(read)}, its row {_list(said)}"


def _opioids_without_interval(ingredients: list[Row]) -> Iterator[str]:
    figures = shipped_figures()["opioid_free"]
    for row in ingredients:
        if row["role"] in (Role.OPIOID, Role.OPIOID_LIKE) and row["duration"] in set(Duration):
            days = figures.get(_INTERVALS[Duration(row["duration"])])
            if not isinstance(days, int) or days < 1:
                yield f"ingredients: opioid {row['name']!r} has no opioid-free interval"


def _unused_sources(loaded: dict[str, list[Row]]) -> Iterator[str]:
    columns = ("source", "class_source")
    cells = (row.get(column, "") for rows in loaded.values() for row in rows for column in columns)
    used = {key for cell in cells for key in tables.cell(cell)}
    for row in loaded["sources"]:
        if row["key"] not in used:
            yield f"sources.csv: {row['key']} backs no row"


def _statements_without_reference(figures: dict[str, Any]) -> Iterator[str]:
    for section, content in figures.items():
        if section not in _STATEMENTS_OF_NOBODY and not str(content.get("source", "")).strip():
            yield f"clinical.toml: [{section}] has no source"


def _topics_without_basis() -> Iterator[str]:
    for topic in titles():
        if not sentences(topic).get("basis"):
            yield f"wording.toml: [{topic}] has no basis"


def _list(names: frozenset[str]) -> str:
    return " and ".join(sorted(names))
