"""``ldn-cds expand``: a value set of a terminology server, into the site's knowledge."""

from __future__ import annotations

from pathlib import Path

import click

from cds_service.cli.progress import progress
from cds_service.cli.terminal import MISUSED, REFUSED, UNREACHABLE, HttpUrl, fail
from cds_service.knowledge.expand import ExpansionError, save
from cds_service.knowledge.expand import expand as expanded
from cds_service.knowledge.site_files import meant_by


@click.command()
@click.option(
    "--server", type=HttpUrl(), required=True, metavar="URL", help="Base URL of the FHIR terminology server."
)
@click.option("--value-set", required=True, metavar="CANONICAL", help="Canonical URL of the value set.")
@click.option("--as", "kind", required=True, metavar="KIND", help="What its codes mean: meaning-pregnant, …")
@click.option("--into", type=Path, required=True, metavar="FOLDER", help="Folder of the site's knowledge.")
def expand(server: str, value_set: str, kind: str, into: Path) -> None:
    """Fetch a value set from a FHIR terminology server into the folder of the site's knowledge.

    The service reads the folder (KNOWLEDGE_DIR) at its next start. A server that asks for it gets the
    Authorization header in the environment variable TERMINOLOGY_AUTHORIZATION.

    Ends with 1 when the server gives no complete expansion, with 3 when it cannot be reached.
    """
    try:
        meant_by(kind)
    except ValueError as error:
        fail(str(error), MISUSED)
    try:
        with progress("waiting for the server") as told:
            found = expanded(server, value_set, on_page=lambda codes, of: told(f"{codes} codes", codes, of))
        path = save(found, kind, into)
    except ExpansionError as error:
        is_away = isinstance(error.__cause__, OSError) and not isinstance(error.__cause__, ValueError)
        fail(str(error), UNREACHABLE if is_away else REFUSED)  # of a ValueError: it answered, but no JSON
    except ValueError as error:
        fail(str(error))
    except OSError as error:
        fail(f"{into}: {error.strerror or error}", MISUSED)
    click.echo(f"{path}: {found['expansion']['total']} codes")
