"""Small numbers hidden: behind one or two cards stand one or two patients.

A number from 1 to below the limit is hidden. Where the total of a row, or of the report, would
tell it by subtraction, the next smallest number is hidden with it.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

Numbers = Mapping[str, int]
Masked = dict[str, int | None]
"""``None`` is hidden."""

PARTS = ("accepted", "overridden", "ignored")
"""These add up to ``shown``."""


def mask(rows: Sequence[Numbers], below: int) -> list[Masked]:
    """``rows`` with small numbers as ``None``; they add up to a total that is told."""
    masked = [_mask_row(row, below) for row in rows]
    for name in rows[0] if rows else ():
        _mask_second([row[name] for row in rows], masked, name)
    return [_hide_sum(row) for row in masked]


def _mask_row(row: Numbers, below: int) -> Masked:
    masked: Masked = {name: None if 0 < number < below else number for name, number in row.items()}
    hidden = [name for name in PARTS if masked.get(name, 0) is None]
    if len(hidden) == 1 and masked.get("shown") is not None:
        told = [name for name in PARTS if name in masked and masked[name]]
        if told:
            masked[min(told, key=lambda name: row[name])] = None
    return masked


def _mask_second(numbers: Sequence[int], masked: Sequence[Masked], name: str) -> None:
    hidden = [row for row in masked if row[name] is None]
    told = [(number, index) for index, number in enumerate(numbers) if masked[index][name]]
    if len(hidden) == 1 and told:
        masked[min(told)[1]][name] = None


def _hide_sum(row: Masked) -> Masked:
    """A row of which one part alone is hidden by now tells it by ``shown``."""
    hidden = [name for name in PARTS if name in row and row[name] is None]
    return {**row, "shown": None} if len(hidden) == 1 and "shown" in row else row
