"""Clients that send their body a byte at a time: each holds a thread, so each has an end.

A server with threads reads the body where the service asks for it and waits for each
byte anew. One watch for the whole process shuts the reading side of what is late;
the answer still goes out.
"""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from typing import Any

_LOOK_EVERY = 0.25
_LATE_AFTER = 0.25
"""Seconds after which a body has not come at once: its thread waits for it."""
_SOCKETS = ("gunicorn.socket", "werkzeug.socket")


@dataclass(slots=True)
class _Reading:
    began: float
    connection: socket.socket
    is_late: bool = False


class BodyWatch:
    """Ends the reading of bodies that take longer than ``seconds``.

    :param on_late: hears how many more, or fewer, threads wait for bodies that have not come at once.
    """

    def __init__(self, seconds: float, on_late: Callable[[int], object] = lambda more: None) -> None:
        self.seconds = seconds
        self._on_late = on_late
        self._lock = threading.Lock()
        self._reading: dict[int, _Reading] = {}
        self._watching = False

    @contextmanager
    def watched(self, environ: Mapping[str, Any]) -> Iterator[None]:
        """Bound the reading done within, where the WSGI server tells its socket."""
        connection = next((environ[name] for name in _SOCKETS if name in environ), None)
        if not isinstance(connection, socket.socket):
            yield
            return
        key = id(connection)
        with self._lock:
            self._reading[key] = _Reading(time.monotonic(), connection)
            if not self._watching:
                self._watching = True
                threading.Thread(target=self._watch, name="slow clients", daemon=True).start()
        try:
            yield
        finally:
            with self._lock:
                over = self._reading.pop(key, None)
                if over is not None and over.is_late:
                    self._on_late(-1)

    def _watch(self) -> None:
        """Runs while bodies are being read, and ends when none is."""
        while True:
            time.sleep(_LOOK_EVERY)
            with self._lock:
                now = time.monotonic()
                for reading in self._reading.values():
                    waited = now - reading.began
                    if waited >= self.seconds:
                        with suppress(OSError):  # it may have gone by itself
                            socket.socket.shutdown(reading.connection, socket.SHUT_RD)
                    if not reading.is_late and waited >= _LATE_AFTER:
                        reading.is_late = True
                        self._on_late(1)
                if not self._reading:
                    self._watching = False
                    return
