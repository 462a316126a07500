"""Reads the data tables: the CSV files beside this module are the source of truth.

Every row names its ``source`` by a key of ``tables/sources.csv``, where the full
citation, release and licence stand.
"""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Iterator
from functools import cache
from importlib.resources import files
from importlib.resources.abc import Traversable

RELEASE = "2026-11"
"""When the tables were last reviewed against their sources."""

SEPARATOR = "|"
"""Between the values of one cell."""


def folder() -> Traversable:
    """Where the tables are."""
    return files("cds_service.knowledge") / "tables"


def names() -> list[str]:
    """Names of all tables, without ``.csv``."""
    return sorted(f.name.removesuffix(".csv") for f in folder().iterdir() if f.name.endswith(".csv"))


def rows(table: str) -> Iterator[dict[str, str]]:
    """The rows of one shipped table. Raises ``ValueError`` for one with more or fewer cells than columns."""
    text = (folder() / f"{table}.csv").read_text(encoding="utf-8")
    lines = csv.reader(io.StringIO(text, newline=""))
    columns = next(lines)
    for line in lines:  # csv.DictReader takes twice the time, and each start waits for it
        yield dict(zip(columns, line, strict=True))


_of_site: dict[str, list[dict[str, str]]] = {}


def rows_with_site(table: str) -> Iterator[dict[str, str]]:
    """What the site has taught (see :mod:`site_knowledge`), then the rows of the shipped table.

    A shipped row comes later and wins over a site's row for the same code.
    """
    yield from of_site(table)
    yield from rows(table)


def of_site(table: str) -> list[dict[str, str]]:
    """What the site has taught for one table, which need not be a shipped one."""
    return _of_site.get(table, [])


def teach(rows_by_table: dict[str, list[dict[str, str]]]) -> None:
    """Replace what the site has taught."""
    _of_site.clear()
    _of_site.update(rows_by_table)


def cell(value: str) -> tuple[str, ...]:
    """The values of one cell."""
    return tuple(part for part in value.split(SEPARATOR) if part)


@cache
def version() -> str:
    """Version of the knowledge: release and a short hash of all tables."""
    digest = hashlib.blake2s(digest_size=4)
    for name in names():
        digest.update(name.encode())
        digest.update((folder() / f"{name}.csv").read_bytes())
    return f"{RELEASE}+{digest.hexdigest()}"
