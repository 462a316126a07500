"""Reading bodies: everything that was announced, nothing more, and never without end."""

from __future__ import annotations

import io
import json

import pytest

LIMIT = 10_000
URL = "/cds-services/order-sign"
MIB = 1024 * 1024


class Socket(io.BytesIO):
    """A stream that fails where a socket would block: when more is asked for than was sent."""

    def __init__(self, data: bytes, ends: bool = False) -> None:
        super().__init__(data)
        self.left = len(data)
        self.ends = ends

    def read(self, size: int | None = -1) -> bytes:
        assert size is not None
        assert self.ends or 0 < size <= self.left, "would block"
        part = super().read(size)
        self.left -= len(part)
        return part


class Endless(io.RawIOBase):
    def __init__(self) -> None:
        self.taken = 0

    def read(self, size: int = -1) -> bytes:
        assert size > 0
        self.taken += size
        return b"x" * size


@pytest.fixture
def send(make_app):
    """Post a stream with the given WSGI environment."""
    client = make_app(max_body_bytes=LIMIT).test_client()

    def post(path, stream, length=None, **environ):
        overrides = {"wsgi.input": stream, "CONTENT_LENGTH": "" if length is None else str(length)} | environ
        return client.post(path, content_type="application/json", environ_overrides=overrides)

    return post


ENDS = {"wsgi.input_terminated": True}
CHUNKED = {"HTTP_TRANSFER_ENCODING": "chunked"}


def test_body_is_read_to_its_length_only(send, body):
    data = json.dumps(body()).encode()
    stream = Socket(data)
    assert send(URL, stream, len(data)).status_code == 200
    assert stream.left == 0


@pytest.mark.parametrize(
    ("path", "size", "status"),
    [
        ("/elsewhere", 300_000, 404),
        ("/cds-services", 300_000, 405),
        (URL, 300_000, 413),
        (URL, LIMIT + 1, 413),
        (URL, LIMIT, 400),
        ("/cds-services/nobody", 100, 404),
    ],
)
def test_refusals_come_after_the_body(send, path, size, status):
    stream = Socket(b"x" * size)
    assert send(path, stream, size).status_code == status
    assert stream.left == 0


def test_terminated_stream_is_read_to_its_end(send, body):
    stream = Socket(json.dumps(body()).encode(), ends=True)
    assert send(URL, stream, **ENDS, **CHUNKED).status_code == 200


@pytest.mark.parametrize(("path", "status"), [("/elsewhere", 404), (URL, 413)])
def test_terminated_stream_is_drained(send, path, status):
    stream = Socket(b"x" * 300_000, ends=True)
    assert send(path, stream, **ENDS, **CHUNKED).status_code == status
    assert stream.left == 0


@pytest.mark.parametrize(
    ("path", "status", "environ"),
    [
        (URL, 411, {}),
        (URL, 411, CHUNKED),
        (URL, 411, CHUNKED | {"CONTENT_LENGTH": "5"}),
        (URL, 411, ENDS),
        (URL, 411, {"CONTENT_LENGTH": "-5"}),
        ("/elsewhere", 404, {}),
    ],
)
def test_a_stream_without_end_is_not_begun(send, path, status, environ):
    stream = Socket(b"", ends="wsgi.input_terminated" in environ)
    assert send(path, stream, **{"wsgi.input_terminated": False} | environ).status_code == status


@pytest.mark.parametrize("length", [10**12, None])
@pytest.mark.parametrize(("path", "status"), [("/elsewhere", 404), (URL, 413)])
def test_draining_is_bounded(send, path, status, length):
    stream = Endless()
    environ = {} if length else ENDS | CHUNKED
    assert send(path, stream, length, **environ).status_code == status
    assert MIB < stream.taken < 6 * MIB
