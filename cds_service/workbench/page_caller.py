"""How a call of the page is known, so that it is answered in the dialect chosen there."""

from __future__ import annotations

from collections.abc import Callable
from typing import Literal

import flask

from cds_service.cds_hooks.authentication import Caller, Client

HEADER = "X-Client-Dialect"
"""Sent by the page's script alone; an EHR's dialect is in its registration."""


def caller_of(dialect: str) -> Client:
    """A client without FHIR servers: what it brings along is all there is."""
    known: Literal["standard", "epic"] = "epic" if dialect == "epic" else "standard"
    return Client(id="try-it", iss="try-it", dialect=known)


def in_dialect_of_page(
    authenticate: Callable[[flask.Request], Caller | None],
) -> Callable[[flask.Request], Caller | None]:
    """``authenticate``, where a call of nobody in particular (development alone) may name its dialect."""

    def who(request: flask.Request) -> Caller | None:
        caller = authenticate(request)
        dialect = request.headers.get(HEADER)
        return Caller(caller_of(dialect)) if caller is None and dialect == "epic" else caller

    return who


def anyone_on_the_page(request: flask.Request) -> Caller:
    """Where nothing is kept: everybody who reaches the page."""
    return Caller(caller_of(request.headers.get(HEADER, "")))
