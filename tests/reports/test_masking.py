"""Small numbers are hidden, and nothing that is told gives them away."""

from __future__ import annotations

from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.reports.masking import PARTS, mask


def row(accepted: int, overridden: int, ignored: int) -> dict[str, int]:
    shown = accepted + overridden + ignored
    return {"shown": shown, "accepted": accepted, "overridden": overridden, "ignored": ignored}


@pytest.mark.parametrize(
    ("numbers", "told"),
    [
        ((10, 20, 30), (60, 10, 20, 30)),
        ((0, 20, 30), (50, 0, 20, 30)),
        ((3, 20, 30), (53, None, None, 30)),
        ((3, 0, 30), (33, None, 0, None)),
        ((1, 2, 30), (33, None, None, 30)),
        ((1, 1, 1), (None, None, None, None)),
    ],
)
def test_a_row(numbers: tuple[int, int, int], told: tuple[int | None, ...]) -> None:
    (masked,) = mask([row(*numbers)], 5)
    assert tuple(masked[name] for name in ("shown", *PARTS)) == told


def test_nothing_is_hidden_where_the_limit_is_zero() -> None:
    assert mask([row(1, 2, 3)], 0) == [row(1, 2, 3)]


small = st.tuples(*[st.integers(0, 12)] * 3)


@given(st.lists(small, min_size=1, max_size=4))
def test_no_small_number_can_be_computed_from_one_row_and_the_total(rows: list[tuple[int, int, int]]) -> None:
    numbers = [row(*three) for three in rows]
    masked = mask(numbers, 5)
    for given_, told in zip(numbers, masked, strict=True):
        hidden = [name for name in PARTS if told[name] is None]
        assert all(not 0 < told[name] < 5 for name in told if told[name] is not None)  # type: ignore[operator]
        if len(hidden) == 1 and told["shown"] is not None:
            raise AssertionError(f"{given_} is told by {told}")
    for name in ("shown", *PARTS):
        hidden_rows = [told for told in masked if told[name] is None]
        others = [told for told in masked if told[name]]
        assert len(hidden_rows) != 1 or not others or name == "shown", (name, masked)


def test_all_small_rows() -> None:
    for numbers in product(range(3), repeat=3):
        (masked,) = mask([row(*numbers)], 5)
        assert all(masked[name] in (None, 0) for name in PARTS)
