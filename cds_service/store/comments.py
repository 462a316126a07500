"""What prescribers wrote beside a reason: dropped, or encrypted for those who hold the key.

It may name the patient, so it is never logged and never kept in clear (Fernet: AES-128-CBC and
HMAC-SHA256). Of several keys the first encrypts and all decrypt, so that a key can be replaced.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from typing import Any

from cryptography.fernet import Fernet, InvalidToken, MultiFernet
from sqlalchemy import Connection, select, update

from cds_service.settings import Settings
from cds_service.store.schema import cards, feedback

_LONGEST = 4000


class Comments:
    """How comments are kept; without ``keys`` not at all. Raises ``ValueError`` for what is no key."""

    def __init__(self, keys: Sequence[str] = ()) -> None:
        try:
            self._fernet = MultiFernet([Fernet(key) for key in keys]) if keys else None
        except ValueError as error:
            raise ValueError("settings: COMMENT_KEYS are Fernet keys: 32 bytes in url-safe base64") from error

    @classmethod
    def from_settings(cls, settings: Settings) -> Comments:
        """Raises ``ValueError`` when comments are to be kept and there is no key."""
        if settings.comments == "drop":
            return cls()
        if not settings.comment_keys:
            raise ValueError("settings: COMMENTS=encrypt needs COMMENT_KEYS")
        return cls(settings.comment_keys)

    def closed(self, comment: str) -> str | None:
        """What is kept of ``comment``."""
        return self._fernet.encrypt(comment[:_LONGEST].encode()).decode() if self._fernet else None

    def opened(self, kept: str) -> str | None:
        """The comment; ``None`` when none of the keys opens it."""
        try:
            return self._fernet.decrypt(kept).decode() if self._fernet else None
        except InvalidToken:
            return None

    def renewed(self, kept: str) -> str | None:
        """``kept``, closed with the first key; ``None`` when none of the keys opens it."""
        try:
            return self._fernet.rotate(kept).decode() if self._fernet else None
        except InvalidToken:
            return None


def read_comments(connection: Connection, comments: Comments, since: datetime) -> Iterator[dict[str, Any]]:
    """Each comment received since then, and the card it is about; None for one that no key opens."""
    query = (
        select(feedback, cards.c.topic)
        .join_from(feedback, cards, feedback.c.card == cards.c.card, isouter=True)
        .where(feedback.c.comment.is_not(None), feedback.c.received >= since)
        .order_by(feedback.c.received)
    )
    for row in connection.execute(query):
        yield {
            "card": row.card,
            "topic": row.topic,
            "client": row.client,
            "outcome": row.outcome,
            "time": row.outcome_timestamp.isoformat(),
            "reason": row.reason_code,
            "comment": comments.opened(row.comment),
        }


def renew_comments(
    connection: Connection, comments: Comments, on_step: Callable[[int, int], None] = lambda done, of: None
) -> tuple[int, int]:
    """Close every comment with the first key; how many were, and how many none of the keys opens.

    :param on_step: hears how many of how many are done.
    """
    rows = connection.execute(select(feedback).where(feedback.c.comment.is_not(None))).all()
    renewed = lost = 0
    for done, row in enumerate(rows):
        on_step(done, len(rows))
        closed = comments.renewed(row.comment)
        if closed is None:
            lost += 1
            continue
        same = (feedback.c[name] == getattr(row, name) for name in _KEY)
        connection.execute(update(feedback).where(*same).values(comment=closed))
        renewed += 1
    return renewed, lost


_KEY = ("client", "card", "outcome", "outcome_timestamp", "suggestion")
