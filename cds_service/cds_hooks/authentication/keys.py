"""The public keys of clients (A10): read from where they publish them, kept, and renewed.

A key set is taken as fresh for ten minutes, then renewed in the background
while the known keys go on serving; an unknown ``kid`` makes it be read at once,
every five seconds at most. When the key server is silent, known keys serve for
a day.
"""

from __future__ import annotations

import base64
import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import jwt
import msgspec
from cryptography.hazmat.primitives.asymmetric.ec import EllipticCurvePublicKey
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

from cds_service.cds_hooks.authentication.refusals import Refusal, TokenRefused
from cds_service.cds_hooks.authentication.registry import Client

_log = logging.getLogger(__name__)

Fetch = Callable[[Client, str], bytes]
"""Reads a key set; raises ``OSError`` when it cannot be had."""

FRESH = 600.0
"""Seconds for which a key set is not looked at again for a ``kid`` it holds."""
KEPT = 86_400.0
"""Seconds for which keys serve while their server is silent."""
RETRY = 5.0
"""Seconds between two readings of one key set."""
_PATIENCE = 5.0
_MOST_KEYS = 100
_SMALLEST_RSA = 2048
_CURVES = {"ES256": "secp256r1", "ES384": "secp384r1"}

# The x coordinate of the key pair that the CDS Hooks sandbox publishes with its private half
# (cds-hooks/sandbox, keys/jwk-keypair.json): whoever reads it can sign with it (A15).
_SANDBOX_X = int.from_bytes(
    base64.urlsafe_b64decode("dw_JGR8nB2I6XveNxUOl2qk699ZPLM2nYI5STSdiEl9avAkrm3CkfYMbrrjr8laB")
)


@dataclass(frozen=True, slots=True)
class PublicKey:
    """A key that verifies signatures; ``algorithm`` is the only one it is for, if it says so."""

    id: str
    key: EllipticCurvePublicKey | RSAPublicKey
    algorithm: str | None = None

    def fits(self, algorithm: str) -> bool:
        """Whether it is made for ``algorithm`` (RFC 7518, 3.1) and long enough."""
        if self.algorithm not in (None, algorithm):
            return False
        if isinstance(self.key, EllipticCurvePublicKey):
            return self.key.curve.name == _CURVES.get(algorithm)
        return algorithm not in _CURVES and self.key.key_size >= _SMALLEST_RSA

    @property
    def is_public_test_key(self) -> bool:
        """Whether it is the sandbox's, with which anybody can sign (A15)."""
        return isinstance(self.key, EllipticCurvePublicKey) and self.key.public_numbers().x == _SANDBOX_X


KeySet = Mapping[str, PublicKey]


def read_key_set(published: object) -> KeySet:
    """The keys of a JSON Web Key Set that can verify a signature, by ``kid``; the others are left out.

    Raises ``ValueError`` when it is no key set.
    """
    members = published.get("keys") if isinstance(published, dict) else None
    if not isinstance(members, list):
        raise ValueError("not a JSON Web Key Set")
    keys: dict[str, PublicKey] = {}
    for member in members[:_MOST_KEYS]:
        if (key := _read_key(member)) is not None:
            keys.setdefault(key.id, key)
    return keys


def _read_key(member: object) -> PublicKey | None:
    if not isinstance(member, dict) or not isinstance(key_id := member.get("kid"), str):
        return None
    if member.get("kty") not in ("EC", "RSA") or member.get("use", "sig") != "sig":
        return None
    if "d" in member:
        _log.error("a key set publishes a private key; it is not used")
        return None
    try:
        key = jwt.PyJWK.from_dict(member).key
    except (jwt.PyJWTError, ValueError, TypeError):
        return None
    usable = isinstance(key, (EllipticCurvePublicKey, RSAPublicKey))
    return PublicKey(key_id, key, member.get("alg")) if usable else None


@dataclass(slots=True)
class _Published:
    """One key set as it was last read; times on the monotonic clock."""

    keys: KeySet = field(default_factory=dict)
    read: float | None = None
    tried: float | None = None
    reading: threading.Lock = field(default_factory=threading.Lock)


class KeyRing:
    """The keys of all clients, shared by the requests of a process."""

    def __init__(self, fetch: Fetch, now: Callable[[], float] = time.monotonic) -> None:
        self._fetch, self._now = fetch, now
        self._lock = threading.Lock()
        self._published: dict[tuple[str, str], _Published] = {}
        self._on_disk: dict[str, tuple[object, KeySet]] = {}

    def find(self, client: Client, jku: str | None, key_id: str) -> PublicKey:
        """The key a token names. Raises :class:`TokenRefused` when it is not among the client's."""
        if jku is not None and jku not in client.key_urls:
            raise TokenRefused(Refusal.UNREGISTERED_JKU)
        if client.jwks is not None:
            return _pick(self._own_keys(client), key_id)
        url = jku or client.jwks_url
        assert url is not None  # the registry has seen to it
        return self._published_key(client, url, key_id)

    def _own_keys(self, client: Client) -> KeySet:
        """The keys of a set on disk, parsed once for each reading of the registry."""
        source, keys = self._on_disk.get(client.id, (None, {}))
        if source is not client.jwks:
            keys = read_key_set(client.jwks)
            self._on_disk[client.id] = client.jwks, keys
        return keys

    def _published_key(self, client: Client, url: str, key_id: str) -> PublicKey:
        with self._lock:
            published = self._published.setdefault((client.id, url), _Published())
        age = self._age(published)
        if key_id in published.keys and age < KEPT:
            if age >= FRESH:
                self._renew_later(published, client, url)
            return published.keys[key_id]
        self._renew(published, client, url)
        if self._age(published) >= KEPT:
            raise TokenRefused(Refusal.KEYS_UNAVAILABLE)
        return _pick(published.keys, key_id)

    def _age(self, published: _Published) -> float:
        return KEPT if published.read is None else self._now() - published.read

    def _is_too_soon(self, published: _Published) -> bool:
        return published.tried is not None and self._now() - published.tried < RETRY

    def _renew_later(self, published: _Published, client: Client, url: str) -> None:
        if not self._is_too_soon(published) and not published.reading.locked():
            threading.Thread(
                target=self._renew, args=(published, client, url), name="jwks", daemon=True
            ).start()

    def _renew(self, published: _Published, client: Client, url: str) -> None:
        """Read the key set unless that was done just now; who comes meanwhile waits for the one who reads."""
        if not published.reading.acquire(timeout=_PATIENCE):
            return
        try:
            if self._is_too_soon(published):
                return
            published.tried = self._now()
            published.keys = read_key_set(msgspec.json.decode(self._fetch(client, url)))
            published.read = self._now()
        except (OSError, ValueError, RecursionError) as error:
            _log.warning("keys of client %s could not be read: %s", client.id, type(error).__name__)
        finally:
            published.reading.release()


def _pick(keys: KeySet, key_id: str) -> PublicKey:
    try:
        return keys[key_id]
    except KeyError:
        raise TokenRefused(Refusal.UNKNOWN_KEY) from None
