"""Dates, lists, amounts and names in the words of the cards."""

from __future__ import annotations

from datetime import date

import pytest

from cds_service.chart.showing import day, listed, medicine_name, milligrams, month
from cds_service.knowledge.concepts import KnownBy, Medicine


def test_days_and_months() -> None:
    assert (day(date(2026, 1, 9)), day(date(2026, 12, 31))) == ("9 Jan 2026", "31 Dec 2026")
    assert month(date(2026, 10, 31)) == "Oct 2026"


def test_lists_name_each_once() -> None:
    assert [listed(["a", "b", "c"][:n]) for n in range(4)] == ["", "a", "a and b", "a, b and c"]
    assert listed(("a", "b", "a"), last="or") == "a or b"


@pytest.mark.parametrize(
    ("mg", "said"), [(4.5, "4.5"), (50.0, "50"), (0.045, "0.045"), (100, "100"), (0.5, "0.5")]
)
def test_no_trailing_zero(mg: float, said: str) -> None:
    assert milligrams(mg) == said


@pytest.mark.parametrize("known_by", list(KnownBy))
def test_how_a_medicine_was_recognised(known_by: KnownBy) -> None:
    by_name = known_by in (KnownBy.DISPLAY, KnownBy.TEXT)
    said = "Oxycontin (recognised by name)" if by_name else "Oxycontin"
    assert medicine_name(Medicine("Oxycontin", known_by=known_by)) == said
    disputed = Medicine("Oxycontin", known_by=known_by, conflict="code says codeine")
    assert medicine_name(disputed) == f"{said} (code says codeine)"
