"""What a caller's token says and whether it would be taken; the token never comes out again."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from cds_service.callers import judging, registered_clients
from cds_service.cds_hooks.authentication import Authenticator, Refusal
from cds_service.replay.presented import REASONS, Presented, present
from cds_service.scenarios import load
from cds_service.settings import Settings
from tests.cds_hooks.authentication.signing import ISS, NOW, URL, claims, ec_key, header, key_set, sign
from tests.cli.running import run
from tests.replay.conftest import NOW as DAY

LATER = NOW.timestamp() + 86_400


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    (tmp_path / "keys.json").write_text(json.dumps(key_set(ec_key())))
    (tmp_path / "clients.toml").write_text(
        f'[clients.general]\niss = "{ISS}"\njwks_file = "keys.json"\ndialect = "epic"\n'
    )
    return Settings(
        clients_file=str(tmp_path / "clients.toml"),
        database_url=f"sqlite:///{tmp_path}/cds.sqlite3",
        public_url="https://cds.example.org",
    )  # fmt: skip


@pytest.fixture
def authenticator(settings: Settings) -> Authenticator:
    made = judging(settings, registered_clients(settings), lambda client, url: b"")
    return replace(made, now=NOW.timestamp)


def token(**changes: Any) -> str:
    return sign(claims(**changes), header())


def said(authenticator: Authenticator | None, authorization: str) -> Presented:
    return present(authorization, URL, authenticator)[0]


def test_every_refusal_has_words() -> None:
    assert set(REASONS) == set(Refusal)


@pytest.mark.parametrize("form", ["{}", "Bearer {}", "Authorization: Bearer {}\n", "bearer {}"])
def test_a_correct_token_however_it_was_copied(authenticator: Authenticator, form: str) -> None:
    found, caller = present(form.format(token(sub="app", **{"com.example": "x"})), URL, authenticator)
    assert (found.client, found.refused) == ("general", None)
    assert caller is not None and caller.client.dialect == "epic"
    assert found.claims["iss"] == ISS and found.claims["aud"] == URL and found.claims["alg"] == "ES384"
    assert found.claims["exp"] == "2026-11-22 15:05:00 UTC"
    assert found.others == ("com.example",)


def test_it_may_be_looked_at_twice(authenticator: Authenticator) -> None:
    once = token()
    assert said(authenticator, once) == said(authenticator, once)


@pytest.mark.parametrize(
    ("changes", "reason"),
    [
        ({"aud": "https://elsewhere.example.org"}, Refusal.AUDIENCE),
        ({"iss": "https://stranger.example.org"}, Refusal.UNKNOWN_ISSUER),
        ({"jti": ...}, Refusal.NO_JTI),
    ],
)
def test_why_not(authenticator: Authenticator, changes: dict[str, Any], reason: Refusal) -> None:
    found = said(authenticator, token(**changes))
    assert (found.refused, found.reason) == (reason.value, REASONS[reason])


def test_an_old_token_is_judged_as_of_its_issue(authenticator: Authenticator) -> None:
    later = replace(authenticator, now=lambda: LATER)
    found = said(later, token())
    assert (found.client, found.refused) == ("general", None)
    assert found.notes == (
        "It expired at 2026-11-22 15:05:00 UTC; judged as of 2026-11-22 15:00:00 UTC, when it was issued.",
    )
    assert said(later, token(aud="x")).refused == "aud-is-not-this-url"


def test_a_changed_signature(authenticator: Authenticator) -> None:
    assert said(authenticator, token()[:-4] + "AAAA").refused == "signature-wrong"


@pytest.mark.parametrize("nonsense", ["x", "Basic abc", "a.b.c", "Bearer ", "ey" * 40_000])
def test_what_is_no_token(authenticator: Authenticator, nonsense: str) -> None:
    found = said(authenticator, nonsense)
    assert found.refused and found.claims == {}


def test_without_a_judge_the_claims_alone() -> None:
    found = said(None, token())
    assert found.judged is False and found.client is None and found.claims["iss"] == ISS


def test_neither_token_nor_signature_comes_out(authenticator: Authenticator) -> None:
    given = token()
    for judge in (authenticator, None):
        assert not any(part in repr(said(judge, given)) for part in given.split("."))


# --- the command ----------------------------------------------------------------


@pytest.fixture
def files(tmp_path: Path, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    monkeypatch.setenv("CLIENTS_FILE", str(settings.clients_file))
    monkeypatch.setenv("PUBLIC_URL", str(settings.public_url))
    monkeypatch.setenv("DATABASE_URL", settings.database_url)
    request, authorization = tmp_path / "request.json", tmp_path / "header"
    request.write_text(json.dumps(load("oxycodone-active").request("order-sign", DAY)))
    authorization.write_text(f"Authorization: Bearer {token()}\n")
    return str(request), str(authorization)


def test_the_command_shows_claims_and_verdict(files: tuple[str, str]) -> None:
    result = run("replay", files[0], "--authorization", files[1])
    assert result.exit_code == 0
    assert "would be taken as client general" in result.output
    assert f"iss: {ISS}" in result.output
    assert "judged as of 2026-11-22 15:00:00 UTC" in result.output
    assert "asked by general" in result.output
    assert token().split(".")[0] not in result.output


def test_the_command_says_why_not(files: tuple[str, str]) -> None:
    Path(files[1]).write_text(token(aud="https://cds.example.org/cds-services"))
    result = run("replay", files[0], "--authorization", files[1])
    assert "would be refused of client general: aud is neither the URL called" in result.output
    found = json.loads(run("replay", files[0], "--authorization", files[1], "--json").output)
    assert found["presented"]["refused"] == "aud-is-not-this-url"
    assert found["status"] == 200


def test_a_file_that_is_not_there(files: tuple[str, str]) -> None:
    assert run("replay", files[0], "--authorization", "/nowhere").exit_code == 2
