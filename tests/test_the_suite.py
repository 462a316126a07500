"""What tests/conftest.py promises of every test, tried on tests that break it."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.conftest import MARKERS
from tests.servers import ROOT


def run_of(test: str, folder: Path, *options: str, **environment: str) -> subprocess.CompletedProcess[str]:
    """A run of its own over one test function, under our conftest.py."""
    (folder / "test_it.py").write_text(f"import logging, pytest\ndef test_it():\n    {test}\n")
    line = [sys.executable, "-m", "pytest", "-q", "-p", "tests.conftest", "-p", "no:cacheprovider", *options]
    return subprocess.run(
        [*line, "-c", str(ROOT / "pyproject.toml"), f"--rootdir={folder}", str(folder)],
        env={**os.environ, "PYTHONPATH": str(ROOT), **environment},
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


@pytest.mark.parametrize("options", [(), ("-n", "1")], ids=["in one process", "in several"])
def test_a_patient_in_a_log_fails_the_run(options: tuple[str, ...], tmp_path: Path) -> None:
    ran = run_of(f"logging.getLogger('x').debug('{MARKERS[-1]}')", tmp_path, *options)
    assert ran.returncode == pytest.ExitCode.TESTS_FAILED, ran.stdout + ran.stderr
    assert "Logs that hold patient data or tokens" in ran.stdout
    assert "x DEBUG" in ran.stdout


@pytest.mark.parametrize(("required", "code"), [("0", 0), ("1", 1)])
def test_a_skip_fails_where_everything_is_required(required: str, code: int, tmp_path: Path) -> None:
    ran = run_of("pytest.skip('no such program')", tmp_path, REQUIRE_ALL=required)
    assert ran.returncode == code, ran.stdout + ran.stderr
    assert "no such program" in ran.stdout
