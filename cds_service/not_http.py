"""What is answered before Flask sees anything: to that which is no HTTP, and to a body too large to be sent.

gunicorn's own answer is a page of HTML that quotes what was sent, and its line in the log would too.
Here it is an OperationOutcome like every error, and one line with the kind and the same request id.
"""

from __future__ import annotations

import uuid
from http import HTTPStatus
from typing import NamedTuple

import msgspec
from gunicorn.http import errors as http  # type: ignore[import-untyped]

from cds_service.cds_hooks.outcome import operation_outcome
from cds_service.errors import InvalidRequest, PayloadTooLarge, ServiceError

_KINDS: tuple[tuple[type[Exception], int, str], ...] = (
    (http.InvalidRequestLine, 400, "This is not HTTP; https is not spoken on this port"),
    (http.LimitRequestLine, 414, "The address is too long"),
    (http.LimitRequestHeaders, 431, "The headers are too many or too long"),
    (http.InvalidHeader, 400, "A header is not valid"),
    (http.InvalidHeaderName, 400, "The name of a header is not valid"),
    (http.ObsoleteFolding, 400, "A header is spread over several lines"),
    (http.InvalidHTTPVersion, 400, "This version of HTTP is not spoken"),
    (http.InvalidRequestMethod, 400, "The method is not valid"),
    (http.UnsupportedTransferCoding, 501, "Send the body without that Transfer-Encoding"),
    (http.ExpectationFailed, 417, "That expectation cannot be met"),
)
TOO_LARGE = http.LimitRequestHeaders("")


class Refusal(NamedTuple):
    """``answer`` is the whole HTTP answer, after which the connection is closed."""

    kind: str
    status: int
    request_id: str
    answer: bytes


def refusal(error: Exception) -> Refusal | None:
    """The answer to what gunicorn could not read; ``None`` for a fault that is not the sender's."""
    if not isinstance(error, http.ParseException) or isinstance(error, _OURS):
        return None
    kinds = (known for known in _KINDS if isinstance(error, known[0]))
    _, status, words = next(kinds, (None, 400, "This is not a valid HTTP request"))
    return _refused(f"not a valid HTTP request: {type(error).__name__}", status, InvalidRequest(words))


def too_large(limit: int) -> Refusal:
    """The answer to who asks for leave to send a body of more than ``limit`` bytes."""
    error = PayloadTooLarge(f"The body is larger than {limit} bytes")
    return _refused("a body announced as too large", error.status, error)


def _refused(kind: str, status: int, error: ServiceError) -> Refusal:
    _, outcome = operation_outcome(error)
    request_id = str(uuid.uuid4())
    return Refusal(kind, status, request_id, _written(status, outcome, request_id))


_OURS = (http.InvalidResponseHeader, http.InvalidResponseHeaderName, http.ConfigurationProblem)


def _written(status: int, outcome: dict[str, object], request_id: str) -> bytes:
    body = msgspec.json.encode(outcome)
    head = (
        f"HTTP/1.1 {status} {HTTPStatus(status).phrase}\r\nContent-Type: application/json\r\n"
        f"X-Request-Id: {request_id}\r\nCache-Control: no-store\r\nConnection: close\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode("ascii") + body
