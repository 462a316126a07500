"""All replicas have one key, also those that start while the database is down."""

from __future__ import annotations

import logging
from pathlib import Path

import pytest

from cds_service.settings import Settings
from cds_service.store import Store
from tests.conftest import new_database
from tests.servers import free_port
from tests.store.conftest import MakeStore


def down(tmp_path: Path) -> Store:
    """A store of this host whose database does not answer."""
    url = f"postgresql://x@127.0.0.1:{free_port()}/x"
    store = Store(Settings(database_url=url, journal_dir=str(tmp_path / "journal"), record_cards=False))
    store.start()
    return store


def test_workers_have_one_key(make_store: MakeStore) -> None:
    assert make_store().key() == make_store().key()


@pytest.mark.postgresql
def test_hosts_share_that_of_the_database(postgresql: str, tmp_path: Path) -> None:
    url = new_database(postgresql)
    keys = set()
    for host in ("a", "b"):
        with Store(Settings(database_url=url, journal_dir=str(tmp_path / host))) as store:
            store.prepare()
            keys.add(store.key())
    assert len(keys) == 1
    assert (tmp_path / "a/store.key").read_bytes() == (tmp_path / "b/store.key").read_bytes()
    assert (tmp_path / "b/store.key").stat().st_mode & 0o777 == 0o600


@pytest.mark.postgresql
def test_a_start_without_the_database_goes_on_with_the_key_of_before(postgresql: str, tmp_path: Path) -> None:
    with Store(
        Settings(database_url=new_database(postgresql), journal_dir=str(tmp_path / "journal"))
    ) as store:
        store.prepare()
        assert down(tmp_path).key() == store.key()


@pytest.mark.postgresql
def test_the_first_host_proposes_its_own(postgresql: str, tmp_path: Path) -> None:
    before = down(tmp_path)
    card = before.ids.card("general", "")
    with Store(
        Settings(database_url=new_database(postgresql), journal_dir=str(tmp_path / "journal"))
    ) as store:
        store.prepare()
        assert store.ids.is_card_of(card, "general", "")


def test_the_operator_s_key_is_the_key(make_store: MakeStore, tmp_path: Path) -> None:
    store = make_store(store_key="given")
    assert store.key() == make_store(store_key="given").key() != make_store().key()


def test_a_folder_that_takes_no_key_is_said(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    (tmp_path / "journal").write_text("no folder")
    with caplog.at_level(logging.ERROR):
        down(tmp_path).ids.card("", "")
    assert "the key of card ids cannot be kept" in caplog.text
