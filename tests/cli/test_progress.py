"""What is drawn while a command waits: on a terminal only, and gone when the answer is there.

Each command runs in a process of its own with a pseudo terminal for its standard error. What it waits for
answers when the bar has been seen there, and not before.
"""

from __future__ import annotations

import json
import os
import pty
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import NamedTuple

import psycopg
import pytest

from cds_service.database import open_database
from cds_service.scenarios import load
from cds_service.store.migrating import migrate
from tests.cds_hooks.authentication.signing import ec_key, key_set
from tests.conftest import new_database
from tests.fhir.server import Answer, FhirServer
from tests.replay.conftest import NOW

_PATIENCE = 60
EMPTIED = "\x1b[1A\x1b[2K"


class Ran(NamedTuple):
    code: int
    output: str
    drawn: str


def on_terminal(
    *arguments: str, environ: Mapping[str, str], seen: str = "", then: Callable[[], object] = lambda: None
) -> Ran:
    """Run a command; once ``seen`` is drawn, do ``then``."""
    ours, its = pty.openpty()
    process = subprocess.Popen(
        [sys.executable, "-m", "cds_service.cli", *arguments],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=its,
        env={**os.environ, "TERM": "xterm", **environ},
        text=True,
    )
    os.close(its)
    late = threading.Timer(_PATIENCE, process.kill)
    late.start()
    drawn, done = "", False
    with process, os.fdopen(ours, "rb", buffering=0) as terminal:
        while chunk := _read(terminal.fileno()):
            drawn += chunk
            if seen and seen in drawn and not done:
                done = True
                then()
        assert process.stdout
        output = process.stdout.read()
    late.cancel()
    return Ran(process.returncode, output, drawn)


def _read(terminal: int) -> str:
    """Empty at the end, of which Linux makes an error."""
    try:
        return os.read(terminal, 4096).decode()
    except OSError:
        return ""


@pytest.fixture
def environ(tmp_path: Path) -> dict[str, str]:
    """With time enough for reading: a bar is drawn after half a second."""
    return {
        "CDS_ENVIRONMENT": "development",
        "DATABASE_URL": f"sqlite:///{tmp_path}/cds.sqlite3",
        "TIME_BUDGET_MS": "60000",
    }


@pytest.fixture
def opened() -> threading.Event:
    return threading.Event()


@pytest.fixture
def server(opened: threading.Event) -> Iterator[FhirServer]:
    """Answers nothing before ``opened``: an EHR, a terminology server and a CDS service in one."""
    with _server(opened) as made:
        yield made


@contextmanager
def _server(opened: threading.Event) -> Iterator[FhirServer]:
    made = FhirServer()
    codes = [{"system": "https://hospital.example/codes", "code": "P1", "display": "pregnant"}]
    expansion = {"timestamp": "2026-11-22", "total": 1, "offset": 0, "contains": codes}
    service = {"id": "x", "hook": "appointment-book", "description": "Books"}
    answers = {
        "": {"resourceType": "Bundle", "type": "searchset", "total": 0},
        "Patient/one": {"resourceType": "Patient", "id": "one", "birthDate": "1980-02-01"},
        "metadata": {"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"},
        "keys": key_set(ec_key()),
        "ValueSet": {"resourceType": "ValueSet", "expansion": expansion},
        "cds-services": {"services": [service]},
    }
    for path, body in answers.items():
        made.routes[path] = _when(opened, Answer(body))
    yield made
    opened.set()
    made.close()


def _when(opened: threading.Event, answer: Answer) -> Callable[[str], Answer]:
    def wait(path: str) -> Answer:
        opened.wait(_PATIENCE)
        return answer

    return wait


CASES = {
    "try": ("capability statement", "try --fhir-server {base} --patient one --order naltrexone"),
    "try, the chart": (
        "reading the chart",
        "try --fhir-server {base} --fhir-version R4 --patient one --order naltrexone",
    ),
    "conformance": ("discovery", "conformance {base}"),
    "check --fhir-server": ("capability statement", "check --fhir-server {base}"),
    "check --keys": ("keys of lakeside", "check --keys"),
    "expand": (
        "waiting",
        "expand --server {base} --value-set http://example.org/x --as meaning-pregnant --into {folder}",
    ),
    "replay": ("reading the chart", "replay --fetch {folder}/request.json"),
}


@pytest.mark.parametrize("case", CASES)
def test_a_bar_is_drawn_while_a_server_is_waited_for(
    case: str, server: FhirServer, opened: threading.Event, environ: dict[str, str], tmp_path: Path
) -> None:
    words, line = CASES[case]
    body = load("oxycodone-active").request("order-sign", NOW)
    body["fhirServer"] = server.base
    del body["prefetch"]
    (tmp_path / "request.json").write_text(json.dumps(body))
    (tmp_path / "clients.toml").write_text(
        f'[clients.lakeside]\niss = "https://lakeside.example.org"\njwks_url = "{server.base}/keys"\n'
    )
    environ["CLIENTS_FILE"] = str(tmp_path / "clients.toml")
    arguments = line.format(base=server.base, folder=tmp_path).split()
    ran = on_terminal(*arguments, environ=environ, seen=words, then=opened.set)
    assert words in ran.drawn
    assert ran.drawn.endswith(EMPTIED)
    assert ran.output and "[" not in ran.output.splitlines()[0]
    assert ran.code == 0, ran


@pytest.mark.postgresql
@pytest.mark.parametrize(
    ("command", "table"), [("report", "cards"), ("purge", "cards"), ("migrate", "ldn_cds_version")]
)
def test_a_bar_is_drawn_while_the_database_is_waited_for(
    command: str, table: str, postgresql: str, environ: dict[str, str]
) -> None:
    environ["DATABASE_URL"] = url = new_database(postgresql)
    engine = open_database(url)
    migrate(engine)
    engine.dispose()
    with psycopg.connect(url) as held:
        held.execute(f"lock table {table} in access exclusive mode".encode())
        ran = on_terminal(command, environ=environ, seen="[", then=held.rollback)
    assert ("making the tables" if command == "migrate" else "counting") in ran.drawn
    assert ran.drawn.endswith(EMPTIED)
    assert ran.code == 0 and ran.output


@pytest.fixture
def slow(server: FhirServer, opened: threading.Event) -> FhirServer:
    """Takes its time over one answer, longer than a bar waits to be drawn."""

    def capabilities(path: str) -> Answer:
        opened.set()
        time.sleep(0.8)
        return Answer({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"})

    server.routes["metadata"] = capabilities
    return server


def test_nothing_is_drawn_with_json(slow: FhirServer, environ: dict[str, str]) -> None:
    ran = on_terminal("check", "--fhir-server", slow.base, "--json", environ=environ)
    assert ran.drawn == ""
    assert json.loads(ran.output)


def test_nothing_is_drawn_when_piped(slow: FhirServer, environ: dict[str, str]) -> None:
    command = [sys.executable, "-m", "cds_service.cli", "check", "--fhir-server", slow.base]
    ran = subprocess.run(command, capture_output=True, text=True, env={**os.environ, **environ})
    assert ran.stderr == ""
    assert "FHIR 4.0.1" in ran.stdout


def test_a_failure_stands_on_a_line_of_its_own(environ: dict[str, str]) -> None:
    opened = threading.Event()
    with _server(opened) as server:
        server.routes["metadata"] = _when(opened, Answer(status=500))
        line = f"try --fhir-server {server.base} --patient one --order naltrexone"
        ran = on_terminal(*line.split(), environ=environ, seen="capability", then=opened.set)
    assert ran.code == 3
    assert f"{EMPTIED}ldn-cds: {server.base}" in ran.drawn
