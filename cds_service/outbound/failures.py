"""Why a call did not come about, in words for whoever runs the server that was named."""

from __future__ import annotations

import socket

import requests


def in_words(error: BaseException) -> str:
    """``connection failed: Connection refused``; neither classes nor the URL, which may name a patient."""
    match error:
        case requests.exceptions.InvalidSchema() | requests.exceptions.MissingSchema():
            return "not an http or https URL"
        case requests.exceptions.InvalidURL():
            return "not a URL"
        case requests.exceptions.SSLError():
            return "TLS certificate refused"
        case requests.exceptions.Timeout():
            return "no answer in time"
        case requests.exceptions.ConnectionError():
            return ": ".join(("connection failed", *_of_the_system(error)))
        case _:
            return type(error).__name__


def _of_the_system(error: BaseException | None) -> list[str]:
    """What the system said, from the innermost cause; nothing where it said nothing."""
    told: list[str] = []
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        if isinstance(error, socket.gaierror | ConnectionError | TimeoutError) and error.strerror:
            told = [error.strerror]
        error = error.__cause__ or error.__context__
    return told
