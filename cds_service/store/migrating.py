"""Bringing a database to the tables of this release, whoever comes first.

A new database gets the tables at once; an older one goes through the steps in ``migrations``,
one made before there were any included. Several workers may start together: one does it, under
a lock, the others find it done.
"""

from __future__ import annotations

import logging
from pathlib import Path

from sqlalchemy import Column, Connection, Engine, MetaData, String, Table, func, insert, inspect, select

from cds_service.store.schema import REVISION, metadata

_log = logging.getLogger(__name__)

VERSION_TABLE = "ldn_cds_version"
"""Where the revision stands; a name of its own, since a database may be shared."""

_version = Table(VERSION_TABLE, MetaData(), Column("version_num", String(32), primary_key=True))
_MIGRATING = 7_106_391  # any number, the same in every worker


def migrate(engine: Engine) -> str | None:
    """Make or upgrade the tables; returns the revision that was found, ``None`` in a database without.

    A database of a newer release is left as it is: its steps only added. Raises
    ``SQLAlchemyError`` when the database does not answer or does not allow it.
    """
    with engine.connect() as connection:
        found = revision_of(connection)
    if found is None or found < REVISION:
        with engine.execution_options(immediate=True).begin() as connection:
            _wait_for_turn(connection)
            found = _bring_up(connection)
    elif found > REVISION:
        _log.warning("the database is of a newer release (%s, this one knows %s)", found, REVISION)
    return found


def revision_of(connection: Connection) -> str | None:
    """The last step that was taken."""
    if not inspect(connection).has_table(VERSION_TABLE):
        return None
    return connection.scalar(select(_version.c.version_num))


def _wait_for_turn(connection: Connection) -> None:
    """SQLite has locked the file by now; PostgreSQL asks for a lock until the end of the transaction."""
    if connection.dialect.name == "postgresql":
        connection.execute(select(func.pg_advisory_xact_lock(_MIGRATING)))


def _bring_up(connection: Connection) -> str | None:
    found = revision_of(connection)
    if found is not None and found >= REVISION:
        return found  # another worker was first
    if found is None and not _has_tables(connection):
        metadata.create_all(connection)
        _version.create(connection)
        connection.execute(insert(_version).values(version_num=REVISION))
    else:
        _take_steps(connection)
    _log.info("the database is at revision %s (was %s)", REVISION, found or "without one")
    return found


def _has_tables(connection: Connection) -> bool:
    """Whether an earlier release, which kept no revision, has made tables here."""
    return bool({"feedback", "token_ids"} & set(inspect(connection).get_table_names()))


def _take_steps(connection: Connection) -> None:
    from alembic import command  # a tenth of a second that only an upgrade pays
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(Path(__file__).parent / "migrations").replace("%", "%%"))
    config.attributes["connection"] = connection
    command.upgrade(config, "head")
