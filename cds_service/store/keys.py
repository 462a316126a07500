"""The key of the store: card ids are proved and patients hashed with it, by all replicas alike.

It is the operator's (``STORE_KEY``), else one that is made once and kept: beside an SQLite file, or
in the database that the replicas share. Until the latter answers for the first time, a process
works with a key of the moment: its cards are known as soon as they are in the database.
"""

from __future__ import annotations

from hashlib import sha256

from sqlalchemy import Engine, select

from cds_service.database import folder_of, insert_missing, is_in_memory
from cds_service.keyed_hashes import kept_key, new_key
from cds_service.store.schema import store_keys

_FILE = "store.key"
_NAME = "store"


def _of_one_length(given: bytes) -> bytes:
    return sha256(given).digest()


class StoreKey:
    """Calling it gives the key, and never waits."""

    def __init__(self, engine: Engine, given: str | None = None) -> None:
        self._engine = engine
        self._settled = given is not None
        self._key = _of_one_length((given or new_key()).encode())

    def __call__(self) -> bytes:
        return self._key

    def settle(self) -> None:
        """Take the key that is kept, once the tables are there. Raises ``SQLAlchemyError`` or ``OSError``."""
        if self._settled:
            return
        url = self._engine.url.render_as_string(hide_password=False)
        if self._engine.dialect.name != "sqlite":
            self._key = _of_one_length(self._shared().encode())
        elif not is_in_memory(url):
            self._key = _of_one_length(kept_key(folder_of(url), _FILE))
        self._settled = True

    def _shared(self) -> str:
        """The key in the database, made by whoever comes first."""
        with self._engine.begin() as connection:
            insert_missing(connection, store_keys, [{"name": _NAME, "value": new_key()}])
            return str(connection.scalar(select(store_keys.c.value).where(store_keys.c.name == _NAME)))
