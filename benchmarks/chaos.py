"""Random faults of an EHR, from a seed: ``python -m benchmarks.chaos [--requests 2000] [--seed 1]``

Patients of the scenarios who have a finding are read from a FHIR server in another process, which answers
about half of the queries wrongly, late or not at all. The truth is the same scenario with everything sent as
prefetch. Fails when the service answers 5xx, when it answers ``cards: []`` although there is a finding, when
a finding is missing and nothing is said (no ``not-checked``, no 412), or when the 99th percentile of its
latency is above the time budget + 100 ms. A fault depends on the seed, the request's number and the query
alone, so that a run can be repeated. Only 127.0.0.1 is called.
"""

from __future__ import annotations

import argparse
import random
import socket
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any

from flask import Flask

from benchmarks.chaos_ehr import FAULTS, HEALTHY, Json, fault_of, running
from cds_service import create_app
from cds_service.scenarios import Scenario, all_names, load
from cds_service.settings import Settings
from cds_service.sources import OBSERVATION_SEARCH

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
BUDGET_MS = 400
GRACE_MS = 100
LONGEST_RUN_S = 900
FURTHER = ("MedicationDispense", "MedicationAdministration", "ServiceRequest")
REFUSED_SHARE = 0.03
"""The share of requests whose server does not listen."""


# --- the patients ------------------------------------------------------------


@dataclass(frozen=True)
class Patient:
    """A scenario with the (topic, indicator) pairs that are its truth."""

    scenario: Scenario
    hook: str
    truth: frozenset[tuple[str, str]]

    def request(self, base: str) -> Json:
        """Everything has to be read from the server at ``base``."""
        return self.scenario.request(self.hook, NOW, fhir_server=base, prefetch=False)


def app(kinds: tuple[str, ...] = ()) -> Flask:
    """The service with its usual time budget."""
    settings = Settings(
        cds_environment="development",
        database_url="sqlite://",
        time_budget_ms=BUDGET_MS,
        fetch_kinds=kinds,
    )
    return create_app(settings, now=lambda: NOW)


def post(service: Flask, body: Json) -> tuple[int, Any, float]:
    """Status, JSON and seconds of one call."""
    client = service.test_client()
    start = time.perf_counter()
    answer = client.post(f"/cds-services/ldn-{body['hook']}", json=body)
    return answer.status_code, answer.get_json(silent=True), time.perf_counter() - start


def cards_of(answer: Any) -> frozenset[tuple[str, str]]:
    """Topic and indicator of every card."""
    cards = answer.get("cards", []) if isinstance(answer, dict) else []
    return frozenset((card["source"]["topic"]["code"], card["indicator"]) for card in cards)


def plain() -> list[Scenario]:
    """R4 scenarios whose record is all there is to know."""
    scenarios = [load(name) for name in all_names()]
    return [s for s in scenarios if s.fhir_version == "R4" and not (s.prefetch or s.without or s.keys)]


def with_findings(service: Flask, scenarios: Sequence[Scenario], origin: str) -> list[Patient]:
    """Those with a finding that a healthy server shows as prefetch does."""
    patients, given_all = [], app()
    for scenario in scenarios:
        hook = scenario.hooks[-1]
        truth = cards_of(post(given_all, scenario.request(hook, NOW))[1])
        patient = Patient(scenario, hook, truth)
        if truth and cards_of(post(service, patient.request(_base(origin, HEALTHY, patient)))[1]) == truth:
            patients.append(patient)
    return patients


def _base(origin: str, number: str, patient: Patient) -> str:
    return f"{origin}/{number}/{patient.scenario.name}/fhir"


# --- the run -----------------------------------------------------------------


@dataclass
class Tally:
    """What came of the requests; filled by several threads."""

    lock: threading.Lock = field(default_factory=threading.Lock)
    statuses: Counter[int] = field(default_factory=Counter)
    outcomes: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    unsaid: list[str] = field(default_factory=list)

    def add(self, label: str, truth: frozenset[tuple[str, str]], result: tuple[int, Any, float]) -> None:
        """Judge one answer."""
        status, answer, seconds = result
        cards = cards_of(answer)
        with self.lock:
            self.statuses[status] += 1
            self.seconds.append(seconds)
            self.outcomes[_verdict(status, cards, truth)] += 1
            if status >= 500:
                self.broken.append(f"{label}: HTTP {status}")
            elif status == 200 and not cards:
                self.broken.append(f"{label}: no cards, due {sorted(truth)}")
            elif status == 200 and not (truth <= cards or any(topic == "not-checked" for topic, _ in cards)):
                self.unsaid.append(f"{label}: without {sorted(truth - cards)}")


def _verdict(status: int, cards: frozenset[tuple[str, str]], truth: frozenset[tuple[str, str]]) -> str:
    if status != 200:
        return f"refused with {status}"
    said = any(topic == "not-checked" for topic, _ in cards)
    if truth <= cards:
        return "all cards, and what was not checked" if said else "all cards"
    return "not all cards, and what was not checked" if said else "not all cards, nothing said"


def run(requests: int, seed: int, workers: int) -> tuple[Tally, int]:
    """The tally of ``requests`` calls, and how many patients they were about."""
    service, scenarios, tally = app(FURTHER), plain(), Tally()
    records = {s.name: [entry["resource"] for entry in s.transaction(NOW)["entry"]] for s in scenarios}
    end = time.monotonic() + LONGEST_RUN_S
    with running(records, seed) as origin, closed_port() as nowhere:
        patients = with_findings(service, scenarios, origin)

        def one(number: int) -> None:
            rng = random.Random(f"{seed}/{number}")
            patient = rng.choice(patients)
            refused = rng.random() < REFUSED_SHARE
            base = _base(nowhere if refused else origin, str(number), patient)
            if time.monotonic() < end:
                label = f"request {number}, {patient.scenario.name}{', refused' if refused else ''}"
                label += "" if refused else f" {_faults(seed, number, patient)}"
                tally.add(label, patient.truth, post(service, patient.request(base)))

        with ThreadPoolExecutor(workers) as pool:
            list(pool.map(one, range(requests)))
    return tally, len(patients)


def _faults(seed: int, number: int, patient: Patient) -> str:
    """The faults of the lists asked for, for the report of a failure."""
    bare, count = patient.scenario.patient_id.rsplit("/", 1)[-1], "&_count=200"
    searches = [f"{kind}?patient={bare}{count}" for kind in (*_LISTS, *FURTHER)]
    searches += [f"Patient/{bare}", f"Observation?patient={bare}{OBSERVATION_SEARCH}{count}"]
    met = {search.split("?")[0].split("/")[0]: fault_of(seed, str(number), search) for search in searches}
    return ", ".join(f"{kind}: {fault}" for kind, fault in met.items() if fault)


_LISTS = ("MedicationStatement", "MedicationRequest", "Condition", "AllergyIntolerance")


@contextmanager
def closed_port() -> Iterator[str]:
    """An origin that refuses connections: the port is taken, and nobody listens."""
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"


def report(tally: Tally, patients: int, requests: int) -> Iterator[str]:
    """The run in words."""
    done = len(tally.seconds)
    yield f"{done} of {requests} requests, {patients} patients with findings, {len(FAULTS) + 1} faults"
    yield "statuses: " + ", ".join(f"{status}: {count}" for status, count in sorted(tally.statuses.items()))
    for outcome, count in tally.outcomes.most_common():
        yield f"  {count:5} {outcome}"
    yield (
        f"latency in ms: median {percentile(tally, 50):.0f}, 90th {percentile(tally, 90):.0f},"
        f" 99th {percentile(tally, 99):.0f}, longest {max(tally.seconds) * 1000:.0f};"
        f" allowed for the 99th: {BUDGET_MS + GRACE_MS}"
    )
    for title, lines in (("BROKEN", tally.broken), ("cards missing, nothing said", tally.unsaid)):
        yield f"{title}: {len(lines)}"
        yield from (f"  {line}" for line in lines[:10])


def percentile(tally: Tally, number: int) -> float:
    """Milliseconds."""
    return statistics.quantiles(tally.seconds, n=100)[number - 1] * 1000


def main(arguments: Sequence[str] | None = None) -> int:
    """Run, print; exit 1 when something that must hold does not."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.chaos", description=main.__doc__)
    parser.add_argument("--requests", type=int, default=2000, help="how many (2 to 20000, default 2000)")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=2, help="requests at the same time (default 2)")
    given = parser.parse_args(arguments)
    requests = min(max(given.requests, 2), 20_000)
    print(f"seed {given.seed}, {given.workers} requests at a time, budget {BUDGET_MS} ms")
    tally, patients = run(requests, given.seed, given.workers)
    print("\n".join(report(tally, patients, requests)))
    late = percentile(tally, 99) > BUDGET_MS + GRACE_MS
    if late:
        print("LATE: the 99th percentile is above what is allowed")
    if len(tally.seconds) < requests:
        print(f"STOPPED after {LONGEST_RUN_S} s")
    return 1 if tally.broken or tally.unsaid or late or len(tally.seconds) < requests else 0


if __name__ == "__main__":
    sys.exit(main())
