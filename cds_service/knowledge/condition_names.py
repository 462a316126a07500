"""Reads the name of a condition, for entries without a code the tables know.

Problem lists say as much about what is absent, past or feared as about what is
present, so every name is read with the words around it: "not pregnant", "history
of opioid use disorder", "family history of lupus" name nothing that is present.
Nothing is cached here: problem list texts may hold patient data.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache

from cds_service.knowledge import condition_patterns as patterns
from cds_service.knowledge.concepts import Meaning, Role
from cds_service.knowledge.ingredients import names_of
from cds_service.knowledge.words import plain

_CLAUSE = re.compile(r"[;\n]|\.\s|\bbut\b")
_TAG = re.compile(r"\((?:disorder|finding|situation|event|procedure|observable entity)\)")
_TAKEN_OUT = " ~ "

_OBSTETRIC = frozenset(
    {Meaning.PREGNANT, Meaning.DELIVERED, Meaning.PREGNANCY_ENDED, Meaning.POSTPARTUM, Meaning.LACTATING}
)
"""A remission named beside these is that of another disease."""


@dataclass(frozen=True, slots=True)
class _Reader:
    """The patterns, compiled once."""

    anything: re.Pattern[str]
    fixed: tuple[tuple[tuple[Meaning, ...], re.Pattern[str]], ...]
    names: tuple[tuple[Meaning, re.Pattern[str]], ...]
    not_before: re.Pattern[str]
    not_after: re.Pattern[str]
    past: re.Pattern[str]
    remission: re.Pattern[str]
    someone_else: re.Pattern[str]
    birth_told: re.Pattern[str]


def read_condition(text: str) -> frozenset[Meaning]:
    """What a condition's display or text says of now; empty when it says nothing certain enough."""
    written = _WORD.sub(_one_word_for_opioids, _TAG.sub(" ", plain(text)))
    if not _reader().anything.search(written):
        return frozenset()
    return frozenset(meaning for clause in _CLAUSE.split(written) for meaning in _read_clause(clause))


def _read_clause(clause: str) -> Iterator[Meaning]:
    reader = _reader()
    for meanings, pattern in reader.fixed:
        clause, count = pattern.subn(_TAKEN_OUT, clause)
        if count:
            yield from meanings
    if reader.someone_else.search(clause):
        return
    over = reader.birth_told.search(clause) is not None
    for meaning, pattern in reader.names:
        present = any(_is_present(meaning, clause, match) for match in pattern.finditer(clause))
        if present and not (over and meaning is Meaning.PREGNANT):
            yield meaning
        if meaning is Meaning.PREGNANCY_ENDED:  # "ectopic pregnancy" names no other pregnancy
            clause = pattern.sub(_TAKEN_OUT, clause)
    if over:
        yield Meaning.DELIVERED


def _is_present(meaning: Meaning, clause: str, match: re.Match[str]) -> bool:
    """Whether the words around a name leave it present."""
    reader = _reader()
    before, after = clause[: match.start()], clause[match.end() :]
    if reader.not_before.search(before) or reader.not_after.search(after) or reader.past.search(after):
        return False
    return meaning in _OBSTETRIC or not reader.remission.search(after)


@cache
def _reader() -> _Reader:
    fixed = tuple((meanings, _words(known)) for meanings, known in patterns.FIXED)
    names = tuple((meaning, _words(known)) for meaning, known in patterns.NAMES.items())
    telling = [pattern for meanings, pattern in fixed if meanings] + [pattern for _, pattern in names]
    return _Reader(
        anything=re.compile("|".join(pattern.pattern for pattern in telling)),
        fixed=fixed,
        names=names,
        not_before=re.compile(_words(patterns.NOT_BEFORE).pattern + "[^,]*$"),
        not_after=re.compile("^[^,]*?" + _words(patterns.NOT_AFTER).pattern),
        past=_words(patterns.PAST),
        remission=_words(patterns.REMISSION),
        someone_else=_words(patterns.SOMEONE_ELSE),
        birth_told=_words(patterns.BIRTH_TOLD),
    )


def _words(alternatives: patterns.Alternatives) -> re.Pattern[str]:
    """Any of the alternatives, between word edges."""
    joined = "|".join(alternatives).replace("<opioid>", _OPIOID)
    return re.compile(rf"(?<!\w)(?:{joined})(?!\w)")


_WORD = re.compile(r"[a-z]{5,}")
_OPIOID = "(?:opioids?|methadone|buprenorphine)"
"""What is left of a hundred names: the two that are treatments keep their own."""


def _one_word_for_opioids(word: re.Match[str]) -> str:
    return "opioid" if word[0] in _opioid_names() else word[0]


@cache
def _opioid_names() -> frozenset[str]:
    generic = {"opiate", "opiates", "narcotic", "narcotics"}
    names = frozenset(names_of(Role.OPIOID)) | frozenset(names_of(Role.OPIOID_LIKE))
    return names - {"methadone", "buprenorphine"} | generic
