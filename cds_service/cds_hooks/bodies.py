"""Reading a request body off the socket, within bounds.

The body is read before anything is answered, refusals included: a server
that answers and closes with unread bytes on the socket resets the connection,
and the client never sees the answer.
"""

from __future__ import annotations

import time
from contextlib import nullcontext, suppress
from typing import IO

import flask

from cds_service.cds_hooks.slow_clients import BodyWatch
from cds_service.errors import (
    InvalidRequest,
    LengthRequired,
    PayloadTooLarge,
    RequestTimeout,
    UnsupportedMediaType,
)

_CHUNK = 1024 * 1024
_DRAIN_LIMIT = 4 * 1024 * 1024
_DRAIN_WATCH = BodyWatch(2.0)
_DRAINED = "cds_hooks.body_read"


def read_body(request: flask.Request, limit: int, watch: BodyWatch | None = None) -> bytes:
    """The whole body, of ``limit`` bytes at most, within the time of ``watch``.

    A body of unknown length is taken only if the WSGI server ends the stream
    itself (``wsgi.input_terminated``): reading on would block for ever.
    """
    request.environ[_DRAINED] = True
    length = _content_length(request)
    stream: IO[bytes] = request.environ["wsgi.input"]
    began = time.monotonic()
    with watch.watched(request.environ) if watch else nullcontext():
        if length is not None and length > limit:  # known before any of it is here: none of it is kept
            _drain(stream, length, limit + _DRAIN_LIMIT)
            raise PayloadTooLarge(f"The body is larger than {limit} bytes")
        body = _read(stream, limit + 1 if length is None else length)
    if watch and length is not None and len(body) < length and time.monotonic() - began >= watch.seconds:
        raise RequestTimeout("The body did not arrive in time")
    if len(body) > limit:
        _drain(stream, None)
        raise PayloadTooLarge(f"The body is larger than {limit} bytes")
    if length is not None and len(body) < length:
        raise InvalidRequest("The body is shorter than its Content-Length")
    return body


def discard_body(request: flask.Request) -> None:
    """Read what is left of a body that nobody asked for, so that the refusal arrives."""
    if request.environ.get(_DRAINED):
        return
    request.environ[_DRAINED] = True
    length = _announced(request)
    if length is None and not request.environ.get("wsgi.input_terminated"):
        return
    with _DRAIN_WATCH.watched(request.environ):
        _drain(request.environ["wsgi.input"], length)


def require_json(request: flask.Request) -> None:
    """``application/json`` with any parameter, a ``+json`` type, or no type at all (T6); not compressed."""
    encoding = request.headers.get("Content-Encoding", "identity").strip().lower()
    if encoding not in ("", "identity"):
        raise UnsupportedMediaType("Send the body without Content-Encoding")
    media_type = request.mimetype
    if media_type not in ("", "application/json") and not media_type.endswith("+json"):
        raise UnsupportedMediaType("Send application/json")


def _content_length(request: flask.Request) -> int | None:
    """The announced length; ``None`` for a chunked body that the server terminates."""
    length = _announced(request)
    if length is None and not (_is_chunked(request) and request.environ.get("wsgi.input_terminated")):
        raise LengthRequired("Send a Content-Length")
    return length


def _announced(request: flask.Request) -> int | None:
    """Content-Length if there is one; chunks take precedence over it (RFC 9112, 6.3)."""
    length = request.environ.get("CONTENT_LENGTH", "")
    return int(length) if length.isdecimal() and length.isascii() and not _is_chunked(request) else None


def _is_chunked(request: flask.Request) -> bool:
    return "chunked" in request.headers.get("Transfer-Encoding", "").lower()


def _read(stream: IO[bytes], wanted: int) -> bytes:
    """Up to ``wanted`` bytes; fewer only at the end of the stream."""
    parts: list[bytes] = []
    while wanted > 0 and (part := _part(stream, wanted)):
        parts.append(part)
        wanted -= len(part)
    return b"".join(parts)


def _part(stream: IO[bytes], wanted: int) -> bytes:
    """The next bytes; a connection that breaks, or chunks that are none, break differently in each server."""
    try:
        return stream.read(min(wanted, _CHUNK))
    except Exception as error:
        raise InvalidRequest("The body could not be read") from error


def _drain(stream: IO[bytes], left: int | None, most: int = _DRAIN_LIMIT) -> None:
    """Throw away what is left, within bounds: a longer body is cut off, whatever becomes of its client."""
    left = most if left is None else min(left, most)
    with suppress(InvalidRequest):
        while left > 0 and (part := _part(stream, left)):
            left -= len(part)
