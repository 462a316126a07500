"""The two drawings of a report as lines and bars with their labels; the template writes them as SVG.

Told apart without colour: lines by their dash and a label at their end, bars by their label.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from cds_service.reports.report import Reason

WIDTH, HEIGHT, LEFT, RIGHT, TOP, BASE = 720, 300, 44, 210, 12, 260
DASHES = ("", "8 4", "2 3", "12 3 2 3", "5 5")
_LABEL_HEIGHT = 16
_MOST_LINES = len(DASHES)
_MOST_BARS = 8


@dataclass(frozen=True, slots=True)
class Line:
    """The override rate of a topic; ``parts`` are unbroken runs of points, ``label_y`` its name's place."""

    name: str
    dash: str
    parts: Sequence[str]
    dots: Sequence[tuple[float, float]]
    label_y: float


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines over weeks; ``ticks`` along the time, with the Monday of the week."""

    lines: Sequence[Line]
    ticks: Sequence[tuple[float, str]]
    levels: Sequence[tuple[float, str]]
    left_out: int


@dataclass(frozen=True, slots=True)
class Bar:
    """Cards overridden for a reason."""

    label: str
    cards: int
    y: int
    width: float


def rates_over_weeks(weeks: Sequence[tuple[str, str, float | None]]) -> Lines:
    """The topics with the most weeks to show, as many as dashes can tell apart."""
    mondays = sorted({week for _, week, _ in weeks})
    topics: dict[str, dict[str, float | None]] = {}
    for topic, week, rate in weeks:
        topics.setdefault(topic, {})[week] = rate
    told = {name: rates for name, rates in topics.items() if any(r is not None for r in rates.values())}
    most = sorted(told, key=lambda name: (-sum(r is not None for r in told[name].values()), name))
    step = (WIDTH - LEFT - RIGHT) / max(1, len(mondays) - 1)
    x = {week: round(LEFT + index * step, 1) for index, week in enumerate(mondays)}
    lines = [_line(name, told[name], x, dash) for name, dash in zip(most, DASHES, strict=False)]
    every = max(1, -(-len(mondays) // 6))
    return Lines(
        lines=_labels_apart(lines),
        ticks=[(x[week], week[5:]) for week in mondays[::every]],
        levels=[(_y(level / 4), f"{level * 25} %") for level in range(5)],
        left_out=max(0, len(told) - _MOST_LINES),
    )


def _line(name: str, rates: dict[str, float | None], x: dict[str, float], dash: str) -> Line:
    parts: list[list[tuple[float, float]]] = [[]]
    for week, position in x.items():
        rate = rates.get(week)
        if rate is None:
            parts.append([])
        else:
            parts[-1].append((position, _y(rate)))
    points = [part for part in parts if part]
    drawn = [" ".join(f"{px:g},{py:g}" for px, py in part) for part in points]
    return Line(name, dash, drawn, [point for part in points for point in part], points[-1][-1][1])


def _labels_apart(lines: Sequence[Line]) -> list[Line]:
    """Names one below the other where their lines end close together."""
    apart: list[Line] = []
    lowest = -float(_LABEL_HEIGHT)
    for line in sorted(lines, key=lambda line: line.label_y):
        lowest = max(line.label_y + 4, lowest + _LABEL_HEIGHT)
        apart.append(Line(line.name, line.dash, line.parts, line.dots, lowest))
    return apart


def _y(rate: float) -> float:
    return round(BASE - rate * (BASE - TOP), 1)


def top_reasons(reasons: Sequence[Reason]) -> list[Bar]:
    """The reasons given most, over all topics; those too few to be told are left to the table."""
    sums: dict[str, int] = {}
    for reason in reasons:
        if reason.cards:
            sums[reason.words] = sums.get(reason.words, 0) + reason.cards
    most = sorted(sums.items(), key=lambda item: -item[1])[:_MOST_BARS]
    longest = most[0][1] if most else 1
    return [
        Bar(words, cards, 44 * index, round(600 * cards / longest, 1))
        for index, (words, cards) in enumerate(most)
    ]
