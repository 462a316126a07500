"""The service under test; every exchange with it is kept, for the rules that hold for all answers."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from time import perf_counter
from typing import Any
from urllib.parse import urlsplit

import requests

from cds_service.conformance.signing import Signer
from cds_service.outbound.failures import in_words

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


class Unreachable(Exception):
    """No answer came at all."""


@dataclass(frozen=True, slots=True)
class Exchange:
    """One call and its answer; ``document`` is None where the body is not JSON."""

    method: str
    url: str
    status: int
    headers: Mapping[str, str]
    text: str
    document: Any
    seconds: float

    @property
    def refused(self) -> bool:
        """Answered with 4xx: neither taken nor broken."""
        return 400 <= self.status < 500

    @property
    def ok(self) -> bool:
        return self.status == 200

    def __str__(self) -> str:
        path = urlsplit(self.url).path
        return f"{self.method} {path}: {self.status}"


@dataclass(slots=True)
class Target:
    """``base`` is the URL before ``/cds-services``; ``tokens`` are those that were sent."""

    base: str
    signer: Signer | None = None
    timeout: float = 20.0
    exchanges: list[Exchange] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    _session: requests.Session = field(default_factory=requests.Session)

    @property
    def is_loopback(self) -> bool:
        return urlsplit(self.base).hostname in _LOOPBACK

    @property
    def is_bench(self) -> bool:
        """On this machine's own interface, without TLS, and called without a key: no EHR calls there."""
        return self.is_loopback and self.base.startswith("http://") and self.signer is None

    @property
    def is_closed(self) -> bool:
        """Whether it was called without a key and turned that away."""
        return self.signer is None and any(e.status == 401 and e.method == "POST" for e in self.exchanges)

    def url(self, path: str) -> str:
        return f"{self.base}/cds-services{path}"

    def get(self, path: str, **options: Any) -> Exchange:
        return self.call("GET", path, **options)

    def post(self, path: str, body: Any, **options: Any) -> Exchange:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Content-Type": "application/json", **options.pop("headers", {})}
        return self.call("POST", path, data=data, headers=headers, **options)

    def call(
        self,
        method: str,
        path: str,
        *,
        data: bytes | None = None,
        headers: Mapping[str, str] | None = None,
        token: str | None = "",
    ) -> Exchange:
        """One call; ``token`` is signed anew when empty, left out when None. Raises :class:`Unreachable`."""
        url = self.url(path)
        if token == "" and self.signer:
            token = self.signer.token(url)
        sent = {"Accept": "application/json", **(headers or {})}
        if token:
            self.tokens.append(token)
            sent["Authorization"] = f"Bearer {token}"
        began = perf_counter()
        try:
            answer = self._session.request(
                method, url, data=data, headers=sent, timeout=self.timeout, allow_redirects=False
            )
        except requests.RequestException as error:
            raise Unreachable(f"{url}: {in_words(error)}") from error
        exchange = Exchange(
            method, url, answer.status_code, answer.headers, answer.text, _json(answer.text),
            perf_counter() - began,
        )  # fmt: skip
        self.exchanges.append(exchange)
        return exchange


def _json(text: str) -> Any:
    """Strictly: neither comments, trailing commas nor NaN."""
    try:
        return json.loads(text, parse_constant=_no_constant)
    except ValueError:
        return None


def _no_constant(name: str) -> Any:
    raise ValueError(name)
