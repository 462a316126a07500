"""Small numbers hidden: behind one or two cards stand one or two patients.

A number from 1 to below the limit is hidden. What is told must not give it away: wherever numbers
add up to another (a row to what was shown, a column to its total), none or at least two are hidden.
That keeps out whoever subtracts once; who solves many equations at a time may still narrow a number down.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from functools import partial

Numbers = Mapping[str, int]
Masked = dict[str, int | None]
"""``None`` is hidden."""
Cell = tuple[int, str]

PARTS = ("accepted", "overridden", "ignored")
"""These add up to ``shown``."""


def mask(rows: Sequence[Numbers], total: Numbers, below: int) -> tuple[list[Masked], Masked]:
    """``rows`` and their ``total`` with what must not be told as ``None``."""
    table = [*rows, total]
    masked = [_small_hidden(row, below) for row in table]
    lines = list(_lines(len(table), tuple(total)))

    def hidden(line: list[Cell]) -> int:
        return sum(masked[row][name] is None for row, name in line)

    def cost(cell: Cell, opened: list[Cell]) -> tuple[bool, bool, bool, int]:
        """Zeros and totals last; first what closes another line with it."""
        row, name = cell
        closes_two = any(hidden(line) for line in lines if cell in line and line is not opened)
        return table[row][name] == 0, row == len(rows), not closes_two, table[row][name]

    while opened := next((line for line in lines if hidden(line) == 1), None):
        told = [(row, name) for row, name in opened if masked[row][name] is not None]
        row, name = min(told, key=partial(cost, opened=opened))
        masked[row][name] = None
    return masked[:-1], masked[-1]


def mask_parts(parts: Sequence[int], below: int) -> list[int | None]:
    """Numbers whose sum is told elsewhere."""
    masked = [None if 0 < number < below else number for number in parts]
    told = [(number, index) for index, number in enumerate(parts) if masked[index]]
    if masked.count(None) == 1 and told:
        masked[min(told)[1]] = None
    return masked


def _small_hidden(row: Numbers, below: int) -> Masked:
    return {name: None if 0 < number < below else number for name, number in row.items()}


def _lines(rows: int, names: Sequence[str]) -> Iterator[list[Cell]]:
    """What adds up: ``shown`` with its parts in each row, and each column with its total."""
    if {"shown", *PARTS} <= set(names):
        for row in range(rows):
            yield [(row, name) for name in ("shown", *PARTS)]
    for name in names:
        yield [(row, name) for row in range(rows)]
