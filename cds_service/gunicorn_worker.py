"""gunicorn's threaded worker, with a thread for a request only once its headers are there.

The worker as it comes hands a connection to a thread with its first byte; whoever sends a header a
byte a minute (slowloris) holds that thread for as long as it likes. Here the headers are read where
connections wait, without a thread, and have an end. Bodies are bounded by the service itself
(:mod:`cds_service.cds_hooks.slow_clients`).

A call beyond the threads, or beyond those at work, is refused here and at once. Left to wait it would be
late, and so would all behind it; to refuse it in a thread costs as much as a small answer. Feedback is
refused for want of a thread alone: it needs little, and few EHRs send it twice.

A body that waits for leave to be sent (``Expect: 100-continue``) and is announced as too large is refused
here too: gunicorn would ask for it first.

A connection is closed after some hundred answers: which worker took it is chance, and a proxy that
keeps its connections for hours would keep the chance too.
"""

from __future__ import annotations

import logging
import re
import selectors
import socket
import time
from collections.abc import Callable
from contextlib import suppress
from functools import partial
from typing import Any

from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.workers.gthread import ThreadWorker  # type: ignore[import-untyped]

from cds_service.not_http import TOO_LARGE, Refusal, refusal, too_large
from cds_service.process import keep_shared
from cds_service.settings import load_settings

_MOST_OF_HEAD = 64 * 1024
"""Bytes of one request's headers; gunicorn itself allows half a megabyte."""
_MOST_AT_ONCE = 16
"""New connections a turn; what is left is for the other workers."""
_MOST_ANSWERS = 100
"""On one connection; beside the work of a hundred requests a new connection costs nothing."""
_READ = 64 * 1024
_READABLE = selectors.EVENT_READ
_END_OF_HEAD = b"\r\n\r\n"
_CALL = b"POST "
_HOOK = re.compile(rb"POST [^ ?]*/cds-services/[^/ ?]+[ ?]")
_EXPECTS = re.compile(rb"\r\nExpect:[ \t]*100-continue", re.IGNORECASE)
_LENGTH = re.compile(rb"\r\nContent-Length:[ \t]*([0-9]{1,4000})[ \t]*\r\n", re.IGNORECASE)
_LINGER = 2.0
_OUTCOME = (
    b'{"resourceType":"OperationOutcome","issue":[{"severity":"error","code":"transient",'
    b'"details":{"coding":[{"code":"CDS-5030"}]},"diagnostics":"Too many calls at a time"}]}'
)
_BUSY = (
    b"HTTP/1.1 503 Service Unavailable\r\nRetry-After: 1\r\nConnection: close\r\n"
    b"Content-Type: application/json\r\nContent-Length: %d\r\n\r\n%s" % (len(_OUTCOME), _OUTCOME)
)

_log = logging.getLogger(__name__)


class Worker(ThreadWorker):  # type: ignore[misc]
    """Named to gunicorn as ``cds_service.gunicorn_worker.Worker``."""

    @classmethod
    def setup(cls) -> None:
        """Called by gunicorn in the process above the workers, before it forks them.

        What is the same in each of them is loaded here, once, and they share its memory: our modules and
        the tables. Settings and the site's files are read by each worker, so that a restart reads them anew.
        """
        import cds_service.application  # noqa: F401
        from cds_service.knowledge import preload

        preload()
        keep_shared()

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        settings = load_settings()
        self._head_seconds, self._most_of_body = settings.header_seconds, settings.max_body_bytes
        self._in_threads = 0

    def load_wsgi(self) -> None:
        """What does not fit is in the log; gunicorn would print it again, in a line that is no JSON."""
        try:
            super().load_wsgi()
        except (ValueError, OSError):
            raise SystemExit(Arbiter.WORKER_BOOT_ERROR) from None

    def accept(self, listener: socket.socket) -> None:
        """Take all that wait, within bounds: one a turn is too few where each turn has much to refuse."""
        for _ in range(_MOST_AT_ONCE):
            before = self.nr_conns
            super().accept(listener)
            if self.nr_conns == before:
                return

    def enqueue_req(self, conn: Any) -> None:
        """Every way to a thread leads through here: a new connection, a kept one, a pipelined request."""
        if self.cfg.is_ssl:  # the handshake needs a thread
            super().enqueue_req(conn)
            return
        conn.init()
        if _has_head(conn):
            self._give_thread(conn)
        else:
            self._watch(conn, self._read_head, self._head_seconds)

    def _watch(self, conn: Any, on_readable: Callable[[Any, socket.socket], None], seconds: float) -> None:
        conn.sock.setblocking(False)
        conn.timeout = time.monotonic() + seconds
        self.pending_conns.append(conn)  # closed by murder_pending when its time is over
        self.poller.register(conn.sock, _READABLE, partial(on_readable, conn))

    def _give_thread(self, conn: Any) -> None:
        """Pages, health and metrics wait their turn; a call that would wait is refused."""
        head = conn.parser.unreader.buf.getvalue()
        if (self._in_threads >= self.cfg.threads and head.startswith(_CALL)) or (
            self._enough_work() and _HOOK.match(head)
        ):
            self._turn_away(conn)
            return
        if self._waits_to_send_too_much(head):
            self._refuse(conn, _told(too_large(self._most_of_body)))
            return
        self._in_threads += 1
        super().enqueue_req(conn)

    def _enough_work(self) -> bool:
        at_work = getattr(self.wsgi, "extensions", {}).get("calls_at_work")
        return at_work is not None and at_work.are_enough(self._in_threads)

    def _waits_to_send_too_much(self, head: bytes) -> bool:
        end = head.index(_END_OF_HEAD) + 2
        length = _LENGTH.search(head, 0, end) if _EXPECTS.search(head, 0, end) else None
        return length is not None and int(length[1]) > self._most_of_body

    def finish_request(self, conn: Any, fs: Any) -> None:
        """In the loop again: a thread is free."""
        self._in_threads -= 1
        super().finish_request(conn, fs)

    def _turn_away(self, conn: Any) -> None:
        metrics = getattr(self.wsgi, "extensions", {}).get("metrics")
        if metrics is not None:
            metrics.turned_away.inc()
        self._refuse(conn, _BUSY)

    def _refuse(self, conn: Any, answer: bytes) -> None:
        """Answer, then read what is still sent: a connection closed before that takes the answer with it."""
        try:
            conn.sock.setblocking(False)
            conn.sock.send(answer)
            conn.sock.shutdown(socket.SHUT_WR)
        except OSError:
            self._drop(conn, b"")
            return
        self._watch(conn, self._drain, _LINGER)

    def _drain(self, conn: Any, client: socket.socket) -> None:
        try:
            if client.recv(_READ):
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._forget(conn)
        self._drop(conn, b"")

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
            self._give_thread(conn)
        elif not part or len(held) > _MOST_OF_HEAD:
            self._forget(conn)
            self._drop(conn, _words_on(TOO_LARGE) if part else b"")

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

    def handle_error(self, req: Any, client: socket.socket, addr: Any, exc: Exception) -> None:
        """What is no HTTP is refused in the form of every error; what was sent is not quoted."""
        if words := _words_on(exc):
            with suppress(OSError):
                client.sendall(words)
            return
        super().handle_error(req, client, addr, exc)

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


def _words_on(error: Exception) -> bytes:
    """The answer to what is no HTTP, and a line in the log; nothing for another error."""
    refused = refusal(error)
    return _told(refused) if refused else b""


def _told(refused: Refusal) -> bytes:
    """The answer, once the log has a line for it."""
    _log.warning(
        "refused, %s", refused.kind, extra={"request_id": refused.request_id, "status": refused.status}
    )
    return refused.answer


def _has_head(conn: Any) -> bool:
    return _END_OF_HEAD in conn.parser.unreader.buf.getvalue()
