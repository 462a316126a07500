"""The page ``/replay``: an answer with its trace, a broken request explained, nothing kept."""

from __future__ import annotations

import html
import io
import json
from pathlib import Path
from typing import Any
from urllib.parse import urlencode

import pytest
from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.cds_hooks import HOOKS
from cds_service.scenarios import load
from cds_service.settings import Settings
from tests.cds_hooks.authentication.signing import ISS, claims, ec_key, header, key_set, sign
from tests.replay.conftest import NOW


def app_client(folder: Path, **settings: Any) -> FlaskClient:
    chosen = {"cds_environment": "development", **settings}
    made = Settings(database_url=f"sqlite:///{folder}/cds.sqlite3", **chosen)
    return create_app(made, now=lambda: NOW).test_client()


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    return app_client(tmp_path)


def pasted(client: FlaskClient, request: Any) -> str:
    text = request if isinstance(request, str) else json.dumps(request)
    response = client.post(
        "/replay", data=urlencode({"request": text}), content_type="application/x-www-form-urlencoded"
    )
    assert response.status_code == 200
    assert response.headers["Cache-Control"] == "no-store"
    return response.get_data(as_text=True)


def test_the_cards_and_why(client: FlaskClient) -> None:
    page = pasted(client, load("oxycodone-active").request("order-sign", NOW))
    assert "Oxycodone is listed as active" in page
    assert "not shown: withheld by opioid-coprescription" in page
    assert "no opioid ended within its opioid-free interval" in page
    assert "prefetch medicationRequests" in page


def test_an_uploaded_file_counts(client: FlaskClient) -> None:
    body = json.dumps(load("oxycodone-active").request("order-sign", NOW)).encode()
    response = client.post("/replay", data={"file": (io.BytesIO(body), "request.json")})
    assert "Oxycodone is listed as active" in response.get_data(as_text=True)


def test_a_large_paste_is_taken(client: FlaskClient) -> None:
    request = load("oxycodone-active").request("order-sign", NOW)
    request["extension"] = {"com.example": "x" * 700_000}
    page = pasted(client, request)
    assert "Oxycodone is listed as active" in page
    assert "too large to be shown here again" in page


def test_a_broken_request_says_where(client: FlaskClient) -> None:
    page = pasted(client, '{"hook": "order-sign",\n"hookInstance" 7}')
    assert 'role="alert"' in page
    assert "line 2, column 16" in page


def test_what_was_pasted_cannot_become_markup(client: FlaskClient) -> None:
    request = load("oxycodone-active").request("order-sign", NOW)
    request["context"]["userId"] = "<script>alert(1)</script>"
    request["prefetch"]["<img src=x>"] = None
    page = pasted(client, request)
    assert "<script" not in page
    assert "<img" not in page


@pytest.mark.parametrize("hook", list(HOOKS))
def test_the_examples_give_a_card(client: FlaskClient, hook: str) -> None:
    form = client.get(f"/replay?example={hook}").get_data(as_text=True)
    assert "hookInstance" in form
    response = client.post("/replay", data={"request": _textarea(form)})
    assert "starting-dose" in response.get_data(as_text=True)
    assert client.get("/replay?example=none").status_code == 404


def _textarea(page: str) -> str:
    return html.unescape(page.split("<textarea", 1)[1].split(">", 1)[1].split("</textarea>")[0])


def test_nothing_is_counted_or_recorded(client: FlaskClient) -> None:
    pasted(client, load("oxycodone-active").request("order-sign", NOW))
    metrics = client.get("/metrics").get_data(as_text=True)
    assert "ldn_cds_cards_total{" not in metrics


def test_absent_in_production_unless_enabled(tmp_path: Path) -> None:
    hidden = app_client(tmp_path, cds_environment="production", allow_unreviewed=True)
    assert hidden.get("/replay").status_code == 404
    assert hidden.post("/replay", data={"request": "{}"}).status_code == 404
    shown = app_client(tmp_path, cds_environment="production", allow_unreviewed=True, workbench=True)
    page = shown.get("/replay")
    assert page.status_code == 200
    assert "Ask its FHIR server" not in page.get_data(as_text=True)


def test_production_never_asks_the_server_of_a_pasted_request(tmp_path: Path) -> None:
    shown = app_client(tmp_path, cds_environment="production", allow_unreviewed=True, workbench=True)
    request = load("oxycodone-active").request("order-sign", NOW)
    request["fhirServer"] = "http://127.0.0.1:1/fhir"
    del request["prefetch"]["conditions"]
    response = shown.post("/replay", data={"request": json.dumps(request), "fetch": "on"})
    assert "not supplied by the EHR" in response.get_data(as_text=True)


def test_the_callers_token_is_judged_in_development(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps(key_set(ec_key())))
    (tmp_path / "clients.toml").write_text(f'[clients.general]\niss = "{ISS}"\njwks_file = "keys.json"\n')
    clients, given = (
        str(tmp_path / "clients.toml"),
        sign(claims(aud="https://elsewhere.example.org"), header()),
    )
    for settings, words in (
        ({}, "aud is neither the URL called nor the audience agreed on"),
        ({"cds_environment": "production", "workbench": True, "allow_unreviewed": True}, "Not judged here"),
    ):
        browser = app_client(tmp_path, clients_file=clients, **settings)
        form = {
            "request": json.dumps(load("oxycodone-active").request("order-sign", NOW)),
            "authorization": given,
        }
        page = browser.post("/replay", data=form).get_data(as_text=True)
        assert words in page
        assert f"<dt>iss</dt><dd>{ISS}</dd>" in page
        assert not any(part in page for part in given.split("."))
        assert "Oxycodone is listed as active" in page
