"""Tokens as an EHR signs them, and as nobody may: for the rules on who calls."""

from __future__ import annotations

import base64
import json
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from uuid import uuid4

import jwt
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import load_pem_private_key

PrivateKey = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey
_LIFE = 300


@dataclass(frozen=True, slots=True)
class Signer:
    """Signs as one registered client; ES384 for a P-384 key, RS384 for an RSA key."""

    key: PrivateKey
    issuer: str
    key_id: str
    jku: str | None = None
    tenant: str | None = None
    audience: str | None = None

    @property
    def algorithm(self) -> str:
        return "RS384" if isinstance(self.key, rsa.RSAPrivateKey) else "ES384"

    def claims(self, url: str) -> dict[str, Any]:
        """The claims of a correct token for ``url``."""
        now = int(time.time())
        claims = {
            "iss": self.issuer,
            "aud": self.audience or url,
            "iat": now,
            "exp": now + _LIFE,
            "jti": uuid4().hex,
        }
        return claims | ({"tenant": self.tenant} if self.tenant else {})

    def header(self) -> dict[str, Any]:
        header = {"typ": "JWT", "kid": self.key_id, "alg": self.algorithm}
        return header | ({"jku": self.jku} if self.jku else {})

    def token(
        self,
        url: str,
        *,
        header: Mapping[str, Any] | None = None,
        key: PrivateKey | None = None,
        **claims: Any,
    ) -> str:
        """A token for ``url``; a changed claim or header member of ``...`` is left out."""
        told = {k: v for k, v in {**self.claims(url), **claims}.items() if v is not ...}
        heads = {k: v for k, v in {**self.header(), **(header or {})}.items() if v is not ...}
        signed = f"{_encoded(heads)}.{_encoded(told)}"
        signature = _algorithm(self.algorithm).sign(signed.encode(), key or self.key)
        return f"{signed}.{_base64(signature)}"

    def unsigned(self, url: str) -> str:
        """``alg`` none, without a signature."""
        return f"{_encoded({**self.header(), 'alg': 'none'})}.{_encoded(self.claims(url))}."

    def with_hmac(self, url: str) -> str:
        """HS384 over a secret that anybody could guess."""
        heads = {"typ": "JWT", "kid": self.key_id}
        return jwt.encode(self.claims(url), "guessed-" * 8, algorithm="HS384", headers=heads)

    def stranger(self) -> PrivateKey:
        """Another key of the same kind."""
        if isinstance(self.key, rsa.RSAPrivateKey):
            return rsa.generate_private_key(65537, 2048)
        return ec.generate_private_key(ec.SECP384R1())


def read_key(path: Path) -> PrivateKey:
    """A private key in PEM, or a JSON Web Key. Raises ``ValueError`` or ``OSError``."""
    content = path.read_bytes()
    if content.lstrip().startswith(b"{"):
        try:
            key: Any = jwt.PyJWK(json.loads(content)).key
        except jwt.PyJWTError as error:
            raise ValueError(f"no private key: {error}") from None
    else:
        key = load_pem_private_key(content, None)
    if isinstance(key, rsa.RSAPrivateKey):
        return key
    if isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.name == "secp384r1":
        return key
    raise ValueError("the key must be a private RSA or P-384 key")


def _algorithm(name: str) -> Any:
    return jwt.PyJWS().get_algorithm_by_name(name)


def _encoded(part: Mapping[str, Any]) -> str:
    return _base64(json.dumps(dict(part)).encode())


def _base64(part: bytes) -> str:
    return base64.urlsafe_b64encode(part).rstrip(b"=").decode()
