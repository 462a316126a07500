"""Reading a token and judging its claims: pure, the moment and the client are passed in.

See https://www.rfc-editor.org/rfc/rfc7519, its best practices
https://www.rfc-editor.org/rfc/rfc8725, and CDS Hooks, "Trusting CDS Clients".
"""

from __future__ import annotations

import binascii
import json
from base64 import urlsafe_b64decode
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, NoReturn

from cds_service.cds_hooks.authentication.refusals import Refusal, TokenRefused
from cds_service.cds_hooks.authentication.registry import Client

LARGEST = 16_384
"""Bytes of a token; those of real EHRs have one to two thousand."""
LEEWAY = 30
"""Seconds that clocks may differ."""
LONGEST_LIFE = 3600
"""Seconds from ``iat`` to ``exp`` (A8)."""
_LONGEST_JTI = 256
_LONGEST_TENANT = 256
_KEY_MATERIAL = frozenset({"jwk", "x5c", "x5u"})
_BASE64URL = frozenset("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_")


@dataclass(frozen=True, slots=True)
class Token:
    """What a token says; nothing of it is believed before the signature is verified."""

    text: str
    header: Mapping[str, Any]
    claims: Mapping[str, Any]

    @property
    def algorithm(self) -> str:
        return str(self.header["alg"])

    @property
    def key_id(self) -> str:
        return str(self.header["kid"])

    @property
    def jku(self) -> str | None:
        return self.header.get("jku")

    @property
    def tenant(self) -> str | None:
        tenant = self.claims.get("tenant")
        return tenant if isinstance(tenant, str) else None


def bearer_token(authorization: str | None) -> str:
    """The token of an ``Authorization`` header (RFC 6750, 2.1)."""
    if not authorization:
        raise TokenRefused(Refusal.NO_TOKEN)
    scheme, _, text = authorization.partition(" ")
    if scheme.lower() != "bearer":
        raise TokenRefused(Refusal.NOT_BEARER)
    return text.strip(" ")


def read_token(text: str) -> Token:
    """Take a token apart. Raises :class:`TokenRefused` for what no client may send (A3, A5)."""
    if len(text) > LARGEST:
        raise TokenRefused(Refusal.TOO_LARGE)
    parts = text.split(".")
    if len(parts) != 3:
        raise TokenRefused(Refusal.MALFORMED)
    header, claims = _read_object(parts[0]), _read_object(parts[1])
    _check_header(header)
    return Token(text, header, claims)


def _read_object(segment: str) -> Mapping[str, Any]:
    if not segment or not _BASE64URL.issuperset(segment):
        raise TokenRefused(Refusal.MALFORMED)
    try:
        decoded = urlsafe_b64decode(segment + "=" * (-len(segment) % 4)).decode()
        read = json.loads(decoded, object_pairs_hook=_no_duplicates, parse_constant=_no_constant)
    except (binascii.Error, ValueError, RecursionError):
        raise TokenRefused(Refusal.MALFORMED) from None
    if not isinstance(read, dict):
        raise TokenRefused(Refusal.MALFORMED)
    return read


def _no_duplicates(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Two members of one name: readers differ in which they take (RFC 7519, 4)."""
    members = dict(pairs)
    if len(members) < len(pairs):
        raise TokenRefused(Refusal.DUPLICATE_MEMBER)
    return members


def _no_constant(name: str) -> NoReturn:
    raise ValueError(name)


def _check_header(header: Mapping[str, Any]) -> None:
    if not isinstance(header.get("alg"), str):
        raise TokenRefused(Refusal.ALGORITHM)
    if not isinstance(typ := header.get("typ"), str) or typ.upper() != "JWT":
        raise TokenRefused(Refusal.TYPE)
    if "crit" in header:  # it names extensions that must be understood, and none is
        raise TokenRefused(Refusal.CRITICAL_HEADER)
    if _KEY_MATERIAL & header.keys():
        raise TokenRefused(Refusal.KEY_IN_HEADER)
    if not isinstance(kid := header.get("kid"), str) or not kid:
        raise TokenRefused(Refusal.NO_KID)
    if "jku" in header and not isinstance(header["jku"], str):
        raise TokenRefused(Refusal.UNREGISTERED_JKU)


def check_claims(token: Token, client: Client, audiences: Collection[str], now: float) -> None:
    """Whether the claims hold for ``client`` at ``now`` (seconds since 1970; A4, A7 to A9).

    :param audiences: the spellings of the URL that is invoked.
    """
    claims = token.claims
    if (client.tenants and token.tenant not in client.tenants) or not _is_name(token.tenant or ""):
        raise TokenRefused(Refusal.UNKNOWN_TENANT)
    _check_audience(claims.get("aud"), client.audience or audiences)
    expiry = _moment(claims, "exp", Refusal.NO_EXPIRY)
    issued = _moment(claims, "iat", Refusal.NO_ISSUE_TIME)
    if expiry <= now - LEEWAY:
        raise TokenRefused(Refusal.EXPIRED)
    if issued > now + LEEWAY:
        raise TokenRefused(Refusal.ISSUED_LATER)
    if "nbf" in claims and _moment(claims, "nbf", Refusal.NOT_YET) > now + LEEWAY:
        raise TokenRefused(Refusal.NOT_YET)
    if expiry - issued > LONGEST_LIFE:
        raise TokenRefused(Refusal.LIFETIME)
    jti = claims.get("jti")
    if not isinstance(jti, str) or not 0 < len(jti) <= _LONGEST_JTI:
        raise TokenRefused(Refusal.NO_JTI)


def _is_name(tenant: str) -> bool:
    """Where no tenants are registered, any may be claimed, and each is kept in records: NUL fits in none."""
    return len(tenant) <= _LONGEST_TENANT and tenant.isprintable()


def _check_audience(aud: object, audiences: Collection[str]) -> None:
    named = [aud] if isinstance(aud, str) else aud
    if not isinstance(named, list) or not named:
        raise TokenRefused(Refusal.NO_AUDIENCE)
    if not any(isinstance(name, str) and name in audiences for name in named):
        raise TokenRefused(Refusal.AUDIENCE)


def _moment(claims: Mapping[str, Any], name: str, missing: Refusal) -> float:
    """A NumericDate (RFC 7519, 2)."""
    value = claims.get(name)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise TokenRefused(missing)
    if not abs(value) <= 2**53:  # nor NaN; a whole number of any length is compared without a float
        raise TokenRefused(missing)
    return float(value)
