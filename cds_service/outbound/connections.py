"""Connections that check the address they are about to connect to.

The name is looked up once, every address it has is judged, and the connection
goes to an address that was judged: a second look-up could answer differently
(DNS rebinding). TLS still verifies the certificate against the name.
"""

from __future__ import annotations

import socket
import time
from contextlib import ExitStack
from functools import partial
from typing import Any

from requests.adapters import HTTPAdapter
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.connectionpool import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.exceptions import ConnectTimeoutError, NameResolutionError, NewConnectionError

from cds_service.outbound.addresses import Reach
from cds_service.outbound.hangups import is_over, note, shaking_hands

_SHORTEST = 0.001


class AddressRefused(Exception):
    """The name resolves to an address that may not be called."""


class _Connection(HTTPConnection):
    def __init__(self, *args: Any, reach: Reach, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._reach = reach

    def connect(self) -> None:
        note(self)
        try:
            super().connect()
        except OSError:
            if not is_over():  # else it was hung up on, which looks like a broken connection
                raise
        if is_over():
            self.close()
            raise ConnectTimeoutError(self, "the time went by while the connection was made")

    def request(self, *args: Any, **kwargs: Any) -> None:
        note(self)
        super().request(*args, **kwargs)

    def _new_conn(self) -> socket.socket:
        """Connect to the first address that answers; one that may not be called refuses them all."""
        name, timeout = self.host, self.timeout
        over = time.monotonic() + timeout if timeout else None
        addresses = self._addresses(name)
        if not all(self._reach.allows(address) for address in addresses):
            raise AddressRefused
        if over is not None and time.monotonic() >= over:  # nobody can interrupt a look-up
            raise ConnectTimeoutError(self, "the time went by while the name was looked up")
        failed: Exception = NewConnectionError(self, "no address")
        try:
            for address in addresses:
                self.host = address
                if over is not None:  # the time is for all addresses together; 0 would mean no end
                    self.timeout = max(over - time.monotonic(), _SHORTEST)
                try:
                    return super()._new_conn()
                except (NewConnectionError, ConnectTimeoutError) as error:
                    failed = error
        finally:
            self.host, self.timeout = name, timeout
        raise failed

    def _addresses(self, name: str) -> list[str]:
        try:
            found = socket.getaddrinfo(name.strip("[]"), self.port, type=socket.SOCK_STREAM)
        except socket.gaierror as error:
            raise NameResolutionError(name, self, error) from error
        except UnicodeError as error:
            raise AddressRefused from error
        return list(dict.fromkeys(str(entry[4][0]) for entry in found))


class _TlsConnection(_Connection, HTTPSConnection):
    def connect(self) -> None:
        with ExitStack() as self._handshake:
            super().connect()

    def _new_conn(self) -> socket.socket:
        sock = super()._new_conn()
        self._handshake.enter_context(shaking_hands(sock))
        if is_over():  # before there was a socket to shut down
            sock.close()
            raise ConnectTimeoutError(self, "the time went by while the connection was made")
        return sock


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection

    def __init__(self, *args: Any, reach: Reach, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.conn_kw["reach"] = reach


class _TlsPool(_Pool, HTTPSConnectionPool):
    ConnectionCls = _TlsConnection


class GuardedAdapter(HTTPAdapter):
    """Pools of connections that go only where ``reach`` allows, and that can be hung up on.

    One adapter serves one reach: a connection kept open is not checked again.
    """

    def __init__(self, reach: Reach, **kwargs: Any) -> None:
        self._reach = reach
        super().__init__(**kwargs)

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Make the pools, as :class:`~requests.adapters.HTTPAdapter` does."""
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {
            "http": partial(_Pool, reach=self._reach),
            "https": partial(_TlsPool, reach=self._reach),
        }
