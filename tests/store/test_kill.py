"""``make kill-test``, a short one: whatever is killed, nothing acknowledged is lost."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest

from benchmarks.kill import Ledger, compare, run, told
from cds_service.store.journal import Journal
from tests.store.conftest import MakeStore, said, served
from tests.store.test_feedback import keep
from tests.store.test_loading import encoded


@pytest.mark.parametrize("kind", ["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def test_nothing_acknowledged_is_lost(kind: str) -> None:
    ledger, faults = run(kind, seconds=5, seed=3, workers=2, clients=4, pause=0.8)
    assert faults == [], told(kind, ledger)
    assert len(ledger.shown) > 10
    assert len(ledger.kept) > 10
    assert sum(ledger.kills.values()) > 2


def test_what_is_lost_or_made_up_is_found(
    make_store: MakeStore, database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    store = make_store()
    settings = {"DATABASE_URL": database_url, "JOURNAL_DIR": str(tmp_path / "journal")}
    shown = served(store)
    keep(store, said(shown.card))
    assert compare(settings, Ledger()) == ["1 feedback there that nobody sent", "1 feedback without its card"]
    kept = (shown.card, "overridden", said(shown.card).outcome_timestamp, "")
    monkeypatch.setattr("benchmarks.kill.LOAD_S", 0.2)
    still_writing = Journal(store.journal.folder)
    still_writing.append(encoded(shown))
    assert compare(settings, Ledger(shown={shown.card}, sent={kept}, kept={kept})) == [
        "1 cards shown that are not there",
        "1 feedback without its card",
        "1 journal files left",
    ]
    still_writing.cut()
    lost = ("x", "overridden", datetime(2026, 1, 1, tzinfo=UTC), "")
    assert "1 acknowledged feedback that is not there" in compare(settings, Ledger(kept={lost}))
