"""The tables: cards served, feedback on them, used token ids.

A change here is a new file in ``migrations/versions`` and a new :data:`REVISION`. Changes only
add: workers of two releases share the database while a new one is rolled out.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from sqlalchemy import (
    JSON,
    BigInteger,
    Boolean,
    Column,
    DateTime,
    Dialect,
    Index,
    MetaData,
    String,
    Table,
    Text,
    TypeDecorator,
    UniqueConstraint,
    false,
)

REVISION = "0003"
"""The newest migration."""


class UtcDateTime(TypeDecorator[datetime]):
    """A moment, kept in UTC without a zone, since SQLite knows none; aware on both sides of it."""

    impl = DateTime
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:
        return value.astimezone(UTC).replace(tzinfo=None) if value else None

    def process_result_value(self, value: Any, dialect: Dialect) -> datetime | None:
        return value.replace(tzinfo=UTC) if value else None


metadata = MetaData()

cards = Table(
    "cards",
    metadata,
    Column("card", String(36), primary_key=True),
    Column("suggestions", JSON, nullable=False),  # their uuids, in the order shown
    Column("topic", String(64), nullable=False),
    Column("rule", String(64), nullable=False, server_default=""),
    Column("indicator", String(16), nullable=False),
    Column("hook", String(64), nullable=False),
    Column("hook_instance", String(64), nullable=False),
    Column("service", String(64), nullable=False),
    Column("client", String, nullable=False, server_default=""),
    Column("tenant", String, nullable=False, server_default=""),
    Column("knowledge", String, nullable=False, server_default=""),
    Column("version", String, nullable=False, server_default=""),
    Column("shown", UtcDateTime, nullable=False),
    Column("subject", String(32), nullable=False),  # keyed hash of the patient
    Column("order_hash", String(32)),  # keyed hash of the order it is about
    Column("fingerprint", String(32)),  # keyed hash of what was found: equal means an unchanged finding
    Column("mode", String(16), nullable=False, server_default="live"),  # or "shadow": decided, not shown
    Column("suppressed", String(32)),  # why it was shown otherwise or not at all (alerts.Hush)
    Index("cards_subject", "subject", "shown"),
    Index("cards_shown", "shown"),
    Index("cards_hook_instance", "hook_instance"),
)
"""One row for each card of an answer; nothing of a patient but keyed hashes."""

feedback = Table(
    "feedback",
    metadata,
    Column("card", String(64), nullable=False),
    Column("outcome", String(16), nullable=False),
    Column("outcome_timestamp", UtcDateTime, nullable=False),
    Column("suggestion", String(64), nullable=False, server_default=""),  # empty for an override
    Column("service", String(64), nullable=False),
    Column("client", String(200), nullable=False, server_default=""),
    Column("tenant", String, nullable=False, server_default=""),
    Column("reason_system", String(200)),
    Column("reason_code", String(200)),
    Column("comment", Text),  # encrypted, or nothing
    Column("commented", Boolean, nullable=False, server_default=false()),  # whether there was one
    Column("received", UtcDateTime, nullable=False),
    UniqueConstraint("client", "card", "outcome", "outcome_timestamp", "suggestion", name="feedback_once"),
    Index("feedback_card", "card"),
    Index("feedback_received", "received"),
)
"""One row for each outcome, for each suggestion that was accepted; its card may be loaded later."""

snooze_lifts = Table(
    "snooze_lifts",
    metadata,
    Column("card", String(36), primary_key=True),
    Column("lifted", UtcDateTime, nullable=False),
)
"""Overrides that snooze their topic no more, by the card overridden."""

token_ids = Table(
    "token_ids",
    metadata,
    Column("digest", String(64), primary_key=True),
    Column("expires", BigInteger, nullable=False),
)
"""Token ids used already, as digests (conformance A11)."""

store_keys = Table(
    "store_keys",
    metadata,
    Column("name", String(32), primary_key=True),
    Column("value", String(128), nullable=False),
)
"""The key that all replicas share where ``STORE_KEY`` is not set and the database is no file."""
