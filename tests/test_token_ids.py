"""Tokens serve once: in every store, over processes, and while a store is down."""

from __future__ import annotations

import logging
import multiprocessing
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from sqlalchemy import func, select

from cds_service.cds_hooks.authentication import TokenIds
from cds_service.redis_token_ids import RedisTokenIds
from cds_service.settings import Settings
from cds_service.token_ids import (
    DatabaseTokenIds,
    MemoryTokenIds,
    SharedTokenIds,
    shared_token_ids,
    token_ids,
)
from tests.conftest import new_database
from tests.servers import free_port, redis_server

NOW = 1_800_000_000.0


@pytest.fixture(autouse=True)
def patience(monkeypatch: pytest.MonkeyPatch) -> None:
    """A busy machine must not make a database look slow."""
    monkeypatch.setattr("cds_service.token_ids._PATIENCE", 30)


@pytest.fixture(
    params=[
        "memory",
        "sqlite",
        pytest.param("postgresql", marks=pytest.mark.postgresql),
        pytest.param("redis", marks=pytest.mark.redis),
    ]
)
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[TokenIds]:
    if request.param == "memory":
        yield MemoryTokenIds()
    elif request.param == "sqlite":
        yield DatabaseTokenIds(f"sqlite:///{tmp_path}/test.sqlite3")
    elif request.param == "redis":
        with redis_server(tmp_path) as url:
            yield RedisTokenIds(url)
    else:
        ids = DatabaseTokenIds(new_database(request.getfixturevalue("postgresql")))
        yield ids
        ids.engine.dispose()


def test_a_token_serves_once(store: TokenIds) -> None:
    assert store.is_first_use("general", "a", NOW, NOW + 300)
    assert not store.is_first_use("general", "a", NOW + 1, NOW + 300)
    assert store.is_first_use("general", "b", NOW, NOW + 300)
    assert store.is_first_use("other", "a", NOW, NOW + 300)  # another client may use the same id


def test_of_many_at_once_one_is_the_first(store: TokenIds) -> None:
    assert store.is_first_use("general", "before", NOW, NOW + 300)  # there are tables now
    with ThreadPoolExecutor(8) as pool:
        first = list(pool.map(lambda _: store.is_first_use("general", "a", NOW, NOW + 300), range(40)))
    assert sum(first) == 1


def test_memory_forgets_what_has_expired() -> None:
    store = MemoryTokenIds()
    assert store.is_first_use("general", "a", NOW, NOW + 300)
    assert store.is_first_use("general", "a", NOW + 300, NOW + 600)


def test_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds_service.cds_hooks.authentication.token_ids._MOST", 10)
    store = MemoryTokenIds()
    for number in range(100):
        assert store.is_first_use("general", str(number), NOW, NOW + number)
        assert len(store._expires) <= 10
    assert not store.is_first_use("general", "99", NOW, NOW + 99)


def test_the_database_forgets_what_has_expired(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds_service.token_ids._PURGE_EVERY", 5)
    store = DatabaseTokenIds(f"sqlite:///{tmp_path}/test.sqlite3")
    for number in range(12):
        store.is_first_use("general", str(number), NOW + 100 * number, NOW + 100 * number + 50)
    with store.engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(token_ids)) <= 3


def _use(url: str, answers: multiprocessing.Queue[bool]) -> None:
    store = DatabaseTokenIds(url)
    answers.put(store.is_first_use("general", "a", NOW, NOW + 300))


def test_a_token_serves_one_process_of_many(tmp_path: Path) -> None:
    context = multiprocessing.get_context("spawn")
    answers: multiprocessing.Queue[bool] = context.Queue()
    url = f"sqlite:///{tmp_path}/test.sqlite3"
    processes = [context.Process(target=_use, args=(url, answers)) for _ in range(4)]
    for process in processes:
        process.start()
    first = [answers.get(timeout=60) for _ in processes]
    for process in processes:
        process.join(10)
    assert sum(first) == 1


# --- when the store is down -----------------------------------------------------


class Down:
    def __init__(self) -> None:
        self.asked = 0
        self.is_down = True

    def is_first_use(self, client: str, jti: str, now: float, expires: float) -> bool:
        self.asked += 1
        if self.is_down:
            raise OSError("ConnectionError")
        return True


def test_without_the_store_the_process_still_refuses_what_it_saw(caplog: pytest.LogCaptureFixture) -> None:
    failures: list[int] = []
    down = Down()
    store = SharedTokenIds(down, lambda: failures.append(1))
    with caplog.at_level(logging.ERROR):
        assert store.is_first_use("general", "a", NOW, NOW + 300)
    assert not store.is_first_use("general", "a", NOW, NOW + 300)
    assert store.is_first_use("general", "b", NOW + 0.5, NOW + 300)
    assert (down.asked, len(failures)) == (1, 2)  # a store that is down is left alone for a second
    assert "memory of one process" in caplog.text
    down.is_down = False
    assert store.is_first_use("general", "c", NOW + 2, NOW + 300)
    assert not store.is_first_use("general", "a", NOW + 2, NOW + 300)  # seen while the store was down
    assert (down.asked, len(failures)) == (2, 2)


@pytest.mark.parametrize(
    "url", ["redis://127.0.0.1:{port}/0", "postgresql://x@127.0.0.1:{port}/x", "sqlite:////dev/null/x"]
)
def test_a_store_that_cannot_be_reached_is_an_os_error(url: str) -> None:
    url = url.replace("{port}", str(free_port()))
    settings = Settings(redis_url=url) if url.startswith("redis") else Settings(database_url=url)
    with pytest.raises(OSError):
        shared_token_ids(settings).is_first_use("general", "a", NOW, NOW + 300)


@pytest.mark.redis
def test_redis_that_goes_and_comes_back(tmp_path: Path) -> None:
    port = free_port()
    with redis_server(tmp_path, port) as url:
        store = SharedTokenIds(RedisTokenIds(url))
        assert store.is_first_use("general", "a", NOW, NOW + 300)
    assert not store.is_first_use("general", "a", NOW, NOW + 300)
    assert store.is_first_use("general", "b", NOW, NOW + 300)
    with redis_server(tmp_path, port):
        assert not store.is_first_use("general", "b", NOW + 5, NOW + 300)
        assert store.is_first_use("general", "c", NOW + 5, NOW + 300)
        other = SharedTokenIds(RedisTokenIds(url))
        assert not other.is_first_use("general", "c", NOW + 5, NOW + 300)
