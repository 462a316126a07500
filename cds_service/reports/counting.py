"""The numbers, counted by the database in one go: one row for each group of cards.

Groups that are coarser are sums of these (:func:`summed`); only a median is not, and is asked for by itself.
A card is accepted when any suggestion of it was taken, else overridden when that was said, else
ignored: no feedback came. Times are seconds from the answer to the prescriber's action.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import astuple, dataclass, fields
from datetime import datetime, timedelta
from itertools import chain
from statistics import median
from typing import Any

from sqlalchemy import ColumnElement, Connection, Subquery, and_, case, distinct, func, or_, select

from cds_service.alerts.alert import LEFT_OUT, Hush
from cds_service.store.schema import cards, feedback

_MOST_TIMES = 200_000
"""Actions that a median is taken of at the most, the newest first."""
_BETWEEN_CLOCKS = timedelta(days=1)
"""Feedback comes after its card; by how much the clocks of two replicas may differ."""


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

    @property
    def ignored(self) -> int:
        """Shown, and no feedback came."""
        return self.shown - self.accepted - self.overridden


def count(connection: Connection, since: datetime, until: datetime, by: Sequence[str]) -> list[Counts]:
    """Cards answered from ``since`` to before ``until``, grouped by the names in ``by``, in their order."""
    groups = [_group(name, connection) for name in by]
    said, first = _said(since), _first(since, until)
    shown, live = _is_shown(), cards.c.mode == "live"
    query = (
        select(
            *groups,
            _number(shown),
            _number(and_(shown, said.c.accepted == 1)),
            _number(and_(shown, said.c.accepted == 0)),
            _number(and_(shown, cards.c.shown > first.c.moment)),
            _number(and_(live, cards.c.suppressed == Hush.REPEAT.value)),
            _number(and_(live, cards.c.suppressed == Hush.REPEAT_OMITTED.value)),
            _number(and_(live, cards.c.suppressed == Hush.SNOOZED.value)),
            _number(cards.c.mode == "shadow"),
        )
        .select_from(
            cards.outerjoin(said, _same_card(said)).outerjoin(
                first, first.c.fingerprint == cards.c.fingerprint
            )
        )
        .where(cards.c.shown >= since, cards.c.shown < until)
        .group_by(*groups)
        .order_by(*groups)
    )
    return [Counts(tuple(map(str, row[: len(by)])), *row[len(by) :]) for row in connection.execute(query)]


def summed(counted: Iterable[Counts], *places: int) -> list[Counts]:
    """``counted`` by fewer names: those at ``places`` of its groups. In the order of the groups."""
    sums: dict[tuple[str, ...], list[int]] = {}
    for counts in counted:
        group = tuple(counts.group[place] for place in places)
        numbers = astuple(counts)[1:]
        before = sums.get(group, [0] * len(numbers))
        sums[group] = [number + more for number, more in zip(before, numbers, strict=True)]
    return [Counts(group, *numbers) for group, numbers in sorted(sums.items())]


def total_of(counted: Iterable[Counts]) -> Counts:
    """All of ``counted`` together; zeros for none."""
    numbers = len(fields(Counts)) - 1
    return next(iter(summed(counted)), Counts((), *[0] * numbers))


def medians(
    connection: Connection, since: datetime, until: datetime, by: str
) -> tuple[dict[str, float], float | None]:
    """Seconds to action, the median of each group of ``by`` and of all; nothing where nobody acted."""
    said, group = _said(since), _group(by, connection)
    query = (
        select(group, cards.c.shown, said.c.acted)
        .join(said, _same_card(said))
        .where(cards.c.shown >= since, cards.c.shown < until, _is_shown())
        .order_by(cards.c.shown.desc())
        .limit(_MOST_TIMES)
    )
    times: dict[str, list[float]] = defaultdict(list)
    for name, shown, acted in connection.execute(query):
        times[str(name)].append(max(0.0, (acted - shown).total_seconds()))
    of_all = list(chain.from_iterable(times.values()))
    return {name: median(each) for name, each in times.items()}, median(of_all) if of_all else None


def count_reasons(
    connection: Connection, since: datetime, until: datetime
) -> list[tuple[str, str | None, int]]:
    """Topic, code of the reason (``None`` where none was given) and overridden cards, most first."""
    number = func.count(distinct(cards.c.card))
    query = (
        select(cards.c.topic, feedback.c.reason_code, number)
        .join(feedback, _same_card(feedback))
        .where(cards.c.shown >= since, cards.c.shown < until, _is_shown())
        .where(feedback.c.outcome == "overridden", feedback.c.received >= since - _BETWEEN_CLOCKS)
        .group_by(cards.c.topic, feedback.c.reason_code)
        .order_by(number.desc(), cards.c.topic)
    )
    return [(topic, code, cards_) for topic, code, cards_ in connection.execute(query)]


def _said(since: datetime) -> Subquery:
    """What became of each card since then: whether it was accepted, and when something was done first."""
    accepted = func.max(case((feedback.c.outcome == "accepted", 1), else_=0)).label("accepted")
    acted = func.min(feedback.c.outcome_timestamp).label("acted")
    query = select(feedback.c.card, feedback.c.client, accepted, acted)
    query = query.where(feedback.c.received >= since - _BETWEEN_CLOCKS)
    return query.group_by(feedback.c.card, feedback.c.client).subquery("said")


def _first(since: datetime, until: datetime) -> Subquery:
    """When each finding was first shown in the period."""
    query = select(cards.c.fingerprint, func.min(cards.c.shown).label("moment"))
    of_period = query.where(cards.c.shown >= since, cards.c.shown < until, _is_shown())
    return of_period.group_by(cards.c.fingerprint).subquery("first")


def _same_card(said: Any) -> ColumnElement[bool]:
    return and_(said.c.card == cards.c.card, said.c.client == cards.c.client)


def _is_shown() -> ColumnElement[bool]:
    left_out = [hush.value for hush in LEFT_OUT]
    seen = or_(cards.c.suppressed.is_(None), cards.c.suppressed.not_in(left_out))
    return and_(cards.c.mode == "live", seen)


def _number(condition: ColumnElement[bool]) -> ColumnElement[int]:
    return func.coalesce(func.sum(case((condition, 1), else_=0)), 0)


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
