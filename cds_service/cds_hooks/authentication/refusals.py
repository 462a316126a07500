"""Why a call is refused; the reason stands in the log and in metrics, never in the answer (A12)."""

from __future__ import annotations

from enum import StrEnum


class Refusal(StrEnum):
    """A reason for a 401."""

    NO_TOKEN = "no-token"
    NOT_BEARER = "not-a-bearer-token"
    TOO_LARGE = "token-too-large"
    MALFORMED = "token-malformed"
    DUPLICATE_MEMBER = "duplicate-member"
    TYPE = "typ-is-not-jwt"
    ALGORITHM = "alg-not-permitted"
    NO_KID = "kid-missing"
    CRITICAL_HEADER = "crit-header"
    KEY_IN_HEADER = "key-in-header"
    UNREGISTERED_JKU = "jku-not-registered"
    NO_ISSUER = "iss-missing"
    UNKNOWN_ISSUER = "iss-not-registered"
    UNKNOWN_TENANT = "tenant-not-registered"
    UNKNOWN_KEY = "kid-unknown"
    UNFIT_KEY = "key-does-not-fit-alg"
    PUBLIC_TEST_KEY = "key-of-the-public-sandbox"
    KEYS_UNAVAILABLE = "keys-unavailable"
    SIGNATURE = "signature-wrong"
    NO_AUDIENCE = "aud-missing"
    AUDIENCE = "aud-is-not-this-url"
    NO_EXPIRY = "exp-missing"
    EXPIRED = "expired"
    NO_ISSUE_TIME = "iat-missing"
    ISSUED_LATER = "iat-in-the-future"
    NOT_YET = "nbf-in-the-future"
    LIFETIME = "lifetime-too-long"
    NO_JTI = "jti-missing"
    REPLAYED = "jti-seen-before"
    NO_PUBLIC_URL = "public-url-not-set"
    NO_CLIENTS = "no-client-registered"


class TokenRefused(Exception):
    """The token does not show who calls; ``client`` is the registered one it claims to come from, if any."""

    def __init__(self, reason: Refusal, client: str | None = None) -> None:
        super().__init__(reason.value)
        self.reason = reason
        self.client = client
