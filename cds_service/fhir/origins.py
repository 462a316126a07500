"""Which URLs may be called, and with whose token."""

from __future__ import annotations

import re
from urllib.parse import urljoin, urlsplit

_PORTS = {"http": 80, "https": 443}
# Where URL parsers disagree about the host there is no safe reading.
_ODD = re.compile(r"[\\\s\x00-\x1f\x7f]")

Origin = tuple[str, str, int]


def origin_of(url: str) -> Origin | None:
    """Scheme, host and port of an http(s) URL; ``None`` for anything else, or with credentials in it."""
    if _ODD.search(url):
        return None
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return None
    scheme, host = parts.scheme.lower(), parts.hostname
    if scheme not in _PORTS or not host or "@" in parts.netloc:
        return None
    return scheme, host.lower(), port if port is not None else _PORTS[scheme]


def resolve(base: str, url: str) -> str:
    """``url`` as seen from ``base``; an empty string when it makes no sense."""
    try:
        return urljoin(base, url.strip())
    except ValueError:
        return ""


def https_only(url: str) -> bool:
    """The default rule: https."""
    origin = origin_of(url)
    return origin is not None and origin[0] == "https"


def any_http(url: str) -> bool:
    """The rule for development: http too, and any host, loopback included."""
    return origin_of(url) is not None
