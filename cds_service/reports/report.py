"""One report: counted, masked, and in the forms it is read in."""

from __future__ import annotations

import csv
import io
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from typing import Any

from cds_service.knowledge.wording import override_reasons
from cds_service.reports.counting import Counts, count, count_reasons, medians, summed, total_of
from cds_service.reports.masking import Masked, mask, mask_parts
from cds_service.store import Store

GROUPS = ("topic", "rule", "client", "hook", "day", "week", "month")
"""What a report can be grouped by."""

NUMBERS = (
    "shown", "accepted", "overridden", "ignored", "repeated", "quieter", "left_out", "snoozed", "shadow",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Row:
    """One group. A number is ``None`` where it is too small to be told, and so is what is made of it.

    Rates are of the cards shown, from 0 to 1; ``seconds`` is the median time to action.
    """

    group: str
    numbers: Masked
    seconds: float | None

    def rate(self, name: str) -> float | None:
        """``name`` as a part of the cards shown."""
        number, shown = self.numbers[name], self.numbers["shown"]
        return number / shown if number is not None and shown else None


@dataclass(frozen=True, slots=True)
class Reason:
    """An override reason with its cards; ``cards`` is ``None`` where there are too few."""

    topic: str
    code: str
    words: str
    cards: int | None


@dataclass(frozen=True, slots=True)
class Report:
    """``total`` is over all rows; ``weeks`` holds the override rate of each topic by week."""

    since: datetime
    until: datetime
    by: str
    mask_below: int
    rows: Sequence[Row]
    total: Row
    reasons: Sequence[Reason]
    weeks: Sequence[tuple[str, str, float | None]]

    def as_json(self) -> dict[str, Any]:
        """For ``/reports.json``; hidden numbers are null."""
        return {
            "since": self.since.isoformat(),
            "until": self.until.isoformat(),
            "by": self.by,
            "maskedBelow": self.mask_below,
            "rows": [_row_as_json(row) for row in self.rows],
            "total": _row_as_json(self.total),
            "reasons": [
                {"topic": reason.topic, "code": reason.code, "words": reason.words, "cards": reason.cards}
                for reason in self.reasons
            ],
        }

    def as_csv(self) -> str:
        """The rows, for a spreadsheet; hidden numbers as ``hidden``."""
        table = io.StringIO()
        writer = csv.writer(table, lineterminator="\n")
        writer.writerow([self.by, *NUMBERS, "override_rate", "median_seconds"])
        for row in (*self.rows, self.total):
            cells = [self.cell(row.numbers[name]) for name in NUMBERS]
            rate = row.rate("overridden")
            writer.writerow(
                [_plain(row.group), *cells, "" if rate is None else f"{rate:.3f}", _rounded(row.seconds)]
            )
        return table.getvalue()

    def cell(self, number: int | None) -> str:
        """A number as people read it."""
        return "hidden" if number is None else str(number)


def make_report(store: Store, since: datetime, until: datetime, by: str, mask_below: int) -> Report:
    """What was shown from ``since`` to before ``until``. Raises ``Unavailable`` without a database."""
    with store.reading() as connection:
        counted = count(connection, since, until, ["topic", "week", by])
        seconds, seconds_of_all = medians(connection, since, until, by)
        given = count_reasons(connection, since, until)
    groups, whole = summed(counted, 2), total_of(counted)
    masked, total = _masked(groups, whole, mask_below)
    rows = [
        _row(counts, numbers, seconds.get(counts.group[0]), mask_below)
        for counts, numbers in zip(groups, masked, strict=True)
    ]
    return Report(
        since,
        until,
        by,
        mask_below,
        rows,
        _row(whole, total, seconds_of_all, mask_below),
        _reasons(given, _topics_hidden(summed(counted, 0), whole, mask_below), mask_below),
        _weeks(summed(counted, 0, 1), whole, mask_below),
    )


def _masked(counted: Sequence[Counts], whole: Counts, below: int) -> tuple[list[Masked], Masked]:
    return mask([_numbers(counts) for counts in counted], _numbers(whole), below)


def _numbers(counts: Counts) -> dict[str, int]:
    return {name: getattr(counts, name) for name in NUMBERS}


def _row(counts: Counts, numbers: Masked, seconds: float | None, below: int) -> Row:
    (group,) = counts.group or ("all",)
    acted = counts.accepted + counts.overridden
    return Row(group or "–", numbers, seconds if acted >= max(below, 1) else None)


def _topics_hidden(topics: Sequence[Counts], whole: Counts, below: int) -> set[str]:
    """Those whose overridden cards are not told."""
    masked, _ = _masked(topics, whole, below)
    return {c.group[0] for c, numbers in zip(topics, masked, strict=True) if numbers["overridden"] is None}


def _weeks(weekly: Sequence[Counts], whole: Counts, below: int) -> list[tuple[str, str, float | None]]:
    masked, _ = _masked(weekly, whole, below)
    rates = [Row("", numbers, None).rate("overridden") for numbers in masked]
    return [(c.group[0], c.group[1], rate) for c, rate in zip(weekly, rates, strict=True)]


def _reasons(given: Sequence[tuple[str, str | None, int]], hidden: set[str], below: int) -> list[Reason]:
    """The reasons of a topic add up to its overridden cards, and are hidden with them."""
    told: dict[tuple[str, str | None], int | None] = {}
    for topic in {topic for topic, _, _ in given}:
        codes = [(code, number) for of, code, number in given if of == topic]
        masked = mask_parts([number for _, number in codes], below)
        for (code, _), number in zip(codes, masked, strict=True):
            told[topic, code] = None if topic in hidden else number
    return [
        Reason(topic, code or "", _reason_in_words(topic, code), told[topic, code])
        for topic, code, _ in given
    ]


def _reason_in_words(topic: str, code: str | None) -> str:
    """Ours by its code; an EHR's own may hold anything and is not shown."""
    if code is None:
        return "no reason code"
    return dict(override_reasons(topic)).get(code, "a reason of the EHR's own")


def _row_as_json(row: Row) -> dict[str, Any]:
    rates = {f"{name}Rate": row.rate(name) for name in ("overridden", "repeated")}
    return {"group": row.group, **row.numbers, **rates, "medianSeconds": row.seconds}


def _rounded(seconds: float | None) -> str:
    return "" if seconds is None else f"{seconds:.0f}"


def _plain(text: str) -> str:
    """A spreadsheet takes a cell that begins so for a formula."""
    return f"'{text}" if text[:1] in "=+-@" else text


_FIRST, _LAST = date(2000, 1, 1), date(9000, 1, 1)


def day_of(text: str) -> date:
    """A date as ``2026-11-22``, of a year from 2000. Raises ``ValueError``."""
    day = date.fromisoformat(text)
    if not _FIRST <= day < _LAST:
        raise ValueError("not a year that cards can be of")
    return day
