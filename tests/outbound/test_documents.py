"""Reading a small document from a server that may be hostile."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress

import pytest

from cds_service.outbound import ANYWHERE, PUBLIC, Reach, read_document

OK = b"HTTP/1.1 200 OK\r\nConnection: close\r\n"
Serve = Callable[[socket.socket, threading.Event], None]


@contextmanager
def serving(serve: Serve) -> Iterator[tuple[str, list[bytes]]]:
    """A server of one behaviour: its URL, and the requests it got."""
    listening, over, got = socket.create_server(("127.0.0.1", 0)), threading.Event(), []

    def run() -> None:
        with suppress(OSError):
            while True:
                connection, _ = listening.accept()
                with connection, suppress(OSError):
                    got.append(connection.recv(65536))
                    serve(connection, over)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.getsockname()[1]}/jwks.json", got
    over.set()
    listening.shutdown(socket.SHUT_RDWR)
    listening.close()
    thread.join(5)


def said(text: bytes) -> Serve:
    return lambda connection, over: connection.sendall(text)


def drops(head: bytes, drop: bytes) -> Serve:
    def serve(connection: socket.socket, over: threading.Event) -> None:
        connection.sendall(head)
        while not over.wait(0.05):
            connection.sendall(drop)

    return serve


def read(url: str, reach: Reach = ANYWHERE, **options: float) -> bytes:
    return read_document(url, reach, user_agent="test/1", **options)  # type: ignore[arg-type]


def test_a_document_is_read() -> None:
    with serving(said(OK + b'\r\n{"keys": []}')) as (url, got):
        assert read(url) == b'{"keys": []}'
    assert b"User-Agent: test/1\r\n" in got[0]
    assert b"Accept: application/json\r\n" in got[0]
    assert b"Authorization" not in got[0]


@pytest.mark.parametrize(
    "answer",
    [
        b"HTTP/1.1 404 Not Found\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n",
        b"HTTP/1.1 204 No Content\r\n\r\n",
        b"not HTTP at all\r\n\r\n",
        b"",
        OK + b"Content-Length: 100\r\n\r\nshort",
        OK + b"Content-Encoding: gzip\r\n\r\nnot gzip",
        OK + b"\r\n" + b"x" * 600_000,
    ],
)
def test_anything_else_is_an_error(answer: bytes) -> None:
    with serving(said(answer)) as (url, _), pytest.raises(OSError):
        read(url)


@pytest.mark.parametrize(
    ("url", "words"),
    [
        ("http://127.0.0.1:1/Patient/Jane", "connection failed: Connection refused"),
        ("ftp://127.0.0.1/Patient/Jane", "not an http or https URL"),
        ("http:///Patient/Jane", "not a URL"),
    ],
)
def test_a_server_that_is_not_there_is_said_in_words(url: str, words: str) -> None:
    with pytest.raises(OSError) as caught:
        read(url)
    assert str(caught.value) == words


def test_silence_is_said_in_words() -> None:
    silent = serving(lambda connection, over: over.wait(30))  # type: ignore[arg-type, return-value]
    with silent as (url, _), pytest.raises(OSError, match="^no answer in time$"):
        read(url, seconds=0.3)


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_no_redirect_is_followed(status: int) -> None:
    with serving(said(OK + b"\r\n{}")) as (target, got):
        moved = f"HTTP/1.1 {status} Moved\r\nLocation: {target}\r\nContent-Length: 0\r\n\r\n".encode()
        with serving(said(moved)) as (url, _), pytest.raises(OSError, match=str(status)):
            read(url)
    assert got == []


@pytest.mark.parametrize(
    "serve",
    [drops(b"", b"H"), drops(OK, b"X"), drops(OK + b"\r\n", b" "), lambda connection, over: over.wait(30)],
    ids=["status line", "headers", "body", "silence"],
)
def test_a_slow_server_is_hung_up_on(serve: Serve) -> None:
    with serving(serve) as (url, _):
        began = time.monotonic()
        with pytest.raises(OSError):
            read(url, seconds=0.3)
        assert time.monotonic() - began < 10  # without an end it would last until the test's own limit


def test_only_https_and_only_public_addresses_outside_development() -> None:
    with serving(said(OK + b"\r\n{}")) as (url, got):
        with pytest.raises(OSError, match="not https"):
            read(url, PUBLIC)
        with pytest.raises(OSError, match="address refused"):
            read(url.replace("http:", "https:"), PUBLIC)
    assert got == []


def test_proxies_of_the_environment_are_not_used(monkeypatch: pytest.MonkeyPatch) -> None:
    with serving(said(OK + b"\r\n{}")) as (proxy, seen):
        monkeypatch.setenv("HTTP_PROXY", proxy)
        monkeypatch.setenv("ALL_PROXY", proxy)
        with serving(said(OK + b"\r\n[]")) as (url, _):
            assert read(url) == b"[]"
    assert seen == []
