"""A real HTTP server: bodies of unknown, false and excessive length are answered, not cut off (C18)."""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Iterator

import pytest
from werkzeug.serving import make_server

LIMIT = 10_000
HEAD = "POST /cds-services/order-sign HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"


@pytest.fixture
def address(make_app, caplog) -> Iterator[tuple[str, int]]:
    caplog.set_level(logging.ERROR, logger="werkzeug")
    server = make_server("127.0.0.1", 0, make_app(max_body_bytes=LIMIT), threaded=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield server.server_address
    server.shutdown()
    thread.join()
    server.server_close()


@pytest.fixture
def exchange(address):
    """Send bytes, give back status and JSON body. The answer is read only after all was sent."""

    def send(*parts: bytes | str) -> tuple[int, dict]:
        with socket.create_connection(address, timeout=10) as connection:
            for part in parts:
                connection.sendall(part.encode() if isinstance(part, str) else part)
            connection.shutdown(socket.SHUT_WR)
            with connection.makefile("rb") as stream:
                received = stream.read()
        head, _, body = received.partition(b"\r\n\r\n")
        return int(head.split()[1]), json.loads(body)

    return send


def code(document):
    return document["issue"][0]["details"]["coding"][0]["code"]


def chunked(data: bytes, size: int = 100) -> bytes:
    parts = [data[start : start + size] for start in range(0, len(data), size)]
    return b"".join(f"{len(part):x}\r\n".encode() + part + b"\r\n" for part in parts) + b"0\r\n\r\n"


def test_chunked_body_is_read(exchange, body):
    data = chunked(json.dumps(body()).encode())
    status, document = exchange(HEAD, "Transfer-Encoding: chunked\r\n\r\n", data)
    assert (status, document["cards"][0]["summary"]) == (200, "Good morning")


def test_no_length_is_411(exchange):
    status, document = exchange(HEAD, "\r\n")
    assert (status, code(document)) == (411, "CDS-4110")


def test_too_large_is_413_and_the_client_reads_it(exchange):
    data = b'{"x": "' + b"x" * (2 * LIMIT) + b'"}'
    status, document = exchange(HEAD, f"Content-Length: {len(data)}\r\n\r\n", data)
    assert (status, code(document)) == (413, "CDS-4130")


def test_too_large_in_chunks_is_413(exchange):
    status, document = exchange(HEAD, "Transfer-Encoding: chunked\r\n\r\n", chunked(b"x" * (2 * LIMIT), 1000))
    assert (status, code(document)) == (413, "CDS-4130")


def test_exactly_the_limit_is_read(exchange, body):
    data = json.dumps(body()).encode().ljust(LIMIT)
    status, _ = exchange(HEAD, f"Content-Length: {len(data)}\r\n\r\n", data)
    assert status == 200


def test_client_that_goes_away_is_400(exchange):
    status, document = exchange(HEAD, "Content-Length: 500\r\n\r\n", b'{"hook":')
    assert (status, code(document)) == (400, "CDS-4000")


def test_broken_chunks_are_400(exchange):
    status, document = exchange(HEAD, "Transfer-Encoding: chunked\r\n\r\n", b"zz\r\nx\r\n0\r\n\r\n")
    assert (status, code(document)) == (400, "CDS-4000")


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        ("POST /elsewhere", 404),
        ("POST /cds-services", 405),
        ("PUT /cds-services/order-sign", 405),
        ("POST /cds-services/order-sign", 413),
    ],
)
def test_refusals_arrive_though_a_large_body_was_sent(exchange, line, expected):
    data = b"x" * 1_000_000
    head = (
        f"{line} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nContent-Length: {len(data)}\r\n\r\n"
    )
    status, document = exchange(head, data)
    assert status == expected
    assert document["resourceType"] == "OperationOutcome"
