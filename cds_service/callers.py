"""Who may call: the settings turned into the authentication of the routes.

Outside development nobody may unless registered in ``CLIENTS_FILE``; in
development everybody may, and a token that does not hold is only logged.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from pathlib import Path

import flask

from cds_service.cds_hooks.authentication import (
    Authenticator,
    Caller,
    Client,
    Clients,
    ClientsFile,
    KeyRing,
    Refusal,
    TokenIds,
    TokenRefused,
)
from cds_service.cds_hooks.authentication.keys import Fetch
from cds_service.outbound import ANYWHERE, Reach, read_document
from cds_service.settings import Settings

_log = logging.getLogger(__name__)


def registered_clients(settings: Settings) -> Callable[[], Clients]:
    """The clients in force, read anew when the file changes. Raises ``ValueError`` when it cannot be read."""
    if settings.clients_file is None:
        return Clients
    return ClientsFile(Path(settings.clients_file), development=settings.development).current


def authentication(
    settings: Settings,
    clients: Callable[[], Clients],
    fetch_keys: Fetch,
    token_ids: TokenIds,
    admit: Callable[[str, int], None] | None = None,
    on_refusal: Callable[[Refusal], None] = lambda reason: None,
    now: Callable[[], float] = time.time,
) -> Callable[[flask.Request], Caller | None]:
    """What the routes ask for each call; ``now`` is in seconds since 1970.

    :param admit: counts a call of the client so named, of which so many a minute are allowed, or refuses it.
    """
    authenticator = Authenticator(
        clients=clients,
        keys=KeyRing(fetch_keys),
        token_ids=token_ids,
        refuse_test_keys=not settings.development,
        now=now,
    )

    def authenticate(request: flask.Request) -> Caller | None:
        header = request.headers.get("Authorization")
        if header is None and settings.development:
            return None
        try:
            caller = authenticator.caller(header, url_invoked(request, settings))
        except TokenRefused as refused:
            if settings.development:
                if header and refused.client:
                    _log.warning(
                        "token of %s would be refused outside development: %s", refused.client, refused.reason
                    )
                return None
            on_refusal(refused.reason)
            raise
        flask.g.client, flask.g.tenant = caller.client.id, caller.tenant
        if admit is not None and caller.client.rate_limit is not None:
            admit(caller.client.id, caller.client.rate_limit)
        return caller

    return authenticate


class _NoneUsed:
    """For a look at a token that leaves it as it was."""

    def is_first_use(self, client: str, jti: str, now: float, expires: float) -> bool:
        return True


def judging(settings: Settings, clients: Callable[[], Clients], fetch_keys: Fetch) -> Authenticator:
    """Judges tokens as the routes do, whether used before or not, and uses none up."""
    return Authenticator(clients, KeyRing(fetch_keys), _NoneUsed(), refuse_test_keys=not settings.development)


def url_invoked(request: flask.Request, settings: Settings) -> str | None:
    """The URL of this call as the outside sees it (A7).

    The host a client names is believed only from a trusted proxy or in
    development: else a token for another service would serve here.
    """
    if settings.public_url:
        return settings.public_url.rstrip("/") + request.path
    if settings.trusted_proxies or settings.development:
        return request.base_url
    return None


def say_who_may_call(settings: Settings, clients: Clients) -> None:
    """At the start: an operator must not learn of a closed or half-open door from an EHR."""
    if settings.development:
        _log.warning("CDS_ENVIRONMENT is development: every call is answered, registered or not")
        return
    if not len(clients):
        _log.warning("no client is registered: every call is refused (CLIENTS_FILE names the registry)")
        return
    _log.info("%d clients registered: %s", len(clients), ", ".join(client.id for client in clients))
    if settings.public_url is None and not settings.trusted_proxies:
        without = [client.id for client in clients if not client.audience]
        if without:
            _log.error(
                "calls of %s are refused: neither PUBLIC_URL nor TRUSTED_PROXIES says which URL they invoke",
                ", ".join(without),
            )


def key_reader(settings: Settings, release: str) -> Fetch:
    """How the key sets of clients are read: from where their registration says, and nowhere else."""

    def fetch(client: Client, url: str) -> bytes:
        reach = ANYWHERE if settings.development else Reach.of(client.private_networks)
        return read_document(url, reach, user_agent=f"ldn-cds/{release}", verify=settings.verify)

    return fetch
