"""Threads: no server gets more than its share, and nothing waits for ever."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import CancelledError, Future

import pytest

from cds_service.fhir.lanes import Lanes

HERE = ("https", "ehr.example", 443)
THERE = ("https", "other.example", 443)
SECONDS = 10


class Gate:
    """A task that waits until it is let go."""

    def __init__(self) -> None:
        self.opened = threading.Event()
        self.begun = threading.Semaphore(0)

    def __call__(self) -> str:
        self.begun.release()
        self.opened.wait(SECONDS)
        return "done"

    def wait_for(self, tasks: int) -> None:
        for _ in range(tasks):
            assert self.begun.acquire(timeout=SECONDS)


@pytest.fixture
def lanes() -> Iterator[Lanes]:
    made = Lanes(threads=4, per_origin=2)
    yield made
    made.close()


@pytest.fixture
def gate() -> Iterator[Gate]:
    made = Gate()
    yield made
    made.opened.set()


def test_one_origin_takes_its_share_and_no_more(lanes: Lanes, gate: Gate) -> None:
    hung = [lanes.submit(HERE, gate) for _ in range(50)]
    gate.wait_for(2)
    assert lanes.running() == 2
    assert lanes.submit(THERE, lambda: "there").result(SECONDS) == "there"
    assert not gate.begun.acquire(blocking=False)
    gate.opened.set()
    assert {future.result(SECONDS) for future in hung} == {"done"}


def test_they_run_in_the_order_they_came(lanes: Lanes) -> None:
    done: list[int] = []
    lane = Lanes(threads=2, per_origin=1)
    futures: list[Future[None]] = [lane.submit(HERE, done.append, number) for number in range(200)]
    for future in futures:
        future.result(SECONDS)
    assert done == list(range(200))
    lane.close()


def test_what_is_cancelled_while_it_waits_never_runs(lanes: Lanes, gate: Gate) -> None:
    hung = [lanes.submit(HERE, gate) for _ in range(2)]
    gate.wait_for(2)
    ran = threading.Event()
    waiting = lanes.submit(HERE, ran.set)
    assert waiting.cancel()
    last = lanes.submit(HERE, lambda: "last")
    gate.opened.set()
    assert last.result(SECONDS) == "last"
    assert all(future.result(SECONDS) for future in hung)
    assert not ran.is_set()


def test_an_error_reaches_the_caller_and_frees_the_place(lanes: Lanes) -> None:
    futures = [lanes.submit(HERE, int, "x") for _ in range(10)]
    for future in futures:
        with pytest.raises(ValueError, match="invalid literal"):
            future.result(SECONDS)
    assert lanes.submit(HERE, int, "1").result(SECONDS) == 1


def test_origins_without_work_are_forgotten(lanes: Lanes) -> None:
    for number in range(50):
        lanes.submit(("https", f"ehr{number}.example", 443), int).result(SECONDS)
    lanes.submit(THERE, int).result(SECONDS)
    with lanes._lock:  # a task's result is there a moment before its place is given back
        pass
    assert not lanes._waiting
    assert len(lanes._running) <= 1


def test_closing_cancels_what_waits_and_work_may_go_on_after(lanes: Lanes, gate: Gate) -> None:
    hung = [lanes.submit(HERE, gate) for _ in range(3)]
    gate.wait_for(2)
    lanes.close()
    with pytest.raises(CancelledError):
        hung[2].result(SECONDS)
    gate.opened.set()
    assert hung[0].result(SECONDS) == "done"
    assert lanes.submit(THERE, int).result(SECONDS) == 0
