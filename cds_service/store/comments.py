"""What prescribers wrote beside a reason: dropped, or encrypted for those who hold the key.

It may name the patient, so it is never logged and never kept in clear (Fernet: AES-128-CBC and
HMAC-SHA256). Of several keys the first encrypts and all decrypt, so that a key can be replaced.
"""

from __future__ import annotations

from collections.abc import Sequence

from cryptography.fernet import Fernet, InvalidToken, MultiFernet

from cds_service.settings import Settings

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
