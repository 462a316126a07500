"""What every test may rely on: suites that need a program the machine lacks are skipped by name.

A test that needs a server program carries its marker (``@pytest.mark.postgresql``). Where the program is
missing the test is skipped and the reason is listed at the end of the run. With ``REQUIRE_ALL=1``, as in CI,
nothing may be skipped: whatever skips, for whatever reason, fails.
"""

from __future__ import annotations

import glob
import logging
import os
import shutil
from collections.abc import Generator, Iterator
from pathlib import Path
from typing import Any, TypeVar
from uuid import uuid4

import pytest
from hypothesis import settings

PROGRAMS: dict[str, tuple[str, ...]] = {
    "postgresql": ("postgres",),
    "redis": ("redis-server", "valkey-server"),
    "nginx": ("nginx",),
    "promtool": ("promtool",),
    "browser": ("chromium", "chromium-browser", "google-chrome"),
}
"""Marker to the names its program goes by; the markers are declared in pyproject.toml."""

MARKERS = ("secret-token", "eyJ", "patient=", "Patient/", "Jane", "555-1234", "planted")
"""Tokens, references, queries and names of patients, as the tests use them: no log may hold one (privacy)."""

Report = TypeVar("Report", pytest.TestReport, pytest.CollectReport)


def find_program(marker: str) -> str | None:
    """The path of the first program that serves ``marker``, also where distributions keep it off the PATH."""
    off_path = ["/usr/sbin", "/usr/local/sbin", *sorted(glob.glob("/usr/lib/postgresql/*/bin"), reverse=True)]
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *off_path])
    found = (shutil.which(name, path=path) for name in PROGRAMS[marker])
    return next((program for program in found if program), None)


class LeakWatch(logging.Handler):
    """Reads every record that any logger of the process writes, whatever its level."""

    def __init__(self) -> None:
        super().__init__()
        self.leaks: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        written = f"{self.format(record)} {vars(record)}"
        found = [marker for marker in MARKERS if marker in written]
        if found:
            test = os.environ.get("PYTEST_CURRENT_TEST", "")
            self.leaks.append(f"{record.name} {record.levelname}: {found} in {test}")


LEAKS = LeakWatch()


# how long an example takes says more of the machine than of the code
settings.register_profile("untimed", deadline=None)
settings.load_profile("untimed")


def pytest_configure() -> None:
    logging.getLogger().addHandler(LEAKS)
    logging.getLogger().setLevel(logging.DEBUG)


@pytest.hookimpl(trylast=True)
def pytest_sessionfinish(session: pytest.Session) -> None:
    """What the whole suite logged must be free of patients and tokens; a process of several passes it on."""
    if hasattr(session.config, "workeroutput"):
        session.config.workeroutput["leaks"] = LEAKS.leaks
    if LEAKS.leaks:
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


@pytest.hookimpl(optionalhook=True)
def pytest_testnodedown(node: Any) -> None:
    """What one of several processes found: xdist by itself forgets the status that it ended with."""
    LEAKS.leaks += getattr(node, "workeroutput", {}).get("leaks", [])


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    if LEAKS.leaks:
        terminalreporter.section("Logs that hold patient data or tokens", sep="=", red=True)
        for leak in sorted(set(LEAKS.leaks)):
            terminalreporter.line(leak)


def pytest_runtest_setup(item: pytest.Item) -> None:
    for marker, names in PROGRAMS.items():
        if item.get_closest_marker(marker) and find_program(marker) is None:
            pytest.skip(f"{marker} suite: no {' or '.join(names)} on this machine")


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[None, pytest.TestReport, pytest.TestReport]:
    return refuse_skip((yield))


@pytest.hookimpl(wrapper=True)
def pytest_make_collect_report() -> Generator[None, pytest.CollectReport, pytest.CollectReport]:
    return refuse_skip((yield))


def refuse_skip(report: Report) -> Report:
    """Turn a skip into a failure when every suite is required; an expected failure stays one."""
    if os.environ.get("REQUIRE_ALL") == "1" and report.skipped and not hasattr(report, "wasxfail"):
        reason = report.longrepr[2] if isinstance(report.longrepr, tuple) else report.longrepr
        report.outcome = "failed"
        report.longrepr = f"REQUIRE_ALL=1 allows no skip. {reason}"
    return report


@pytest.fixture(scope="session")
def postgresql() -> Iterator[str]:
    """The URL of a PostgreSQL server of this test process."""
    from tests.servers import postgresql_server

    with postgresql_server() as url:
        yield url


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    """A new database, once of each kind."""
    if request.param == "sqlite":
        return f"sqlite:///{tmp_path}/test.sqlite3"
    return new_database(request.getfixturevalue("postgresql"))


def new_database(server: str) -> str:
    """The URL of an empty database on a PostgreSQL ``server``."""
    import psycopg

    name = f"test_{uuid4().hex}"
    with psycopg.connect(server, autocommit=True) as connection:
        connection.execute(f"create database {name}".encode())
    return f"{server.rpartition('/')[0]}/{name}"
