"""Against a FHIR server that this project did not write: the same cards from prefetch, server and both.

sekmet-fhir is a small R4 server on SQLite; it is loaded with our scenarios as
transactions, as an integrator would load a sandbox.
"""

from __future__ import annotations

import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.scenarios import Scenario, all_names, load
from cds_service.settings import Settings
from tests.servers import answering, free_port

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
# Odd shapes and missing lists live in prefetch only: no server can hold them.


def scenarios() -> list[str]:
    """R4 scenarios whose record is all there is to know."""
    return [name for name in all_names() if _is_plain(load(name))]


def _is_plain(scenario: Scenario) -> bool:
    altered = scenario.prefetch or scenario.without or scenario.keys
    return scenario.fhir_version == "R4" and not altered and not _has_result_in_words(scenario)


def _has_result_in_words(scenario: Scenario) -> bool:
    """Results are searched for by code."""
    resources = [entry["resource"] for entry in scenario.record["entry"]]
    return any(r["resourceType"] == "Observation" and "coding" not in r["code"] for r in resources)


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The base URL of a running server."""
    folder = tmp_path_factory.mktemp("sekmet")
    port = free_port()
    base = f"http://127.0.0.1:{port}/fhir"
    settings = folder / "settings.yaml"
    settings.write_text(
        f"base_url: {base}\nhost: 127.0.0.1\nport: {port}\ndata_dir: {folder}/data\n"
        "simulator: {enabled: false}\nvalidation: {inbound: warn}\n"
    )
    command = [str(Path(sys.executable).with_name("sekmet")), "serve", "-c", str(settings)]
    command += ["--host", "127.0.0.1", "--port", str(port)]
    with answering(command, port, folder, {}, "/fhir/metadata"):
        for name in scenarios():
            loaded = requests.post(base, json=load(name).transaction(NOW), timeout=30)
            assert loaded.status_code == 200, f"{name}: {loaded.text[:300]}"
        yield base


def app_client(folder: Path, **values: Any) -> FlaskClient:
    settings = Settings(
        cds_environment="development",
        database_url=f"sqlite:///{folder}/x.sqlite3",
        time_budget_ms=20_000,
        **values,
    )
    return create_app(settings, now=lambda: NOW).test_client()


@pytest.fixture(scope="module")
def given_all(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A service whose EHR sends everything as prefetch."""
    return app_client(tmp_path_factory.mktemp("given"))


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A service that also asks for what was dispensed, administered and planned."""
    kinds = ("MedicationDispense", "MedicationAdministration", "ServiceRequest")
    return app_client(tmp_path_factory.mktemp("asking"), fetch_kinds=kinds)


def outcome(client: FlaskClient, request: dict[str, Any]) -> list[tuple[str, str, str]]:
    answer = client.post(f"/cds-services/ldn-{request['hook']}", json=request)
    assert answer.status_code == 200, answer.json
    cards = answer.json["cards"]  # type: ignore[index]
    return sorted((c["source"]["topic"]["code"], c["indicator"], c["summary"]) for c in cards)


def with_token(request: dict[str, Any]) -> dict[str, Any]:
    token = {"access_token": "t", "token_type": "Bearer", "expires_in": 300, "subject": "s"}
    return {**request, "fhirAuthorization": {**token, "scope": "patient/*.rs"}}


@pytest.mark.parametrize("name", scenarios())
def test_the_same_cards_from_prefetch_server_and_both(
    given_all: FlaskClient, asking: FlaskClient, server: str, name: str
) -> None:
    scenario = load(name)
    hook = scenario.hooks[-1]
    given = scenario.request(hook, NOW)
    fetched = with_token(scenario.request(hook, NOW, fhir_server=server, prefetch=False))
    expected = outcome(given_all, given)
    assert outcome(asking, fetched) == expected
    keys = sorted(given["prefetch"])
    for share in (keys[::2], keys[1::2], ("medicationRequests", "patient", "allergies")):
        mixed = {**fetched, "prefetch": {key: given["prefetch"][key] for key in share}}
        assert outcome(asking, mixed) == expected, share
