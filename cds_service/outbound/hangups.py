"""Hanging up when the time is over.

A socket's time-out starts anew with every byte, so a server that sends its
headers drop by drop could keep a thread for hours. Each call therefore notes
the connection it uses, and whoever waits for it can shut that down.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from socket import SHUT_RDWR, socket

from urllib3.connection import HTTPConnection


class _Call(threading.local):
    connection: list[HTTPConnection] | None = None


_call = _Call()


class Calls:
    """The calls that are under way, each with whom it is for and the connection it uses."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[int, tuple[object, list[HTTPConnection]]] = {}

    @contextmanager
    def noted(self, whom: object) -> Iterator[None]:
        """Have the connection of the call made within shut down when :meth:`hang_up` is told of ``whom``."""
        used: list[HTTPConnection] = []
        _call.connection = used
        with self._lock:
            self._under_way[id(used)] = whom, used
        try:
            yield
        finally:
            _call.connection = None
            with self._lock:
                del self._under_way[id(used)]

    def hang_up(self, whom: object) -> None:
        """End the calls that are for ``whom``, a request whose time is over."""
        with self._lock:
            for theirs, used in self._under_way.values():
                if theirs is whom:
                    for connection in used:
                        _shut(connection)


def _shut(connection: HTTPConnection) -> None:
    sock = connection.sock
    if sock is not None:
        with suppress(OSError):  # it may have ended by itself
            socket.shutdown(sock, SHUT_RDWR)  # below TLS, whose own shutdown is not for a second thread


def note(connection: HTTPConnection) -> None:
    """A connection is about to be used by the call of this thread."""
    used = _call.connection
    if used is not None and connection not in used:
        used.append(connection)
