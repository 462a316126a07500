"""Used tokens in Redis, where there is one; see :mod:`cds_service.token_ids`."""

from __future__ import annotations

import math

import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from cds_service.cds_hooks.authentication import digest

_PATIENCE = 0.2


class RedisTokenIds:
    """The tokens all workers and replicas have seen, in Redis."""

    def __init__(self, url: str) -> None:
        self._redis = redis.Redis.from_url(
            url, socket_timeout=_PATIENCE, socket_connect_timeout=_PATIENCE, retry=Retry(NoBackoff(), 0)
        )

    def is_first_use(self, client: str, jti: str, now: float, expires: float) -> bool:
        """Remember the token until ``expires``. Raises ``OSError`` when Redis does not answer."""
        life = max(1, math.ceil(expires - now))
        try:
            return bool(self._redis.set(f"ldn-cds:jti:{digest(client, jti)}", 1, nx=True, ex=life))
        except redis.RedisError as error:
            raise OSError(type(error).__name__) from error
