"""Calls to the client's FHIR server: pooled, bounded in time and size, one origin each.

See https://hl7.org/fhir/http.html. :class:`FhirClient` lives as long as the
process and holds no patient data; :class:`FhirAccess` is one request's right
to use it. Every call ends in a :class:`Reply` or raises :class:`FetchFailed`.
Nothing is cached, and no URL, token or body is ever logged.
"""

from __future__ import annotations

import logging
import threading
from collections import OrderedDict
from collections.abc import Callable, Iterator
from concurrent.futures import Future
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.client import HTTPMessage
from typing import Final, ParamSpec, Protocol, TypeVar

import requests
import urllib3
from requests.structures import CaseInsensitiveDict

from cds_service.fhir.deadline import Deadline
from cds_service.fhir.lanes import Lanes
from cds_service.fhir.origins import Origin, belongs, leads_below, origin_of, resolve
from cds_service.fhir.records import GapReason
from cds_service.outbound import PUBLIC, AddressRefused, Calls, GuardedAdapter, Reach

P = ParamSpec("P")
T = TypeVar("T")

logger = logging.getLogger(__name__)

ACCEPT: Final = "application/fhir+json, application/json;q=0.9"
PLAIN_JSON: Final = "application/json"
"""Asked for once where the server says 406: older servers know no FHIR media type."""
_ENCODINGS: Final = "gzip, deflate"
_CHUNK: Final = 65536
_REDIRECTS: Final = frozenset({301, 302, 303, 307, 308})
_NOWHERE: Final = ("", "", 0)
# Below this no call can finish, and a time-out of 0 means "none" to a socket.
_SHORTEST: Final = 0.002


class FetchFailed(Exception):
    """A call brought nothing that can be read; ``detail`` holds no patient data."""

    def __init__(self, reason: GapReason, detail: str) -> None:
        super().__init__(f"{reason}: {detail}")
        self.reason = reason
        self.detail = detail


@dataclass(frozen=True, slots=True)
class Reply:
    """What the server answered; ``url`` is where, after redirects."""

    status: int
    body: bytes = field(repr=False)
    url: str = field(repr=False)


class Guard(Protocol):
    """A circuit breaker or bulkhead: asked before, and told after, each call to an origin."""

    def admit(self, origin: Origin) -> bool:
        """Whether the origin may be called now."""

    def record(self, origin: Origin, *, ok: bool) -> None:
        """What came of a call: false for a time-out or a broken connection, true for any answer."""


class _Open:
    """The guard that lets everything through."""

    def admit(self, origin: Origin) -> bool:
        return True

    def record(self, origin: Origin, *, ok: bool) -> None:
        pass


@dataclass(frozen=True, slots=True)
class ClientOptions:
    """How calls are made; all of it is the operator's to set."""

    user_agent: str = "fhir-client"
    max_bytes: int = 20_000_000
    max_redirects: int = 3
    attempts: int = 2
    """Tries per call; only a connection that breaks before an answer is tried again."""
    threads: int = 192
    """For all servers together; they start as they are needed."""
    parallel: int = 64
    """Calls to one origin at a time, and connections kept open to it; fewer than ``threads``."""
    origins: int = 64
    """Servers whose connections are kept; the one unused longest goes first."""
    verify: bool | str = True
    guard: Guard = field(default_factory=_Open)


@dataclass(frozen=True, slots=True)
class FhirAccess:
    """One request's access to the client's server: its base, and the token that is good only there."""

    client: FhirClient
    base_url: str
    token: str | None = field(default=None, repr=False)
    reach: Reach = PUBLIC
    bases: tuple[str, ...] | None = None
    """The base URLs the client is registered with; ``None``: any."""
    expired: bool = False
    """Whether there is no token because its time was over when it came."""
    origin: Origin | None = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "origin", origin_of(self.base_url))

    def url(self, search: str) -> str:
        """A search or read, relative to the base."""
        return f"{self.base_url.rstrip('/')}/{search.lstrip('/')}"

    @property
    def allowed(self) -> bool:
        """Whether the base may be called at all."""
        if self.origin is None or (self.origin[0] != "https" and self.reach.https_only):
            return False
        return self.bases is None or belongs(self.base_url, self.bases)

    def same_origin(self, url: str) -> bool:
        """Whether ``url`` is on the server the token is for."""
        return self.origin is not None and origin_of(url) == self.origin

    def covers(self, url: str) -> bool:
        """Whether ``url`` stays on that server, below the registered bases: others may live beside them."""
        return self.same_origin(url) and (self.bases is None or leads_below(url, self.bases))

    def get(self, url: str, deadline: Deadline) -> Reply:
        """GET an absolute URL of this server, or raise :class:`FetchFailed`."""
        return self.client.get(self, url, deadline)


@dataclass(frozen=True, slots=True)
class _Call:
    """One GET to one address, each redirect another: what every step of making it needs."""

    access: FhirAccess
    url: str = field(repr=False)
    origin: Origin
    deadline: Deadline
    accept: str


class FhirClient:
    """Connections and threads shared by all requests of a process."""

    def __init__(self, options: ClientOptions | None = None) -> None:
        self.options = options or ClientOptions()
        self._lock = threading.Lock()
        self._adapters: OrderedDict[tuple[Origin, Reach], GuardedAdapter] = OrderedDict()
        self._calls = Calls()
        self.lanes = Lanes(self.options.threads, self.options.parallel)

    def access(
        self,
        base_url: str,
        token: str | None = None,
        reach: Reach = PUBLIC,
        bases: tuple[str, ...] | None = None,
        *,
        expired: bool = False,
    ) -> FhirAccess:
        """The right to call one server for one request: one of ``bases``, at addresses within ``reach``."""
        return FhirAccess(self, base_url, token, reach, bases, expired)

    def submit(
        self, access: FhirAccess, task: Callable[P, T], /, *args: P.args, **kwargs: P.kwargs
    ) -> Future[T]:
        """Run ``task``, which calls the server of ``access``, in the threads that server may use."""
        return self.lanes.submit(access.origin or _NOWHERE, task, *args, **kwargs)

    def hang_up(self, deadline: Deadline) -> None:
        """End the calls of a request that has been answered, so that their threads are free."""
        self._calls.hang_up(deadline)

    def close(self) -> None:
        """Close all connections; tasks not yet started are dropped."""
        self.lanes.close()
        with self._lock:
            for adapter in self._adapters.values():
                adapter.close()
            self._adapters.clear()

    def get(self, access: FhirAccess, url: str, deadline: Deadline) -> Reply:
        """GET ``url`` with the token of ``access``, following redirects on that origin only."""
        reply = self._follow(access, url, deadline, ACCEPT)
        return self._follow(access, url, deadline, PLAIN_JSON) if reply.status == 406 else reply

    def _follow(self, access: FhirAccess, url: str, deadline: Deadline, accept: str) -> Reply:
        for _ in range(self.options.max_redirects + 1):
            call = _Call(access, url, self._check(access, url), deadline, accept)
            reply, location = self._try(call)
            if location is None:
                return reply
            url = resolve(url, location)
        raise FetchFailed(GapReason.SERVER_ERROR, "too many redirects")

    def _check(self, access: FhirAccess, url: str) -> Origin:
        if access.origin is None or not access.same_origin(url):
            raise FetchFailed(GapReason.SERVER_ERROR, "leads to another origin")
        if not access.allowed:
            raise FetchFailed(GapReason.NOT_PERMITTED, "fhirServer is not permitted")
        if access.bases is not None and not leads_below(url, access.bases):
            raise FetchFailed(GapReason.SERVER_ERROR, "leads out of the registered base")
        return access.origin

    def _try(self, call: _Call) -> tuple[Reply, str | None]:
        for attempt in range(1, self.options.attempts + 1):
            try:
                return self._guarded(call)
            except _Broken as broken:
                if attempt == self.options.attempts:
                    raise FetchFailed(GapReason.UNREACHABLE, broken.detail) from None
        raise FetchFailed(GapReason.UNREACHABLE, "not tried")

    def _guarded(self, call: _Call) -> tuple[Reply, str | None]:
        # a call that never began says nothing about the server
        if call.deadline.left() < _SHORTEST:
            raise FetchFailed(GapReason.TIME_OUT, "time budget spent")
        guard = self.options.guard
        if not guard.admit(call.origin):
            raise FetchFailed(GapReason.UNREACHABLE, "server is failing; not asked")
        try:
            answer = self._once(call)
        except (_Broken, FetchFailed) as failed:
            guard.record(call.origin, ok=_is_alive(failed))
            raise
        guard.record(call.origin, ok=True)
        return answer

    def _once(self, call: _Call) -> tuple[Reply, str | None]:
        left = max(call.deadline.left(), _SHORTEST)
        asked, adapter = self._asked(call), self._adapter(call.origin, call.access.reach)
        with (
            self._calls.noted(call.deadline),
            _translated(),
            adapter.send(asked, stream=True, timeout=(left, left), verify=self.options.verify) as response,
        ):
            location = response.headers.get("Location") if response.status_code in _REDIRECTS else None
            body = b"" if location else _read_body(response, call.deadline, self.options.max_bytes)
            _forget_headers(response)
            return Reply(response.status_code, body, call.url), location

    def _asked(self, call: _Call) -> requests.PreparedRequest:
        """The call as it goes out.

        Made without a :class:`requests.Session`, whose preparing and sending take as long again as the call
        itself, and which would bring what is not wanted here: cookies of one user for another, a token from
        ``.netrc``, proxies of the environment.
        """
        headers = {
            "Accept": call.accept,
            "User-Agent": self.options.user_agent,
            "Accept-Encoding": _ENCODINGS,
        }
        if call.access.token:
            headers["Authorization"] = f"Bearer {call.access.token}"
        asked = requests.PreparedRequest()
        asked.method, asked.headers = "GET", CaseInsensitiveDict(headers)
        with _translated():
            asked.prepare_url(call.url, None)
        return asked

    def _adapter(self, origin: Origin, reach: Reach) -> GuardedAdapter:
        """Shared by those who may go to the same places: a connection kept open is not checked again."""
        key = origin, reach
        with self._lock:
            adapter = self._adapters.pop(key, None) or self._new_adapter(reach)
            self._adapters[key] = adapter
            if len(self._adapters) > self.options.origins:
                self._adapters.popitem(last=False)
            return adapter

    def _new_adapter(self, reach: Reach) -> GuardedAdapter:
        return GuardedAdapter(reach, pool_connections=2, pool_maxsize=self.options.parallel, max_retries=0)


class _TooLarge(FetchFailed):
    """An answer that was cut off here: the server itself is well."""


def _is_alive(failed: Exception) -> bool:
    """Whether the failure was made here and says nothing against the server."""
    refused_here = isinstance(failed, FetchFailed) and failed.reason is GapReason.NOT_PERMITTED
    return refused_here or isinstance(failed, _TooLarge)


class _Broken(Exception):
    """A connection that broke before an answer; worth a second try, since reads are safe to repeat."""

    def __init__(self, detail: str) -> None:
        super().__init__(detail)
        self.detail = detail


@contextmanager
def _translated() -> Iterator[None]:
    """Make this module's errors of those of requests and urllib3."""
    try:
        yield
    except AddressRefused:
        raise FetchFailed(GapReason.NOT_PERMITTED, "address of fhirServer is not public") from None
    except (requests.Timeout, urllib3.exceptions.TimeoutError):
        raise FetchFailed(GapReason.TIME_OUT, "no answer in time") from None
    except requests.exceptions.SSLError:
        raise FetchFailed(GapReason.UNREACHABLE, "TLS certificate refused") from None
    except requests.ConnectionError:
        raise _Broken("connection failed") from None
    except (urllib3.exceptions.HTTPError, requests.RequestException, OSError, ValueError) as error:
        raise FetchFailed(GapReason.SERVER_ERROR, f"bad answer ({type(error).__name__})") from None


def _forget_headers(response: requests.Response) -> None:
    """A pooled connection keeps its last answer's headers; a ``Content-Location`` in them names a patient."""
    original = getattr(response.raw, "_original_response", None)
    if original is not None:
        original.headers = original.msg = HTTPMessage()


def _read_body(response: requests.Response, deadline: Deadline, limit: int) -> bytes:
    """Read what comes, as it comes: a byte a second must not outlast the budget."""
    chunks: list[bytes] = []
    size = 0
    for chunk in _chunks(response):
        size += len(chunk)
        if size > limit:
            raise _TooLarge(GapReason.SERVER_ERROR, "answer too large")
        if deadline.passed:
            raise FetchFailed(GapReason.TIME_OUT, "answer not complete in time")
        chunks.append(chunk)
    if deadline.passed:  # it may have been hung up on, which looks like the end of an answer
        raise FetchFailed(GapReason.TIME_OUT, "answer not complete in time")
    return b"".join(chunks)


def _chunks(response: requests.Response) -> Iterator[bytes]:
    # read1 returns after one read of the socket, where read and iter_content wait for a whole chunk
    while chunk := response.raw.read1(_CHUNK, decode_content=True):
        yield chunk
