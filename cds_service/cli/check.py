"""``ldn-cds check``: the configuration, before an EHR finds out."""

from __future__ import annotations

import click

from cds_service.check import report
from cds_service.cli.progress import progress
from cds_service.cli.terminal import HttpUrl, print_json


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

    Ends with 1 when a call would be refused or fail for want of configuration, or an EHR cannot be reached.
    """
    with progress("settings and knowledge", hidden=as_json) as told:
        results = list(report(keys=keys, fhir_server=fhir_server, on_step=told))
    if as_json:
        print_json([result._asdict() for result in results])
    else:
        for level, words in results:
            click.echo(f"{level:5}  {words}")
    raise SystemExit(int(any(result.level == "error" for result in results)))
