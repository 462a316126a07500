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
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool

from cds_service.fhir.deadline import Deadline


class _Call(threading.local):
    connection: list[HTTPConnection] | None = None


_call = _Call()


class Calls:
    """The calls that are under way, each with its deadline and the connection it uses."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._under_way: dict[int, tuple[Deadline, list[HTTPConnection]]] = {}

    @contextmanager
    def noted(self, deadline: Deadline) -> Iterator[None]:
        """Have the connection of the call made within shut down when its deadline is."""
        used: list[HTTPConnection] = []
        _call.connection = used
        with self._lock:
            self._under_way[id(used)] = deadline, used
        try:
            yield
        finally:
            _call.connection = None
            with self._lock:
                del self._under_way[id(used)]

    def hang_up(self, deadline: Deadline) -> None:
        """End the calls of a request whose time is over."""
        with self._lock:
            for theirs, used in self._under_way.values():
                if theirs is deadline:
                    for connection in used:
                        _shut(connection)


def _shut(connection: HTTPConnection) -> None:
    sock = connection.sock
    if sock is not None:
        with suppress(OSError):  # it may have ended by itself
            socket.shutdown(sock, SHUT_RDWR)  # below TLS, whose own shutdown is not for a second thread


def _note(connection: HTTPConnection) -> None:
    used = _call.connection
    if used is not None and connection not in used:
        used.append(connection)


class _Connection(HTTPConnection):
    def connect(self) -> None:
        _note(self)
        super().connect()

    def request(self, *args: Any, **kwargs: Any) -> None:
        _note(self)
        super().request(*args, **kwargs)


class _TlsConnection(HTTPSConnection):
    def connect(self) -> None:
        _note(self)
        super().connect()

    def request(self, *args: Any, **kwargs: Any) -> None:
        _note(self)
        super().request(*args, **kwargs)


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class NotingAdapter(HTTPAdapter):
    """Pools whose connections note themselves with the call that uses them."""

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools, as :class:`~requests.adapters.HTTPAdapter` does."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _TlsPool}
