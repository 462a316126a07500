"""What the page of each topic says, from ``explain.toml``, with the figures in force filled in."""

from __future__ import annotations

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources

import msgspec
from msgspec import Struct

from cds_service.knowledge.clinical import Clinical, Level


class Meaning(Struct, frozen=True, forbid_unknown_fields=True):
    """One topic: what it means, when it speaks, at which level, and how good the evidence is."""

    meaning: str
    speaks: tuple[str, ...]
    silent: tuple[str, ...]
    levels: dict[Level, str]
    strength: str


class _Explanations(Struct, frozen=True, forbid_unknown_fields=True):
    topics: dict[str, Meaning]
    figures: dict[str, dict[str, str]]


@cache
def _explanations() -> _Explanations:
    text = resources.files("cds_service.knowledge").joinpath("explain.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _Explanations)


class _InWords:
    """A figure as a sentence shows it: 14, not 14.0; ``{c.section.figure}`` reaches it."""

    def __init__(self, value: object) -> None:
        self._value = value

    def __getattr__(self, name: str) -> _InWords:
        return _InWords(getattr(self._value, name))

    def __format__(self, spec: str) -> str:
        return f"{self._value:g}" if isinstance(self._value, float) else str(self._value)


def meaning(topic: str, clinical: Clinical) -> Meaning:
    """The explanation of ``topic``, filled. Raises ``KeyError`` for one that has none."""
    told, figures = _explanations().topics[topic], _InWords(clinical)

    def filled(text: str) -> str:
        return text.format(c=figures)

    return Meaning(
        meaning=filled(told.meaning),
        speaks=tuple(map(filled, told.speaks)),
        silent=tuple(map(filled, told.silent)),
        levels={level: filled(text) for level, text in told.levels.items()},
        strength=filled(told.strength),
    )


def figure_words(section: str) -> Mapping[str, str]:
    """The figures of a section of ``clinical.toml`` in plain words, by their name."""
    return _explanations().figures.get(section, {})
