"""How much one client and all together may ask: calls at a time, calls at work, calls a minute."""

from __future__ import annotations

import logging
import math
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import flask
import limits
from limits.storage import MemoryStorage
from limits.strategies import SlidingWindowCounterRateLimiter
from prometheus_client import Gauge

from cds_service.cds_hooks import CallContext, CardsResponse, Handler, HookRequest
from cds_service.errors import TooManyRequests, Unavailable

_log = logging.getLogger(__name__)

_PATIENCE = 0.2
_RETRY_AFTER = 1


def limit_calls_at_a_time(app: flask.Flask, most: int, at_hand: Gauge | None = None) -> None:
    """Refuse a call at once with 503 while ``most`` are being answered; pages, health and metrics go on.

    A queue would only make every answer late: the EHR asks again, or goes on without.
    """
    free = threading.BoundedSemaphore(most)

    @app.before_request
    def enter() -> None:
        if flask.request.method != "POST":
            return
        if not free.acquire(blocking=False):
            raise Unavailable("Too many calls at a time", retry_after=_RETRY_AFTER)
        flask.g.holds_a_place = True
        if at_hand is not None:
            at_hand.inc()

    @app.teardown_request
    def leave(error: BaseException | None) -> None:
        if flask.g.pop("holds_a_place", False):
            free.release()
            if at_hand is not None:
                at_hand.dec()


class CallsAtWork:
    """The calls that need the CPU now, ``most`` of them; one that waits for an EHR's server needs none.

    Calls at work take turns: with twice as many each takes twice as long, and no more are answered.
    """

    def __init__(self, most: int) -> None:
        self._most, self._now = most, 0
        self._lock = threading.Lock()

    @property
    def is_full(self) -> bool:
        """Whether one more would be refused."""
        return self._now >= self._most

    def limit(self, handler: Handler) -> Handler:
        """``handler``, which raises :class:`~cds_service.errors.Unavailable` for one call too many."""

        def limited(request: HookRequest, call: CallContext) -> CardsResponse:
            with self._lock:
                if self.is_full:
                    raise Unavailable("Too many calls at a time", retry_after=_RETRY_AFTER)
                self._now += 1
            try:
                return handler(request, call)
            finally:
                self._count(-1)

        return limited

    @contextmanager
    def waiting(self) -> Iterator[None]:
        """Within, a call waits for somebody else; it goes on afterwards, however many are at work."""
        self._count(-1)
        try:
            yield
        finally:
            self._count(1)

    def _count(self, more: int) -> None:
        with self._lock:
            self._now += more


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
