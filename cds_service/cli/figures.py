"""``ldn-cds figures``: the clinical figures in force at a site."""

from __future__ import annotations

from pathlib import Path

import click

from cds_service.cli.terminal import MISUSED, fail, print_json
from cds_service.knowledge.effective import effective, line


@click.command()
@click.option(
    "--site",
    type=Path,
    envvar="SITE_FILE",
    metavar="FILE",
    help="The site's TOML file; SITE_FILE by default.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def figures(site: Path | None, as_json: bool) -> None:
    """Print every clinical figure in force; those of the site's file beside the shipped ones.

    Ends with 1 when the site's file does not fit.
    """
    try:
        found = effective(site)
    except ValueError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{site}: {error.strerror or error}", MISUSED)
    if as_json:
        print_json(
            [{"name": f.name, "value": f.value, "shipped": f.shipped, "ofSite": f.of_site} for f in found]
        )
        return
    for figure in found:
        click.echo(line(figure, site))
    changed = sum(figure.of_site for figure in found)
    click.echo(f"{len(found)} figures, {changed} of them from a site's file")
