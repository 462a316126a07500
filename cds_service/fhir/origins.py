"""Which URLs may be called, and with whose token."""

from __future__ import annotations

import re
from collections.abc import Iterable
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


def belongs(url: str, bases: Iterable[str]) -> bool:
    """Whether ``url`` is one of ``bases``, or a part of one on the border of a path segment.

    A URL that two readers could read differently belongs to nobody: dot
    segments, percent signs, queries, fragments, a dot at the end of the host.
    """
    origin, path = origin_of(url), _path(url)
    if origin is None or path is None or origin[1].endswith("."):
        return False
    for base in bases:
        base_path = _path(base)
        if base_path is not None and origin == origin_of(base) and f"{path}/".startswith(f"{base_path}/"):
            return True
    return False


def _path(url: str) -> str | None:
    parts = urlsplit(url)
    if "?" in url or "#" in url or "%" in url or ";" in url or "//" in parts.path:
        return None
    if not {".", ".."}.isdisjoint(parts.path.split("/")):
        return None
    return parts.path.rstrip("/")
