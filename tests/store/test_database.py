"""The database behind the store: what its connections keep."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest

from cds_service.database import FileReader, close_what_comes_back, open_database

_SQLITES_OWN_KB = 2000


def test_each_connection_of_a_reader_keeps_little_memory(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/cards.sqlite3")
    try:
        ((pages,),) = FileReader(engine).rows("pragma cache_size", {})
    finally:
        engine.dispose()
    assert -_SQLITES_OWN_KB / 4 < pages < 0  # negative: kB, whatever the size of a page


def test_a_reader_asks_on_a_fresh_connection_after_an_error(tmp_path: Path) -> None:
    engine = open_database(f"sqlite:///{tmp_path}/cards.sqlite3")
    reader = FileReader(engine)
    try:
        with pytest.raises(sqlite3.Error):
            reader.rows("select nothing from nowhere", {})
        assert reader.rows("select 1", {}) == [(1,)]
    finally:
        engine.dispose()


def test_a_connection_that_comes_back_after_the_end_is_closed(database_url: str) -> None:
    engine = open_database(database_url)
    late = engine.connect()
    driven = late.connection.driver_connection
    close_what_comes_back(engine)
    engine.dispose()
    late.close()
    with pytest.raises(Exception, match="closed"):
        driven.cursor()  # type: ignore[union-attr]
