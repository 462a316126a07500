"""What is old goes, with all that hangs on it; the rest stays."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import pytest
from sqlalchemy import insert, select

from cds_service.store import Store
from cds_service.store.retention import Limits, Purged, count_old, purge
from cds_service.store.schema import cards, feedback
from tests.servers import wait_for
from tests.store.conftest import NOW, MakeStore, served

LIMITS = Limits.at(NOW, 100, 10)


def days(number: float) -> datetime:
    return NOW - timedelta(days=number)


def put(
    store: Store, name: str, shown: float | None, received: float | None, comment: str | None = "c"
) -> None:
    """A card shown, and feedback received, so many days ago."""
    store.prepare()
    with store.writing() as connection:
        if shown is not None:
            card = served(store, card=name, shown=days(shown))
            connection.execute(insert(cards).values({f: getattr(card, f) for f in card.__struct_fields__}))
        if received is not None:
            row: dict[str, Any] = {
                "card": name,
                "outcome": "overridden",
                "outcome_timestamp": days(received),
                "service": "s",
                "received": days(received),
                "comment": comment,
            }
            connection.execute(insert(feedback).values(row))


def left(store: Store) -> tuple[list[str], list[tuple[str, str | None]]]:
    with store.reading() as connection:
        shown = sorted(connection.scalars(select(cards.c.card)))
        said = sorted((row.card, row.comment) for row in connection.execute(select(feedback)))
    return shown, said


def test_a_card_goes_with_its_feedback(store: Store) -> None:
    put(store, "old", 101, 101)
    put(store, "old, late feedback", 101, 5)
    put(store, "old, no feedback", 200, None)
    put(store, "no card, old", None, 101)
    put(store, "no card, new", None, 1)
    put(store, "kept", 99, 99)
    put(store, "new", 1, 1)
    counted = count_old(store.engine, LIMITS)
    assert purge(store.engine, LIMITS) == counted == Purged(cards=3, feedback=3, comments=1)
    assert left(store) == (
        ["kept", "new"],
        [("kept", None), ("new", "c"), ("no card, new", "c")],
    )
    assert count_old(store.engine, LIMITS) == Purged(0, 0, 0)


def test_comments_never_outlive_their_feedback() -> None:
    assert Limits.at(NOW, 5, 90).comments_before == days(5)


def test_more_than_one_step(store: Store, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds_service.store.retention._AT_A_TIME", 3)
    for number in range(10):
        put(store, f"old {number}", 101 + number, 101)
    put(store, "kept", 99, 1)
    assert purge(store.engine, LIMITS) == Purged(10, 10, 0)
    assert left(store) == (["kept"], [("kept", "c")])


def test_it_happens_by_itself(make_store: MakeStore) -> None:
    store = make_store(store_days=365 * 100, comment_days=365 * 100)
    put(store, "kept", 1, 1)
    store.start()
    store.record([served(store)])
    wait_for(lambda: len(left(store)[0]) == 2)
    other = make_store(store_days=1, comment_days=1)
    put(store, "old", 365 * 200, 365 * 200)
    other.start()
    wait_for(lambda: "old" not in left(store)[0])
