"""Tables come into being once, from nothing or from any earlier state, and nothing is lost."""

from __future__ import annotations

import os
from concurrent.futures import ThreadPoolExecutor
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import pytest
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Engine, func, inspect, select, text
from sqlalchemy.exc import DBAPIError

from cds_service.database import open_database
from cds_service.store import migrating
from cds_service.store.migrating import VERSION_TABLE, migrate, revision_of
from cds_service.store.schema import REVISION, feedback, metadata, token_ids
from cds_service.token_ids import DatabaseTokenIds

OLD_FEEDBACK = """
CREATE TABLE feedback (
    card VARCHAR(64) NOT NULL, outcome VARCHAR(16) NOT NULL, outcome_timestamp {moment} NOT NULL,
    suggestion VARCHAR(64) DEFAULT '' NOT NULL, service VARCHAR(64) NOT NULL,
    client VARCHAR(200) DEFAULT '' NOT NULL, reason_system VARCHAR(200), reason_code VARCHAR(200),
    received {moment} NOT NULL,
    CONSTRAINT feedback_once UNIQUE (client, card, outcome, outcome_timestamp, suggestion)
)
"""
OLD_TOKEN_IDS = "CREATE TABLE token_ids (digest VARCHAR(64) NOT NULL PRIMARY KEY, expires BIGINT NOT NULL)"
OLD_ROW = """
INSERT INTO feedback VALUES ('c1', 'overridden', '2026-11-22 15:01:02.500000', '', 'ldn-order-sign',
                             'general', 's', 'done', '2026-11-22 15:01:03.000000')
"""


@pytest.fixture
def engine(database_url: str) -> Any:
    engine = open_database(database_url)
    yield engine
    engine.dispose()


def differences(engine: Engine) -> list[Any]:
    """Between the tables that are there and those the code expects."""
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"version_table": VERSION_TABLE})
        return list(compare_metadata(context, metadata))


def run(engine: Engine, *statements: str) -> None:
    moment = "DATETIME" if engine.dialect.name == "sqlite" else "TIMESTAMP WITHOUT TIME ZONE"
    with engine.begin() as connection:
        for statement in statements:
            connection.execute(text(statement.format(moment=moment)))


def test_the_newest_step_is_named_in_the_schema() -> None:
    folder = Path(migrating.__file__).parent / "migrations"
    assert ScriptDirectory(str(folder)).get_heads() == [REVISION]


def test_a_new_database(engine: Engine) -> None:
    assert migrate(engine) is None
    assert differences(engine) == []
    assert migrate(engine) == REVISION


@pytest.mark.parametrize(
    "statements", [[OLD_FEEDBACK, OLD_ROW, OLD_TOKEN_IDS], [OLD_FEEDBACK, OLD_ROW], [OLD_TOKEN_IDS]]
)
def test_what_was_there_before_migrations_is_taken_over(engine: Engine, statements: list[str]) -> None:
    run(
        engine,
        *statements,
        *(["INSERT INTO token_ids VALUES ('d', 1)"] if OLD_TOKEN_IDS in statements else []),
    )
    migrate(engine)
    assert differences(engine) == []
    with engine.connect() as connection:
        assert revision_of(connection) == REVISION
        rows = connection.execute(select(feedback)).all()
        tokens = connection.scalar(select(func.count()).select_from(token_ids))
    assert tokens == (OLD_TOKEN_IDS in statements)
    assert [(r.card, r.client, r.tenant, r.reason_code, r.comment) for r in rows] == (
        [("c1", "general", "", "done", None)] if OLD_ROW in statements else []
    )
    assert [row.outcome_timestamp.isoformat() for row in rows] == (
        ["2026-11-22T15:01:02.500000+00:00"] if OLD_ROW in statements else []
    )


def test_every_step_leads_to_the_same_tables(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(
        migrating, "_has_tables", lambda connection: True
    )  # so that a new one takes the steps
    migrate(engine)
    assert differences(engine) == []


def test_a_step_that_fails_leaves_everything_as_it_was(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    run(engine, OLD_FEEDBACK, OLD_ROW, "CREATE TABLE store_keys (x INTEGER)")  # the last thing step 2 makes
    with pytest.raises(DBAPIError, match="store_keys"):
        migrate(engine)
    assert set(inspect(engine).get_table_names()) == {"feedback", "store_keys"}
    run(engine, "DROP TABLE store_keys")
    migrate(engine)
    assert differences(engine) == []


def test_a_newer_database_is_left_alone(engine: Engine) -> None:
    migrate(engine)
    run(engine, f"UPDATE {VERSION_TABLE} SET version_num = '9999'")
    assert migrate(engine) == "9999"


def _start(url: str, barrier: Any) -> None:
    barrier.wait(60)
    engine = open_database(url)
    migrate(engine)
    assert DatabaseTokenIds(url).is_first_use("general", str(os.getpid()), 0, 1)
    assert differences(engine) == []


@pytest.mark.parametrize("before", [(), (OLD_FEEDBACK, OLD_ROW)], ids=["new", "old"])
def test_workers_that_start_at_once(engine: Engine, before: tuple[str, ...]) -> None:
    run(engine, *before)
    context = get_context("forkserver")  # one of them pays for the imports
    context.set_forkserver_preload(["tests.store.test_migrating"])
    barrier = context.Barrier(6)
    url = engine.url.render_as_string(hide_password=False)
    workers = [context.Process(target=_start, args=(url, barrier)) for _ in range(6)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join(90)
    assert [worker.exitcode for worker in workers] == [0] * 6
    with engine.connect() as connection:
        assert connection.scalar(select(func.count()).select_from(feedback)) == len(before) // 2
        assert connection.scalar(select(func.count()).select_from(token_ids)) == 6


def test_threads_that_start_at_once(engine: Engine) -> None:
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda _: migrate(engine), range(8)))
    assert differences(engine) == []
