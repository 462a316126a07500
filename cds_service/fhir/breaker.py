"""A circuit breaker: a server that does not answer at all is left alone for a moment.

Only consecutive broken connections and time-outs count. Whatever the server
answers in full, an error too, shows that it is there and closes the circuit:
a server that refuses one list may still give the others.
"""

from __future__ import annotations

import logging
import threading
import time
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass

from cds_service.fhir.origins import Origin

logger = logging.getLogger(__name__)


@dataclass(slots=True)
class _State:
    failures: int = 0
    closed_until: float = 0.0


class CircuitBreaker:
    """Stops calls to an origin after ``failures`` in a row; then lets one through each ``pause``.

    :param origins: how many are remembered; the one called longest ago is forgotten first.
    :param clock: a monotonic clock, for tests.
    :param on_change: hears of each host that is called for the first time, left alone, or answers again.
    """

    def __init__(
        self,
        failures: int = 20,
        pause: float = 1.0,
        origins: int = 64,
        clock: Callable[[], float] = time.monotonic,
        on_change: Callable[[str, bool], object] = lambda host, is_open: None,
    ) -> None:
        self._limit = failures
        self._pause = pause
        self._origins = origins
        self._clock = clock
        self._on_change = on_change
        self._lock = threading.Lock()
        self._states: OrderedDict[Origin, _State] = OrderedDict()

    def admit(self, origin: Origin) -> bool:
        """Whether the origin may be called now; of an open circuit, one call a pause is the probe."""
        with self._lock:
            state = self._states.get(origin)
            if state is None or state.failures < self._limit:
                return True
            if self._clock() < state.closed_until:
                return False
            # a probe of which nothing is ever heard holds nobody up for longer than a pause
            state.closed_until = self._clock() + self._pause
            return True

    def record(self, origin: Origin, *, ok: bool) -> None:
        """What came of a call: an answer, or none."""
        with self._lock:
            is_new = origin not in self._states
            state = self._touch(origin)
            was_open = state.failures >= self._limit
            state.failures = 0 if ok else state.failures + 1
            is_open = state.failures >= self._limit
            if is_open and not was_open:
                state.closed_until = self._clock() + self._pause
        if is_new or is_open != was_open:
            self._on_change(origin[1], is_open)
        if is_open and not was_open:
            logger.warning("fhir server %s does not answer: left alone, probed every pause", origin[1])
        elif was_open and not is_open:
            logger.warning("fhir server %s answers again", origin[1])

    def hosts(self) -> dict[str, bool]:
        """The hosts called of late; true for one whose circuit is open."""
        with self._lock:
            found: dict[str, bool] = {}
            for (_, host, _), state in self._states.items():
                found[host] = found.get(host, False) or state.failures >= self._limit
            return found

    def _touch(self, origin: Origin) -> _State:
        state = self._states.setdefault(origin, _State())
        self._states.move_to_end(origin)
        if len(self._states) > self._origins:
            self._states.popitem(last=False)
        return state
