"""The key of the store: card ids are proved and patients hashed with it, by all replicas alike.

It is the operator's (``STORE_KEY``), else one that is made once and kept: beside an SQLite file, or
in the database that the replicas share. Of the latter each host has a copy beside its journal, so
that a service that starts while the database is down goes on with the same key; the first host of all
proposes its own.
"""

from __future__ import annotations

import logging
import os
from hashlib import sha256
from pathlib import Path

from sqlalchemy import Engine, select

from cds_service.database import folder_of, insert_missing, is_in_memory
from cds_service.keyed_hashes import kept_key, new_key
from cds_service.store.schema import store_keys

_log = logging.getLogger(__name__)

_FILE = "store.key"
_NAME = "store"


class StoreKey:
    """Calling it gives the key, 32 bytes, and never waits; one of the moment until :meth:`recall`."""

    def __init__(self, engine: Engine, journal: Path, given: str | None = None) -> None:
        url = engine.url.render_as_string(hide_password=False)
        self._engine = engine
        self._folder = folder_of(url) if engine.dialect.name == "sqlite" else journal
        self._is_kept = given is None and not is_in_memory(url)
        self._take((given or new_key()).encode())

    def __call__(self) -> bytes:
        return self._key

    def recall(self) -> None:
        """Take the key that this host keeps, made if there is none; one of the moment if it cannot be."""
        try:
            if self._is_kept:
                self._take(kept_key(self._folder, _FILE))
        except OSError as error:
            _log.error("the key of card ids cannot be kept: %s", error.strerror or type(error).__name__)

    def settle(self) -> None:
        """Take the key that the replicas share, once there are tables. Raises ``SQLAlchemyError``."""
        if self._is_kept and self._engine.dialect.name != "sqlite":
            shared = self._shared()
            if shared != self._text:
                self._take(shared)
                self._keep()

    def _take(self, text: bytes) -> None:
        self._text, self._key = text, sha256(text).digest()

    def _shared(self) -> bytes:
        """The key in the database; ours, if it has none."""
        with self._engine.begin() as connection:
            insert_missing(connection, store_keys, [{"name": _NAME, "value": self._text.decode()}])
            value = connection.scalar(select(store_keys.c.value).where(store_keys.c.name == _NAME))
        return str(value).encode()

    def _keep(self) -> None:
        """In place of the one that this host had."""
        made = self._folder / f"{_FILE}.{os.getpid()}"
        try:
            made.touch(mode=0o600)
            made.write_bytes(self._text)
            made.replace(self._folder / _FILE)
        except OSError as error:  # only a start without the database will miss it
            _log.error("the key of card ids cannot be kept: %s", error.strerror or type(error).__name__)
