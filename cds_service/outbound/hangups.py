"""Hanging up when the time is over.

A socket's time-out starts anew with every byte, so a server that sends its
headers drop by drop could keep a thread for hours. Each call therefore notes
the connection it uses, and whoever waits for it can shut that down.
"""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from socket import SHUT_RDWR, socket

from urllib3.connection import HTTPConnection


@dataclass(slots=True)
class _UnderWay:
    """A call: whom it is for, the connections it uses, and whether it was hung up on."""

    whom: object
    used: list[HTTPConnection] = field(default_factory=list)
    handshakes: list[socket] = field(default_factory=list)
    is_over: bool = False


class _OfThread(threading.local):
    call: _UnderWay | None = None


_here = _OfThread()


class Calls:
    """The calls that are under way."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[int, _UnderWay] = {}

    @contextmanager
    def noted(self, whom: object) -> Iterator[None]:
        """Have the connection of the call made within shut down when :meth:`hang_up` is told of ``whom``."""
        call = _here.call = _UnderWay(whom)
        with self._lock:
            self._under_way[id(call)] = call
        try:
            yield
        finally:
            _here.call = None
            with self._lock:
                del self._under_way[id(call)]

    def hang_up(self, whom: object) -> None:
        """End the calls that are for ``whom``, a request whose time is over."""
        with self._lock:
            for call in self._under_way.values():
                if call.whom is whom:
                    call.is_over = True  # before its sockets: one that is still connecting has none to shut
                    for sock in (*(connection.sock for connection in call.used), *call.handshakes):
                        _shut(sock)


def _shut(sock: socket | None) -> None:
    if sock is not None:
        with suppress(OSError):  # it may have ended by itself
            socket.shutdown(sock, SHUT_RDWR)  # below TLS, whose own shutdown is not for a second thread


def note(connection: HTTPConnection) -> None:
    """A connection is about to be used by the call of this thread."""
    call = _here.call
    if call is not None and connection not in call.used:
        call.used.append(connection)


@contextmanager
def shaking_hands(sock: socket) -> Iterator[None]:
    """Have ``sock`` shut down too, although TLS takes it away from its connection until both have agreed."""
    call = _here.call
    with sock.dup() as line:  # the same line under a name of its own
        if call is not None:
            call.handshakes.append(line)
        try:
            yield
        finally:
            if call is not None:
                call.handshakes.remove(line)


def is_over() -> bool:
    """Whether the call of this thread was hung up on."""
    return _here.call is not None and _here.call.is_over
