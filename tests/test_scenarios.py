"""Every scenario gives exactly its cards: through HTTP, for each hook, in every FHIR version."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.cds_hooks import HOOKS, parse_request
from cds_service.cds_hooks.validation import validate_request, validate_response
from cds_service.conversion import CannotExpress, convert
from cds_service.rules import Topic
from cds_service.scenarios import Scenario, load
from cds_service.settings import Settings
from tests.every_scenario import CONVERTED, NAMES, NOT_EXPRESSED, NOW
from tests.fhir_models import check_resource

Json = dict[str, Any]

OTHER_MOMENTS = (
    datetime(2028, 2, 29, 23, 55, tzinfo=UTC),
    datetime(2027, 1, 1, 0, 5, tzinfo=UTC),
    datetime(2031, 3, 31, 12, 0, tzinfo=UTC),
)
URGENCY = ("critical", "warning", "info")


class Service:
    """The application in development, its clock set by the test."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        settings = Settings(cds_environment="development", database_url=f"sqlite:///{folder}/cds.sqlite3")
        self.client: FlaskClient = create_app(settings, now=lambda: self.now).test_client()

    def cards(self, scenario: Scenario, hook: str, now: datetime = NOW) -> list[Json]:
        """The cards for one request; the request and the answer break no rule of the specification."""
        self.now = now
        body = scenario.request(hook, now)
        assert validate_request(body) == []
        response = self.client.post(f"/cds-services/ldn-{hook}", json=body)
        assert response.status_code == 200, response.text
        request = parse_request(json.dumps(body).encode(), HOOKS[hook])
        assert validate_response(response.get_json(), request) == []
        cards: list[Json] = response.get_json()["cards"]
        return cards


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    return Service(tmp_path_factory.mktemp("scenarios"))


def _summed_up(cards: list[Json]) -> list[tuple[str, str]]:
    return [(card["source"]["topic"]["code"], card["indicator"]) for card in cards]


def _expected(scenario: Scenario) -> list[tuple[str, str]]:
    return sorted((card.topic, card.indicator) for card in scenario.expected)


# --- the cards ---------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_scenario_gives_its_cards(service: Service, name: str) -> None:
    scenario = load(name)
    for hook in scenario.hooks:
        found = _summed_up(service.cards(scenario, hook))
        assert sorted(found) == _expected(scenario), hook
        assert [urgency for _, urgency in found] == sorted((u for _, u in found), key=URGENCY.index)


@pytest.mark.parametrize(("name", "version"), CONVERTED)
def test_r4_scenario_gives_its_cards_in_other_versions(service: Service, name: str, version: str) -> None:
    scenario = convert(load(name), version)
    for hook in scenario.hooks:
        assert sorted(_summed_up(service.cards(scenario, hook))) == _expected(scenario), hook


@pytest.mark.parametrize(("name", "version"), NOT_EXPRESSED)
def test_what_a_version_cannot_express_is_named(name: str, version: str) -> None:
    with pytest.raises(CannotExpress, match=NOT_EXPRESSED[name, version]):
        convert(load(name), version)


@pytest.mark.parametrize("name", NAMES)
def test_scenario_does_not_age(service: Service, name: str) -> None:
    scenario = load(name)
    for now in OTHER_MOMENTS:
        found = service.cards(scenario, scenario.hooks[0], now)
        assert sorted(_summed_up(found)) == _expected(scenario), now


def test_every_topic_fires_and_is_silent() -> None:
    scenarios = [load(name) for name in NAMES]
    on_naltrexone = [s for s in scenarios if "naltrexone" in json.dumps(s.orders).lower()]
    for topic in Topic:
        assert any(topic in {card.topic for card in s.expected} for s in scenarios), topic
        assert any(topic not in {card.topic for card in s.expected} for s in on_naltrexone), topic


def test_every_version_and_hook_occurs() -> None:
    scenarios = [load(name) for name in NAMES]
    assert {s.fhir_version for s in scenarios} == {"DSTU2", "STU3", "R4", "R5"}
    for version in ("DSTU2", "STU3", "R4", "R5"):
        assert sum(s.fhir_version == version for s in scenarios) >= 20
    assert {hook for s in scenarios for hook in s.hooks} == set(HOOKS)


# --- what suggestions add ------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_suggested_resources_are_valid(service: Service, name: str) -> None:
    _check_suggestions(service, load(name))


@pytest.mark.parametrize(("name", "version"), CONVERTED)
def test_suggested_resources_are_valid_in_other_versions(service: Service, name: str, version: str) -> None:
    _check_suggestions(service, convert(load(name), version))


def _check_suggestions(service: Service, scenario: Scenario) -> None:
    for card in service.cards(scenario, scenario.hooks[0]):
        for suggestion in card.get("suggestions", []):
            for action in suggestion["actions"]:
                if action["type"] != "delete":
                    check_resource(action["resource"], scenario.fhir_version)
