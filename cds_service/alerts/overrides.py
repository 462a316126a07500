"""What prescribers said of earlier cards of a patient, read from the store within a bound.

A database that is down or slow costs the quieting, never the cards.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import datetime
from typing import Any

from sqlalchemy import and_, bindparam, exists, literal_column, or_, select

from cds_service.alerts.alert import Override
from cds_service.errors import Unavailable
from cds_service.rules import Indicator
from cds_service.store import Store
from cds_service.store.schema import cards, feedback, snooze_lifts

_log = logging.getLogger(__name__)

PATIENCE = 0.05
"""Seconds that an answer waits for it."""
_REST = 5.0
"""Seconds for which a database that failed is not asked."""

WITH_A_REASON = and_(
    feedback.c.outcome == "overridden",
    or_(feedback.c.reason_code.is_not(None), feedback.c.commented),
)
_later = feedback.alias("later")
_TAKEN_BACK = exists().where(
    _later.c.card == feedback.c.card,
    _later.c.client == feedback.c.client,
    _later.c.outcome == "accepted",
    _later.c.outcome_timestamp >= feedback.c.outcome_timestamp,
)
"""Whoever accepts a suggestion after all has not overridden the card: the last word counts."""
OVERRIDES = (
    select(
        cards.c.card, cards.c.topic, cards.c.indicator, cards.c.order_hash, cards.c.fingerprint,
        cards.c.shown, feedback.c.outcome_timestamp, feedback.c.reason_code,
        snooze_lifts.c.card.label("lifted"),
    )
    .join(feedback, and_(feedback.c.card == cards.c.card, feedback.c.client == cards.c.client))
    .outerjoin(snooze_lifts, snooze_lifts.c.card == cards.c.card)
    .where(WITH_A_REASON, ~_TAKEN_BACK, cards.c.mode == "live")
)  # fmt: skip
_OF_PATIENT = OVERRIDES.where(cards.c.subject == bindparam("subject"), cards.c.shown >= bindparam("since"))
_ANY_OF_PATIENT = (
    select(cards.c.card)
    .join(feedback, and_(feedback.c.card == cards.c.card, feedback.c.client == cards.c.client))
    .where(cards.c.subject == bindparam("subject"), feedback.c.outcome == literal_column("'overridden'"))
)
"""Nearly nobody has, and this is told in a fraction of the time."""


class Overrides:
    """``on_failure`` hears of each answer that had to do without."""

    def __init__(self, store: Store, on_failure: Callable[[], object] = lambda: None) -> None:
        self._store, self._on_failure = store, on_failure
        self._resting_until = 0.0
        # an SQLite file answers readers at once; a server across the network may not (its threads end when
        # nobody holds the pool any more)
        remote = store.engine.dialect.name != "sqlite"
        self._pool = ThreadPoolExecutor(4, "overrides") if remote else None

    def __call__(self, subject: str, since: datetime) -> Sequence[Override]:
        """Those of the patient on cards shown since then; none where the database cannot tell in time."""
        if time.monotonic() < self._resting_until:
            self._on_failure()
            return ()
        try:
            if self._pool is None:
                return self._read(subject, since)
            return self._pool.submit(self._read, subject, since).result(PATIENCE)
        except (Unavailable, TimeoutError) as error:
            self._resting_until = time.monotonic() + _REST
            self._on_failure()
            _log.error("earlier overrides not known: %s", type(error).__qualname__)
            return ()

    def _read(self, subject: str, since: datetime) -> list[Override]:
        if not self._store.has_rows(_ANY_OF_PATIENT, {"subject": subject}):
            return []
        with self._store.reading() as connection:
            asked = {"subject": subject, "since": since}
            return [override_of(row) for row in connection.execute(_OF_PATIENT, asked)]


def override_of(row: Any) -> Override:
    """A row of :data:`OVERRIDES`."""
    return Override(
        card=row.card,
        topic=row.topic,
        indicator=Indicator(row.indicator),
        order=row.order_hash,
        fingerprint=row.fingerprint,
        shown=row.shown,
        at=row.outcome_timestamp,
        reason=row.reason_code,
        lifted=row.lifted is not None,
    )
