"""docs/connect.md is true: registrations are read, commands exist, templates are those in force."""

from __future__ import annotations

import json
import re
import shlex
from pathlib import Path

import click
import pytest

from cds_service.cds_hooks.authentication.registry import read_clients
from cds_service.cli import main
from cds_service.cli.prefetch import templates
from cds_service.services import PREFETCH
from tests.cds_hooks.authentication.signing import ec_key, key_set
from tests.cli.running import run
from tools.connect_page import PAGE, page

DOCS = Path(__file__).parent.parent / "docs"
_PAGES = "".join((DOCS / name).read_text() for name in ("connect.md", "clients.md"))
REGISTRATIONS = re.findall(r"```toml\n(.*?)```", _PAGES, re.S)
COMMANDS = sorted(set(re.findall(r"^ *(ldn-cds [^\n>|]+)|`(ldn-cds [^`]+)`", PAGE.read_text(), re.M)))


@pytest.mark.parametrize("table", REGISTRATIONS)
def test_every_registration_can_be_read(table: str, tmp_path: Path) -> None:
    (tmp_path / "clients.toml").write_text(table)
    for name in re.findall(r'jwks_file = "([^"]+)"', table):
        (tmp_path / name).write_text(json.dumps(key_set(ec_key())))
    assert len(read_clients(tmp_path / "clients.toml"))


@pytest.mark.parametrize("line", [first or second for first, second in COMMANDS])
def test_every_command_exists_with_its_options(line: str) -> None:
    _, name, *words = shlex.split(line)
    command = main.get_command(click.Context(main), name)
    assert command is not None, name
    known = {option for parameter in command.params for option in parameter.opts}
    assert {word for word in words if word.startswith("--")} <= known


def test_the_templates_are_those_in_force() -> None:
    assert PAGE.read_text("utf-8") == page(), "write it anew: python -m tools.connect_page"
    assert templates("R4") == PREFETCH


@pytest.mark.parametrize("version", ["R4", "STU3", "R5", "DSTU2"])
def test_the_command_prints_them(version: str) -> None:
    told = json.loads(run("prefetch", "--fhir-version", version, "--json").output)
    assert told == templates(version)
    assert told["medicationRequests"].startswith(
        "MedicationOrder?" if version == "DSTU2" else "MedicationRequest?"
    )
    lines = run("prefetch", "--fhir-version", version).output.splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines] == list(told.values())
