"""The table of turns of phrase says what it does."""

from __future__ import annotations

import pytest

from cds_service.chart.direction_phrases import TURNS, Turn, plainly


@pytest.mark.parametrize("turn", TURNS, ids=lambda turn: turn.written)
def test_an_example_becomes_what_stands_beside_it(turn: Turn) -> None:
    assert turn.pattern.sub(turn.by, turn.written) == turn.plain


@pytest.mark.parametrize(
    ("written", "plain"),
    [
        ("take one and a half tablets/day", "take 1.5 tablets a day "),
        ("½ tablet, then 1 tablet", "0.5 tablet, then 1 tablet"),
        ("increase weekly by 1.5 mg from 1.5 mg to 4.5 mg", "increase  from 4.5 mg"),
        ("5/325 mg", "5/325 mg"),
    ],
)
def test_turns_build_on_each_other(written: str, plain: str) -> None:
    assert plainly(written) == plain
