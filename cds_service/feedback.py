"""What prescribers did with the cards, kept in the database.

An item is acknowledged only when it is committed (F5: once, however often it
arrives). The user's comment is not kept: it may hold patient data.
"""

from __future__ import annotations

import logging
from collections.abc import Sequence
from datetime import UTC, datetime

from sqlalchemy import (
    Column,
    DateTime,
    MetaData,
    String,
    Table,
    UniqueConstraint,
    insert,
    select,
    text,
)
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from cds_service.cds_hooks import CallContext, FeedbackItem, RefusedItem, Service
from cds_service.database import make_table, open_database
from cds_service.errors import Unavailable

_log = logging.getLogger(__name__)

metadata = MetaData()
feedback = Table(
    "feedback",
    metadata,
    Column("card", String(64), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("outcome_timestamp", DateTime, nullable=False),
    Column("suggestion", String(64), nullable=False, server_default=""),
    Column("service", String(64), nullable=False),
    Column("client", String(200), nullable=False, server_default=""),
    Column("reason_system", String(200)),
    Column("reason_code", String(200)),
    Column("received", DateTime, nullable=False),
    UniqueConstraint("client", "card", "outcome", "outcome_timestamp", "suggestion", name="feedback_once"),
)
_LONGEST_ID = 64


class Store:
    """The database behind ``DATABASE_URL``; tables are made when it is first used."""

    def __init__(self, url: str) -> None:
        self.engine = open_database(url)
        self._ready = False

    def keep(
        self, service: Service, items: Sequence[FeedbackItem], call: CallContext
    ) -> Sequence[RefusedItem]:
        """A feedback sink: commits ``items`` and returns those it refuses.

        Raises :class:`~cds_service.errors.Unavailable` when nothing could be committed.
        """
        taken = [item for item in items if _fits(item)]
        try:
            self._prepare()
            for item in taken:
                self._insert(service, item, call.client or "")
        except SQLAlchemyError as error:
            _log.error("feedback not stored: %s", type(error).__qualname__)
            raise Unavailable("Feedback cannot be stored at the moment") from error
        return [
            RefusedItem(item.index, f"{item.path}.card", "Not a card of this service")
            for item in items
            if not _fits(item)
        ]

    def is_up(self) -> bool:
        """Whether the database answers."""
        try:
            self._prepare()
            with self.engine.connect() as connection:
                connection.execute(text("select 1"))
        except SQLAlchemyError:
            return False
        return True

    def count(self) -> int:
        """How many items are kept."""
        self._prepare()
        with self.engine.connect() as connection:
            return len(connection.execute(select(feedback.c.card)).all())

    def _prepare(self) -> None:
        if not self._ready:
            make_table(self.engine, feedback)
            self._ready = True

    def _insert(self, service: Service, item: FeedbackItem, client: str) -> None:
        reason = item.override_reason
        rows = [
            {
                "card": item.card,
                "outcome": item.outcome,
                "outcome_timestamp": item.outcome_timestamp.replace(tzinfo=None),
                "suggestion": suggestion,
                "service": service.id,
                "client": client,
                "reason_system": (reason.system or "")[:200] if reason else None,
                "reason_code": reason.code[:200] if reason else None,
                "received": datetime.now(UTC).replace(tzinfo=None),
            }
            for suggestion in item.accepted_suggestions or ("",)
        ]
        for row in rows:
            try:
                with self.engine.begin() as connection:
                    connection.execute(insert(feedback).values(**row))
            except IntegrityError:
                continue  # a repeat (F5)


def _fits(item: FeedbackItem) -> bool:
    return all(len(identifier) <= _LONGEST_ID for identifier in (item.card, *item.accepted_suggestions))
