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
_MISSING = object()


@dataclass(frozen=True, slots=True)
class Figure:
    """One value in force."""

    name: str
    value: Any
    shipped: Any
    """What it is without the site's file; the same object as ``value`` when the site says nothing."""

    @property
    def of_site(self) -> bool:
        """Whether the site's file says it."""
        return self.value is not self.shipped


def effective(site_file: Path | None = None) -> list[Figure]:
    """Every figure in force. Raises ``ValueError`` when the site's file does not fit."""
    load_clinical(site_file)
    shipped = dict(_leaves(shipped_figures()))
    site = dict(_leaves(site_figures(site_file))) if site_file else {}
    names = dict.fromkeys([*shipped, *site])
    return [
        Figure(".".join(name), site.get(name, shipped.get(name)), shipped.get(name, _MISSING))
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
    instead = "" if figure.shipped is _MISSING else f"; shipped: {figure.shipped!r}"
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
    print(f"{len(figures)} figures, {changed} of them from {site_file or 'no site file'}")
    return 0


if __name__ == "__main__":
    sys.exit(main())
