"""How much all clients together may ask: calls at a time, calls at work."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager

import flask
from prometheus_client import Gauge

from cds_service.cds_hooks import CallContext, CardsResponse, Handler, HookRequest
from cds_service.errors import Unavailable

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
        self._most, self._now, self._waiting = most, 0, 0
        self._lock = threading.Lock()

    @property
    def is_full(self) -> bool:
        """Whether one more would be refused."""
        return self._now >= self._most

    def are_enough(self, threads: int) -> bool:
        """Whether ``threads`` that answer calls are as many as may work, those aside that wait."""
        return threads - self._waiting >= self._most

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
        self._count(-1, 1)
        try:
            yield
        finally:
            self._count(1, -1)

    def wait_for_body(self, more: int) -> None:
        """So many more threads wait for bodies that are late; fewer, if negative."""
        self._count(0, more)

    def _count(self, at_work: int, waiting: int = 0) -> None:
        with self._lock:
            self._now += at_work
            self._waiting += waiting
