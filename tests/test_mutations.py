"""Never a 5xx for anything a client can send; the long run is a command (see tests/mutations.py)."""

from __future__ import annotations

from tests.mutations import run


def test_broken_requests_are_answered_or_refused() -> None:
    statuses = run(400, seed=7)
    assert statuses[200] > 100
    assert statuses.get(400, 0) > 0
