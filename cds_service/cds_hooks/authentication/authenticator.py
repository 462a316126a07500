"""Who calls, shown by a signed token (conformance A1 to A15)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import jwt

from cds_service.cds_hooks.authentication.keys import KeyRing, PublicKey
from cds_service.cds_hooks.authentication.refusals import Refusal, TokenRefused
from cds_service.cds_hooks.authentication.registry import Client, Clients
from cds_service.cds_hooks.authentication.token_ids import TokenIds
from cds_service.cds_hooks.authentication.tokens import LEEWAY, Token, bearer_token, check_claims, read_token


@dataclass(frozen=True, slots=True)
class Caller:
    """A client that has shown who it is."""

    client: Client
    tenant: str | None = None


@dataclass(frozen=True, slots=True)
class Authenticator:
    """Verifies the token of a call; ``now`` is in seconds since 1970."""

    clients: Callable[[], Clients]
    keys: KeyRing
    token_ids: TokenIds
    refuse_test_keys: bool = True
    now: Callable[[], float] = time.time

    def caller(self, authorization: str | None, url: str | None) -> Caller:
        """Who sent the ``Authorization`` header to ``url``. Raises :class:`TokenRefused`.

        :param url: the URL invoked, as the outside sees it; ``None`` when that is not known.
        """
        clients = self.clients()
        if not len(clients):
            raise TokenRefused(Refusal.NO_CLIENTS)
        token = read_token(bearer_token(authorization))
        client = _claimed(token, clients)
        try:
            self._verify(token, client, url)
        except TokenRefused as refused:
            raise TokenRefused(refused.reason, client.id) from None
        return Caller(client, token.tenant)

    def _verify(self, token: Token, client: Client, url: str | None) -> None:
        if token.algorithm not in client.algorithms:
            raise TokenRefused(Refusal.ALGORITHM)
        key = self.keys.find(client, token.jku, token.key_id)
        if self.refuse_test_keys and key.is_public_test_key:
            raise TokenRefused(Refusal.PUBLIC_TEST_KEY)
        _verify_signature(token, key)
        if url is None and not client.audience:
            raise TokenRefused(Refusal.NO_PUBLIC_URL)
        now = self.now()
        check_claims(token, client, _spellings(url or "", client), now)
        expires = float(token.claims["exp"]) + LEEWAY
        if not self.token_ids.is_first_use(client.id, token.claims["jti"], now, expires):
            raise TokenRefused(Refusal.REPLAYED)


def _claimed(token: Token, clients: Clients) -> Client:
    iss = token.claims.get("iss")
    if not isinstance(iss, str) or not iss:
        raise TokenRefused(Refusal.NO_ISSUER)
    client = clients.claimed(iss, token.tenant)
    if client is None:
        raise TokenRefused(Refusal.UNKNOWN_TENANT if clients.issued_by(iss) else Refusal.UNKNOWN_ISSUER)
    return client


def _verify_signature(token: Token, key: PublicKey) -> None:
    if not key.fits(token.algorithm):
        raise TokenRefused(Refusal.UNFIT_KEY)
    try:
        jwt.PyJWS().decode_complete(token.text, key=key.key, algorithms=[token.algorithm])
    except jwt.PyJWTError:
        raise TokenRefused(Refusal.SIGNATURE) from None


def _spellings(url: str, client: Client) -> set[str]:
    """The URL as it was called, and by switch with or without a slash at the end (A7)."""
    return {url, url.rstrip("/"), f"{url.rstrip('/')}/"} if client.audience_slash else {url}
