"""``make audit`` never takes a database that was not reached for one that knows of nothing."""

from __future__ import annotations

import json
from typing import Any

import pytest

from tools.audit import NONE, NOT_ASKED, SOME, verdict

CLEAN = {"name": "flask", "version": "3.1.2", "vulns": []}
WEAK = {"name": "x", "version": "1", "vulns": [{"id": "PYSEC-1", "fix_versions": ["2"], "aliases": []}]}
SKIPPED = {"name": "y", "skip_reason": "Dependency not found on PyPI and could not be audited: y (1)"}


@pytest.mark.parametrize(
    ("packages", "code"),
    [
        ([CLEAN], NONE),
        ([CLEAN, WEAK], SOME),
        ([WEAK, SKIPPED], SOME),
        ([CLEAN, SKIPPED], NOT_ASKED),
        ([SKIPPED], NOT_ASKED),
        ([], NOT_ASKED),
    ],
)
def test_the_code_tells_what_was_asked(packages: list[Any], code: int) -> None:
    assert verdict(json.dumps({"dependencies": packages, "fixes": []}))[0] == code


@pytest.mark.parametrize("report", ["", "Traceback", "[]", "{}", "null"])
def test_no_report_is_no_clean_one(report: str) -> None:
    assert verdict(report)[0] == NOT_ASKED


def test_each_weakness_is_named_with_its_remedy() -> None:
    assert verdict(json.dumps({"dependencies": [WEAK]}))[1] == ["x 1: PYSEC-1, mended in 2"]
