"""The database behind ``DATABASE_URL``: an SQLite file by default, PostgreSQL where it says so."""

from __future__ import annotations

import logging
from pathlib import Path
from typing import Any

from sqlalchemy import Engine, Table, create_engine, event, func, select
from sqlalchemy.engine import URL, make_url
from sqlalchemy.schema import CreateTable

_log = logging.getLogger(__name__)

_CONNECT_SECONDS = 2
_MAKING_TABLES = 7_106_391  # any number, the same in every worker


def open_database(url: str, *, durable: bool = True, patience_ms: int = 5000) -> Engine:
    """An engine for ``url``; the folder of an SQLite file is made.

    :param durable: whether a commit must survive a loss of power, at the price of waiting for the disk.
    :param patience_ms: how long to wait for another writer of an SQLite file.
    """
    parsed = _with_driver(make_url(url))
    options: dict[str, Any] = {"pool_pre_ping": True, "hide_parameters": True}
    if parsed.get_backend_name() == "postgresql":
        options["connect_args"] = {"connect_timeout": _CONNECT_SECONDS}
    _make_directory(parsed)
    engine = create_engine(parsed, **options)
    if engine.dialect.name == "sqlite":
        synchronous = "full" if durable else "normal"
        _on_connect(
            engine, "journal_mode = wal", f"synchronous = {synchronous}", f"busy_timeout = {patience_ms}"
        )
    elif engine.dialect.name == "postgresql" and not durable:
        _on_connect(engine, "synchronous_commit = off", command="set")
    return engine


def make_table(engine: Engine, table: Table) -> None:
    """Several workers may start at once: each asks for the table, one makes it."""
    with engine.begin() as connection:
        if (
            engine.dialect.name == "postgresql"
        ):  # where "if not exists" alone is no protection against another
            connection.execute(select(func.pg_advisory_xact_lock(_MAKING_TABLES)))
        connection.execute(CreateTable(table, if_not_exists=True))


def folder_of(url: str) -> Path:
    """Where the service keeps files: beside an SQLite database, else under ``instance``."""
    parsed = make_url(url)
    is_file = parsed.get_backend_name() == "sqlite" and parsed.database not in (None, "", ":memory:")
    return Path(parsed.database or "").parent if is_file else Path("instance")


def _with_driver(url: URL) -> URL:
    """PostgreSQL is spoken with psycopg, however the URL spells it."""
    if url.drivername in ("postgres", "postgresql"):
        return url.set(drivername="postgresql+psycopg")
    return url


def _make_directory(url: URL) -> None:
    if url.get_backend_name() == "sqlite" and url.database and url.database != ":memory:":
        try:
            Path(url.database).parent.mkdir(parents=True, exist_ok=True)
        except OSError as error:  # cards must still go out; feedback will say 503
            _log.error("no directory for the database: %s", type(error).__qualname__)


def _on_connect(engine: Engine, *settings: str, command: str = "pragma") -> None:
    def tune(connection: Any, record: object) -> None:
        cursor = connection.cursor()
        for setting in settings:
            cursor.execute(f"{command} {setting}")
        cursor.close()
        if command == "set":
            connection.commit()  # a setting made in a transaction is lost with it

    event.listen(engine, "connect", tune)
