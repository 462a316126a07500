"""SECURITY.md names the test of each measure; they exist."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
NAMED = sorted(set(re.findall(r"`((?:tests/|\.ci/)[^`\s]+)`", (ROOT / "SECURITY.md").read_text("utf-8"))))


@pytest.mark.parametrize("named", NAMED)
def test_a_named_test_exists(named: str) -> None:
    file, _, function = named.partition("::")
    text = (ROOT / file).read_text("utf-8")
    assert not function or f"def {function}(" in text


def test_every_threat_names_its_test() -> None:
    rows = [row for row in (ROOT / "SECURITY.md").read_text("utf-8").splitlines() if row.startswith("| ")][2:]
    assert len(rows) > 15
    assert all("`tests/" in row or "`.ci/" in row for row in rows)
