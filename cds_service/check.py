"""Would the service start, and whom would it answer? (``ldn-cds check``)

Reads the settings of the environment like the service itself, says what is wrong and
what a reviewer of security will ask for.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import Literal, NamedTuple
from uuid import uuid4

import msgspec

from cds_service.callers import key_reader, registered_clients
from cds_service.cds_hooks.authentication import Client, Clients
from cds_service.cds_hooks.authentication.keys import read_key_set
from cds_service.fhir.origins import belongs
from cds_service.fhir_server import read_capabilities
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.review import review_state
from cds_service.release import VERSION
from cds_service.settings import Settings, load_settings
from cds_service.site import is_signed, load_knowledge
from cds_service.store import Store
from cds_service.token_ids import shared_token_ids

Level = Literal["ok", "note", "error"]


class Result(NamedTuple):
    """One line of the report."""

    level: Level
    words: str
    is_away: bool = False
    """What does not answer, rather than what is set wrongly."""


def report(
    *,
    keys: bool = False,
    fhir_server: str | None = None,
    on_step: Callable[[str], None] = lambda words: None,
) -> Iterator[Result]:
    """What there is to say of the configuration; the one, the other over the network.

    :param keys: read the clients' key sets.
    :param fhir_server: an EHR whose capability statement is read.
    :param on_step: hears what is looked at next.
    """
    try:
        settings = load_settings()
        clients = registered_clients(settings)()
        clinical, knowledge = load_knowledge(settings)
    except (ValueError, OSError) as error:
        yield Result("error", str(error))
        return
    yield Result("ok", f"settings: {settings.cds_environment}")
    yield from _door(settings, clients)
    for client in clients:
        yield from _client(client, settings)
        if keys:
            on_step(f"keys of {client.id}")
            yield _keys(client, settings)
    yield Result("ok", f"knowledge {knowledge}, label region {clinical.label.region}")
    yield _review(settings, clinical)
    on_step("database")
    yield _database(settings)
    if settings.redis_url:
        on_step("Redis")
        yield _redis(settings)
    if fhir_server:
        on_step("capability statement")
        yield from _ehr(fhir_server, clients, settings.verify)


def _database(settings: Settings) -> Result:
    try:
        with Store(settings) as store:
            is_up = store.is_up()
    except ValueError as error:
        return Result("error", str(error))
    if is_up:
        return Result("ok", "database: up")
    words = "database: does not answer or takes no changes; feedback would get 503"
    return Result("error", words, is_away=True)


def _redis(settings: Settings) -> Result:
    """Remembers a token that nobody has sent, for a second."""
    try:
        shared_token_ids(settings).is_first_use("ldn-cds check", str(uuid4()), 0.0, 1.0)
    except OSError as error:
        words = f"Redis: does not answer ({error}); a token would serve once in each process"
        return Result("error", words, is_away=True)
    return Result("ok", "Redis: up")


def _ehr(base: str, clients: Clients, verify: bool | str) -> Iterator[Result]:
    """Whether the EHR can be reached from here, and what it keeps of what is read."""
    try:
        found = read_capabilities(base, verify)
    except OSError as error:
        yield Result("error", f"{base}: {error}", is_away=True)
        return
    yield Result(
        "ok", f"{base}: {found.software or 'FHIR server'}, FHIR {found.version or 'of unknown version'}"
    )
    if lacking := found.lacking():
        yield Result("note", f"{base}: does not say that it keeps {', '.join(lacking)}")
    if len(clients) and not any(belongs(base, client.fhir_servers) for client in clients):
        yield Result(
            "note", f"{base}: in no client's fhir_servers, so requests that name it are not followed"
        )


def _review(settings: Settings, clinical: Clinical) -> Result:
    """How many rows and figures nobody has signed, and whether that keeps the service from answering."""
    state = review_state(clinical.review.reviewer)
    words = f"clinical content: {state.words()}"
    if not is_signed(settings, clinical):
        how = "name a reviewer in [review] of SITE_FILE, or set ALLOW_UNREVIEWED=true"
        return Result("error", f"{words}; every call is refused: {how}")
    return Result("ok" if state.reviewed else "note", words)


def _door(settings: Settings, clients: Clients) -> Iterator[Result]:
    if settings.development:
        yield Result("note", "development: every call is answered, registered or not")
    elif not len(clients):
        yield Result("error", "no client is registered (CLIENTS_FILE): every call is refused")
    if not settings.development and not settings.protect_discovery:
        yield Result("note", "discovery is open to all (PROTECT_DISCOVERY)")


def _client(client: Client, settings: Settings) -> Iterator[Result]:
    source = client.jwks_url or client.jwks_file
    yield Result("ok", f"client {client.id}: {client.iss}, {'/'.join(client.algorithms)}, keys from {source}")
    has_url = settings.public_url or settings.trusted_proxies or settings.development
    if not has_url and not client.audience:
        yield Result("error", f"client {client.id}: refused, neither PUBLIC_URL nor TRUSTED_PROXIES is set")
    if not client.fhir_servers:
        yield Result("note", f"client {client.id}: no fhir_servers, so only prefetch is read")
    for base in client.fhir_servers:
        if not belongs(base, [base]):
            words = (
                f"client {client.id}: no fhirServer fits {base}: leave out '%', ';', '//' and dot segments, "
            )
            yield Result("error", words + "end the host without a dot, write it in ASCII (xn--)")
    if client.private_networks:
        networks = ", ".join(client.private_networks)
        yield Result("note", f"client {client.id}: its servers may be in {networks}")


def _keys(client: Client, settings: Settings) -> Result:
    try:
        if client.jwks_url:
            published = msgspec.json.decode(key_reader(settings, VERSION)(client, client.jwks_url))
        else:
            published = client.jwks
        found = read_key_set(published)
    except (OSError, ValueError) as error:
        words = f"client {client.id}: keys not to be had: {error}"
        return Result("error", words, is_away=isinstance(error, OSError))
    usable = [key.id for key in found.values() if any(key.fits(name) for name in client.algorithms)]
    if not usable:
        return Result("error", f"client {client.id}: none of {len(found)} keys fits its algorithms")
    return Result("ok", f"client {client.id}: keys {', '.join(usable)}")
