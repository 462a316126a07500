"""The numbers, exactly, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_service.database import insert_missing
from cds_service.reports import make_report
from cds_service.reports.counting import count, count_reasons
from cds_service.settings import Settings
from cds_service.store import Store
from cds_service.store.schema import cards, feedback

MONDAY = datetime(2026, 11, 2, 9, 0, tzinfo=UTC)
SINCE, UNTIL = MONDAY - timedelta(days=1), MONDAY + timedelta(days=21)


@pytest.fixture
def store(database_url: str, tmp_path: Path) -> Iterator[Store]:
    with Store(Settings(database_url=database_url, journal_dir=str(tmp_path / "journal"))) as store:
        store.prepare()
        yield store


def card(number: int, **values: Any) -> dict[str, Any]:
    return {
        "card": f"card-{number}", "suggestions": [], "topic": "pregnancy", "rule": "pregnancy",
        "indicator": "warning", "hook": "order-sign", "hook_instance": "h", "service": "ldn-order-sign",
        "client": "a", "shown": MONDAY, "subject": "s", "fingerprint": f"f{number}", "mode": "live",
        "suppressed": None, **values,
    }  # fmt: skip


def said(number: int, outcome: str, seconds: int = 10, **values: Any) -> dict[str, Any]:
    at = MONDAY + timedelta(seconds=seconds)
    return {
        "card": f"card-{number}", "client": "a", "service": "ldn-order-sign", "outcome": outcome,
        "outcome_timestamp": at, "suggestion": "", "reason_code": None, "received": at, **values,
    }  # fmt: skip


def keep(store: Store, shown: list[dict[str, Any]], acted: list[dict[str, Any]]) -> None:
    with store.writing() as connection:
        insert_missing(connection, cards, shown)
        if acted:
            insert_missing(connection, feedback, acted)


def test_what_became_of_each_card(store: Store) -> None:
    keep(
        store,
        [
            card(1),
            card(2),
            card(3, fingerprint="f1"),
            card(4, suppressed="repeat"),
            card(5, suppressed="repeat-omitted"),
            card(6, suppressed="snooze"),
            card(7, mode="shadow"),
            card(8, topic="age"),
            card(9, shown=UNTIL),
        ],
        [
            said(1, "accepted", 20, suggestion="x"),
            said(1, "accepted", 20, suggestion="y"),
            said(1, "overridden", 30),
            said(2, "overridden", 40, reason_code="done"),
            said(8, "overridden", client="b"),
        ],
    )
    with store.reading() as connection:
        age, pregnancy = count(connection, SINCE, UNTIL, ["topic"])
    assert pregnancy.group == ("pregnancy",)
    assert (pregnancy.shown, pregnancy.accepted, pregnancy.overridden) == (4, 1, 1)
    assert (pregnancy.ignored, pregnancy.repeated, pregnancy.quieter) == (2, 1, 1)
    assert (pregnancy.left_out, pregnancy.snoozed, pregnancy.shadow) == (1, 1, 1)
    assert pregnancy.seconds == 30
    assert (age.shown, age.overridden, age.seconds) == (1, 0, None), "feedback of another client is not its"


@pytest.mark.parametrize(
    ("by", "groups"),
    [
        ("day", ["2026-11-02", "2026-11-08", "2026-11-09"]),
        ("week", ["2026-11-02", "2026-11-09"]),
        ("month", ["2026-11"]),
        ("client", ["a", "b"]),
        ("hook", ["order-select", "order-sign"]),
        ("rule", ["pregnancy"]),
    ],
)
def test_every_way_to_group(store: Store, by: str, groups: list[str]) -> None:
    shown = [MONDAY, MONDAY + timedelta(days=6), MONDAY + timedelta(days=7)]
    keep(store, [card(n, shown=at) for n, at in enumerate(shown)], [])
    keep(store, [card(9, client="b", hook="order-select")], [])
    with store.reading() as connection:
        counted = count(connection, SINCE, UNTIL, [by])
    assert [counts.group[0] for counts in counted] == groups
    assert sum(counts.shown for counts in counted) == 4


def test_reasons_by_the_cards_they_were_given_for(store: Store) -> None:
    keep(
        store,
        [card(1), card(2), card(3)],
        [said(n, "overridden", reason_code="done") for n in (1, 2)] + [said(3, "overridden")],
    )
    with store.reading() as connection:
        counted = count_reasons(connection, SINCE, UNTIL)
    assert counted == [("pregnancy", "done", 2), ("pregnancy", None, 1)]


def test_a_report_tells_no_small_number(store: Store) -> None:
    keep(
        store,
        [card(n) for n in range(20)] + [card(30 + n, topic="age") for n in range(3)],
        [said(n, "overridden", reason_code="cds-not-applicable") for n in range(7)],
    )
    report = make_report(store, SINCE, UNTIL, "topic", 5)
    age, pregnancy = report.rows
    assert age.numbers["shown"] is None
    assert pregnancy.numbers["shown"] is None, "the total would tell the other"
    assert report.total.numbers["shown"] == 23
    assert [reason.cards for reason in report.reasons] == [7]
    assert report.reasons[0].words == "Not pregnant: the record is out of date"
    whole = make_report(store, SINCE, UNTIL, "topic", 0)
    assert [row.numbers["shown"] for row in whole.rows] == [3, 20]
    assert whole.rows[1].rate("overridden") == 0.35


def test_nothing_at_all(store: Store) -> None:
    report = make_report(store, SINCE, UNTIL, "topic", 5)
    assert (report.rows, report.total.numbers["shown"], report.reasons) == ([], 0, [])
