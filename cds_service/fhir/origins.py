"""Which URLs may be called, and with whose token."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import unquote, urljoin, urlsplit

_PORTS = {"http": 80, "https": 443}
# Where URL parsers disagree about the host there is no safe reading.
_ODD = re.compile(r"[\\\s\x00-\x1f\x7f]")
# Also what Tomcat takes for a path parameter, and what is still encoded once it has been decoded.
_ODD_IN_PATH = re.compile(r"[\\;%\x00-\x1f\x7f]")
_MEANINGFUL = frozenset("?#%;")

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
    segments, percent signs, queries, fragments, letters beyond ASCII in the
    host or a dot at its end.
    """
    return _is_plain(url) and leads_below(url, bases)


def leads_below(url: str, bases: Iterable[str]) -> bool:
    """Whether a call of ``url``, which may have a query, stays within one of ``bases``.

    Clients and servers undo dot segments and percent signs at different
    moments, so a path that means something else afterwards stays nowhere.
    """
    origin = origin_of(url)
    # letters beyond ASCII are judged as written: in lower case some become plain ones
    if origin is None or origin[1].endswith(".") or not urlsplit(url).netloc.isascii():
        return False
    path = _path(url)
    return path is not None and any(
        _is_plain(base) and origin == origin_of(base) and f"{path}/".startswith(f"{_path(base)}/")
        for base in bases
    )


def _is_plain(url: str) -> bool:
    return _MEANINGFUL.isdisjoint(url) and "//" not in url.partition("://")[2]


def _path(url: str) -> str | None:
    """The path as a server reads it, without a slash at the end."""
    path = unquote(urlsplit(url).path)
    if _ODD_IN_PATH.search(path):
        return None
    if not {".", ".."}.isdisjoint(path.split("/")) or path.count("/") != urlsplit(url).path.count("/"):
        return None
    return path.rstrip("/")
