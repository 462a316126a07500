"""``ldn-cds replay`` as a person and as a script use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from cds_service.cli import main
from cds_service.scenarios import load
from tests.replay.conftest import NOW


@pytest.fixture
def request_file(tmp_path: Path) -> Path:
    path = tmp_path / "request.json"
    path.write_text(json.dumps(load("oxycodone-active").request("order-sign", NOW)), "utf-8")
    return path


def test_cards_and_trace_for_people(request_file: Path) -> None:
    result = CliRunner().invoke(main, ["replay", str(request_file), "--day", "2026-10-14"])
    assert result.exit_code == 0
    assert "200: 1 card" in result.output
    assert "CRITICAL  opioid-coprescription" in result.output
    assert "opioid-washout: silent, no opioid ended within its opioid-free interval" in result.output
    assert "order-sign on 2026-10-14; FHIR version R4" in result.output


def test_json_for_scripts(request_file: Path) -> None:
    result = CliRunner().invoke(main, ["replay", "--json", "-"], input=request_file.read_bytes())
    found = json.loads(result.output)
    assert found["status"] == 200
    assert found["trace"]["hook"] == "order-sign"
    assert found["response"]["cards"][0]["indicator"] == "critical"


def test_a_refusal_ends_with_one_and_says_where() -> None:
    result = CliRunner().invoke(main, ["replay", "-"], input=b'{"hook": "order-sign"}')
    assert result.exit_code == 1
    assert "400 CDS-4002: hookInstance is required" in result.output
    assert "at $.hookInstance" in result.output


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["replay", "/nowhere.json"], "/nowhere.json: No such file"),
        (["replay", "-", "--client", "x"], "no client 'x' is registered"),
    ],
)
def test_wrong_use_ends_with_two(arguments: list[str], words: str) -> None:
    result = CliRunner().invoke(main, arguments, input=b"{}")
    assert result.exit_code == 2
    assert words in result.stderr


def test_a_client_gets_its_dialect(
    request_file: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clients.toml").write_text(
        "[clients.epic]\niss = 'https://e.example.org'\n"
        "jwks_url = 'https://e.example.org/jwks'\ndialect = 'epic'\n"
    )
    monkeypatch.setenv("CLIENTS_FILE", str(tmp_path / "clients.toml"))
    result = CliRunner().invoke(main, ["replay", str(request_file), "--client", "epic", "--json"])
    assert json.loads(result.output)["trace"]["asker"]["dialect"] == "epic"
