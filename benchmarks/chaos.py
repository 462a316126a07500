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
import json
import multiprocessing
import random
import socket
import statistics
import sys
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any

from flask import Flask

from cds_service import create_app
from cds_service.scenarios import Scenario, all_names, load
from cds_service.settings import Settings
from cds_service.sources import OBSERVATION_SEARCH

Json = dict[str, Any]

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
BUDGET_MS = 400
GRACE_MS = 100
LONGEST_RUN_S = 900
FURTHER = ("MedicationDispense", "MedicationAdministration", "ServiceRequest")
HEALTHY = "healthy"
CALM = 0.5
"""The share of queries that are answered as they should be."""
HANG_S = 1.5
REFUSED_SHARE = 0.03
"""The share of requests whose server does not listen."""


# --- the server and its faults -----------------------------------------------


@dataclass(frozen=True)
class Asked:
    """One query: the resources that are the right answer, and where it came in."""

    kind: str
    patient: str
    is_search: bool
    found: Sequence[Json]
    url: str


@dataclass(frozen=True)
class Given:
    """An answer: the bytes, how they are sent."""

    body: bytes = b""
    status: int = 200
    content_type: str = "application/fhir+json"
    headers: Mapping[str, str] = field(default_factory=dict)
    delay: float = 0.0
    cut: int = 0
    """Bytes missing from what Content-Length promises."""
    drip: float = 0.0
    """Seconds between pieces of a body that comes slowly."""
    hang_up: bool = False


def right(asked: Asked, found: Sequence[Json] | None = None, **more: Any) -> Given:
    """What a healthy server says; ``more`` goes into the Bundle."""
    resources = asked.found if found is None else found
    if not asked.is_search:
        if not resources:
            return Given(_outcome("not-found"), 404)
        return Given(json.dumps(resources[0]).encode())
    entries = [{"resource": each, "search": {"mode": "match"}} for each in resources]
    bundle = {"resourceType": "Bundle", "type": "searchset", "total": len(asked.found), "entry": entries}
    return Given(json.dumps({**bundle, **more}).encode())


def _outcome(code: str) -> bytes:
    issue = {"severity": "error", "code": code, "diagnostics": "made by the chaos run"}
    return json.dumps({"resourceType": "OperationOutcome", "issue": [issue]}).encode()


def _status(status: int, **headers: str) -> Callable[[Asked], Given]:
    return lambda asked: Given(
        _outcome("exception"), status, headers={k.replace("_", "-"): v for k, v in headers.items()}
    )


def _paged(url: str) -> Callable[[Asked], Given]:
    """A first page without the last entry, and a link to the rest."""

    def answer(asked: Asked) -> Given:
        if not asked.is_search:
            return right(asked)
        target = url.format(url=asked.url)
        return right(asked, asked.found[:-1], link=[{"relation": "next", "url": target}])

    return answer


def _of_others(asked: Asked) -> Given:
    text = json.dumps(asked.found).replace(asked.patient, "somebody-else")
    return right(asked, json.loads(text))


def _of_another_type(asked: Asked) -> Given:
    return right(asked, [{"resourceType": "Device", "id": "d", "patient": {"reference": "Patient/x"}}])


def _with_nan(asked: Asked) -> Given:
    return Given(right(asked).body[:-1] + b', "x": NaN}')


def _cut(asked: Asked) -> Given:
    whole = right(asked)
    return Given(whole.body[: len(whole.body) // 2])


def _delayed(low: float, high: float) -> Callable[[Asked], Given]:
    return lambda asked: Given(right(asked).body, right(asked).status, delay=random.uniform(low, high))


FAULTS: Mapping[str, Callable[[Asked], Given]] = {
    "slow": _delayed(0.05, 0.3),
    "too slow": _delayed(0.4, 0.8),
    "hanging": lambda asked: Given(delay=HANG_S, hang_up=True),
    "connection closed": lambda asked: Given(hang_up=True),
    "400": _status(400),
    "401": _status(401),
    "403": _status(403),
    "404": _status(404),
    "410": _status(410),
    "429": _status(429, Retry_After="2"),
    "500": _status(500),
    "502": _status(502),
    "503": _status(503, Retry_After="120"),
    "HTML": lambda asked: Given(b"<html><title>Log in</title></html>", content_type="text/html"),
    "empty body": lambda asked: Given(b""),
    "body cut by the network": lambda asked: Given(right(asked).body, cut=20),
    "body cut by the server": _cut,
    "a few bytes at a time": lambda asked: Given(right(asked).body, drip=0.1),
    "deep nesting": lambda asked: Given(b'{"a":' * 50_000 + b"1" + b"}" * 50_000),
    "NaN": _with_nan,
    "gzip that is none": lambda asked: Given(right(asked).body, headers={"Content-Encoding": "gzip"}),
    "OperationOutcome with 200": lambda asked: Given(_outcome("exception")),
    "other patient's data": _of_others,
    "another type": _of_another_type,
    "fewer than the total": lambda asked: right(asked, asked.found[:-1]),
    "next page missing": _paged("{url}&missing-page=2"),
    "next page elsewhere": _paged("http://127.0.0.2:9/fhir/page"),
    "pages in a circle": _paged("{url}"),
    "redirect elsewhere": _status(302, Location="http://127.0.0.2:9/fhir"),
    "every entry twice": lambda asked: right(asked, [*asked.found, *asked.found]),
}


def fault_of(seed: int, number: str, path: str) -> str | None:
    """The fault this query meets, None for none."""
    rng = random.Random(f"{seed}/{number}/{path}")
    return None if number == HEALTHY or rng.random() < CALM else rng.choice(list(FAULTS))


def serve(records: Mapping[str, Sequence[Json]], seed: int, pipe: Connection) -> None:
    """Answer ``/NUMBER/SCENARIO/fhir/...``, each query with its fault; the port goes into ``pipe``."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        disable_nagle_algorithm = True
        timeout = 30

        def do_GET(self) -> None:
            _, number, name, _, search = self.path.split("/", 4)
            asked = _asked(records[name], search, f"http://127.0.0.1:{port}{self.path}")
            fault = fault_of(seed, number, search)
            given = _status(404)(asked) if "missing-page" in search else FAULTS.get(fault or "", right)(asked)
            with suppress(OSError):  # the service has hung up
                self._give(given)

        def _give(self, given: Given) -> None:
            time.sleep(given.delay)
            if given.hang_up:
                self.close_connection = True
                return
            self.send_response(given.status)
            self.send_header("Content-Type", given.content_type)
            self.send_header("Content-Length", str(len(given.body) + given.cut))
            for name, value in given.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.close_connection = self.close_connection or bool(given.cut)
            self._send(given)

        def _send(self, given: Given) -> None:
            if not given.drip:
                self.wfile.write(given.body)
                return
            for start in range(0, min(len(given.body), 150), 10):
                self.wfile.write(given.body[start : start + 10])
                time.sleep(given.drip)
            self.close_connection = True

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    port = server.server_address[1]
    pipe.send(port)
    server.serve_forever()


def _asked(resources: Sequence[Json], search: str, url: str) -> Asked:
    path, _, query = search.partition("?")
    kind, _, identity = path.partition("/")
    wanted = {part for each in query.split("&") if each.startswith("_id=") for part in each[4:].split(",")}
    wanted |= {identity} if identity else set()
    found = [r for r in resources if r["resourceType"] == kind and (not wanted or r["id"] in wanted)]
    patient = next((r["id"] for r in resources if r["resourceType"] == "Patient"), "nobody")
    return Asked(kind, patient, not identity, found, url)


@contextmanager
def running(records: Mapping[str, Sequence[Json]], seed: int) -> Iterator[str]:
    """The origin of a server in a process of its own."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(records, seed, theirs), daemon=True)
    process.start()
    try:
        if not ours.poll(30):
            raise RuntimeError("the server of the chaos run did not start")
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join(10)


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
