"""Writes the prefetch templates into docs/connect.md; ``--check`` only compares."""

from __future__ import annotations

import sys
from pathlib import Path

from cds_service.cli.prefetch import templates

PAGE = Path(__file__).parent.parent / "docs" / "connect.md"
MARK = "<!-- Written by tools/connect_page.py. -->\n"


def page() -> str:
    """The page with the templates in force after the mark, up to the next paragraph that is ours."""
    before, _, after = PAGE.read_text("utf-8").partition(MARK)
    ours = after[after.index("For a DSTU2 server") :]
    lines = [f"    {key}: {query}" for key, query in templates("R4").items()]
    return before + MARK + "\n" + "\n".join(lines) + "\n\n" + ours


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(PAGE.read_text("utf-8") != page())
    PAGE.write_text(page(), "utf-8")
