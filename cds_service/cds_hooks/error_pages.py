"""Every error of the Flask application as an OperationOutcome (C18)."""

from __future__ import annotations

import logging
import re
import uuid

import flask
import msgspec
from flask.globals import app_ctx
from werkzeug.exceptions import HTTPException

from cds_service import errors
from cds_service.cds_hooks.bodies import discard_body
from cds_service.cds_hooks.outcome import operation_outcome
from cds_service.errors import ServiceError

_log = logging.getLogger(__name__)

_REQUEST_ID = re.compile(r"[A-Za-z0-9-]{1,64}")
_BY_STATUS: dict[int, tuple[type[ServiceError], str]] = {
    400: (errors.InvalidRequest, "The request cannot be understood"),
    401: (errors.Unauthenticated, ""),
    403: (errors.Forbidden, ""),
    404: (errors.NotFound, "There is nothing at this address"),
    405: (errors.MethodNotAllowed, "This address does not take that method"),
    411: (errors.LengthRequired, "Send a Content-Length"),
    413: (errors.PayloadTooLarge, "The body is too large"),
    415: (errors.UnsupportedMediaType, "Send application/json"),
    503: (errors.Unavailable, "Try again later"),
}


def init_errors(app: flask.Flask) -> None:
    """Answer every error of ``app`` as an OperationOutcome, and give every answer its ``X-Request-Id``.

    Application-wide, because Flask knows no blueprint for an unknown address
    or a wrong method. A blueprint with pages for people can register its own
    handlers, which win.
    """
    app.register_error_handler(ServiceError, service_error_response)
    app.register_error_handler(HTTPException, _http_error_response)
    app.register_error_handler(Exception, _unexpected_error_response)
    app.after_request(_add_request_id)


def request_id() -> str:
    """The caller's ``X-Request-Id`` if it is harmless, else a new one; the same for the whole request."""
    context = app_ctx.g
    known: str | None = context.get("cds_request_id")
    if known is None:
        sent = flask.request.headers.get("X-Request-Id")
        context.cds_request_id = known = sent if sent and _REQUEST_ID.fullmatch(sent) else str(uuid.uuid4())
    return known


def outcome_response(status: int, outcome: dict[str, object]) -> flask.Response:
    """An OperationOutcome: ``application/json`` unless the caller asks for FHIR's own type."""
    wants_fhir = "application/fhir+json" in flask.request.headers.get("Accept", "")
    response = flask.Response(msgspec.json.encode(outcome), status=status)
    response.content_type = "application/fhir+json" if wants_fhir else "application/json"
    response.headers["Cache-Control"] = "no-store"
    return response


def service_error_response(error: ServiceError) -> flask.Response:
    discard_body(flask.request)
    flask.g.error_code = error.code
    status, outcome = operation_outcome(error)
    response = outcome_response(status, outcome)
    if status == 401:
        response.headers["WWW-Authenticate"] = "Bearer"
    if error.retry_after is not None:
        response.headers["Retry-After"] = str(error.retry_after)
    return response


def _http_error_response(error: HTTPException) -> flask.typing.ResponseReturnValue:
    """Flask's own errors. A ready-made response passes untouched; redirects do not come here at all."""
    if error.response is not None:
        return error
    status = error.code or 500
    other = errors.InvalidRequest if status < 500 else ServiceError
    kind, diagnostics = _BY_STATUS.get(status, (other, error.name))
    response = service_error_response(kind(diagnostics))
    response.status_code = status
    for name, value in error.get_headers(flask.request.environ):
        if name not in ("Content-Type", "Content-Length"):
            response.headers[name] = value
    return response


def _unexpected_error_response(error: Exception) -> flask.Response:
    """The one catch-all. Logged: where and what kind; not the message, which may quote the request."""
    about = {"request_id": request_id(), "endpoint": flask.request.endpoint}
    _log.error("unexpected %s", errors.trace(error), extra=about)
    return service_error_response(ServiceError())


def _add_request_id(response: flask.Response) -> flask.Response:
    response.headers["X-Request-Id"] = request_id()
    return response
