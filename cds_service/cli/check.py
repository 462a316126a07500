"""``ldn-cds check``: the configuration, before an EHR finds out."""

from __future__ import annotations

import click

from cds_service.check import report
from cds_service.cli.progress import progress
from cds_service.cli.terminal import REFUSED, UNREACHABLE, HttpUrl, print_json


@click.command()
@click.option("--keys", is_flag=True, help="Read the clients' key sets over the network too.")
@click.option(
    "--fhir-server",
    type=HttpUrl(),
    metavar="URL",
    help="Read this EHR's capability statement (URL/metadata) too.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the report as JSON.")
def check(keys: bool, fhir_server: str | None, as_json: bool) -> None:
    """Would the service start, whom would it answer, and what is missing?

    Reads settings, the registry of clients, the knowledge with what nobody has reviewed, and the database.

    Ends with 1 when a call would be refused or fail for want of configuration, with 3 when nothing is wrong
    but that the database, Redis or a server that was to be asked does not answer.
    """
    with progress("settings and knowledge", hidden=as_json) as told:
        results = list(report(keys=keys, fhir_server=fhir_server, on_step=told))
    if as_json:
        print_json([{"level": result.level, "words": result.words} for result in results])
    else:
        for result in results:
            click.echo(f"{result.level:5}  {result.words}")
    errors = [result for result in results if result.level == "error"]
    if errors:
        raise SystemExit(UNREACHABLE if all(error.is_away for error in errors) else REFUSED)
