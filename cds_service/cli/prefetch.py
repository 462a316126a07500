"""``ldn-cds prefetch``: the prefetch templates, for EHRs into which they are typed by hand."""

from __future__ import annotations

import click

from cds_service.cds_hooks import HOOKS, CallContext, CardsResponse, HookRequest, Service
from cds_service.cli.terminal import print_json
from cds_service.fhir import standard_queries
from cds_service.services import id_of, make_services
from cds_service.sources import OBSERVATION_SEARCH


def templates(fhir_version: str, service: Service | None = None) -> dict[str, str]:
    """Each prefetch key with its query, as discovery has them, in the terms of ``fhir_version``.

    :param service: of this one alone; else of all.
    """
    queries = standard_queries(fhir_version, OBSERVATION_SEARCH)
    return {query.key: query.search for query in queries if service is None or query.key in service.prefetch}


def _service(name: str) -> Service:
    return next(service for service in make_services(_nobody) if service.id == name)


def _nobody(request: HookRequest, call: CallContext) -> CardsResponse:
    raise AssertionError("described, not called")


@click.command()
@click.option(
    "--service", type=click.Choice(sorted(map(id_of, HOOKS.values()))), help="Of this service alone."
)
@click.option(
    "--fhir-version",
    type=click.Choice(["R4", "STU3", "R5", "DSTU2"]),
    default="R4",
    show_default=True,
    help="What the EHR's FHIR server speaks.",
)
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def prefetch(service: str | None, fhir_version: str, as_json: bool) -> None:
    """Print the prefetch keys and queries, of one service or those that all share.

    Discovery has them too; some EHRs do not read it. Keys may be renamed: what comes back is recognised
    by what it is. A list that is left out is read from the FHIR server where there is a token.
    """
    one = _service(service) if service else None
    found = templates(fhir_version, one)
    if as_json:
        print_json(found)
        return
    if one:
        click.echo(f"hook {one.hook.name}, called at /cds-services/{one.id}")
    width = max(map(len, found))
    for key, query in found.items():
        click.echo(f"{key:{width}}  {query}")
