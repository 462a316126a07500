"""Days counted from the moment of decision, however far off a record dates something."""

from __future__ import annotations

from datetime import UTC, date, timedelta
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.chart.clock import Clock
from cds_service.chart.times import plus
from cds_service.scenarios import all_names, load
from cds_service.settings import Settings
from tests.test_logs import NOW

FAR = ("9999-12-31", "9999-12-31T23:59:59+14:00", "9999", "0001-01-01", "0001-01-01T00:00:00-12:00", "0001")
DATED = {
    "authoredOn", "effectiveDateTime", "onsetDateTime", "recordedDate", "dateAsserted", "start", "end",
    "valueDateTime", "abatementDateTime", "birthDate", "issued", "dateWritten", "recorded",
}  # fmt: skip


@pytest.mark.parametrize("text", FAR)
def test_far_dates_leave_room_to_count(text: str) -> None:
    clock = Clock(date(2026, 11, 22), UTC)
    for when in (clock.latest(text), clock.earliest(text)):
        assert when is None or (when + timedelta(days=36_500) and when - timedelta(days=36_500))


@pytest.mark.parametrize("days", [-1, float("nan"), float("inf"), 36_501, 1e30, None])
def test_days_that_cannot_be_counted(days: float | None) -> None:
    assert plus(date(2026, 11, 22), days) is None


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    url = f"sqlite:///{tmp_path_factory.mktemp('db')}/test.sqlite3"
    settings = Settings(cds_environment="development", database_url=url, audit_days=0)
    return create_app(settings, now=lambda: NOW).test_client()


def _redated(node: Any, text: str) -> Any:
    if isinstance(node, list):
        return [_redated(item, text) for item in node]
    if isinstance(node, dict):
        return {key: text if key in DATED else _redated(value, text) for key, value in node.items()}
    return node


@pytest.mark.parametrize("text", FAR)
@pytest.mark.parametrize("name", all_names())
def test_a_chart_of_far_dates_is_answered(client: FlaskClient, name: str, text: str) -> None:
    scenario = load(name)
    for hook in scenario.hooks:
        request = _redated(scenario.request(hook, NOW), text)
        assert client.post(f"/cds-services/ldn-{hook}", json=request).status_code in (200, 412)
