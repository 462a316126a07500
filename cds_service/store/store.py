"""The parts of the store, put together for one application."""

from __future__ import annotations

import logging
import time
import weakref
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache, partial
from pathlib import Path
from typing import Any, Self

import msgspec
from sqlalchemy import Connection, Engine, Select
from sqlalchemy.dialects import sqlite
from sqlalchemy.exc import DBAPIError, SQLAlchemyError
from sqlalchemy.exc import TimeoutError as PoolTimeout

from cds_service.cds_hooks import CallContext, FeedbackItem, RefusedItem, Service
from cds_service.database import (
    FileReader,
    close_what_comes_back,
    folder_of,
    is_file,
    is_in_memory,
    kind_of,
    open_database,
    takes_changes,
)
from cds_service.errors import Unavailable
from cds_service.keyed_hashes import keyed_hash
from cds_service.metrics import Metrics
from cds_service.settings import Settings
from cds_service.store.card_ids import CardIds
from cds_service.store.comments import Comments
from cds_service.store.feedback import keep, refusals
from cds_service.store.journal import Journal, seconds_behind
from cds_service.store.keys import StoreKey
from cds_service.store.loading import Loader, load_overridden
from cds_service.store.migrating import migrate
from cds_service.store.retention import Limits, purge
from cds_service.store.served import ServedCard

_log = logging.getLogger(__name__)

_SAY_EVERY = 60.0
_REST = 1.0
_RETRY_AFTER = 5
_PURGE_EVERY = 3600.0
_LAST_SECONDS = 3.0
_encoder = msgspec.json.Encoder()


class Store:
    """What was shown and what was done with it, behind ``DATABASE_URL``; see :mod:`cds_service.store`."""

    def __init__(self, settings: Settings, metrics: Metrics | None = None) -> None:
        """Raises ``ValueError`` when a setting does not fit; asks neither disk nor database."""
        self._metrics = metrics or Metrics()
        self.comments = Comments.from_settings(settings)
        self.engine = open_database(settings.database_url)
        driver_error: type[Exception] = self.engine.dialect.loaded_dbapi.Error
        self._no_answer = (DBAPIError, driver_error, PoolTimeout, OSError)
        self._file = FileReader(self.engine) if is_file(settings.database_url) else None
        self._records = settings.record_cards and not is_in_memory(settings.database_url)
        folder = settings.journal_dir or folder_of(settings.database_url) / "journal"
        self.journal = Journal(Path(folder))
        self.key = StoreKey(self.engine, self.journal.folder, settings.store_key)
        self.ids = CardIds(self.key)
        self._tables = _Tables(self.engine, self.key)
        self._loader = Loader(
            self.engine,
            self.journal,
            prepare=self._tables.make_ready,
            on_loaded=self._metrics.journal_loaded.inc,
            on_lost=self._metrics.journal_lost.inc,
            housekeeping=partial(_Housekeeping(settings).run, self.engine),
        )
        weakref.finalize(self, self._loader.stop)  # the loader knows the parts, not the store
        self._said = 0.0
        self._rests_until = 0.0

    def start(self) -> None:
        """Make the tables ready and load what earlier processes left; a database that is down is said."""
        try:
            self.prepare()
        except (SQLAlchemyError, OSError) as error:
            _log.error("the database does not answer: %s", kind_of(error))
        if self._records:
            self._loader.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *error: object) -> None:
        self.close()

    def close(self) -> None:
        """Load what there is and let go of everything."""
        self._loader.stop()
        self._loader.join(_LAST_SECONDS)
        self.journal.cut()
        close_what_comes_back(self.engine)
        self.engine.dispose()

    def prepare(self) -> None:
        """Tables and key, once. Raises ``SQLAlchemyError`` or ``OSError``."""
        self._tables.make_ready()

    # --- cards served -------------------------------------------------------------

    def hash(self, kind: str, *parts: str) -> str:
        """A keyed hash of ``parts``, of another kind than that of other things (32 hexadecimal digits)."""
        return keyed_hash(self.key(), kind, *parts)

    def subject(self, client: str, tenant: str, patient_id: str) -> str:
        """What stands for a patient; the same id at another tenant is another patient."""
        return self.hash("patient", client, tenant, patient_id)

    def record(self, served: Sequence[ServedCard]) -> None:
        """Write down what goes out, before it does. Never raises: a disk that refuses is counted and said."""
        if not self._records or not served:
            return
        try:
            self.journal.append(_encoder.encode_lines(served))
            self._metrics.journal_written.inc(len(served))
        except OSError as error:
            self._metrics.journal_refused.inc(len(served))
            self._loader.hold(served)
            self._say(error)
        self._loader.wake()

    def _say(self, error: OSError) -> None:
        """Once a minute; the counters have the rest."""
        if time.monotonic() > self._said + _SAY_EVERY:
            self._said = time.monotonic()
            words = error.strerror or type(error).__name__
            _log.error("the journal cannot be written (%s): cards served are held in memory", words)

    # --- feedback -------------------------------------------------------------

    def keep(
        self, service: Service, items: Sequence[FeedbackItem], call: CallContext
    ) -> Sequence[RefusedItem]:
        """A feedback sink: commits what is of this client and returns what is not.

        Raises :class:`~cds_service.errors.Unavailable` when nothing could be committed.
        """
        items = [_in_lower_case(item) for item in items]
        with self.writing() as connection:
            refused = refusals(connection, self.ids, items, call)
            indices = {item.index for item in refused}
            kept = [item for item in items if item.index not in indices]
            keep(connection, service, kept, call, self.comments.closed)
            overridden = {item.card for item in kept if item.outcome == "overridden"}
            if self._records and overridden:
                load_overridden(connection, self.journal.folder, overridden)
        self._metrics.take_feedback(kept, refused)
        return refused

    # --- the tables -----------------------------------------------------------

    @contextmanager
    def writing(self) -> Iterator[Connection]:
        """One transaction, on disk when this returns.

        Raises :class:`~cds_service.errors.Unavailable` when it cannot be committed.
        """
        try:
            self.prepare()
            with self.engine.execution_options(immediate=True).begin() as connection:
                yield connection
        except (DBAPIError, PoolTimeout, OSError) as error:
            _log.error("the store cannot be written: %s", kind_of(error))
            raise Unavailable("Nothing can be stored at the moment", retry_after=_RETRY_AFTER) from error

    @contextmanager
    def reading(self) -> Iterator[Connection]:
        """A connection to ask the tables with.

        Raises :class:`~cds_service.errors.Unavailable` when the database does not answer, and for a
        second after that without asking it: whoever answers a prescriber cannot wait each time.
        """
        self._require_rested()
        try:
            self.prepare()
            with self.engine.connect() as connection:
                yield connection
        except self._no_answer as error:
            raise self._rest(error) from error

    def has_rows(self, question: Select[Any], parameters: Mapping[str, str]) -> bool:
        """Whether ``question`` finds anything, asked in the shortest way. Raises as :meth:`reading` does."""
        self._require_rested()
        try:
            self.prepare()
            if self._file is not None:
                return bool(self._file.rows(_as_text(question), parameters))
            with self.engine.connect() as connection:
                return connection.execute(question, parameters).first() is not None
        except self._no_answer as error:
            raise self._rest(error) from error

    def _require_rested(self) -> None:
        if time.monotonic() < self._rests_until:
            raise _not_now()

    def _rest(self, error: Exception) -> Unavailable:
        """Leaves the database alone for a while; what is to be raised."""
        self._rests_until = time.monotonic() + _REST
        _log.error("the store cannot be read: %s", kind_of(error))
        return _not_now()

    def is_up(self) -> bool:
        """Whether the database answers, and takes what is to be kept."""
        try:
            self.prepare()
            with self.engine.connect() as connection:
                return takes_changes(connection)
        except (SQLAlchemyError, OSError):
            return False

    def seconds_behind(self) -> float:
        """How long the oldest card has waited for the database, at most."""
        return seconds_behind(self.journal.folder, time.time())

    def load(self) -> int:
        """Load what the journal holds now, as the loader does in time; returns how many cards came in."""
        return self._loader.load()


class _Tables:
    """The tables and the kept key, made ready by the first that needs them; a second does no harm."""

    def __init__(self, engine: Engine, key: StoreKey) -> None:
        self._engine, self._key = engine, key
        self._ready = False

    def make_ready(self) -> None:
        if not self._ready:
            self._key.recall()
            migrate(self._engine)
            self._key.settle()
            self._ready = True


class _Housekeeping:
    """Removes what is older than the settings say, once an hour at most."""

    def __init__(self, settings: Settings) -> None:
        self._days, self._comment_days = settings.store_days, settings.comment_days
        self._next = 0.0

    def run(self, engine: Engine) -> None:
        if time.monotonic() >= self._next:
            self._next = time.monotonic() + _PURGE_EVERY
            purge(engine, Limits.at(datetime.now(UTC), self._days, self._comment_days))


@cache
def _as_text(question: Select[Any]) -> str:
    """As SQLite's driver takes it, parameters by name."""
    return str(question.compile(dialect=sqlite.dialect(paramstyle="named")))


def _not_now() -> Unavailable:
    return Unavailable("The store does not answer at the moment", retry_after=_RETRY_AFTER)


def _in_lower_case(item: FeedbackItem) -> FeedbackItem:
    """Uuids may be sent back in capitals (RFC 9562)."""
    return replace(
        item,
        card=item.card.lower(),
        accepted_suggestions=tuple(suggestion.lower() for suggestion in item.accepted_suggestions),
    )
