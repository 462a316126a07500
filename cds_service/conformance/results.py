"""What was seen of each rule."""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import NamedTuple

from msgspec import Struct

from cds_service.conformance.rows import ROWS, Level


class State(StrEnum):
    """The verdict on a rule; of several, the first in this order holds."""

    FAIL = "fail"
    PASS = "pass"
    UNTESTABLE = "not testable"
    """From outside, or without what the command was not given."""
    NOT_APPLICABLE = "not applicable"
    """Nothing of the kind was seen, or it is a rule for clients."""


class Seen(NamedTuple):
    """One observation on a rule."""

    row: str
    state: State
    words: str = ""


class Result(Struct, frozen=True):
    """One line of the table."""

    id: str
    level: str
    rule: str
    state: str
    seen: tuple[str, ...] = ()


def passed(row: str, words: str = "") -> Seen:
    return Seen(row, State.PASS, words)


def failed(row: str, words: str) -> Seen:
    return Seen(row, State.FAIL, words)


def untestable(row: str, words: str) -> Seen:
    return Seen(row, State.UNTESTABLE, words)


def not_applicable(row: str, words: str) -> Seen:
    return Seen(row, State.NOT_APPLICABLE, words)


def expect(row: str, holds: bool, words: str) -> Seen:
    """A pass when it holds, else a fail that says ``words``."""
    return passed(row) if holds else failed(row, words)


def table(seen: Iterable[Seen], unseen: str = "not reached") -> list[Result]:
    """One result a rule, in the order of the rules; ``unseen`` is said of those that nothing was seen of."""
    by_row: dict[str, list[Seen]] = {row.id: [] for row in ROWS}
    for one in seen:
        by_row[one.row].append(one)
    return [
        Result(row.id, row.level.value, row.rule, state.value, tuple(dict.fromkeys(words)))
        for row in ROWS
        for state, words in [_verdict(by_row[row.id], unseen)]
    ]


def _verdict(observations: list[Seen], unseen: str) -> tuple[State, list[str]]:
    for state in State:
        found = [one for one in observations if one.state is state]
        if found:
            return state, [one.words for one in found if one.words]
    return State.UNTESTABLE, [unseen]


def is_refused(results: Iterable[Result]) -> bool:
    """Whether a SHALL failed."""
    return any(r.state == State.FAIL and r.level == Level.SHALL for r in results)
