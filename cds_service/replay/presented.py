"""What the caller's token says, and whether it would be taken; neither it nor its signature is shown."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime
from typing import Any, TypeGuard

import jwt
import msgspec
from msgspec import Struct

from cds_service.cds_hooks.authentication import Authenticator, Caller, Refusal, TokenRefused

_SHOWN = ("alg", "typ", "kid", "jku", "iss", "sub", "aud", "tenant", "iat", "nbf", "exp", "jti")
_MOMENTS = ("iat", "nbf", "exp")
_LONGEST = 200
REASONS: Mapping[Refusal, str] = {
    Refusal.NO_TOKEN: "there is no token",
    Refusal.NOT_BEARER: "the header does not begin with Bearer",
    Refusal.TOO_LARGE: "the token is larger than any EHR's",
    Refusal.MALFORMED: "it is no JSON Web Token of three parts",
    Refusal.DUPLICATE_MEMBER: "a member of its header or claims is there twice",
    Refusal.TYPE: "typ is not JWT",
    Refusal.ALGORITHM: "alg is none of the client's algorithms",
    Refusal.NO_KID: "kid is missing: which key signed it is not said",
    Refusal.CRITICAL_HEADER: "its header names extensions that must be understood (crit)",
    Refusal.KEY_IN_HEADER: "its header brings a key along; keys are registered, not sent",
    Refusal.UNREGISTERED_JKU: "jku is neither the client's jwks_url nor in its jku",
    Refusal.NO_ISSUER: "iss is missing",
    Refusal.UNKNOWN_ISSUER: "iss is that of no registered client, letter for letter",
    Refusal.UNKNOWN_TENANT: "tenant is missing or not among the client's tenants",
    Refusal.UNKNOWN_KEY: "kid is in none of the client's key sets",
    Refusal.UNFIT_KEY: "the key that kid names is not made for alg",
    Refusal.PUBLIC_TEST_KEY: "it is signed with the key pair that the CDS Hooks sandbox publishes",
    Refusal.KEYS_UNAVAILABLE: "the client's key set cannot be read now",
    Refusal.SIGNATURE: "the signature does not fit the key",
    Refusal.NO_AUDIENCE: "aud is missing",
    Refusal.AUDIENCE: "aud is neither the URL called nor the audience agreed on",
    Refusal.NO_EXPIRY: "exp is missing",
    Refusal.EXPIRED: "it has expired",
    Refusal.NO_ISSUE_TIME: "iat is missing",
    Refusal.ISSUED_LATER: "iat is in the future: clocks differ by more than half a minute",
    Refusal.NOT_YET: "nbf is in the future: clocks differ by more than half a minute",
    Refusal.LIFETIME: "it lives for more than an hour",
    Refusal.NO_JTI: "jti is missing or too long",
    Refusal.REPLAYED: "it was used before",
    Refusal.NO_PUBLIC_URL: "neither PUBLIC_URL nor an audience of the client says what aud must be",
    Refusal.NO_CLIENTS: "no client is registered (CLIENTS_FILE)",
}
"""Each refusal in words that say what does not fit."""


class Presented(Struct, frozen=True, omit_defaults=True):
    """The caller's token: its claims, the client it would be taken as, or why it would be refused."""

    claims: dict[str, str]
    others: tuple[str, ...] = ()
    """Names of members that are not shown."""
    judged: bool = True
    client: str | None = None
    """The registered client, also of one that is refused."""
    refused: str | None = None
    reason: str | None = None
    """Of ``refused``, in words."""
    notes: tuple[str, ...] = ()


def present(
    authorization: str, url: str | None, authenticator: Authenticator | None
) -> tuple[Presented, Caller | None]:
    """What ``authorization`` (a header's value, or a bare token) says, and the caller it would be taken as.

    A token that has expired is judged as of its ``iat``. Whether one was used before is not looked at.

    :param url: that of the service it was made out to.
    :param authenticator: without one the claims are shown unjudged.
    """
    header = _header(authorization)
    members = _members(header.partition(" ")[2])
    shown = Presented(
        {name: _words(name, members[name]) for name in _SHOWN if name in members},
        tuple(sorted(name for name in members if name not in _SHOWN)),
    )
    if authenticator is None:
        return msgspec.structs.replace(shown, judged=False), None
    moment, notes = _moment(members, authenticator.now())
    try:
        caller = replace(authenticator, now=lambda: moment).caller(header, url)
    except TokenRefused as refused:
        why = {"client": refused.client, "refused": refused.reason.value, "reason": REASONS[refused.reason]}
        return msgspec.structs.replace(shown, notes=notes, **why), None
    return msgspec.structs.replace(shown, client=caller.client.id, notes=notes), caller


def _header(given: str) -> str:
    """Also from the whole line of a request, and from a token alone."""
    value = given.strip()
    if value.lower().startswith("authorization:"):
        value = value.partition(":")[2].strip()
    return value if " " in value or not value else f"Bearer {value}"


def _members(token: str) -> dict[str, Any]:
    """Header and claims together, unverified; of what is no token, none."""
    try:
        claims = jwt.decode(token.strip(), options={"verify_signature": False})
        return {**claims, **jwt.get_unverified_header(token.strip())}
    except (jwt.PyJWTError, ValueError, RecursionError):
        return {}


def _moment(members: Mapping[str, Any], now: float) -> tuple[float, tuple[str, ...]]:
    issued, expires = members.get("iat"), members.get("exp")
    if not _is_moment(issued) or not _is_moment(expires) or expires > now:
        return now, ()
    note = f"It expired at {_utc(expires)}; judged as of {_utc(issued)}, when it was issued."
    return float(issued), (note,)


def _is_moment(value: Any) -> TypeGuard[float]:
    return isinstance(value, int | float) and not isinstance(value, bool) and 0 <= value < 2**40


def _words(name: str, value: Any) -> str:
    if name in _MOMENTS and _is_moment(value):
        return _utc(value)
    words = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
    return words if len(words) <= _LONGEST else f"{words[:_LONGEST]}…"


def _utc(moment: float) -> str:
    return f"{datetime.fromtimestamp(moment, UTC):%Y-%m-%d %H:%M:%S} UTC"
