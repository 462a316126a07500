"""``ldn-cds migrate``: the tables of this release, before its workers start."""

from __future__ import annotations

import click
from sqlalchemy.exc import SQLAlchemyError

from cds_service.cli.configured import configured
from cds_service.cli.progress import progress
from cds_service.cli.terminal import UNREACHABLE, fail
from cds_service.database import open_database
from cds_service.store.migrating import migrate as bring_up
from cds_service.store.schema import REVISION


@click.command()
def migrate() -> None:
    """Make or upgrade the tables of DATABASE_URL.

    The service does so by itself when it starts; this is for a job that runs before, with rights that
    the service need not have. Ends with 3 when the database does not answer or refuses.
    """
    engine = open_database(configured().database_url)
    try:
        with progress("making the tables, or waiting for others to"):
            found = bring_up(engine)
    except SQLAlchemyError as error:
        fail(f"not migrated: {type(error).__name__}: {_first_line(error)}", UNREACHABLE)
    finally:
        engine.dispose()
    if found is not None and found >= REVISION:
        click.echo(f"nothing to do: the database is at revision {found}")
    else:
        click.echo(f"now at revision {REVISION} (was {found or 'without one'})")


def _first_line(error: Exception) -> str:
    return (str(error).splitlines() or [""])[0]
