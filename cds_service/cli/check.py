"""``ldn-cds check``: the configuration, before an EHR finds out."""

from __future__ import annotations

import click

from cds_service.check import report


@click.command()
@click.option("--keys", is_flag=True, help="Read the clients' key sets over the network too.")
@click.pass_context
def check(context: click.Context, keys: bool) -> None:
    """Would the service start, whom would it answer, and what is missing?

    Ends with 1 when a call would be refused or fail for want of configuration.
    """
    results = list(report(keys=keys))
    for level, words in results:
        click.echo(f"{level:5}  {words}")
    context.exit(int(any(result.level == "error" for result in results)))
