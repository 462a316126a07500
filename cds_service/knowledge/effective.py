"""Shows the figures in force and where each comes from.

``ldn-cds figures [--site FILE]``
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cds_service.knowledge.clinical import load_clinical, shipped_figures, site_figures

Name = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Figure:
    """One value in force; ``shipped`` is what it would be without the site's file."""

    name: str
    value: Any
    shipped: Any
    of_site: bool


def effective(site_file: Path | None = None) -> list[Figure]:
    """Every figure in force. Raises ``ValueError`` when the site's file does not fit."""
    load_clinical(site_file)
    shipped = dict(_leaves(shipped_figures()))
    site = dict(_leaves(site_figures(site_file))) if site_file else {}
    filled = {name[:-1] for name in site}  # tables that are empty as shipped
    names = [name for name in dict.fromkeys([*shipped, *site]) if name not in filled]
    return [
        Figure(".".join(name), site.get(name, shipped.get(name)), shipped.get(name), name in site)
        for name in names
    ]


def _leaves(figures: Any, above: Name = ()) -> Iterator[tuple[Name, Any]]:
    if isinstance(figures, dict) and figures:
        for key, value in figures.items():
            yield from _leaves(value, (*above, key))
    else:
        yield above, figures


def line(figure: Figure, site_file: Path | None) -> str:
    if not figure.of_site:
        return f"{figure.name} = {figure.value!r}"
    instead = "" if figure.shipped is None else f"; shipped: {figure.shipped!r}"
    return f"{figure.name} = {figure.value!r}    <- {site_file}{instead}"
