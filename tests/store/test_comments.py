"""Comments are dropped, or closed to all without the key."""

from __future__ import annotations

from datetime import timedelta

import pytest
from cryptography.fernet import Fernet
from sqlalchemy import select

from cds_service.settings import Settings, load_settings
from cds_service.store import Comments, Store
from cds_service.store.comments import read_comments, renew_comments
from cds_service.store.schema import feedback
from tests.store.conftest import NOW, MakeStore, said, served
from tests.store.test_feedback import keep

FIRST, SECOND, LOST = (Fernet.generate_key().decode() for _ in range(3))
WORDS = "stopped last week, planted Jane"


def kept(store: Store) -> str | None:
    with store.reading() as connection:
        return connection.scalar(select(feedback.c.comment))


def test_they_are_dropped_unless_wanted(make_store: MakeStore) -> None:
    for settings in ({}, {"comment_keys": (FIRST,)}):
        store = make_store(**settings)
        keep(store, said(store.ids.card("", ""), user_comment=WORDS))
        assert kept(store) is None


def test_they_are_kept_closed_and_opened_with_any_key(make_store: MakeStore) -> None:
    store = make_store(comments="encrypt", comment_keys=(FIRST,))
    shown = served(store, "general")
    keep(store, said(shown.card, user_comment=WORDS), client="general")
    store.record([shown])
    store.load()
    closed = kept(store)
    assert closed
    assert "Jane" not in closed
    with store.reading() as connection:
        (line,) = read_comments(connection, Comments((SECOND, FIRST)), NOW - timedelta(days=10_000))
        assert (line["comment"], line["topic"], line["client"]) == (WORDS, "opioid-coprescription", "general")
        (line,) = read_comments(connection, Comments((LOST,)), NOW - timedelta(days=10_000))
        assert line["comment"] is None


def test_a_key_is_replaced(make_store: MakeStore) -> None:
    store = make_store(comments="encrypt", comment_keys=(FIRST,))
    keep(store, said(store.ids.card("", ""), user_comment=WORDS))
    with store.writing() as connection:
        assert renew_comments(connection, Comments((SECOND, FIRST))) == (1, 0)
    assert Comments((SECOND,)).opened(kept(store) or "") == WORDS
    with store.writing() as connection:
        assert renew_comments(connection, Comments((LOST,))) == (0, 1)
    assert Comments((SECOND,)).opened(kept(store) or "") == WORDS


def test_a_very_long_one_is_cut() -> None:
    comments = Comments((FIRST,))
    assert comments.opened(comments.closed("x" * 100_000) or "") == "x" * 4000


def test_keys_that_do_not_fit_stop_the_start() -> None:
    with pytest.raises(ValueError, match="COMMENT_KEYS are Fernet keys"):
        Store(Settings(comments="encrypt", comment_keys=("short",), database_url="sqlite://"))
    with pytest.raises(ValueError, match="COMMENTS=encrypt needs COMMENT_KEYS"):
        Store(load_settings({"COMMENTS": "encrypt", "DATABASE_URL": "sqlite://"}))
    assert load_settings({"COMMENT_KEYS": f"{FIRST}, {SECOND}"}).comment_keys == (FIRST, SECOND)
