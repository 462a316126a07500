"""Who asked what, when, and what was answered: one line for each decision, kept for a set time.

Patient and prescriber stand in it only as keyed hashes: with the key the record of a known
patient can be found, without it nobody can be told from it. Each process appends to a
file of its own a day, so that nothing waits and a killed process loses no line. Its name
has the host's: replicas that come and go share a folder, and any of them removes what is too old.
"""

from __future__ import annotations

import errno
import logging
import os
import socket
import threading
from collections.abc import Callable, Mapping
from datetime import UTC, date, datetime, timedelta
from pathlib import Path

import msgspec

from cds_service.keyed_hashes import is_uuid, kept_key, keyed_hash

_log = logging.getLogger(__name__)


class AuditTrail:
    """The records of this process, in ``folder``; files older than ``days`` days are removed."""

    def __init__(
        self,
        folder: Path,
        days: int,
        key: str | None = None,
        on_failure: Callable[[], None] = lambda: None,
        now: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._folder, self._days, self._now = folder, days, now
        self._key = key.encode() if key else None
        self._on_failure = on_failure
        self._lock = threading.Lock()
        self._open: tuple[date, int, int] | None = None

    def write(
        self, record: Mapping[str, object], *, patient: str, user: str | None, hook_instance: str
    ) -> None:
        """Append ``record``; a disk that refuses costs the record, never the answer, and is said.

        Patient and user are hashed, and so is a hook instance that is no UUID and may be anything.
        """
        try:
            hashed = {
                "hook_instance": hook_instance if is_uuid(hook_instance) else self.hash(hook_instance),
                "patient": self.hash(patient),
                "user": self.hash(user) if user else None,
            }
            now = self._now()
            moment = now.isoformat(timespec="milliseconds")
            line = msgspec.json.encode({"time": moment, **record, **hashed}) + b"\n"
            with self._lock:
                file = self._file(now.date())
                written = os.write(file, line)
                if written < len(line):  # a full disk: half a line would spoil the next
                    os.ftruncate(file, os.fstat(file).st_size - written)
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._on_failure()
            _log.error("audit record not written: %s", error.strerror or type(error).__name__)

    def hash(self, identifier: str) -> str:
        """What stands for a patient or prescriber (:func:`keyed_hash`). Raises ``OSError``."""
        if self._key is None:
            self._key = kept_key(self._folder)
        return keyed_hash(self._key, identifier)

    def _file(self, today: date) -> int:
        """The descriptor of the day's file of this process, a fork's own included."""
        process = os.getpid()
        if self._open is None or self._open[:2] != (today, process):
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            name = f"{today.isoformat()}-{socket.gethostname()}-{process}.jsonl"
            opened = os.open(self._folder / name, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o600)
            if self._open is not None:
                os.close(self._open[2])
            self._open = today, process, opened
            self._purge(today)
        return self._open[2]

    def _purge(self, today: date) -> None:
        oldest = (today - timedelta(days=self._days)).isoformat()
        for file in self._folder.glob("????-??-??-*.jsonl"):
            if file.name[:10] < oldest:
                file.unlink(missing_ok=True)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock:
            if self._open is not None:
                os.close(self._open[2])
                self._open = None
