"""The numbers, counted by the database: one row for each group of cards.

A card is accepted when any suggestion of it was taken, else overridden when that was said, else
ignored: no feedback came. Times are seconds from the answer to the prescriber's action.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, Connection, Select, Subquery, and_, case, distinct, func, or_, select

from cds_service.alerts.alert import LEFT_OUT, Hush
from cds_service.store.schema import cards, feedback

_MOST_TIMES = 200_000
"""Actions that a median is taken of at the most, the newest first."""


@dataclass(frozen=True, slots=True)
class Counts:
    """Cards of one group. ``shown`` = ``accepted`` + ``overridden`` + ``ignored``.

    ``repeated`` of the shown said what had been said before in the period; ``quieter`` of the shown were
    lowered to information after an override. ``left_out``, ``snoozed`` and ``shadow`` were not shown.
    """

    group: tuple[str, ...]
    shown: int
    accepted: int
    overridden: int
    repeated: int
    quieter: int
    left_out: int
    snoozed: int
    shadow: int
    seconds: float | None = None
    """Median time to action."""

    @property
    def ignored(self) -> int:
        """Shown, and no feedback came."""
        return self.shown - self.accepted - self.overridden


def count(connection: Connection, since: datetime, until: datetime, by: Sequence[str]) -> list[Counts]:
    """Cards answered from ``since`` to before ``until``, grouped by the names in ``by``, in their order."""
    groups = [_group(name, connection) for name in by]
    said = _said()
    shown, live = _is_shown(), cards.c.mode == "live"
    query = (
        select(
            *groups,
            _number(shown),
            _number(and_(shown, said.c.accepted == 1)),
            _number(and_(shown, said.c.accepted == 0)),
            func.count(distinct(case((and_(shown, cards.c.fingerprint.is_not(None)), cards.c.fingerprint)))),
            _number(and_(shown, cards.c.fingerprint.is_not(None))),
            _number(and_(live, cards.c.suppressed == Hush.REPEAT.value)),
            _number(and_(live, cards.c.suppressed == Hush.REPEAT_OMITTED.value)),
            _number(and_(live, cards.c.suppressed == Hush.SNOOZED.value)),
            _number(cards.c.mode == "shadow"),
        )
        .select_from(cards.outerjoin(said, _same_card(said)))
        .where(cards.c.shown >= since, cards.c.shown < until)
        .group_by(*groups)
        .order_by(*groups)
    )
    times = _times(connection, since, until, groups, said)
    return [_counts(tuple(row), len(by), times) for row in connection.execute(query)]


def count_reasons(
    connection: Connection, since: datetime, until: datetime
) -> list[tuple[str, str | None, int]]:
    """Topic, code of the reason (``None`` where none was given) and overridden cards, most first."""
    number = func.count(distinct(cards.c.card))
    query = (
        select(cards.c.topic, feedback.c.reason_code, number)
        .join(feedback, _same_card(feedback))
        .where(cards.c.shown >= since, cards.c.shown < until, feedback.c.outcome == "overridden", _is_shown())
        .group_by(cards.c.topic, feedback.c.reason_code)
        .order_by(number.desc(), cards.c.topic)
    )
    return [(topic, code, cards_) for topic, code, cards_ in connection.execute(query)]


def _counts(row: Sequence[Any], names: int, times: dict[tuple[str, ...], list[float]]) -> Counts:
    group = tuple(str(value) for value in row[:names])
    shown, accepted, overridden, kinds, known, quieter, left_out, snoozed, shadow = row[names:]
    seconds = median(times[group]) if group in times else None
    return Counts(
        group, shown, accepted, overridden, known - kinds, quieter, left_out, snoozed, shadow, seconds
    )


def _said() -> Subquery:
    """What became of each card: whether it was accepted, and when something was done first."""
    accepted = func.max(case((feedback.c.outcome == "accepted", 1), else_=0)).label("accepted")
    acted = func.min(feedback.c.outcome_timestamp).label("acted")
    query = select(feedback.c.card, feedback.c.client, accepted, acted)
    return query.group_by(feedback.c.card, feedback.c.client).subquery("said")


def _same_card(said: Any) -> ColumnElement[bool]:
    return and_(said.c.card == cards.c.card, said.c.client == cards.c.client)


def _is_shown() -> ColumnElement[bool]:
    left_out = [hush.value for hush in LEFT_OUT]
    seen = or_(cards.c.suppressed.is_(None), cards.c.suppressed.not_in(left_out))
    return and_(cards.c.mode == "live", seen)


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


def _times(
    connection: Connection,
    since: datetime,
    until: datetime,
    groups: Sequence[ColumnElement[Any]],
    said: Subquery,
) -> dict[tuple[str, ...], list[float]]:
    query: Select[Any] = (
        select(*groups, cards.c.shown, said.c.acted)
        .join(said, _same_card(said))
        .where(cards.c.shown >= since, cards.c.shown < until, _is_shown())
        .order_by(cards.c.shown.desc())
        .limit(_MOST_TIMES)
    )
    times: dict[tuple[str, ...], list[float]] = defaultdict(list)
    for *group, shown, acted in connection.execute(query):
        times[tuple(map(str, group))].append(max(0.0, (acted - shown).total_seconds()))
    return times


def _group(name: str, connection: Connection) -> ColumnElement[Any]:
    if name in ("topic", "rule", "client", "hook"):
        return cards.c[name]
    formats = _PERIODS[connection.dialect.name]
    return formats[name]


_PERIODS: dict[str, dict[str, ColumnElement[Any]]] = {
    "sqlite": {
        "day": func.strftime("%Y-%m-%d", cards.c.shown),
        "week": func.date(cards.c.shown, "weekday 0", "-6 days"),
        "month": func.strftime("%Y-%m", cards.c.shown),
    },
    "postgresql": {
        "day": func.to_char(cards.c.shown, "YYYY-MM-DD"),
        "week": func.to_char(func.date_trunc("week", cards.c.shown), "YYYY-MM-DD"),
        "month": func.to_char(cards.c.shown, "YYYY-MM"),
    },
}
"""UTC; a week is named by its Monday."""
