"""How many calls a minute one client may make."""

from __future__ import annotations

import logging
import math
import time

import limits
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter

from cds_service.errors import TooManyRequests

_log = logging.getLogger(__name__)

_PATIENCE = 0.2


class RateLimits:
    """Calls a minute by client; over all workers where there is a Redis, else in each of them."""

    def __init__(self, redis_url: str | None = None) -> None:
        self._own = SlidingWindowCounterRateLimiter(MemoryStorage())
        self._shared: SlidingWindowCounterRateLimiter | None = None
        if redis_url is not None:
            from limits.storage import RedisStorage  # which takes its time to be imported

            patience = {"socket_timeout": _PATIENCE, "socket_connect_timeout": _PATIENCE}
            storage = RedisStorage(redis_url, wrap_exceptions=True, **patience)  # type: ignore[arg-type]
            self._shared = SlidingWindowCounterRateLimiter(storage)

    def admit(self, client: str, per_minute: int) -> None:
        """Count a call. Raises :class:`~cds_service.errors.TooManyRequests` for one too many."""
        limit = limits.RateLimitItemPerMinute(per_minute)
        if self._shared is not None:
            try:
                _count(self._shared, limit, client)
                return
            except limits.errors.StorageError as error:
                # a limit is no reason to withhold cards; each worker counts for itself meanwhile
                _log.error("rate limits are counted by each process: %s", type(error.storage_error).__name__)
        _count(self._own, limit, client)


def _count(limiter: SlidingWindowCounterRateLimiter, limit: limits.RateLimitItem, client: str) -> None:
    if not limiter.hit(limit, client):
        reset = limiter.get_window_stats(limit, client).reset_time
        raise TooManyRequests("Too many calls a minute", retry_after=max(1, math.ceil(reset - time.time())))
