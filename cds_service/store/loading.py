"""From the journal into the database, in the background.

One thread in each process that serves; it sleeps until a card was served, and looks now and then
for the files of processes that died. Each card comes in exactly once, because its uuid is the
primary key: what was loaded twice, by a loader that was killed in between, changes nothing.
"""

from __future__ import annotations

import atexit
import logging
import os
import threading
import time
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from weakref import WeakSet

import msgspec
from sqlalchemy import Connection, Engine, select
from sqlalchemy.exc import DataError, IntegrityError, SQLAlchemyError

from cds_service.database import insert_missing, kind_of
from cds_service.store.journal import Journal, claimed, journal_files, lines_about
from cds_service.store.schema import cards
from cds_service.store.served import ServedCard

_log = logging.getLogger(__name__)

_COLLECT = 0.5
"""Seconds for which cards are gathered before they are loaded together."""
_LOOK_AROUND = 30.0
"""Seconds between two looks for the files of dead processes."""
_LONGEST_PAUSE = 30.0
_BATCH = 500
_MOST_HELD = 10_000
_LAST_SECONDS = 3.0
_decoder = msgspec.json.Decoder(ServedCard)


class Loader:
    """Loads what ``journal``'s folder holds; ``prepare`` makes the tables ready or raises.

    ``on_loaded`` hears how many lines came in, ``on_lost`` how many cannot be read or taken;
    ``housekeeping`` is called after each look around.
    """

    def __init__(
        self,
        engine: Engine,
        journal: Journal,
        prepare: Callable[[], object] = lambda: None,
        on_loaded: Callable[[int], object] = lambda number: None,
        on_lost: Callable[[int], object] = lambda number: None,
        housekeeping: Callable[[], object] = lambda: None,
    ) -> None:
        self._engine, self._journal, self._prepare = engine, journal, prepare
        self._on_loaded, self._on_lost, self._housekeeping = on_loaded, on_lost, housekeeping
        self._thread: threading.Thread | None = None
        self._starting, self._loading = threading.Lock(), threading.Lock()
        self._wake, self._stopped = threading.Event(), threading.Event()
        self._held: deque[ServedCard] = deque(maxlen=_MOST_HELD)
        _LOADERS.add(self)

    # --- the thread -----------------------------------------------------------

    def wake(self) -> None:
        """There is something to load. Starts the thread if this process has none."""
        if not self._wake.is_set():
            self._wake.set()
        if self._thread is None:
            self.start()

    def hold(self, served: Sequence[ServedCard]) -> None:
        """Keep in memory what the journal's disk refuses; of too many, the oldest are lost."""
        if (lost := len(self._held) + len(served) - _MOST_HELD) > 0:
            self._lose("more cards than memory is set aside for", lost)
        self._held.extend(served)

    def start(self) -> None:
        """Load from now on, beginning with what earlier processes have left."""
        with self._starting:
            if self._thread is None and not self._stopped.is_set():
                self._wake.set()
                self._thread = threading.Thread(target=self._run, name="journal-loader", daemon=True)
                self._thread.start()

    def stop(self) -> None:
        """Load what there is, and end; does not wait for it."""
        self._stopped.set()
        self._wake.set()

    def join(self, seconds: float) -> None:
        """Wait for the end after :meth:`stop`."""
        if self._thread is not None:
            self._thread.join(seconds)

    @property
    def is_running(self) -> bool:
        """Whether this process has its thread."""
        return self._thread is not None and self._thread.is_alive()

    def after_fork(self) -> None:
        """In a child: it has no thread yet, and the parent's file is not its own."""
        stopped = self._stopped.is_set()
        self._thread, self._wake, self._stopped = None, threading.Event(), threading.Event()
        if stopped:
            self._stopped.set()
        self._starting, self._loading = threading.Lock(), threading.Lock()
        self._journal.forget()
        self._engine.dispose(close=False)

    def _run(self) -> None:
        pause = _COLLECT
        while not self._stopped.is_set():
            self._wake.wait(_LOOK_AROUND)
            self._stopped.wait(pause)
            self._wake.clear()
            pause = _COLLECT if self._try() else min(2 * pause, _LONGEST_PAUSE)

    def _try(self) -> bool:
        try:
            self.load()
            self._housekeeping()
        except (SQLAlchemyError, OSError) as error:
            _log.error("cards served wait in the journal: %s", kind_of(error))
            self._wake.set()
            return False
        return True

    # --- the work -------------------------------------------------------------

    def load(self) -> int:
        """Load every complete file, this process's own included; returns how many lines came in.

        When it returns, all that this process had recorded before is in the database. Raises
        ``SQLAlchemyError`` or ``OSError``; what is not loaded stays.
        """
        with self._loading:
            return self._load()

    def _load(self) -> int:
        self._prepare()
        self._load_held()
        if not journal_files(self._journal.folder):
            return 0
        with self._engine.connect():
            self._journal.cut()  # not before the database answers, else there is a file for each attempt
        loaded = 0
        for path in journal_files(self._journal.folder):
            with claimed(path) as file:
                if file is not None:
                    loaded += self._load_file(file)
                    path.unlink()
        return loaded

    def _load_held(self) -> None:
        while self._held:
            first = list(islice(self._held, _BATCH))
            self._insert(first)
            for _ in first:  # only now: whoever is interrupted here loads them twice, which changes nothing
                self._held.popleft()

    def _load_file(self, descriptor: int) -> int:
        loaded = 0
        with open(descriptor, "rb", closefd=False) as file:
            while lines := list(islice(file, _BATCH)):
                served = list(self._read(lines))
                self._insert(served)
                loaded += len(served)
        return loaded

    def _read(self, lines: Iterable[bytes]) -> Iterator[ServedCard]:
        for line in lines:
            try:
                yield _decoder.decode(line)
            except msgspec.MsgspecError:  # cut off by a crash: the answer it belongs to was never sent
                self._lose("a line of the journal cannot be read")

    def _insert(self, served: list[ServedCard]) -> None:
        rows = [msgspec.structs.asdict(card) for card in served]
        try:
            with self._engine.execution_options(immediate=True).begin() as connection:
                insert_missing(connection, cards, rows)
            self._on_loaded(len(rows))
        except (DataError, IntegrityError):  # one does not fit the table: the others must not wait for it
            if len(served) > 1:
                for card in served:
                    self._insert([card])
            else:
                self._lose("a card does not fit the table")

    def _lose(self, words: str, number: int = 1) -> None:
        self._on_lost(number)
        _log.error("not recorded: %s", words)


def load_overridden(connection: Connection, folder: Path, wanted: set[str]) -> None:
    """Bring in those of the cards that are still in a journal here, before the loader comes to them.

    What was just overridden must be known to the next answer; loading it again changes nothing.
    """
    known = connection.scalars(select(cards.c.card).where(cards.c.card.in_(wanted)))
    missing = wanted - set(known)
    lines = lines_about(folder, missing) if missing else ()
    served = [card for card in map(_decoder.decode, lines) if card.card in missing]
    insert_missing(connection, cards, [msgspec.structs.asdict(card) for card in served])


_LOADERS: WeakSet[Loader] = WeakSet()


def _finish() -> None:
    """At the end of the process: what was served last is loaded too, if the database is quick."""
    running = [loader for loader in _LOADERS if loader.is_running]
    for loader in running:
        loader.stop()
    end = time.monotonic() + _LAST_SECONDS
    for loader in running:
        loader.join(max(0.0, end - time.monotonic()))


def _after_fork() -> None:
    for loader in list(_LOADERS):
        loader.after_fork()


atexit.register(_finish)
os.register_at_fork(after_in_child=_after_fork)
