"""The registered clients: one TOML table per EHR (conformance A5 to A9, A14, A16).

::

    [clients.general-hospital]
    iss = "https://ehr.example.org/fhir"
    jwks_url = "https://ehr.example.org/.well-known/jwks.json"
    fhir_servers = ["https://ehr.example.org/fhir"]

The name of the table is the client's id in logs, metrics and records.
"""

from __future__ import annotations

import logging
import re
import threading
import time
import tomllib
from collections.abc import Callable, Iterable, Iterator
from ipaddress import ip_network
from pathlib import Path
from typing import Any, Literal
from urllib.parse import urlsplit

import msgspec
from msgspec import Struct

_log = logging.getLogger(__name__)

Algorithm = Literal["ES256", "ES384", "RS256", "RS384", "PS384"]
"""Never ``none``, never an HMAC (A5)."""

_ID = re.compile(r"[a-z0-9][a-z0-9._-]{0,63}")
_ORIGIN = re.compile(r"https?://[a-z0-9.-]+(:[0-9]+)?")
_LOOK_EVERY = 1.0


class Client(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """What one EHR may do, and how it is known."""

    id: str = ""
    iss: str
    """The issuer its tokens name, letter for letter."""
    jwks_url: str | None = None
    """Where its public keys are published; else ``jwks_file``."""
    jwks_file: str | None = None
    """A JSON Web Key Set on disk, relative to the registry."""
    jwks: dict[str, Any] | None = None
    """The content of ``jwks_file``; read with the registry, never written in it."""
    jku: tuple[str, ...] = ()
    """What its tokens may name as ``jku``; ``jwks_url`` always may be."""
    tenants: tuple[str, ...] = ()
    """Its tokens must name one of them; empty: the claim is not asked for."""
    algorithms: tuple[Algorithm, ...] = ("ES384", "RS384")
    """Signatures taken."""
    audience: tuple[str, ...] = ()
    """Taken as ``aud`` in place of the URL that is invoked."""
    audience_slash: bool = False
    """Whether ``aud`` may differ from the URL invoked by a slash at the end."""
    fhir_servers: tuple[str, ...] = ()
    """The base URLs its ``fhirServer`` may name; empty: no server is asked, prefetch alone counts."""
    private_networks: tuple[str, ...] = ()
    """Networks (CIDR) that are not public and in which its servers may be."""
    time_budget_ms: int | None = None
    """Milliseconds for reading the chart, in place of the service's own."""
    prefetch_keys: dict[str, str] = {}
    """Prefetch keys of its own, each with the resource type it holds."""
    fetch_kinds: tuple[str, ...] = ()
    """Further lists it keeps, such as ``MedicationDispense``."""
    dialect: Literal["standard", "epic"] = "standard"
    """``epic``: the answer is reduced to what Epic shows (see docs/clients.md)."""
    cors_origins: tuple[str, ...] = ()
    """Browser origins its pages call from."""
    rate_limit: int | None = None
    """Calls a minute; ``None`` is no limit."""
    shadow: bool = False
    """Decide and record, but answer without cards: to measure the alert burden before going live."""

    @property
    def key_urls(self) -> frozenset[str]:
        """Where its keys may be read from."""
        return frozenset((*self.jku, *((self.jwks_url,) if self.jwks_url else ())))


class Clients:
    """The clients of one reading of the registry."""

    def __init__(self, clients: Iterable[Client] = ()) -> None:
        self._clients = tuple(clients)
        self._by_issuer: dict[str, list[Client]] = {}
        for client in self._clients:
            self._by_issuer.setdefault(client.iss, []).append(client)
        self._origins = {origin for client in self._clients for origin in client.cors_origins}

    def __iter__(self) -> Iterator[Client]:
        return iter(self._clients)

    def __len__(self) -> int:
        return len(self._clients)

    def issued_by(self, iss: str) -> bool:
        """Whether any client has this issuer."""
        return iss in self._by_issuer

    def claimed(self, iss: str, tenant: str | None) -> Client | None:
        """The client a token claims to come from: that of its tenant, else that which names no tenant."""
        candidates = self._by_issuer.get(iss, [])
        return next(
            (client for client in candidates if tenant in client.tenants),
            next((client for client in candidates if not client.tenants), None),
        )

    def allow_origin(self, origin: str) -> bool:
        """Whether pages of ``origin`` may call for any client; a preflight does not say for which (A14)."""
        return origin in self._origins


class ClientsFile:
    """The registry on disk, read anew when it has changed, without a restart.

    A change that cannot be read is logged and leaves the clients as they were.
    """

    def __init__(
        self, path: Path, *, development: bool = False, now: Callable[[], float] = time.monotonic
    ) -> None:
        """Raises ``ValueError`` when the file cannot be read, so that the service does not start."""
        self._path, self._development, self._now = path, development, now
        self._lock = threading.Lock()
        self._looked = now()
        self.clients = read_clients(path, development=development)
        self._stamps = self._stamp()

    def current(self) -> Clients:
        """The clients in force; the disk is looked at once a second at most."""
        if self._now() - self._looked >= _LOOK_EVERY and self._lock.acquire(blocking=False):
            try:
                self._looked = self._now()
                self._look()
            finally:
                self._lock.release()
        return self.clients

    def _look(self) -> None:
        stamps = self._stamp()
        if stamps == self._stamps:
            return
        self._stamps = stamps
        try:
            self.clients = read_clients(self._path, development=self._development)
        except ValueError as error:
            _log.error("client registry not taken over, the clients stay as they were: %s", error)
        else:
            _log.info("client registry read anew: %d clients", len(self.clients))

    def _stamp(self) -> list[tuple[int, int, int] | None]:
        files = [client.jwks_file for client in self.clients if client.jwks_file]
        return [_state(path) for path in (self._path, *(self._path.parent / name for name in files))]


def _state(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def read_clients(path: Path, *, development: bool = False) -> Clients:
    """The clients of a TOML file. Raises ``ValueError`` naming every client and setting that does not fit."""
    try:
        tables = tomllib.loads(path.read_text("utf-8"))
    except OSError as error:
        raise ValueError(f"{path.name}: {error.strerror}") from error
    except (tomllib.TOMLDecodeError, UnicodeDecodeError) as error:
        raise ValueError(f"{path.name}: {error}") from error
    defects = [
        f"{name}: not known here; clients stand under [clients.<id>]" for name in tables.keys() - {"clients"}
    ]
    named = tables.get("clients", {})
    if not isinstance(named, dict):
        raise ValueError(f"{path.name}: clients: write [clients.<id>] tables")
    clients = []
    for name, table in named.items():
        try:
            client = _client(name, table, path.parent)
        except (msgspec.ValidationError, ValueError, OSError) as error:
            defects.append(f"clients.{name}: {error}")
            continue
        clients.append(client)
        defects += [f"clients.{name}.{defect}" for defect in _defects(client, development=development)]
    defects += _shared_issuers(clients)
    if defects:
        raise ValueError(f"{path.name}: " + "; ".join(sorted(defects)))
    return Clients(clients)


def _client(name: str, table: Any, folder: Path) -> Client:
    if isinstance(table, dict) and {"id", "jwks"} & table.keys():
        raise ValueError(
            "id and jwks are not written here: the id is the table's name, the keys stand in jwks_file"
        )
    client = msgspec.convert(table, Client)
    jwks = msgspec.json.decode((folder / client.jwks_file).read_bytes()) if client.jwks_file else None
    if jwks is not None and not (isinstance(jwks, dict) and isinstance(jwks.get("keys"), list)):
        raise ValueError("jwks_file: not a JSON Web Key Set")
    return msgspec.structs.replace(client, id=name, jwks=jwks)


def _defects(client: Client, *, development: bool) -> Iterator[str]:
    if not _ID.fullmatch(client.id):
        yield "id: use lower-case letters, digits, '.', '_' and '-'"
    if not client.iss:
        yield "iss: empty"
    if (client.jwks_url is None) == (client.jwks_file is None):
        yield "jwks_url: name either jwks_url or jwks_file"
    if not client.algorithms:
        yield "algorithms: empty"
    urls = {"jwks_url": (client.jwks_url,) if client.jwks_url else (), "jku": client.jku}
    scheme = "http or https" if development else "https"
    for name, values in (urls | {"fhir_servers": client.fhir_servers}).items():
        for url in values:
            if not _is_url(url, https=not development):
                yield f"{name}: {url!r} is no {scheme} URL without query and fragment"
    for origin in client.cors_origins:
        if not _ORIGIN.fullmatch(origin):
            yield f"cors_origins: {origin!r} is no origin such as https://ehr.example.org"
    for network in client.private_networks:
        try:
            ip_network(network)
        except ValueError:
            yield f"private_networks: {network!r} is no network such as 10.1.0.0/16"
    for name in ("time_budget_ms", "rate_limit"):
        value = getattr(client, name)
        if value is not None and value < 1:
            yield f"{name}: at least 1"


def _is_url(text: str, *, https: bool) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    plain = not (parts.query or parts.fragment or "@" in parts.netloc or "\\" in text) and text.isprintable()
    schemes = {"https"} if https else {"https", "http"}
    return plain and parts.scheme in schemes and bool(parts.hostname) and port != 0


def _shared_issuers(clients: Iterable[Client]) -> Iterator[str]:
    """Of two clients with one issuer a token must tell by its tenant which it is."""
    seen: dict[tuple[str, str | None], str] = {}
    for client in clients:
        for tenant in client.tenants or (None,):
            other = seen.setdefault((client.iss, tenant), client.id)
            if other != client.id:
                yield f"clients.{client.id}.iss: the same as that of {other}; tell them apart by tenants"
