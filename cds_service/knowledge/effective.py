"""Shows the figures in force and where each comes from.

``python -m cds_service.knowledge.effective [--site FILE]``
"""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Iterator, Sequence
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


def _line(figure: Figure, site_file: Path | None) -> str:
    if not figure.of_site:
        return f"{figure.name} = {figure.value!r}"
    instead = "" if figure.shipped is None else f"; shipped: {figure.shipped!r}"
    return f"{figure.name} = {figure.value!r}    <- {site_file}{instead}"


def main(arguments: Sequence[str] | None = None) -> int:
    """Print every figure; those of the site's file with the file and the shipped value."""
    parser = argparse.ArgumentParser(prog="python -m cds_service.knowledge.effective", description=__doc__)
    default = os.environ.get("SITE_FILE")
    parser.add_argument(
        "--site", type=Path, default=default, help="the site's TOML file (default: the setting SITE_FILE)"
    )
    site_file = parser.parse_args(arguments).site
    try:
        figures = effective(site_file)
    except (ValueError, OSError) as error:
        print(error, file=sys.stderr)
        return 1
    for figure in figures:
        print(_line(figure, site_file))
    changed = sum(figure.of_site for figure in figures)
    print(f"{len(figures)} figures, {changed} of them from a site's file")
    return 0


if __name__ == "__main__":
    sys.exit(main())
