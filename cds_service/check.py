"""``python -m cds_service.check``: would the service start, and whom would it answer?

Reads the settings of the environment like the service itself, says what is wrong and
what a reviewer of security will ask for. Ends with 1 when a call would be refused
or fail for want of configuration.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, NamedTuple

import msgspec

from cds_service import __version__, is_signed
from cds_service.callers import key_reader, registered_clients
from cds_service.cds_hooks.authentication import Client, Clients
from cds_service.cds_hooks.authentication.keys import read_key_set
from cds_service.fhir.origins import belongs
from cds_service.knowledge.clinical import Clinical, load_clinical
from cds_service.knowledge.review import review_state
from cds_service.settings import Settings, load_settings
from cds_service.store import Store

Level = Literal["ok", "note", "error"]


class Result(NamedTuple):
    """One line of the report."""

    level: Level
    words: str


def main(arguments: list[str] | None = None) -> int:
    """Print the report; 1 when it holds an error."""
    parser = argparse.ArgumentParser(prog="python -m cds_service.check", description=__doc__.splitlines()[0])
    parser.add_argument("--keys", action="store_true", help="read the clients' key sets over the network too")
    options = parser.parse_args(arguments)
    results = list(report(keys=options.keys))
    for level, words in results:
        print(f"{level:5}  {words}")
    return int(any(result.level == "error" for result in results))


def report(*, keys: bool = False) -> Iterator[Result]:
    """What there is to say of the configuration; ``keys`` reads key sets over the network."""
    try:
        settings = load_settings()
        clients = registered_clients(settings)()
        clinical = load_clinical(Path(settings.site_file) if settings.site_file else None)
    except (ValueError, OSError) as error:
        yield Result("error", str(error))
        return
    yield Result("ok", f"settings: {settings.cds_environment}")
    yield from _door(settings, clients)
    for client in clients:
        yield from _client(client, settings)
        if keys:
            yield _keys(client, settings)
    yield _review(settings, clinical)
    if Store(settings).is_up():
        yield Result("ok", "database: up")
    else:
        yield Result("error", "database: does not answer; feedback would get 503")


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
            published = msgspec.json.decode(key_reader(settings, __version__)(client, client.jwks_url))
        else:
            published = client.jwks
        found = read_key_set(published)
    except (OSError, ValueError) as error:
        return Result("error", f"client {client.id}: keys not to be had: {error}")
    usable = [key.id for key in found.values() if any(key.fits(name) for name in client.algorithms)]
    if not usable:
        return Result("error", f"client {client.id}: none of {len(found)} keys fits its algorithms")
    return Result("ok", f"client {client.id}: keys {', '.join(usable)}")


if __name__ == "__main__":
    sys.exit(main())
