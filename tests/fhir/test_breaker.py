"""When a server is left alone, and when it is asked again."""

from __future__ import annotations

import logging

import pytest

from cds_service.fhir import CircuitBreaker

HERE = ("https", "ehr.example", 443)
THERE = ("https", "other.example", 443)


class Time:
    """A clock that a test sets."""

    now = 100.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def time() -> Time:
    return Time()


@pytest.fixture
def breaker(time: Time) -> CircuitBreaker:
    return CircuitBreaker(failures=3, pause=1.0, origins=4, clock=time)


def fail(breaker: CircuitBreaker, times: int = 3) -> None:
    for _ in range(times):
        breaker.record(HERE, ok=False)


def test_it_opens_after_failures_in_a_row(breaker: CircuitBreaker) -> None:
    fail(breaker, 2)
    assert breaker.admit(HERE)
    assert breaker.hosts() == {"ehr.example": False}
    fail(breaker, 1)
    assert not breaker.admit(HERE)
    assert breaker.hosts() == {"ehr.example": True}


def test_any_answer_starts_the_count_anew(breaker: CircuitBreaker) -> None:
    for _ in range(5):
        fail(breaker, 2)
        breaker.record(HERE, ok=True)
    assert breaker.admit(HERE)


def test_origins_are_apart(breaker: CircuitBreaker) -> None:
    fail(breaker)
    breaker.record(THERE, ok=True)
    assert breaker.admit(THERE)
    assert not breaker.admit(HERE)
    assert breaker.hosts() == {"ehr.example": True, "other.example": False}


def test_one_probe_a_pause(breaker: CircuitBreaker, time: Time) -> None:
    fail(breaker)
    time.now += 1.0
    assert [breaker.admit(HERE) for _ in range(3)] == [True, False, False]
    breaker.record(HERE, ok=False)
    assert not breaker.admit(HERE)
    time.now += 1.0
    assert [breaker.admit(HERE) for _ in range(2)] == [True, False]
    breaker.record(HERE, ok=True)
    assert all(breaker.admit(HERE) for _ in range(3))
    assert breaker.hosts() == {"ehr.example": False}


def test_a_probe_that_is_never_heard_of_holds_nobody_up(breaker: CircuitBreaker, time: Time) -> None:
    fail(breaker)
    for _ in range(3):
        time.now += 1.0
        assert breaker.admit(HERE)


def test_late_failures_do_not_put_off_the_probe(breaker: CircuitBreaker, time: Time) -> None:
    fail(breaker)
    time.now += 0.9
    fail(breaker)
    time.now += 0.1
    assert breaker.admit(HERE)


def test_few_origins_are_remembered(breaker: CircuitBreaker) -> None:
    for number in range(100):
        breaker.record(("https", f"ehr{number}.example", 443), ok=False)
    assert list(breaker.hosts()) == [f"ehr{number}.example" for number in range(96, 100)]


def test_the_log_says_when_it_begins_and_ends(
    breaker: CircuitBreaker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO, logger="cds_service"):
        fail(breaker, 10)
        breaker.record(HERE, ok=True)
        breaker.record(HERE, ok=True)
    assert [record.getMessage() for record in caplog.records] == [
        "fhir server ehr.example does not answer: left alone, probed every pause",
        "fhir server ehr.example answers again",
    ]
