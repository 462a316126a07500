"""Against HAPI FHIR (JPA server): the same cards from prefetch, server and both.

HAPI is what integrators' sandboxes run. Each version's server is loaded with
our scenarios of that version as transactions. Run by ``make test-hapi``.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import ExitStack
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests
from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.scenarios import Scenario, all_names, load
from cds_service.settings import Settings
from tests.hapi.hapi_server import JAVA_NAMES, HapiFailed, hapi_server

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
FURTHER = ("MedicationDispense", "MedicationAdministration", "ServiceRequest")

Outcome = list[tuple[str, str, str]]


def scenarios() -> Iterator[tuple[str, str]]:
    """(version, name) of the scenarios whose record is all there is to know."""
    for version in JAVA_NAMES:
        for name in all_names():
            if _is_plain(load(name), version):
                yield version, name


def _is_plain(scenario: Scenario, version: str) -> bool:
    return scenario.fhir_version == version and not (scenario.prefetch or scenario.without or scenario.keys)


class Servers:
    """The servers of this run, each started and loaded when first asked for."""

    def __init__(self, folder: Path, stack: ExitStack) -> None:
        self._folder = folder
        self._stack = stack
        self._bases: dict[str, str] = {}
        self._failed: dict[str, str] = {}

    def base(self, version: str) -> str:
        """The base URL of the loaded server of ``version``; it stops when another version starts."""
        if version in self._failed:  # said once in full; starting it for every test would take hours
            pytest.fail(f"HAPI {version}: {self._failed[version].splitlines()[0]}", pytrace=False)
        if version not in self._bases:
            self._start(version)
        return self._bases[version]

    def _start(self, version: str) -> None:
        self._stack.close()
        try:
            self._bases = {version: self._stack.enter_context(hapi_server(version, self._folder))}
            _load(self._bases[version], version)
        except (HapiFailed, AssertionError) as failure:
            self._bases = {}
            self._failed[version] = str(failure)
            pytest.fail(f"HAPI {version}: {failure}", pytrace=False)


def _load(base: str, version: str) -> None:
    for each, name in scenarios():
        if each == version:
            loaded = requests.post(base, json=load(name).transaction(NOW), timeout=120)
            assert loaded.status_code == 200, f"{name}: {loaded.status_code} {loaded.text[:600]}"


@pytest.fixture(scope="module")
def servers(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Servers]:
    with ExitStack() as stack:
        yield Servers(tmp_path_factory.mktemp("hapi"), stack)


@pytest.fixture(scope="module")
def given_all(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A service whose EHR sends everything as prefetch."""
    return _app_client(tmp_path_factory.mktemp("given"))


@pytest.fixture(scope="module")
def asking(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    """A service that also asks for what was dispensed and administered."""
    return _app_client(tmp_path_factory.mktemp("asking"), FURTHER)


def _app_client(folder: Path, fetch_kinds: tuple[str, ...] = ()) -> FlaskClient:
    settings = Settings(
        cds_environment="development",
        database_url=f"sqlite:///{folder}/x.sqlite3",
        time_budget_ms=30_000,
        fetch_kinds=fetch_kinds,
    )
    return create_app(settings, now=lambda: NOW).test_client()


def outcome(client: FlaskClient, request: dict[str, Any]) -> Outcome:
    answer = client.post(f"/cds-services/ldn-{request['hook']}", json=request)
    assert answer.status_code == 200, answer.json
    cards = answer.json["cards"]  # type: ignore[index]
    return sorted((c["source"]["topic"]["code"], c["indicator"], c["summary"]) for c in cards)


@pytest.mark.parametrize(("version", "name"), list(scenarios()))
def test_the_same_cards_from_prefetch_hapi_and_both(
    given_all: FlaskClient, asking: FlaskClient, servers: Servers, version: str, name: str
) -> None:
    scenario, base = load(name), servers.base(version)
    hook = scenario.hooks[-1]
    given = scenario.request(hook, NOW)
    fetched = scenario.request(hook, NOW, fhir_server=base, prefetch=False)
    keys = given["prefetch"].keys() & {"medicationRequests", "patient", "allergies"}
    mixed = {**fetched, "prefetch": {key: given["prefetch"][key] for key in keys}}
    expected = outcome(given_all, given)
    assert outcome(asking, fetched) == expected
    assert outcome(asking, mixed) == expected
