"""Every error the service answers with, in one tree with stable codes.

::

    ServiceError
    ├── InvalidRequest            400  the body is JSON but not the request the hook asks for
    │   ├── InvalidJSON           400
    │   ├── MissingField          400
    │   └── WrongHook             400
    ├── Unauthenticated           401  says nothing else
    ├── Forbidden                 403  says nothing else
    ├── NotFound                  404
    ├── MethodNotAllowed          405
    ├── DataUnavailable           412  data a decision needs could not be had
    ├── RequestTimeout            408  the body did not arrive in time
    ├── LengthRequired            411
    ├── PayloadTooLarge           413
    ├── UnsupportedMediaType      415
    ├── TooManyRequests           429  more calls than this client is registered for
    └── Unavailable               503

One place, :mod:`cds_service.cds_hooks.outcome`, turns them into a status and
an OperationOutcome. ``diagnostics`` is shown to the caller: it never holds
patient data, tokens or a stack trace.
"""

from __future__ import annotations

import traceback
from pathlib import Path
from typing import ClassVar


class ServiceError(Exception):
    """Something the caller is told, with HTTP ``status`` and a stable ``code``.

    ``issue`` is the FHIR issue type (https://hl7.org/fhir/valueset-issue-type.html);
    ``path`` is the JSON path of the element concerned, such as
    ``$.context.draftOrders``; ``retry_after`` is in seconds.
    """

    status: ClassVar[int] = 500
    code: ClassVar[str] = "CDS-5000"
    issue: ClassVar[str] = "exception"

    def __init__(
        self, diagnostics: str = "", *, path: str | None = None, retry_after: int | None = None
    ) -> None:
        super().__init__(diagnostics)
        self.diagnostics = diagnostics
        self.path = path
        self.retry_after = retry_after


class InvalidRequest(ServiceError):
    """The body is JSON, but not the request that the hook asks for."""

    status, code, issue = 400, "CDS-4000", "invalid"


class InvalidJSON(InvalidRequest):
    """The body is not JSON (RFC 8259)."""

    code, issue = "CDS-4001", "structure"


class MissingField(InvalidRequest):
    """A required element is absent, null or empty."""

    code, issue = "CDS-4002", "required"


class WrongHook(InvalidRequest):
    """The request's hook is not the one this service answers."""

    code, issue = "CDS-4003", "value"


class Unauthenticated(ServiceError):
    """The caller is not known. The reason is in the log only (CDS Hooks best practices)."""

    status, code, issue = 401, "CDS-4010", "login"


class Forbidden(ServiceError):
    """The caller is known, and may not do this. The reason is in the log only."""

    status, code, issue = 403, "CDS-4030", "forbidden"


class NotFound(ServiceError):
    """No such service, or no such page."""

    status, code, issue = 404, "CDS-4040", "not-found"


class MethodNotAllowed(ServiceError):
    """The path exists; the method does not (the answer carries ``Allow``)."""

    status, code, issue = 405, "CDS-4050", "not-supported"


class RequestTimeout(ServiceError):
    """The body did not arrive in time."""

    status, code, issue = 408, "CDS-4080", "timeout"


class LengthRequired(ServiceError):
    """A body without Content-Length."""

    status, code, issue = 411, "CDS-4110", "required"


class DataUnavailable(ServiceError):
    """Data the decision needs are neither in prefetch nor to be had (CDS Hooks: 412)."""

    status, code, issue = 412, "CDS-4120", "incomplete"


class PayloadTooLarge(ServiceError):
    """The body is larger than the configured limit."""

    status, code, issue = 413, "CDS-4130", "too-long"


class UnsupportedMediaType(ServiceError):
    """The body is not ``application/json``."""

    status, code, issue = 415, "CDS-4150", "not-supported"


class TooManyRequests(ServiceError):
    """More calls than this client is registered for."""

    status, code, issue = 429, "CDS-4290", "throttled"


class Unavailable(ServiceError):
    """Nothing is wrong with the request; ask again later."""

    status, code, issue = 503, "CDS-5030", "transient"


_PACKAGE = Path(__file__).parent
_MOST_FRAMES = 10


def trace(error: BaseException) -> str:
    """The kind of an exception and where in our code it came from, innermost first, for the log.

    Never its own words or the values at hand: they may quote the request.
    """
    told = f"{type(error).__qualname__}{_places(error)}"
    cause = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    return f"{told} from {type(cause).__qualname__}{_places(cause)}" if cause else told


def _places(error: BaseException) -> str:
    """`` at cds_service/decision.py:88, cds_service/cards.py:12``, and before them what our code called."""
    frames = [(Path(f.f_code.co_filename), line) for f, line in traceback.walk_tb(error.__traceback__)]
    own = [index for index, (path, _) in enumerate(frames) if _PACKAGE in path.parents]
    called = frames[own[-1] + 1 :][:1] if own else frames[-1:]  # a handler, a library
    places = [(frames[index][0].relative_to(_PACKAGE.parent), frames[index][1]) for index in own]
    places += [(Path(*path.parts[-2:]), n) for path, n in called]
    shown = [f"{path.as_posix()}:{n}" for path, n in reversed(places)][:_MOST_FRAMES]
    return f" at {', '.join(shown)}" if shown else ""
