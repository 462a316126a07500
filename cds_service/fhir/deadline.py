"""The one time budget of a request."""

from __future__ import annotations

import time
from collections.abc import Callable


class Deadline:
    """A moment that everything done for one request shares.

    :param seconds: the budget, counted from now.
    :param clock: a monotonic clock, for tests.
    """

    def __init__(self, seconds: float, clock: Callable[[], float] = time.monotonic) -> None:
        self._clock = clock
        self._end = clock() + seconds

    def left(self) -> float:
        """Seconds left, never negative."""
        return max(0.0, self._end - self._clock())

    @property
    def passed(self) -> bool:
        """Whether the budget is spent."""
        return self._clock() >= self._end
