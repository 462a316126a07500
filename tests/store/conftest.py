"""Stores over both databases, and cards to put into them."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_service.cds_hooks import CallContext, Coding, FeedbackItem
from cds_service.cds_hooks.authentication import Caller, Client
from cds_service.metrics import Metrics
from cds_service.settings import Settings
from cds_service.store import ServedCard, Store

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)

MakeStore = Callable[..., Store]


@pytest.fixture
def make_store(database_url: str, tmp_path: Path) -> Iterator[MakeStore]:
    """A store as one worker has it; several calls are several workers of one service."""
    made: list[Store] = []

    def make(metrics: Metrics | None = None, **values: Any) -> Store:
        given = {"database_url": database_url, "journal_dir": str(tmp_path / "journal"), **values}
        store = Store(Settings(**given), metrics)
        made.append(store)
        store.prepare()
        return store

    yield make
    for store in made:
        store.close()


@pytest.fixture
def store(make_store: MakeStore) -> Store:
    return make_store()


def call(client: str = "", tenant: str | None = None) -> CallContext:
    caller = (
        Caller(Client(id=client, iss="i", jwks_url="https://ehr.example.org"), tenant) if client else None
    )
    return CallContext(None, "request", caller)


def served(store: Store, client: str = "", tenant: str = "", **values: Any) -> ServedCard:
    """A card with two suggestions, as the recorder makes it."""
    card = values.pop("card", None) or store.ids.card(client, tenant)
    return ServedCard(
        **{
            "card": card,
            "suggestions": tuple(store.ids.suggestion(card, number) for number in range(2)),
            "topic": "opioid-coprescription",
            "rule": "opioid_coprescription",
            "indicator": "critical",
            "hook": "order-sign",
            "hook_instance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
            "service": "ldn-order-sign",
            "client": client,
            "tenant": tenant,
            "subject": store.subject(client, tenant, "p1"),
            "shown": NOW,
            **values,
        }
    )


def said(card: str, index: int = 0, **values: Any) -> FeedbackItem:
    """An override with a reason."""
    given = {
        "outcome": "overridden",
        "outcome_timestamp": NOW + timedelta(minutes=1),
        "override_reason": None if values.get("outcome") == "accepted" else Coding(code="done", system="s"),
        **values,
    }
    return FeedbackItem(index=index, path=f"$.feedback[{index}]", card=card, **given)
