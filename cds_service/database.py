"""The database behind ``DATABASE_URL``: an SQLite file by default, PostgreSQL where it says so."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Mapping, Sequence
from contextlib import suppress
from pathlib import Path
from typing import Any

from sqlalchemy import Connection, Engine, StaticPool, Table, create_engine, event
from sqlalchemy.dialects import sqlite
from sqlalchemy.engine import URL, make_url

_log = logging.getLogger(__name__)

_CONNECT_SECONDS = 2
_SILENT_MS = 5000
_POOL: dict[str, Any] = {"pool_size": 5, "max_overflow": 5, "pool_timeout": 3}
_READER_CACHE_KB = 256
"""By itself SQLite keeps 2 MB for each connection; the system keeps the file in memory anyway."""


def open_database(url: str, *, durable: bool = True, patience_ms: int = 5000) -> Engine:
    """An engine for ``url``; the folder of an SQLite file is made.

    A transaction that will write asks for it at once with ``execution_options(immediate=True)``:
    in an SQLite file it then waits for other writers instead of failing on the way.

    :param durable: whether a commit must survive a loss of power, at the price of waiting for the disk.
    :param patience_ms: how long to wait for another writer of an SQLite file.
    """
    parsed = _with_driver(make_url(url))
    options: dict[str, Any] = {"hide_parameters": True}
    if parsed.get_backend_name() == "postgresql":
        options["pool_pre_ping"] = True  # a server may have gone away meanwhile, a file does not
        options["connect_args"] = {"connect_timeout": _CONNECT_SECONDS, "tcp_user_timeout": _SILENT_MS}
    _make_directory(parsed)
    if is_in_memory(url):  # one database, whichever thread asks
        options |= {"poolclass": StaticPool, "connect_args": {"check_same_thread": False}}
    else:
        options |= _POOL
    engine = create_engine(parsed, **options)
    if engine.dialect.name == "sqlite":
        synchronous = "full" if durable else "normal"
        _on_connect(
            engine, f"busy_timeout = {patience_ms}", "journal_mode = wal", f"synchronous = {synchronous}"
        )
        _begin_ourselves(engine)
    elif engine.dialect.name == "postgresql" and not durable:
        _on_connect(engine, "synchronous_commit = off", command="set")
    return engine


class FileReader:
    """Asks an SQLite file with one call of the driver, on connections of its own.

    The pool's book-keeping costs ten times what a small question does, and every answer asks one.
    """

    def __init__(self, engine: Engine) -> None:
        self._engine = engine
        self._idle: deque[Any] = deque()
        event.listen(engine, "engine_disposed", lambda engine: self._let_go())  # a fork's child does so too

    def rows(self, question: str, parameters: Mapping[str, Any]) -> list[Any]:
        """All rows, as tuples. Raises the driver's errors."""
        try:
            connection = self._idle.pop()
        except IndexError:
            connection = self._open()
        rows: list[Any] = connection.execute(question, parameters).fetchall()
        self._idle.append(connection)  # not after an error: the next one is fresh
        return rows

    def _open(self) -> Any:
        pooled = self._engine.raw_connection()
        connection: Any = pooled.driver_connection
        pooled.detach()
        connection.execute(f"pragma cache_size = -{_READER_CACHE_KB}")
        return connection

    def _let_go(self) -> None:
        with suppress(IndexError):  # two threads may close the same store
            while True:
                self._idle.pop().close()


def close_what_comes_back(engine: Engine) -> None:
    """From now on no connection is kept: a thread that was late may hand one back after the end."""
    event.listen(engine, "checkin", lambda connection, record: record.invalidate())


def insert_missing(connection: Connection, table: Table, rows: Sequence[Mapping[str, Any]]) -> None:
    """Insert ``rows``, but those whose key is there already, also by a transaction of this moment."""
    if rows:
        connection.execute(_inserting(connection.dialect.name)(table).on_conflict_do_nothing(), list(rows))


def _inserting(dialect: str) -> Any:
    if dialect == "sqlite":
        return sqlite.insert
    from sqlalchemy.dialects import postgresql  # whoever has a file does not wait for it

    return postgresql.insert


def kind_of(error: BaseException) -> str:
    """The kind of a failure for the log, with the driver's own; not its words, which may quote values."""
    told, cause = type(error).__qualname__, getattr(error, "orig", None)
    own = getattr(cause, "sqlite_errorname", None) or (type(cause).__qualname__ if cause else told)
    return told if own == told else f"{told} ({own})"


def takes_changes(connection: Connection) -> bool:
    """Whether the database answers and may be written: a standby of PostgreSQL answers questions alone."""
    if connection.dialect.name == "postgresql":
        return bool(connection.exec_driver_sql("show transaction_read_only").scalar() == "off")
    return bool(connection.exec_driver_sql("select 1").scalar())


def is_in_memory(url: str) -> bool:
    """Whether ``url`` is an SQLite database that ends with the process."""
    parsed = make_url(url)
    return parsed.get_backend_name() == "sqlite" and parsed.database in (None, "", ":memory:")


def is_file(url: str) -> bool:
    """Whether ``url`` is an SQLite database on disk."""
    return make_url(url).get_backend_name() == "sqlite" and not is_in_memory(url)


def folder_of(url: str) -> Path:
    """Where the service keeps files: beside an SQLite database, else under ``instance``."""
    return Path(make_url(url).database or "").parent if is_file(url) else Path("instance")


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


def _begin_ourselves(engine: Engine) -> None:
    """Transactions of SQLite as they are asked for: the driver would open none for a table or a reading."""

    def leave_it(connection: Any, record: object) -> None:
        connection.isolation_level = None

    def begin(connection: Connection) -> None:
        immediate = connection.get_execution_options().get("immediate")
        connection.exec_driver_sql("BEGIN IMMEDIATE" if immediate else "BEGIN")

    event.listen(engine, "connect", leave_it)
    event.listen(engine, "begin", begin)
