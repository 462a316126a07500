"""The sentences of the sheet that is printed with a schedule, from ``sheet.toml``, each with its source."""

from __future__ import annotations

import tomllib
from functools import cache
from importlib import resources
from typing import Literal

import msgspec
from msgspec import Struct

Reader = Literal["patient", "pharmacy"]


class Part(Struct, frozen=True, forbid_unknown_fields=True):
    """One paragraph: what it is about, its text with ``{fields}``, and where it comes from."""

    heading: str
    text: str
    source: str


class _Sheet(Struct, frozen=True, forbid_unknown_fields=True):
    patient: tuple[Part, ...]
    pharmacy: tuple[Part, ...]


@cache
def _sheet() -> _Sheet:
    text = resources.files("cds_service.knowledge").joinpath("sheet.toml").read_text("utf-8")
    return msgspec.convert(tomllib.loads(text), _Sheet)


def parts(reader: Reader, **fields: object) -> list[Part]:
    """The paragraphs for ``reader``, filled. Raises ``KeyError`` for a field that is not given."""
    chosen: tuple[Part, ...] = getattr(_sheet(), reader)
    return [msgspec.structs.replace(part, text=part.text.format_map(fields)) for part in chosen]
