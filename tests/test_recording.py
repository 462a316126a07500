"""What the service shows is recorded, over HTTP, and its feedback finds it."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask import Flask
from sqlalchemy import select

from cds_service import __version__, create_app
from cds_service.knowledge import VERSION
from cds_service.scenarios import load
from cds_service.settings import Settings
from cds_service.store.journal import journal_files
from cds_service.store.schema import cards, feedback

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
SIGN = "/cds-services/ldn-order-sign"


@pytest.fixture
def app(tmp_path: Path) -> Flask:
    url = f"sqlite:///{tmp_path}/test.sqlite3"
    return create_app(Settings(cds_environment="development", database_url=url), now=lambda: NOW)


def show(app: Flask, scenario: str = "oxycodone-active", **members: Any) -> list[dict[str, Any]]:
    answer = app.test_client().post(SIGN, json=load(scenario).request("order-sign", NOW) | members)
    assert answer.status_code == 200
    return list(answer.json["cards"])  # type: ignore[index]


def recorded(app: Flask) -> list[Any]:
    store = app.extensions["store"]
    store.load()
    with store.reading() as connection:
        return list(connection.execute(select(cards)))


def say(app: Flask, *items: dict[str, Any]) -> Any:
    given = [{"outcome": "overridden", "outcomeTimestamp": "2026-11-22T15:01:02Z", **item} for item in items]
    return app.test_client().post(f"{SIGN}/feedback", json={"feedback": given})


def test_every_card_has_its_record(app: Flask) -> None:
    shown = show(app)
    (row,) = recorded(app)
    assert [row.card] == [card["uuid"] for card in shown]
    assert row.suggestions == [suggestion["uuid"] for suggestion in shown[0]["suggestions"]]
    assert (row.topic, row.rule, row.indicator) == (
        "opioid-coprescription",
        "opioid_coprescription",
        "critical",
    )
    assert (row.hook, row.service, row.client, row.tenant) == ("order-sign", "ldn-order-sign", "", "")
    assert (row.version, row.knowledge, row.shown) == (__version__, VERSION, NOW)
    assert (row.mode, row.suppressed) == ("live", None)


def test_it_is_in_the_journal_when_the_answer_goes_out(app: Flask, monkeypatch: pytest.MonkeyPatch) -> None:
    store = app.extensions["store"]
    monkeypatch.setattr(store._loader, "wake", lambda: None)
    (card,) = show(app)
    (file,) = journal_files(store.journal.folder)
    assert card["uuid"] in file.read_text("utf-8")


def test_nothing_of_the_patient_is_recorded(app: Flask) -> None:
    patient = load("oxycodone-active").request("order-sign", NOW)["context"]["patientId"]
    show(app, hookInstance=f"{patient} on 5 May")
    (row,) = recorded(app)
    assert patient not in str(row)
    show(app)
    assert len({row.subject for row in recorded(app)}) == 1  # the same patient is recognised


def test_an_answer_without_cards_leaves_no_record(app: Flask) -> None:
    empty = {"resourceType": "Bundle", "type": "collection", "entry": []}
    context = load("oxycodone-active").request("order-sign", NOW)["context"] | {"draftOrders": empty}
    assert show(app, context=context) == []
    assert recorded(app) == []


def test_feedback_finds_its_card(app: Flask) -> None:
    (card,) = show(app)
    taken = [{"id": card["suggestions"][0]["uuid"]}]
    answer = say(app, {"card": card["uuid"], "outcome": "accepted", "acceptedSuggestions": taken})
    assert (answer.status_code, answer.json) == (200, {})
    recorded(app)
    with app.extensions["store"].reading() as connection:
        joined = select(cards.c.topic).join(feedback, feedback.c.card == cards.c.card)
        assert connection.scalars(joined).all() == ["opioid-coprescription"]


def test_unknown_cards_are_refused_one_by_one(app: Flask) -> None:
    (card,) = show(app)
    answer = say(app, {"card": "4e0a3a1e-3283-4575-ab82-028d55fe2719"}, {"card": card["uuid"]}, {"card": ""})
    assert answer.status_code == 200
    assert [(issue["code"], issue["expression"]) for issue in answer.json["issue"]] == [
        ("not-found", ["$.feedback[0].card"]),
        ("invalid", ["$.feedback[2].card"]),
    ]


def test_none_of_them_known_is_404(app: Flask) -> None:
    show(app)
    answer = say(app, {"card": "4e0a3a1e-3283-4575-ab82-028d55fe2719"}, {"card": ""})
    assert answer.status_code == 404
    assert [issue["code"] for issue in answer.json["issue"]] == ["not-found", "invalid"]


def test_a_card_goes_out_though_neither_disk_nor_database_takes_it(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no folder")
    url = f"sqlite:///{tmp_path}/file/x.sqlite3"
    app = create_app(Settings(cds_environment="development", database_url=url), now=lambda: NOW)
    assert len(show(app)) == 1
    page = app.test_client().get("/metrics").get_data(as_text=True)
    assert "ldn_cds_journal_refused_total 1.0" in page
    assert "ldn_cds_journal_lost_total 0.0" in page


def test_the_state_of_the_journal_is_shown(app: Flask) -> None:
    show(app)
    recorded(app)
    page = app.test_client().get("/metrics").get_data(as_text=True)
    assert "ldn_cds_journal_written_total 1.0" in page
    assert "ldn_cds_journal_loaded_total 1.0" in page
    assert "ldn_cds_journal_lag_seconds 0.0" in page
