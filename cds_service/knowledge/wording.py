"""The sentences of the cards, from ``wording.toml``: reviewable without reading Python."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Any


@cache
def _wording() -> dict[str, Any]:
    text = resources.files("cds_service.knowledge").joinpath("wording.toml").read_text("utf-8")
    return tomllib.loads(text)


def say(topic: str, key: str, **fields: object) -> str:
    """The sentence ``key`` of ``topic`` with its fields filled in.

    Raises ``KeyError`` for a sentence or field that does not exist: a fault of
    ours, caught by the tests.
    """
    sentence: str = _wording()[topic][key]
    if "{" not in sentence:
        return sentence
    text = sentence.format_map(fields)
    return text[:1].upper() + text[1:] if sentence.startswith("{") else text


def sentences(topic: str) -> dict[str, str]:
    """Every sentence of ``topic`` by its key, unfilled."""
    return {key: text for key, text in _wording()[topic].items() if isinstance(text, str)}


@cache
def override_reasons(topic: str) -> tuple[tuple[str, str], ...]:
    """(code, words) of the reasons for which a card of ``topic`` is overridden.

    Codes are those of HL7's non-adherence-reason-codes.
    """
    reasons = {**_wording()["overrides"], **_wording()[topic].get("overrides", {})}
    return tuple(reasons.items())


@cache
def titles() -> dict[str, str]:
    """What each topic is about, in a few words."""
    return {topic: texts["title"] for topic, texts in _wording().items() if "title" in texts}
