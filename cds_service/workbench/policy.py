"""What a browser is allowed to do with our answers."""

from __future__ import annotations

import flask

_COMMON = "default-src 'none'; base-uri 'none'; frame-ancestors 'none'"
DATA = f"{_COMMON}; style-src 'self'; form-action 'none'"
"""For everything that is no page: JSON, metrics, errors, static files."""
PAGE = (
    f"{_COMMON}; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; form-action 'self'"
)
"""For pages: our own stylesheet and modules; no inline script or style, no third party."""


def protect(response: flask.Response) -> flask.Response:
    """Errors and JSON too: a browser may be led to any address."""
    response.headers["Content-Security-Policy"] = PAGE if response.mimetype == "text/html" else DATA
    response.headers["X-Content-Type-Options"] = "nosniff"
    response.headers["Referrer-Policy"] = "no-referrer"
    return response
