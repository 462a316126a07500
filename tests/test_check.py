"""``python -m cds_service.check`` says what an operator must know before an EHR does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cds_service.check import main
from cds_service.settings import Settings
from cds_service.sources import Sources
from tests.cds_hooks.authentication.signing import ec_key, key_set, rsa_key

REGISTRY = "[clients.general]\niss = 'https://ehr.example.org'\njwks_file = 'keys.json'\n"


@pytest.fixture(autouse=True)
def a_site(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    (tmp_path / "keys.json").write_text(json.dumps(key_set(ec_key())))
    (tmp_path / "clients.toml").write_text(REGISTRY)
    monkeypatch.setenv("CLIENTS_FILE", str(tmp_path / "clients.toml"))
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/test.sqlite3")
    monkeypatch.setenv("PUBLIC_URL", "https://cds.example.org")
    monkeypatch.setenv("ALLOW_UNREVIEWED", "true")
    return tmp_path


def test_a_complete_configuration(capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--keys"]) == 0
    said = capsys.readouterr().out
    assert "ok     client general: https://ehr.example.org, ES384/RS384, keys from keys.json" in said
    assert "ok     client general: keys k1" in said
    assert "note   client general: no fhir_servers, so only prefetch is read" in said
    assert "ok     database: up" in said


@pytest.mark.parametrize(
    ("name", "value", "said"),
    [
        ("CLIENTS_FILE", "", "error  no client is registered"),
        ("CLIENTS_FILE", "/nowhere/clients.toml", "error  clients.toml: No such file"),
        ("PUBLIC_URL", "", "error  client general: refused"),
        ("ALLOW_UNREVIEWED", "false", "error  clinical content: 1"),
        ("DATABASE_URL", "sqlite:////dev/null/x", "error  database: does not answer"),
        ("TIME_ZONE", "Mars/Phobos", "error  settings: "),
        ("SITE_FILE", "/nowhere/site.toml", "error  "),
    ],
)
def test_what_would_fail_is_an_error(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    assert main([]) == 1
    assert said in capsys.readouterr().out


def test_development_is_said(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setenv("CDS_ENVIRONMENT", "development")
    assert main([]) == 0
    assert "note   development: every call is answered" in capsys.readouterr().out


@pytest.mark.parametrize("keys", [key_set(), key_set(rsa_key("short", 1024)), {"keys": [{"kty": "oct"}]}])
def test_keys_that_fit_no_algorithm(a_site: Path, capsys: pytest.CaptureFixture[str], keys: object) -> None:
    (a_site / "keys.json").write_text(json.dumps(keys))
    assert main(["--keys"]) == 1
    assert "fits its algorithms" in capsys.readouterr().out


def test_a_key_server_that_is_not_there(a_site: Path, capsys: pytest.CaptureFixture[str]) -> None:
    (a_site / "clients.toml").write_text(
        "[clients.general]\niss = 'x'\njwks_url = 'https://127.0.0.1:1/jwks.json'\n"
    )
    assert main(["--keys"]) == 1
    assert "client general: keys not to be had: address refused" in capsys.readouterr().out


@pytest.mark.parametrize(
    "name",
    ["TIME_BUDGET_MS", "MAX_ENTRIES", "BODY_SECONDS", "MAX_CONCURRENT", "FHIR_PARALLEL", "FHIR_FAILURES"],
)
def test_a_number_that_would_stop_the_service_is_said(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], name: str
) -> None:
    monkeypatch.setenv(name, "0")
    assert main([]) == 1
    assert f"settings: {name} must be above 0" in capsys.readouterr().out


def test_limits_of_reading_are_the_operators(tmp_path: Path) -> None:
    settings = Settings(fhir_parallel=5, fhir_failures=3)
    client = Sources.from_settings(settings, "0").client
    assert (client.options.parallel, client.options.threads) == (5, 15)
    origin = ("https", "ehr.example.org", 443)
    for _ in range(3):
        assert client.options.guard.admit(origin)
        client.options.guard.record(origin, ok=False)
    assert not client.options.guard.admit(origin)


@pytest.mark.parametrize("base", ["https://ehr.example.org/%66hir", "https://ehr.example.org./fhir"])
def test_a_base_that_no_server_can_match_is_an_error(
    a_site: Path, capsys: pytest.CaptureFixture[str], base: str
) -> None:
    registered = REGISTRY + f"fhir_servers = ['https://ehr.example.org/fhir', '{base}']\n"
    (a_site / "clients.toml").write_text(registered)
    assert main([]) == 1
    said = capsys.readouterr().out
    assert f"error  client general: no fhirServer fits {base}:" in said
    assert said.count("no fhirServer fits") == 1
