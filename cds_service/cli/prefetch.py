"""``ldn-cds prefetch``: the prefetch templates, for EHRs into which they are typed by hand."""

from __future__ import annotations

import click

from cds_service.cli.terminal import print_json
from cds_service.fhir import standard_queries
from cds_service.sources import OBSERVATION_SEARCH


def templates(fhir_version: str) -> dict[str, str]:
    """Each prefetch key with its query, as discovery has them, in the terms of ``fhir_version``."""
    queries = standard_queries(fhir_version, OBSERVATION_SEARCH)
    return {query.key: query.search for query in queries}


@click.command()
@click.option(
    "--fhir-version",
    type=click.Choice(["R4", "STU3", "R5", "DSTU2"]),
    default="R4",
    show_default=True,
    help="What the EHR's FHIR server speaks.",
)
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def prefetch(fhir_version: str, as_json: bool) -> None:
    """Print the prefetch keys and queries of all our services.

    Discovery has them too; some EHRs do not read it. Keys may be renamed: what comes back is recognised
    by what it is. A list that is left out is read from the FHIR server where there is a token.
    """
    found = templates(fhir_version)
    if as_json:
        print_json(found)
        return
    width = max(map(len, found))
    for key, query in found.items():
        click.echo(f"{key:{width}}  {query}")
