"""The record of one card of an answer, as the journal and the database hold it."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

Mode = Literal["live", "shadow"]


class ServedCard(Struct, frozen=True, kw_only=True, omit_defaults=True):
    """Field by field a column of :data:`cds_service.store.schema.cards`; nothing of a patient in clear.

    ``subject``, ``order_hash`` and ``fingerprint`` are hashes made with :meth:`Store.hash`.
    ``mode`` is ``shadow`` for what was decided and not shown; ``suppressed`` says why a finding
    was shown more quietly, or not at all.
    """

    card: str
    topic: str
    indicator: str
    hook: str
    hook_instance: str
    service: str
    shown: datetime
    subject: str
    suggestions: tuple[str, ...] = ()
    rule: str = ""
    client: str = ""
    tenant: str = ""
    knowledge: str = ""
    version: str = ""
    order_hash: str | None = None
    fingerprint: str | None = None
    mode: Mode = "live"
    suppressed: str | None = None
