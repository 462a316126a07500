"""The journal: what was served, written before the answer goes out and loaded into the database later.

A database commit for each answer would cost a third of the whole request. So each process
appends lines to a file of its own, which survives ``kill -9`` since the kernel has them, and a
loader (:mod:`cds_service.store.loading`) takes them from there. It is not synchronised with the
disk: a loss of power can cost the last seconds of what was *shown*, never feedback.

A file is locked while its writer lives and writes to it. An unlocked file is complete: its
writer has moved on to another one, or is dead. Whoever locks it loads it, once, and removes it.
The folder must be on a local disk, where ``flock`` holds.
"""

from __future__ import annotations

import errno
import fcntl
import os
import threading
import time
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from uuid import uuid4

_SUFFIX = ".jsonl"


class Journal:
    """Where this process writes; its file is made with the first line, and is its own after a fork."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = threading.Lock()
        self._file: int | None = None

    def append(self, lines: bytes) -> None:
        """Write whole lines, all or none of them. Raises ``OSError`` when the disk refuses."""
        with self._lock:
            if self._file is None:
                self._file = _new_file(self.folder)
            written = os.write(self._file, lines)
            if written < len(lines):  # a full disk: half a line would spoil the next
                os.ftruncate(self._file, os.fstat(self._file).st_size - written)
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    def cut(self) -> None:
        """Let go of the file: it is complete, the next line begins another."""
        with self._lock:
            if self._file is not None:
                os.close(self._file)
                self._file = None

    def forget(self) -> None:
        """In a child after a fork: the file is the parent's."""
        self._lock = threading.Lock()
        file, self._file = self._file, None
        if file is not None:
            os.close(file)


def _new_file(folder: Path) -> int:
    """A locked file. A loader that came between making and locking has removed it: then another."""
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    while True:
        path = folder / f"{time.time_ns() // 1_000_000}-{os.getpid()}-{uuid4().hex[:8]}{_SUFFIX}"
        file = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | os.O_EXCL, 0o600)
        fcntl.flock(file, fcntl.LOCK_EX)
        if os.fstat(file).st_nlink:
            return file
        os.close(file)


def journal_files(folder: Path) -> list[Path]:
    """The files of all processes, oldest first, those still written to included."""
    try:
        return sorted(folder.glob(f"*-*-*{_SUFFIX}"))
    except OSError:
        return []


def seconds_behind(folder: Path, now: float) -> float:
    """How long the oldest line has waited for the database, at most; ``now`` in seconds since 1970."""
    files = journal_files(folder)
    return max(0.0, now - int(files[0].name.partition("-")[0]) / 1000) if files else 0.0


def lines_about(folder: Path, cards: Iterable[str]) -> Iterator[bytes]:
    """The lines that name any of ``cards``, also of files still written to, which are only looked at."""
    wanted = [card.encode() for card in cards]
    for path in journal_files(folder):
        try:
            lines = path.read_bytes().splitlines()
        except FileNotFoundError:  # loaded meanwhile
            continue
        yield from (line for line in lines if any(card in line for card in wanted))


@contextmanager
def claimed(path: Path) -> Iterator[int | None]:
    """A descriptor of a complete file that nobody else loads meanwhile; ``None`` of any other."""
    try:
        file = os.open(path, os.O_RDONLY)
    except FileNotFoundError:
        yield None
        return
    try:
        yield file if _is_free(file) else None
    finally:
        os.close(file)


def _is_free(file: int) -> bool:
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    return os.fstat(file).st_nlink > 0  # else somebody has loaded it just now
