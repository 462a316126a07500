"""The snoozes in force: which topic is silent for whom, until when, and how to end one.

A snooze is an override whose reason snoozes; its id is that of the card.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cds_service.alerts.overrides import OVERRIDES, override_of
from cds_service.alerts.quieting import snoozed_until
from cds_service.database import insert_missing
from cds_service.knowledge.clinical import Alerts
from cds_service.store import Store
from cds_service.store.schema import cards, snooze_lifts


class Snooze(NamedTuple):
    """``patient`` is the keyed hash that stands for one."""

    card: str
    topic: str
    patient: str
    client: str
    reason: str
    since: datetime
    until: datetime


def snoozes(store: Store, policy: Alerts, now: datetime) -> Iterator[Snooze]:
    """Those in force, the one that ends first first. Raises ``Unavailable`` without a database."""
    query = OVERRIDES.add_columns(cards.c.subject, cards.c.client).where(
        cards.c.shown >= now - timedelta(days=policy.longest_snooze)
    )
    with store.reading() as connection:
        rows = list(connection.execute(query))
    found = ((row, snoozed_until(override_of(row), policy)) for row in rows)
    current = [(end, row) for row, end in found if end is not None and now < end]
    for end, row in sorted(current, key=lambda pair: pair[0]):
        yield Snooze(row.card, row.topic, row.subject, row.client, row.reason_code, row.shown, end)


def lift(store: Store, card: str) -> None:
    """End the snooze of ``card``, on all replicas from the next answer on. Raises ``Unavailable``."""
    with store.writing() as connection:
        insert_missing(connection, snooze_lifts, [{"card": card, "lifted": datetime.now(UTC)}])
