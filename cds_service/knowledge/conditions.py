"""What a condition means to the rules: codes first, names only where no code is known."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from functools import cache

from cds_service.knowledge import tables
from cds_service.knowledge.codings import Coding, System, known_codings
from cds_service.knowledge.concepts import Meaning
from cds_service.knowledge.condition_names import read_condition
from cds_service.knowledge.memory import Memory

Meanings = frozenset[Meaning]
_NOTHING: Meanings = frozenset()
_SHORTEST_ICD10 = 3


def condition_meanings(codings: Sequence[Coding], text: str | None = None) -> Meanings:
    """What a condition says of now.

    A code the tables know decides, also when it is known to say nothing (remission,
    history, the baby's record); only without one are displays and text read.
    """
    return _meanings.ask((tuple(codings), text), lambda: _work_out(codings, text))


_meanings: Memory[Meanings] = Memory()


def _work_out(codings: Sequence[Coding], text: str | None) -> Meanings:
    coded = (code_meanings(system, code) for system, code, _ in known_codings(codings))
    known = [meanings for meanings in coded if meanings is not None]
    if known:
        return _NOTHING.union(*known)
    return _NOTHING.union(*(read_condition(name) for name in _names(codings, text)))


def _names(codings: Iterable[Coding], text: str | None) -> set[str]:
    names = {display for _, _, display in codings if display}
    return names | {text} if text else names


def code_meanings(system: System, code: str) -> Meanings | None:
    """Meanings of a code, empty when it is known to be silent, None when it is not known."""
    if system is System.SNOMED:
        return _snomed().get(code)
    if system is System.LOCAL:
        return _local().get(code)
    if system is System.ICD10:
        return _icd10_meanings(code)
    return None


def _icd10_meanings(code: str) -> Meanings | None:
    """The row of the code, else of the longest known stem that stands for all codes below it."""
    exact, stems = _icd10()
    if code in exact:
        return exact[code]
    lengths = range(len(code), _SHORTEST_ICD10 - 1, -1)
    return next((stems[code[:n]] for n in lengths if code[:n] in stems), None)


@cache
def _snomed() -> dict[str, Meanings]:
    return {row["code"]: _parse(row["meanings"]) for row in tables.rows_with_site("snomed")}


@cache
def _local() -> dict[str, Meanings]:
    """Conditions of the site's own systems; no such table is shipped."""
    return {row["code"]: _parse(row["meanings"]) for row in tables.of_site("local_conditions")}


@cache
def _icd10() -> tuple[dict[str, Meanings], dict[str, Meanings]]:
    """Meanings by code, and by stem; codes without the dot."""
    exact: dict[str, Meanings] = {}
    stems: dict[str, Meanings] = {}
    for row in tables.rows_with_site("icd10cm"):
        meanings, code = _parse(row["meanings"]), row["code"].replace(".", "")
        exact[code] = meanings
        if row["match"] == "prefix":
            stems[code] = meanings
    return exact, stems


@cache
def _parse(cell: str) -> Meanings:
    return frozenset(Meaning(value) for value in tables.cell(cell))


_WEEKS = re.compile(r"Z3A(\d\d)")
_UNDER_EIGHT, _OVER_FORTY_TWO = "01", "49"


def gestational_weeks(codings: Sequence[Coding]) -> int | None:
    """Completed weeks of gestation from ICD-10-CM Z3A codes.

    "Less than 8 weeks" is read as 1, so that the pregnancy is never thought over too
    early; "greater than 42 weeks" as 43.
    """
    for system, code, _ in known_codings(codings):
        match = _WEEKS.match(code) if system is System.ICD10 else None
        if match and match[1] != "00":
            return {_UNDER_EIGHT: 1, _OVER_FORTY_TWO: 43}.get(match[1], int(match[1]))
    return None


def forget() -> None:
    """Read the tables again: a site has taught codes."""
    for cached in (_snomed, _local, _icd10):
        cached.cache_clear()
    _meanings.forget()
