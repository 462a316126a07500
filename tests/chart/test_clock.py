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


def test_a_far_date_stays_on_its_side() -> None:
    clock = Clock(date(2026, 11, 22), UTC)
    for text, expected in (("9999-12-31", date(9000, 1, 1)), ("0001-01-01", date(1000, 1, 1))):
        assert (clock.latest(text), clock.earliest(text)) == (expected, expected)


def test_partial_dates_are_spans_and_are_shown_as_recorded() -> None:
    clock = Clock(date(2026, 11, 22), UTC)
    texts = (None, "nonsense", "2026-03", "2025")
    assert clock.latest(*texts) == date(2026, 3, 31) and clock.earliest(*texts) == date(2025, 1, 1)
    assert clock.latest(None) is clock.earliest("nonsense") is None
    assert [clock.shown(text) for text in (*texts, "2026-03-09")] == [
        "",
        "",
        "Mar 2026",
        "2025",
        "9 Mar 2026",
    ]
    assert clock.shown(*texts) == "Mar 2026"


def test_what_is_dated_later_is_taken_as_today() -> None:
    clock = Clock(date(2026, 11, 22), UTC)
    days = (date(2026, 11, 21), date(2026, 11, 23), None)
    assert [clock.not_after_today(when) for when in days] == [date(2026, 11, 21), date(2026, 11, 22), None]


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
