"""docs/connect.md is true: registrations are read, statements have sources, templates are those in force."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest

from cds_service.cds_hooks import HOOKS
from cds_service.cds_hooks.authentication.registry import read_clients
from cds_service.cli.prefetch import templates
from cds_service.services import PREFETCH
from tests.cds_hooks.authentication.signing import ec_key, key_set
from tests.cli.running import run
from tools.connect_page import PAGE, page

DOCS = Path(__file__).parent.parent / "docs"
_PAGES = "".join((DOCS / name).read_text() for name in ("connect.md", "clients.md"))
REGISTRATIONS = re.findall(r"```toml\n(.*?)```", _PAGES, re.S)


@pytest.mark.parametrize("table", REGISTRATIONS)
def test_every_registration_can_be_read(table: str, tmp_path: Path) -> None:
    (tmp_path / "clients.toml").write_text(table)
    for name in re.findall(r'jwks_file = "([^"]+)"', table):
        (tmp_path / name).write_text(json.dumps(key_set(ec_key())))
    assert len(read_clients(tmp_path / "clients.toml"))


def test_the_templates_are_those_in_force() -> None:
    assert PAGE.read_text("utf-8") == page(), "write it anew: python -m tools.connect_page"
    assert templates("R4") == PREFETCH


CLIENTS = ["Epic", "Oracle Health", "The CDS Hooks sandbox", "HAPI FHIR", "A SMART sandbox"]
ROWS = ("to register", "prefetch", "token", "to test", "cards there", "what it cannot do")
OURS = ("HAPI FHIR",)
"""Tried here: what is said of them needs no source."""
SOURCE = re.compile(r"\[([A-Z])\]")


def section(title: str) -> str:
    return re.split(r"^## ", PAGE.read_text().partition(f"## {title}\n")[2], flags=re.M)[0]


def rows(title: str) -> dict[str, str]:
    lines = [line.strip("| ") for line in section(title).splitlines() if line.startswith("| ")]
    cells = [line.split(" | ", 1) for line in lines if not line.startswith("---")]
    return {cell[0]: cell[1] for cell in cells if len(cell) == 2}


@pytest.mark.parametrize("title", CLIENTS)
def test_of_each_client_everything_is_said(title: str) -> None:
    assert set(ROWS) <= set(rows(title))
    assert all(rows(title)[name] for name in ROWS)


@pytest.mark.parametrize("title", [title for title in CLIENTS if title not in OURS])
def test_what_is_said_of_a_client_has_a_source_or_is_marked(title: str) -> None:
    told = rows(title)
    of_us = {"to test", "cards there", "prefetch"} if title == "A SMART sandbox" else {"to test"}
    for name, words in told.items():
        if name not in of_us:
            assert SOURCE.search(words) or "*not verified*" in words, (name, words)


def test_every_source_is_listed_with_its_address_and_used() -> None:
    text, _, listed = PAGE.read_text().partition("## Sources")
    cited = set(SOURCE.findall(text))
    assert cited == set(re.findall(r"^- \[([A-Z])\]: \S", listed, re.M))
    assert cited == set(re.findall(r"^\[([A-Z])\]: https://\S+$", listed, re.M))


@pytest.mark.parametrize("hook", sorted(HOOKS))
def test_the_prefetch_of_one_service(hook: str) -> None:
    assert json.loads(run("prefetch", "--service", f"ldn-{hook}", "--json").output) == PREFETCH
    first, *lines = run("prefetch", "--service", f"ldn-{hook}").output.splitlines()
    assert first == f"hook {hook}, called at /cds-services/ldn-{hook}"
    assert len(lines) == len(PREFETCH)
    assert run("prefetch", "--service", "ldn-nothing").exit_code == 2


@pytest.mark.parametrize("version", ["R4", "STU3", "R5", "DSTU2"])
def test_the_command_prints_them(version: str) -> None:
    told = json.loads(run("prefetch", "--fhir-version", version, "--json").output)
    assert told == templates(version)
    assert told["medicationRequests"].startswith(
        "MedicationOrder?" if version == "DSTU2" else "MedicationRequest?"
    )
    lines = run("prefetch", "--fhir-version", version).output.splitlines()
    assert [line.split(maxsplit=1)[1] for line in lines] == list(told.values())
