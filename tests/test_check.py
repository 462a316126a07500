"""``ldn-cds check`` says what an operator must know before an EHR does."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from cds_service.settings import Settings
from cds_service.sources import Sources
from tests.cds_hooks.authentication.signing import ec_key, key_set, rsa_key
from tests.cli.running import run

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


def test_a_complete_configuration() -> None:
    result = run("check", *["--keys"])
    assert result.exit_code == 0
    said = result.output
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
        ("REDIS_URL", "redis://127.0.0.1:1/0", "error  Redis: does not answer (ConnectionError)"),
        ("REDIS_URL", "127.0.0.1:6379", "error  settings: REDIS_URL must begin with redis:// or rediss://"),
        (
            "DATABASE_URL",
            "db.internal/ldn",
            "error  settings: DATABASE_URL must begin with sqlite:// or post",
        ),
        (
            "DATABASE_URL",
            "mysql://u:secret@db/ldn",
            "error  settings: DATABASE_URL must begin with sqlite://",
        ),
        ("PUBLIC_URL", "cds.example.org", "error  settings: PUBLIC_URL must begin with https:// or http://"),
        ("TIME_ZONE", "Mars/Phobos", "error  settings: "),
        ("SITE_FILE", "/nowhere/site.toml", "error  "),
        ("COMMENTS", "encrypt", "error  settings: COMMENTS=encrypt needs COMMENT_KEYS"),
    ],
)
def test_what_would_fail_is_an_error(
    monkeypatch: pytest.MonkeyPatch, name: str, value: str, said: str
) -> None:
    monkeypatch.setenv(name, value)
    result = run("check", *[])
    assert result.exit_code == (3 if "does not answer" in said else 1)
    assert said in result.output
    assert "secret" not in result.output


def test_what_is_set_wrongly_outweighs_what_does_not_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", "sqlite:////dev/null/x")
    monkeypatch.setenv("ALLOW_UNREVIEWED", "false")
    assert run("check").exit_code == 1


def test_development_is_said(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_ENVIRONMENT", "development")
    result = run("check", *[])
    assert result.exit_code == 0
    assert "note   development: every call is answered" in result.output


@pytest.mark.parametrize("keys", [key_set(), key_set(rsa_key("short", 1024)), {"keys": [{"kty": "oct"}]}])
def test_keys_that_fit_no_algorithm(a_site: Path, keys: object) -> None:
    (a_site / "keys.json").write_text(json.dumps(keys))
    result = run("check", *["--keys"])
    assert result.exit_code == 1
    assert "fits its algorithms" in result.output


def test_a_key_server_that_is_not_there(a_site: Path) -> None:
    (a_site / "clients.toml").write_text(
        "[clients.general]\niss = 'x'\njwks_url = 'https://127.0.0.1:1/jwks.json'\n"
    )
    result = run("check", *["--keys"])
    assert result.exit_code == 3
    assert "client general: keys not to be had: address refused" in result.output


@pytest.mark.parametrize(
    "name",
    [
        "TIME_BUDGET_MS",
        "MAX_ENTRIES",
        "MAX_ORDERS",
        "BODY_SECONDS",
        "MAX_CONCURRENT",
        "MAX_AT_WORK",
        "FHIR_PARALLEL",
        "FHIR_FAILURES",
    ],
)
def test_a_number_that_would_stop_the_service_is_said(monkeypatch: pytest.MonkeyPatch, name: str) -> None:
    monkeypatch.setenv(name, "0")
    result = run("check", *[])
    assert result.exit_code == 1
    assert f"settings: {name} must be above 0" in result.output


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
def test_a_base_that_no_server_can_match_is_an_error(a_site: Path, base: str) -> None:
    registered = REGISTRY + f"fhir_servers = ['https://ehr.example.org/fhir', '{base}']\n"
    (a_site / "clients.toml").write_text(registered)
    result = run("check", *[])
    assert result.exit_code == 1
    said = result.output
    assert f"error  client general: no fhirServer fits {base}:" in said
    assert said.count("no fhirServer fits") == 1
