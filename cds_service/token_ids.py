"""Tokens that were used already, so that none serves twice (conformance A11).

Kept in Redis where there is one, else in the database. When neither answers, the
memory of this process takes over: cards still go out, and it is said.
"""

from __future__ import annotations

import logging
import math
from collections.abc import Callable

from sqlalchemy import delete, insert
from sqlalchemy.exc import IntegrityError, SQLAlchemyError

from cds_service.cds_hooks.authentication import MemoryTokenIds, TokenIds, digest
from cds_service.database import open_database
from cds_service.settings import Settings
from cds_service.store.migrating import migrate
from cds_service.store.schema import token_ids

_log = logging.getLogger(__name__)

_PURGE_EVERY = 1000
_PATIENCE = 0.2
_REST = 1.0


class DatabaseTokenIds:
    """The tokens all workers and replicas have seen, in the database."""

    def __init__(self, url: str) -> None:
        # a token lives for minutes: one lost with the power is not worth waiting for the disk
        self.engine = open_database(url, durable=False, patience_ms=int(_PATIENCE * 1000))
        self._ready = False
        self._until_purge = _PURGE_EVERY

    def is_first_use(self, client: str, jti: str, now: float, expires: float) -> bool:
        """Remember the token until ``expires``. Raises ``OSError`` when the database does not answer."""
        try:
            if not self._ready:
                migrate(self.engine)
                self._ready = True
            with self.engine.execution_options(immediate=True).begin() as connection:
                row = {"digest": digest(client, jti), "expires": math.ceil(expires)}
                connection.execute(insert(token_ids).values(**row))
            self._purge(now)
        except IntegrityError:
            return False
        except SQLAlchemyError as error:
            raise OSError(type(error).__name__) from error
        return True

    def _purge(self, now: float) -> None:
        self._until_purge -= 1
        if self._until_purge <= 0:
            self._until_purge = _PURGE_EVERY
            with self.engine.execution_options(immediate=True).begin() as connection:
                connection.execute(delete(token_ids).where(token_ids.c.expires < now))


class SharedTokenIds:
    """Memory first, then what is shared; without the latter, memory alone."""

    def __init__(
        self,
        shared: TokenIds,
        on_failure: Callable[[], None] = lambda: None,
    ) -> None:
        self._memory, self._shared = MemoryTokenIds(), shared
        self._on_failure = on_failure
        self._rests_until = 0.0

    def is_first_use(self, client: str, jti: str, now: float, expires: float) -> bool:
        """Whether no worker saw the token; while the shared store is silent, whether this one did not."""
        if not self._memory.is_first_use(client, jti, now, expires):
            return False
        if now < self._rests_until:
            self._on_failure()
            return True
        try:
            return self._shared.is_first_use(client, jti, now, expires)
        except OSError as error:
            self._rests_until = now + _REST
            self._on_failure()
            _log.error("replay protection is down to the memory of one process: %s", error)
            return True


def shared_token_ids(settings: Settings) -> TokenIds:
    """Where the tokens of all workers are kept."""
    if settings.redis_url:
        from cds_service.redis_token_ids import RedisTokenIds  # a tenth of a second that others save

        return RedisTokenIds(settings.redis_url)
    return DatabaseTokenIds(settings.database_url)
