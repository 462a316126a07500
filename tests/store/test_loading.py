"""What is in the journal comes into the database once, whoever dies and whatever is down."""

from __future__ import annotations

import os
import threading
import time
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import event, func, select
from sqlalchemy.exc import DBAPIError, OperationalError

from cds_service.cds_hooks import ORDER_SIGN, CardsResponse, Service
from cds_service.errors import Unavailable
from cds_service.metrics import Metrics
from cds_service.settings import Settings
from cds_service.store import ServedCard, Store
from cds_service.store.journal import Journal, journal_files
from cds_service.store.schema import cards
from tests.servers import wait_for
from tests.store.conftest import NOW, MakeStore, call, said, served

SERVICE = Service("ldn-order-sign", ORDER_SIGN, "t", "d", lambda request, call: CardsResponse(cards=[]))


def in_database(store: Store) -> list[str]:
    with store.reading() as connection:
        return list(connection.scalars(select(cards.c.card).order_by(cards.c.card)))


def value(counter: Any) -> float:
    return float(counter._value.get())


def test_a_card_comes_in_with_all_that_is_known_of_it(store: Store) -> None:
    card = served(store, "general", "t1", knowledge="2026.1", version="0.1.0", order_hash="a" * 32)
    store.record([card])
    assert store.load() == 1
    with store.reading() as connection:
        (row,) = connection.execute(select(cards))
    assert ServedCard(**{**row._mapping, "suggestions": tuple(row.suggestions)}) == card
    assert row.shown == NOW
    assert journal_files(store.journal.folder) == []
    assert store.load() == 0


def test_the_loader_comes_by_itself(store: Store) -> None:
    made = [served(store) for _ in range(3)]
    for card in made:
        store.record([card])
    wait_for(lambda: len(in_database(store)) == 3)
    wait_for(lambda: store.seconds_behind() == 0)


def test_what_a_dead_process_left_is_loaded_at_the_next_start(make_store: MakeStore) -> None:
    dead = make_store()
    made = [served(dead) for _ in range(5)]
    left = Journal(dead.journal.folder)
    for card in made:
        left.append(encoded(card))
    left.cut()  # as the kernel does for a process that is gone
    alive = make_store()
    alive.start()
    wait_for(lambda: in_database(alive) == sorted(card.card for card in made))


def encoded(*made: ServedCard) -> bytes:
    import msgspec

    return msgspec.json.Encoder().encode_lines(made)


def test_a_loader_that_died_between_loading_and_removing_changes_nothing(store: Store) -> None:
    made = [served(store) for _ in range(3)]
    for _ in range(2):
        store.journal.append(encoded(*made))
        store.load()
    assert in_database(store) == sorted(card.card for card in made)


def test_many_loaders_at_once_bring_each_card_in_once(make_store: MakeStore) -> None:
    metrics = Metrics()
    workers = [make_store(metrics) for _ in range(4)]
    made = []
    for worker in workers:
        for _ in range(50):
            made.append(served(worker))
            worker.journal.append(encoded(made[-1]))
        worker.journal.cut()
    threads = [threading.Thread(target=worker.load) for worker in workers]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join(60)
    assert in_database(workers[0]) == sorted(card.card for card in made)
    assert value(metrics.journal_loaded) == 200


def test_a_line_cut_off_by_a_crash_costs_itself_alone(make_store: MakeStore) -> None:
    metrics = Metrics()
    store = make_store(metrics)
    made = [served(store), served(store)]
    store.journal.append(encoded(made[0]) + b"not json\n" + encoded(made[1])[:-1] + b"\n" + b'{"card": "tor')
    assert store.load() == 2
    assert in_database(store) == sorted(card.card for card in made)
    assert value(metrics.journal_lost) == 2


def test_a_card_that_does_not_fit_costs_itself_alone(make_store: MakeStore) -> None:
    metrics = Metrics()
    store = make_store(metrics)
    bad = served(store, client="a\x00b") if store.engine.dialect.name == "postgresql" else None
    made = [served(store) for _ in range(3)]
    store.journal.append(encoded(*([bad] if bad else []), *made))
    store.load()
    assert in_database(store) == sorted(card.card for card in made)
    assert value(metrics.journal_lost) == (1 if bad else 0)


_CLOSED = {"postgresql": "set transaction read only", "sqlite": "pragma query_only = on"}


def test_a_database_that_takes_no_changes_for_a_while_costs_no_card(make_store: MakeStore) -> None:
    """A standby after a failover: each card is refused, and none of them for what it is."""
    metrics = Metrics()
    store = make_store(metrics)
    is_closed = True

    @event.listens_for(store.engine, "begin")
    def close(connection: Any) -> None:
        if is_closed:
            connection.exec_driver_sql(_CLOSED[connection.dialect.name])

    made = [served(store) for _ in range(3)]
    store.journal.append(encoded(*made))
    with pytest.raises(DBAPIError):
        store.load()
    is_closed = False
    store.engine.dispose()
    assert store.load() == 3
    assert in_database(store) == sorted(card.card for card in made)
    assert value(metrics.journal_lost) == 0


def test_a_table_that_is_away_for_a_while_costs_no_card(make_store: MakeStore) -> None:
    metrics = Metrics()
    store = make_store(metrics)
    made = [served(store) for _ in range(2)]
    store.journal.append(encoded(*made))
    with store.engine.begin() as connection:
        connection.exec_driver_sql("alter table cards rename to elsewhere")
    with pytest.raises(DBAPIError):
        store.load()
    with store.engine.begin() as connection:
        connection.exec_driver_sql("alter table elsewhere rename to cards")
    assert store.load() == 2
    assert value(metrics.journal_lost) == 0


def test_the_log_tells_what_the_driver_calls_the_failure(
    make_store: MakeStore, caplog: pytest.LogCaptureFixture
) -> None:
    store = make_store()
    card = served(store)
    with store.engine.begin() as connection:
        connection.exec_driver_sql("alter table feedback rename to elsewhere")
    with pytest.raises(Unavailable):
        store.keep(SERVICE, [said(card.card)], call())
    with store.engine.begin() as connection:
        connection.exec_driver_sql("alter table elsewhere rename to feedback")
    driver = {
        "postgresql": "ProgrammingError (UndefinedTable)",
        "sqlite": "OperationalError (SQLITE_ERROR)",
    }[store.engine.dialect.name]
    assert caplog.messages[-1] == f"the store cannot be written: {driver}"


def test_a_standby_is_not_up(make_store: MakeStore) -> None:
    store = make_store()
    assert store.is_up()
    if store.engine.dialect.name == "sqlite":
        return

    @event.listens_for(store.engine, "begin")
    def close(connection: Any) -> None:
        connection.exec_driver_sql("set transaction read only")

    assert not store.is_up()


def test_while_the_database_is_down_one_file_grows(store: Store) -> None:
    store.prepare()
    down = True

    @event.listens_for(store.engine, "engine_connect")
    def refuse(connection: Any) -> None:
        if down:
            raise OperationalError("select", {}, Exception("down"))

    made = []
    for _ in range(5):
        made.append(served(store))
        store.journal.append(encoded(made[-1]))
        with pytest.raises(OperationalError):
            store.load()
    assert len(journal_files(store.journal.folder)) == 1
    assert store.seconds_behind() > 0
    down = False
    assert store.load() == 5
    assert in_database(store) == sorted(card.card for card in made)


def test_a_disk_that_refuses_costs_no_card(make_store: MakeStore, tmp_path: Path) -> None:
    metrics = Metrics()
    (tmp_path / "file").write_text("no folder")
    store = make_store(metrics, journal_dir=str(tmp_path / "file"))
    made = [served(store) for _ in range(3)]
    store.record(made)  # does not raise
    wait_for(lambda: len(in_database(store)) == 3)
    assert (value(metrics.journal_refused), value(metrics.journal_lost)) == (3, 0)


def test_memory_is_bounded_when_disk_and_database_refuse(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("cds_service.store.loading._MOST_HELD", 10)
    (tmp_path / "file").write_text("no folder")
    metrics = Metrics()
    nowhere = f"{tmp_path}/file"
    store = Store(Settings(database_url=f"sqlite:///{nowhere}/x.sqlite3", journal_dir=nowhere), metrics)
    for _ in range(8):
        store.record([served(store), served(store)])
    assert len(store._loader._held) == 10
    assert value(metrics.journal_lost) == 6
    store.close()


@pytest.mark.filterwarnings("ignore:This process:DeprecationWarning")  # Python 3.12 on threads and forks
def test_a_forked_child_has_a_loader_of_its_own(make_store: MakeStore) -> None:
    store = make_store()
    store.start()  # as with gunicorn --preload
    mine = served(store)
    store.record([mine])
    theirs = served(store)
    child = os.fork()
    if child == 0:
        store.record([theirs])
        end = time.monotonic() + 20
        while theirs.card not in in_database(store) and time.monotonic() < end:
            time.sleep(0.05)
        os._exit(0 if theirs.card in in_database(store) else 1)
    assert os.waitpid(child, 0)[1] == 0
    wait_for(lambda: in_database(store) == sorted([mine.card, theirs.card]))


def test_nothing_is_recorded_where_it_is_not_wanted(make_store: MakeStore) -> None:
    store = make_store(record_cards=False)
    store.record([served(store)])
    assert journal_files(store.journal.folder) == []
    assert not store._loader.is_running


def test_the_thread_ends_with_the_store(tmp_path: Path) -> None:
    store = Store(Settings(database_url=f"sqlite:///{tmp_path}/test.sqlite3"))
    store.start()
    thread = store._loader._thread
    assert thread is not None
    del store
    wait_for(lambda: not thread.is_alive())


def test_a_loader_that_outlives_its_store_leaves_no_connection(
    make_store: MakeStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    """On a busy machine the last load may take longer than whoever closes the store waits for it."""
    monkeypatch.setattr("cds_service.store.store._LAST_SECONDS", 0)
    store, go_on = make_store(), threading.Event()
    store.start()
    wait_for(lambda: store._loader.is_running)
    opened: list[object] = []
    closed: list[object] = []
    event.listen(store.engine, "connect", lambda connection, record: opened.append(connection))
    event.listen(store.engine, "close", lambda connection, record: closed.append(connection))
    event.listen(store.engine, "checkout", lambda *given: go_on.wait(20) and None)
    store.record([served(store)])
    store.close()
    go_on.set()
    store._loader.join(20)
    assert not store._loader.is_running
    assert opened
    assert {id(connection) for connection in opened} <= {id(connection) for connection in closed}


def test_a_database_in_memory_has_no_journal() -> None:
    store = Store(Settings(database_url="sqlite://"))
    store.start()
    store.record([served(store)])
    assert not store._loader.is_running
    with store.reading() as connection:
        assert connection.scalar(select(func.count()).select_from(cards)) == 0
