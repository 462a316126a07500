"""The service over HTTP with a clock that can be moved, and what a prescriber does with its cards."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_service import create_app
from cds_service.alerts import overrides
from cds_service.scenarios import load
from cds_service.settings import Settings

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
DISCUSSED = "recipient-concerns-outcomes"


@dataclass
class Ehr:
    """An EHR that calls one worker of the service; ``now`` is the clock of both."""

    http: Any
    clock: list[datetime]

    def order(self, scenario: str, hook: str = "order-sign", **dosage: Any) -> list[dict[str, Any]]:
        """The cards for a scenario's order, its dates counted from the start of the test."""
        body = load(scenario).request(hook, NOW)
        for entry in body["context"]["draftOrders"]["entry"]:
            entry["resource"].update(dosage)
        answer = self.http.post(f"/cds-services/ldn-{hook}", json=body)
        assert answer.status_code == 200, answer.text
        cards: list[dict[str, Any]] = answer.json["cards"]
        return cards

    def override(
        self, card: dict[str, Any], reason: str | None = DISCUSSED, comment: str | None = None
    ) -> None:
        """Override ``card`` a second later, without a reason if there is neither code nor comment."""
        said: dict[str, Any] = {}
        if reason:
            said["reason"] = {"code": reason, "system": "http://terminology.hl7.org"}
        if comment:
            said["userComment"] = comment
        at = self.clock[0] + timedelta(seconds=1)
        item = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": at.isoformat()}
        item |= {"overrideReason": said} if said else {}
        answer = self.http.post("/cds-services/ldn-order-sign/feedback", json={"feedback": [item]})
        assert (answer.status_code, answer.json) == (200, {}), answer.text

    def accept(self, card: dict[str, Any]) -> None:
        """Take the first suggestion of ``card``."""
        taken = [{"id": card["suggestions"][0]["uuid"]}]
        item = {"card": card["uuid"], "outcome": "accepted", "outcomeTimestamp": self.clock[0].isoformat()}
        answer = self.http.post(
            "/cds-services/ldn-order-sign/feedback",
            json={"feedback": [{**item, "acceptedSuggestions": taken}]},
        )
        assert (answer.status_code, answer.json) == (200, {}), answer.text

    def wait(self, **time: int) -> None:
        """Let time pass."""
        self.clock[0] += timedelta(**time)


MakeEhr = Callable[..., Ehr]


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine must not make a database look slow."""
    monkeypatch.setattr(overrides, "PATIENCE", 30)


@pytest.fixture
def make_ehr(database_url: str, tmp_path: Path) -> Iterator[MakeEhr]:
    """EHRs at one database; each call is another worker, with a site file of its own."""
    clock, stores = [NOW], []

    def make(site: str = "", **values: Any) -> Ehr:
        file = tmp_path / f"site-{len(stores)}.toml"
        file.write_text(site)
        given = {
            "cds_environment": "development",
            "database_url": database_url,
            "journal_dir": str(tmp_path / "journal"),
            "audit_days": 0,
            "store_key": "0" * 64,
            "site_file": str(file),
            **values,
        }
        app = create_app(Settings(**given), now=lambda: clock[0])
        stores.append(app.extensions["store"])
        return Ehr(app.test_client(), clock)

    yield make
    for store in stores:
        store.close()


def topics(cards: list[dict[str, Any]]) -> dict[str, str]:
    """Each topic with its indicator."""
    return {card["source"]["topic"]["code"]: card["indicator"] for card in cards}


def about(cards: list[dict[str, Any]], topic: str) -> dict[str, Any]:
    """The card of ``topic``."""
    return next(card for card in cards if card["source"]["topic"]["code"] == topic)
