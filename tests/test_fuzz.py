"""Inputs made from our own OpenAPI document, at a size for every run; ``make fuzz`` is the long one."""

from __future__ import annotations

from pathlib import Path

from tests.fuzz import run


def test_what_the_document_allows_and_what_it_does_not(tmp_path: Path) -> None:
    seen, _ = run(25, derandomize=True, database_url=f"sqlite:///{tmp_path}/test.sqlite3")
    assert seen.total() > 300
    statuses = {line.rsplit(" ", 1)[1] for line in seen}
    assert {"200", "400", "404"} <= statuses
    assert not {status for status in statuses if status.startswith("5")}
