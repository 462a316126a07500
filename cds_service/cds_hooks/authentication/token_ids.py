"""Tokens that were used already, so that none serves twice (A11)."""

from __future__ import annotations

import hashlib
import threading
from typing import Protocol

_MOST = 100_000


class TokenIds(Protocol):
    """The tokens that were used, by all workers and replicas (A11)."""

    def is_first_use(self, client: str, jti: str, now: float, expires: float) -> bool:
        """Whether the client uses ``jti`` for the first time; it is remembered until ``expires``.

        Both moments are in seconds since 1970.
        """


def digest(client: str, jti: str) -> str:
    """What is kept of a token: neither the client nor the id can be read from it."""
    return hashlib.sha256(f"{client}\n{jti}".encode()).hexdigest()


class MemoryTokenIds:
    """The tokens this process has seen: enough for a service of one process."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._expires: dict[str, float] = {}

    def is_first_use(self, client: str, jti: str, now: float, expires: float) -> bool:
        """Remember the token until ``expires``; both moments in seconds since 1970."""
        key = digest(client, jti)
        with self._lock:
            if self._expires.get(key, 0) > now:
                return False
            if len(self._expires) >= _MOST:
                self._forget(now)
            self._expires[key] = expires
            return True

    def _forget(self, now: float) -> None:
        """Drop what has expired; if that is not half, what expires first as well."""
        kept = sorted(((moment, key) for key, moment in self._expires.items() if moment > now), reverse=True)
        self._expires = {key: moment for moment, key in kept[: _MOST // 2]}
