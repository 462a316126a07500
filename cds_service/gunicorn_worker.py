"""gunicorn's threaded worker, with a thread for a request only once its headers are there.

The worker as it comes hands a connection to a thread with its first byte; whoever sends a header a
byte a minute (slowloris) holds that thread for as long as it likes. Here the headers are read where
connections wait, without a thread, and have an end. Bodies are bounded by the service itself
(:mod:`cds_service.cds_hooks.slow_clients`).

A connection is closed after some hundred answers: which worker took it is chance, and a proxy that
keeps its connections for hours would keep the chance too.
"""

from __future__ import annotations

import selectors
import socket
import time
from functools import partial
from typing import Any

from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from cds_service.settings import load_settings

_MOST_OF_HEAD = 64 * 1024
"""Bytes of one request's headers; gunicorn itself allows half a megabyte."""
_MOST_ANSWERS = 100
"""On one connection; beside the work of a hundred requests a new connection costs nothing."""
_READ = 64 * 1024
_READABLE = selectors.EVENT_READ
_END_OF_HEAD = b"\r\n\r\n"
_TOO_LARGE = b"HTTP/1.1 431 Request Header Fields Too Large\r\nConnection: close\r\nContent-Length: 0\r\n\r\n"


class Worker(ThreadWorker):  # type: ignore[misc]
    """Named to gunicorn as ``cds_service.gunicorn_worker.Worker``."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._head_seconds = load_settings().header_seconds

    def enqueue_req(self, conn: Any) -> None:
        """Every way to a thread leads through here: a new connection, a kept one, a pipelined request."""
        if self.cfg.is_ssl:  # the handshake needs a thread
            super().enqueue_req(conn)
            return
        conn.init()
        if _has_head(conn):
            super().enqueue_req(conn)
            return
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + self._head_seconds
        self.pending_conns.append(conn)  # closed by murder_pending when its time is over
        self.poller.register(conn.sock, _READABLE, partial(self._read_head, conn))

    def _read_head(self, conn: Any, client: socket.socket) -> None:
        try:
            part = client.recv(_READ)
        except BlockingIOError:
            return
        except OSError:
            part = b""
        unreader = conn.parser.unreader
        # an empty line before a request is to be ignored (RFC 9112, 2.2), and would look like an end
        held = (unreader.take_buffered() + part).lstrip(b"\r\n")
        unreader.unread(held)
        if _has_head(conn):
            self._forget(conn)
            super().enqueue_req(conn)
        elif not part or len(held) > _MOST_OF_HEAD:
            self._forget(conn)
            self._drop(conn, _TOO_LARGE if part else b"")

    def _forget(self, conn: Any) -> None:
        self.poller.unregister(conn.sock)
        self.pending_conns.remove(conn)

    def _drop(self, conn: Any, last_words: bytes) -> None:
        self.nr_conns -= 1
        try:
            conn.sock.send(last_words)
        except OSError:
            pass
        finally:
            conn.close()

    def _cap_keepalive(self, deadline: float) -> None:
        """A worker that stops waits for nobody who has not sent a request by ``deadline``."""
        super()._cap_keepalive(deadline)
        for conn in self.pending_conns:
            conn.timeout = min(conn.timeout, deadline)

    def handle_request(self, req: Any, conn: Any) -> Any:
        """Answer; the last answer on a connection says that it is the last."""
        if conn.parser.req_count >= _MOST_ANSWERS:
            req.force_close()
        return super().handle_request(req, conn)


def _has_head(conn: Any) -> bool:
    return _END_OF_HEAD in conn.parser.unreader.buf.getvalue()
