"""Threads shared by all servers, of which none gets more than its share.

A server that hangs fills its own lane; tasks for it wait there, outside the
threads, so that calls to other servers go on. A task waits on its request's
time: who submitted it cancels it when the deadline passes.
"""

from __future__ import annotations

import threading
from collections import Counter, deque
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import Any, ParamSpec, TypeVar

from cds_service.fhir.origins import Origin

P = ParamSpec("P")
T = TypeVar("T")

_Waiting = tuple["Future[Any]", Callable[[], Any]]


class Lanes:
    """At most ``threads`` tasks at once, and ``per_origin`` for one origin."""

    def __init__(self, threads: int, per_origin: int) -> None:
        self._threads = threads
        self._per_origin = per_origin
        self._lock = threading.Lock()
        self._executor: ThreadPoolExecutor | None = None
        self._running: Counter[Origin] = Counter()
        self._waiting: dict[Origin, deque[_Waiting]] = {}

    def submit(self, origin: Origin, task: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs) -> Future[T]:
        """Run ``task`` when its origin's lane has room; threads start with the first (after any fork)."""
        future: Future[T] = Future()
        with self._lock:
            self._executor = self._executor or ThreadPoolExecutor(self._threads, thread_name_prefix="fhir")
            self._waiting.setdefault(origin, deque()).append((future, partial(task, *args, **kwargs)))
            self._start(origin, self._executor)
        return future

    def running(self) -> int:
        """How many tasks are being run now."""
        with self._lock:
            return self._running.total()

    def close(self) -> None:
        """Cancel what waits, and let the threads end when what runs has ended."""
        with self._lock:
            executor, self._executor = self._executor, None
            waiting = [future for lane in self._waiting.values() for future, _ in lane]
            self._waiting.clear()
        for future in waiting:
            future.cancel()
        if executor is not None:
            executor.shutdown(wait=False)

    def _start(self, origin: Origin, executor: ThreadPoolExecutor) -> None:
        """Start what has room now; the lock is held."""
        lane = self._waiting.get(origin, deque())
        while lane and self._running[origin] < self._per_origin:
            future, task = lane.popleft()
            if future.set_running_or_notify_cancel():
                self._running[origin] += 1
                executor.submit(self._run, origin, future, task)
        # an origin with nothing to do is forgotten, so that many of them cost nothing
        if not lane:
            self._waiting.pop(origin, None)
        if not self._running[origin]:
            del self._running[origin]

    def _run(self, origin: Origin, future: Future[T], task: Callable[[], T]) -> None:
        try:
            result = task()
        except BaseException as error:  # whatever it is, it is the caller's
            self._leave(origin)
            future.set_exception(error)
        else:
            self._leave(origin)
            future.set_result(result)

    def _leave(self, origin: Origin) -> None:
        with self._lock:
            self._running[origin] -= 1
            if self._executor is not None:
                self._start(origin, self._executor)
