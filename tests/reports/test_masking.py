"""Small numbers are hidden, and no sum that is told gives one away."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.reports.masking import PARTS, mask, mask_parts

NAMES = ("shown", *PARTS)


def row(accepted: int, overridden: int, ignored: int) -> dict[str, int]:
    shown = accepted + overridden + ignored
    return {"shown": shown, "accepted": accepted, "overridden": overridden, "ignored": ignored}


def total(rows: list[dict[str, int]]) -> dict[str, int]:
    return {name: sum(each[name] for each in rows) for name in NAMES}


def test_large_numbers_are_told() -> None:
    rows = [row(10, 20, 30), row(0, 20, 30)]
    assert mask(rows, total(rows), 5) == (rows, total(rows))


def test_nothing_is_hidden_where_the_limit_is_zero() -> None:
    rows = [row(1, 2, 3)]
    assert mask(rows, total(rows), 0) == (rows, total(rows))


def test_a_small_number_takes_others_with_it() -> None:
    rows = [row(3, 0, 30), row(0, 20, 30)]
    (first, second), whole = mask(rows, total(rows), 5)
    assert first["accepted"] is None
    assert [first["shown"], first["ignored"], second["accepted"], whole["accepted"]].count(None) >= 2


@pytest.mark.parametrize(
    ("parts", "told"),
    [
        ([11, 3], [None, None]),
        ([11, 12, 3], [None, 12, None]),
        ([11, 2, 3], [11, None, None]),
        ([3], [None]),
        ([], []),
    ],
)
def test_parts_of_a_sum(parts: list[int], told: list[int | None]) -> None:
    assert mask_parts(parts, 5) == told


numbers = st.sampled_from([0, 0, 1, 2, 4, 5, 6, 9, 15, 60])


@given(st.lists(st.tuples(numbers, numbers, numbers), min_size=1, max_size=6))
def test_every_sum_has_none_or_two_numbers_hidden(drawn: list[tuple[int, int, int]]) -> None:
    rows = [row(*three) for three in drawn]
    masked, whole = mask(rows, total(rows), 5)
    table = [*masked, whole]
    for told in table:
        assert all(number is None or number == 0 or number >= 5 for number in told.values())
        assert [told[name] for name in NAMES].count(None) != 1
    for name in NAMES:
        assert [told[name] for told in table].count(None) != 1
