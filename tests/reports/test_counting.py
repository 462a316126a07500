"""The numbers, exactly, on both databases."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from cds_service.database import insert_missing
from cds_service.reports import make_report
from cds_service.reports.counting import count, count_reasons, medians, summed, total_of
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
            card(3, fingerprint="f1", shown=MONDAY + timedelta(days=1), hook="order-select"),
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
        seconds, of_all = medians(connection, SINCE, UNTIL, "topic")
    assert pregnancy.group == ("pregnancy",)
    assert (pregnancy.shown, pregnancy.accepted, pregnancy.overridden) == (4, 1, 1)
    assert (pregnancy.ignored, pregnancy.repeated, pregnancy.quieter) == (2, 1, 1)
    assert (pregnancy.left_out, pregnancy.snoozed, pregnancy.shadow) == (1, 1, 1)
    assert (seconds, of_all) == ({"pregnancy": 30}, 30)
    assert (age.shown, age.overridden) == (1, 0), "feedback of another client is not its"


@pytest.mark.parametrize("by", ["hook", "day", "topic"])
def test_a_repeat_counts_where_it_was_shown_again(store: Store, by: str) -> None:
    again = {"shown": MONDAY + timedelta(days=1), "hook": "order-sign"}
    shown = [card(n, hook="order-select") for n in range(6)]
    keep(store, shown + [card(10 + n, fingerprint=f"f{n}", **again) for n in range(4)], [])
    with store.reading() as connection:
        counted = {counts.group[0]: counts.repeated for counts in count(connection, SINCE, UNTIL, [by])}
    expected = {"hook": {"order-select": 0, "order-sign": 4}, "topic": {"pregnancy": 4}}
    assert counted == expected.get(by, {"2026-11-02": 0, "2026-11-03": 4})


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


def test_the_coarser_groups_are_sums_of_the_finer(store: Store) -> None:
    keep(
        store,
        [card(1), card(2, client="b"), card(3, topic="age", client="b"), card(4, topic="age", mode="shadow")],
        [said(1, "accepted", suggestion="x"), said(3, "overridden", client="b")],
    )
    with store.reading() as connection:
        fine = count(connection, SINCE, UNTIL, ["topic", "week", "client"])
        for place, name in enumerate(("topic", "week", "client")):
            assert summed(fine, place) == count(connection, SINCE, UNTIL, [name])
        assert summed(fine, 0, 1) == count(connection, SINCE, UNTIL, ["topic", "week"])
        assert [total_of(fine)] == count(connection, SINCE, UNTIL, [])
    assert (total_of(fine).shown, total_of(fine).shadow, len(fine)) == (3, 1, 4)


def test_time_to_action_of_each_group_and_of_all(store: Store) -> None:
    keep(
        store,
        [card(1), card(2), card(3, topic="age"), card(4, topic="age", mode="shadow"), card(5, shown=UNTIL)],
        [said(n, "overridden", seconds) for n, seconds in ((1, 10), (2, 20), (3, 90), (4, 500), (5, 700))],
    )
    with store.reading() as connection:
        assert medians(connection, SINCE, UNTIL, "topic") == ({"pregnancy": 15, "age": 90}, 20)
        assert medians(connection, SINCE - timedelta(days=9), SINCE, "topic") == ({}, None)


def test_feedback_counts_whenever_it_was_received(store: Store) -> None:
    """Late, or by the clock of a replica that is behind."""
    early, late = SINCE - timedelta(minutes=5), UNTIL + timedelta(days=90)
    keep(
        store,
        [card(1, shown=SINCE), card(2)],
        [said(1, "overridden", received=early), said(2, "overridden", received=late)],
    )
    with store.reading() as connection:
        (counted,) = count(connection, SINCE, UNTIL, ["topic"])
        reasons = count_reasons(connection, SINCE, UNTIL)
    assert (counted.overridden, reasons) == (2, [("pregnancy", None, 2)])


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
    assert pregnancy.numbers["overridden"] == 7
    assert [reason.cards for reason in report.reasons] == [7]
    assert report.reasons[0].words == "Not pregnant: the record is out of date"
    whole = make_report(store, SINCE, UNTIL, "topic", 0)
    assert [row.numbers["shown"] for row in whole.rows] == [3, 20]
    assert whole.rows[1].rate("overridden") == 0.35


def test_nothing_at_all(store: Store) -> None:
    report = make_report(store, SINCE, UNTIL, "topic", 5)
    assert (report.rows, report.total.numbers["shown"], report.reasons) == ([], 0, [])
