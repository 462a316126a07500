"""An EHR that signs its calls, with another library than the one the service verifies with."""

from __future__ import annotations

import base64
import json
import warnings
from collections.abc import Mapping
from datetime import UTC, datetime
from functools import cache
from typing import Any

from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature
from joserfc import jws
from joserfc.errors import SecurityWarning
from joserfc.jwk import ECKey, OctKey, RSAKey

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
ISS = "https://ehr.example.org/fhir"
URL = "https://cds.example.org/cds-services/ldn-order-sign"

Key = ECKey | RSAKey | OctKey


@cache
def ec_key(kid: str = "k1", curve: str = "P-384") -> ECKey:
    return ECKey.generate_key(curve, {"kid": kid, "use": "sig"}, private=True)


@cache
def rsa_key(kid: str = "r1", bits: int = 2048) -> RSAKey:
    with warnings.catch_warnings(action="ignore", category=SecurityWarning):  # a short one is wanted
        return RSAKey.generate_key(bits, {"kid": kid, "use": "sig"}, private=True)


def key_set(*keys: Key, private: bool = False) -> dict[str, Any]:
    return {"keys": [key.as_dict(private=private) for key in keys]}


def claims(**changes: Any) -> dict[str, Any]:
    """The claims of a correct token; ``...`` takes one away."""
    now = int(NOW.timestamp())
    correct = {"iss": ISS, "aud": URL, "iat": now, "exp": now + 300, "jti": "a1b2"}
    return {name: value for name, value in (correct | changes).items() if value is not ...}


def header(**changes: Any) -> dict[str, Any]:
    correct = {"alg": "ES384", "typ": "JWT", "kid": "k1"}
    return {name: value for name, value in (correct | changes).items() if value is not ...}


def sign(claims: Mapping[str, Any] | bytes, header: Mapping[str, Any], key: Key | None = None) -> str:
    """A compact JWS; the claims may be bytes that no library would write."""
    payload = claims if isinstance(claims, bytes) else json.dumps(claims).encode()
    algorithms = ["ES256", "ES384", "RS256", "RS384", "PS384", "HS384", "ES512"]
    registry = jws.JWSRegistry(algorithms=algorithms, strict_check_header=False)
    return jws.serialize_compact(dict(header), payload, key or ec_key(), registry=registry)


def sign_header(claims: Mapping[str, Any], header: bytes, key: ECKey | None = None) -> str:
    """A token whose header is the very bytes given, correctly signed with ES384."""
    signed = b".".join(encode(part) for part in (header, json.dumps(claims).encode()))
    private: Any = (key or ec_key()).get_op_key("sign")
    r, s = decode_dss_signature(private.sign(signed, ec.ECDSA(hashes.SHA384())))
    return (signed + b"." + encode(r.to_bytes(48) + s.to_bytes(48))).decode()


def encode(part: bytes) -> bytes:
    return base64.urlsafe_b64encode(part).rstrip(b"=")
