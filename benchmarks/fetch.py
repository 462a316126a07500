"""What reading from an EHR costs the prescriber: ``python -m benchmarks.fetch [--json FILE]``

One order of naltrexone is sent to the service while a FHIR server in another process answers every query
after 5, 50 or 200 ms. The request lacks 1, 4 or 12 lists, so that as many queries run. Measured are the
whole answer and, in the same request, each query; the ratio of the answer to the slowest of them is 1 when
everything ran in parallel and the service itself cost nothing. As the queries of one request share the
interpreter, two yardsticks are timed beside each request: a query sent alone, and as many queries at once by
nothing but urllib3 in threads, which is the least that any client of this kind needs. Cases take turns, so
that a busy moment of the machine falls on all of them. Only 127.0.0.1 is called.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import random
import statistics
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import urllib3
from flask import Flask
from werkzeug.test import EnvironBuilder, run_wsgi_app

from cds_service import create_app
from cds_service.fhir import ClientOptions, Deadline, FhirAccess, FhirClient
from cds_service.fhir.client import Reply
from cds_service.outbound import ANYWHERE
from cds_service.scenarios import load
from cds_service.settings import Settings

Json = dict[str, Any]

TARGET = 1.2
DELAYS = (5, 50, 200)
SCENARIO = "oxycodone-active"
BEHIND_A_REFERENCE = "oxycodone-behind-a-reference"
STANDARD = (
    "observations", "conditions", "allergies", "medicationStatements", "medicationRequests", "patient",
)  # fmt: skip
FURTHER = (
    "MedicationDispense", "MedicationAdministration", "Procedure", "Encounter", "Immunization", "CarePlan",
)  # fmt: skip
BUDGET_MS = 5_000
WARM_UP = 5


# --- the FHIR server ---------------------------------------------------------


def serve(records: Mapping[str, Sequence[Json]], pipe: Connection) -> None:
    """Answer ``/DELAY/SCENARIO/fhir/...`` after DELAY ms until stopped; the port goes into ``pipe``.

    One loop and few instructions an answer, so that the delay is what was asked for and little more.
    """

    class Answering(asyncio.Protocol):
        def connection_made(self, transport: Any) -> None:
            self.transport, self.received = transport, b""

        def data_received(self, data: bytes) -> None:
            self.received += data
            while b"\r\n\r\n" in self.received:
                head, _, self.received = self.received.partition(b"\r\n\r\n")
                _, delay, name, _, search = head.decode().split(" ", 2)[1].split("/", 4)
                answer = _head(body := _answer(records[name], search)) + body
                asyncio.get_running_loop().call_later(int(delay) / 1000, self.transport.write, answer)

    async def answering() -> None:
        server = await asyncio.get_running_loop().create_server(Answering, "127.0.0.1", 0)
        pipe.send(server.sockets[0].getsockname()[1])
        await server.serve_forever()

    asyncio.run(answering())


def _head(body: bytes) -> bytes:
    lines = ("HTTP/1.1 200 OK", "Content-Type: application/fhir+json", f"Content-Length: {len(body)}", "", "")
    return "\r\n".join(lines).encode()


def _answer(resources: Sequence[Json], search: str) -> bytes:
    """A search by patient brings all of the type, a read the one with that id."""
    kind, _, identity = search.split("?")[0].partition("/")
    found = [each for each in resources if each["resourceType"] == kind]
    if identity:
        return json.dumps(next(each for each in found if each["id"] == identity)).encode()
    entries = [{"resource": each, "search": {"mode": "match"}} for each in found]
    return json.dumps(
        {"resourceType": "Bundle", "type": "searchset", "total": len(found), "entry": entries}
    ).encode()


@contextmanager
def running(records: Mapping[str, Sequence[Json]]) -> Iterator[str]:
    """The origin of a server in a process of its own, so that it takes no time from the interpreter here."""
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=serve, args=(records, theirs), daemon=True)
    process.start()
    try:
        if not ours.poll(30):
            raise RuntimeError("the server of the benchmark did not start")
        yield f"http://127.0.0.1:{ours.recv()}"
    finally:
        process.terminate()
        process.join(10)


# --- one measurement ---------------------------------------------------------


@dataclass
class Case:
    """One kind of request: how many queries, how slow, and what was measured (in ms)."""

    label: str
    delay: int
    queries: int
    body: Json = field(repr=False)
    app: Flask = field(repr=False)
    expected: list[Any] = field(repr=False)
    judged: bool = True
    service: list[float] = field(default_factory=list)
    slowest: list[float] = field(default_factory=list)
    alone: list[float] = field(default_factory=list)
    bare: list[float] = field(default_factory=list)


class Stopwatch:
    """Times every query of the service."""

    def __init__(self) -> None:
        self.seconds: list[float] = []

    @contextmanager
    def attached(self) -> Iterator[None]:
        """Every :meth:`FhirAccess.get` is timed meanwhile."""
        original = FhirAccess.get

        def get(access: FhirAccess, url: str, deadline: Deadline) -> Reply:
            start = time.perf_counter()
            try:
                return original(access, url, deadline)
            finally:
                self.seconds.append(time.perf_counter() - start)

        setattr(FhirAccess, "get", get)  # noqa: B010 - mypy refuses the plain assignment
        try:
            yield
        finally:
            setattr(FhirAccess, "get", original)  # noqa: B010


def measure(case: Case, stopwatch: Stopwatch, lone: FhirAccess, bare: Bare) -> None:
    """One request and its yardsticks; fails when the service asked or answered otherwise than it should."""
    stopwatch.seconds.clear()
    seconds, answer = post(case.app, case.body)
    case.service.append(seconds * 1000)
    queries = list(stopwatch.seconds)
    if len(queries) != case.queries or outcome(answer) != case.expected:
        raise AssertionError(f"{case.label}, {case.delay} ms: {len(queries)} queries, {outcome(answer)}")
    case.slowest.append(max(queries, default=0.0) * 1000)
    start = time.perf_counter()
    lone.get(lone.url("Condition?patient=x"), Deadline(BUDGET_MS / 1000))
    case.alone.append((time.perf_counter() - start) * 1000)
    case.bare.append(bare.seconds(lone.url("Condition?patient=x"), case.queries) * 1000)


def post(app: Flask, body: Json) -> tuple[float, Json]:
    """Seconds and answer of one call, as a server of WSGI makes it."""
    builder = EnvironBuilder(method="POST", path="/cds-services/ldn-order-sign", json=body)
    environ = builder.get_environ()
    start = time.perf_counter()
    parts, _, _ = run_wsgi_app(app.wsgi_app, environ)
    seconds = time.perf_counter() - start
    return seconds, json.loads(b"".join(parts))


class Bare:
    """Queries at once by urllib3 in threads, with nothing around them."""

    def __init__(self) -> None:
        self._pool = urllib3.PoolManager(maxsize=64)
        self._threads = ThreadPoolExecutor(64)

    def seconds(self, url: str, queries: int) -> float:
        """Until the last answer has come."""
        start = time.perf_counter()
        for asked in [self._threads.submit(self._pool.request, "GET", url) for _ in range(queries)]:
            asked.result()
        return time.perf_counter() - start


def outcome(answer: Json) -> list[Any]:
    """What must be the same however the lists came."""
    return sorted((c["source"]["topic"]["code"], c["indicator"], c["summary"]) for c in answer["cards"])


# --- the cases ---------------------------------------------------------------


def cases(origin: str, now: datetime) -> list[Case]:
    """Each number of missing lists with each delay; and one where a Medication is asked for afterwards."""
    apps = {
        kinds: create_app(
            Settings(
                cds_environment="development",
                database_url="sqlite://",
                time_budget_ms=BUDGET_MS,
                fetch_kinds=kinds,
            ),
            now=lambda: now,
        )
        for kinds in ((), FURTHER)
    }
    made = []
    for delay in DELAYS:
        for missing in (0, 1, 4, 12):
            app = apps[FURTHER if missing == 12 else ()]
            made.append(_case(origin, now, delay, missing, app))
        made.append(_case(origin, now, delay, 4, apps[()], BEHIND_A_REFERENCE))
    return made


def _case(origin: str, now: datetime, delay: int, missing: int, app: Flask, name: str = SCENARIO) -> Case:
    scenario = load(name)
    base = f"{origin}/{delay}/{name}/fhir"
    body = scenario.request("order-sign", now, fhir_server=base)
    expected = outcome(post(app, {**body, "fhirServer": base})[1])
    behind = name == BEHIND_A_REFERENCE
    absent = ("medicationRequests", *STANDARD[:3]) if behind else STANDARD[:missing]
    body["prefetch"] = {key: value for key, value in body["prefetch"].items() if key not in absent}
    label = f"{missing}, then 1 Medication" if behind else str(missing)
    queries = missing + 1 if behind else missing
    return Case(label, delay, queries, body, app, expected, judged=missing > 0 and not behind)


# --- the report --------------------------------------------------------------


@dataclass(frozen=True)
class Row:
    """The figures of one case; milliseconds, or a ratio."""

    delay_ms: int
    lists_missing: str
    queries: int
    service_ms: float
    slowest_ms: float
    alone_ms: float
    bare_ms: float
    own_ms: float
    ratio: float | None
    ratio_low: float | None
    ratio_high: float | None
    ratio_to_alone: float | None
    ratio_to_bare: float | None
    within_target: bool | None


def row(case: Case) -> Row:
    """Medians of the runs, and the 10th and 90th percentile of the ratio."""
    ratios = [whole / one for whole, one in zip(case.service, case.slowest, strict=True) if one]
    harder = [whole / one for whole, one in zip(case.service, case.alone, strict=True)]
    least = [whole / one for whole, one in zip(case.service, case.bare, strict=True)]
    own = [whole - one for whole, one in zip(case.service, case.slowest, strict=True)]
    tenths = statistics.quantiles(ratios, n=10) if ratios else []
    median = statistics.median(ratios) if ratios else None
    return Row(
        delay_ms=case.delay,
        lists_missing=case.label,
        queries=case.queries,
        service_ms=statistics.median(case.service),
        slowest_ms=statistics.median(case.slowest),
        alone_ms=statistics.median(case.alone),
        bare_ms=statistics.median(case.bare),
        own_ms=statistics.median(own),
        ratio=median,
        ratio_low=tenths[0] if tenths else None,
        ratio_high=tenths[-1] if tenths else None,
        ratio_to_alone=statistics.median(harder) if ratios else None,
        ratio_to_bare=statistics.median(least) if ratios else None,
        within_target=median <= TARGET if case.judged and median is not None else None,
    )


def table(rows: Sequence[Row]) -> Iterator[str]:
    """The rows as text."""
    yield (
        f"{'delay':>6} {'lists missing':<20} {'answer':>8} {'slowest':>8} {'alone':>7} {'bare':>6}"
        f" {'own':>5} {'ratio':>6} {'p10-p90':>11} {'to alone':>8} {'to bare':>7}  <= {TARGET}"
    )
    for each in rows:
        start = f"{each.delay_ms:>3} ms {each.lists_missing:<20} {each.service_ms:8.1f}"
        start += f" {each.slowest_ms:8.1f} {each.alone_ms:7.1f} {each.bare_ms:6.1f} {each.own_ms:5.1f}"
        if each.ratio is None:
            yield f"{start} {'-':>6} {'-':>11} {'-':>8} {'-':>7}  -"
            continue
        verdict = {True: "yes", False: "NO", None: "-"}[each.within_target]
        spread = f"{each.ratio_low:.2f}-{each.ratio_high:.2f}"
        others = f"{each.ratio_to_alone:8.2f} {each.ratio_to_bare:7.2f}"
        yield f"{start} {each.ratio:6.2f} {spread:>11} {others}  {verdict}"


def run(rounds: int, seed: int) -> list[Row]:
    """All cases, ``rounds`` times in a shuffled order."""
    now, order = datetime.now(UTC), random.Random(seed)
    records = {name: list(load(name).transaction(now)["entry"]) for name in (SCENARIO, BEHIND_A_REFERENCE)}
    resources = {name: [entry["resource"] for entry in entries] for name, entries in records.items()}
    stopwatch, lone, bare = Stopwatch(), FhirClient(ClientOptions()), Bare()
    with running(resources) as origin, stopwatch.attached():
        every = cases(origin, now)
        for turn in range(-WARM_UP, rounds):
            for case in order.sample(every, len(every)):
                access = lone.access(f"{origin}/{case.delay}/{SCENARIO}/fhir", None, ANYWHERE)
                measure(case, stopwatch, access, bare)
            if turn == -1:
                _forget(every)
    lone.close()
    return [row(case) for case in every]


def _forget(every: Sequence[Case]) -> None:
    """What was measured while warming up does not count."""
    for case in every:
        case.service.clear()
        case.slowest.clear()
        case.alone.clear()
        case.bare.clear()


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and, with --json, write the figures. The target is reported; missing it is no error."""
    parser = argparse.ArgumentParser(prog="python -m benchmarks.fetch", description=main.__doc__)
    parser.add_argument("--rounds", type=int, default=25, help="runs of each case (default 25, at least 5)")
    parser.add_argument("--seed", type=int, default=1, help="of the order of the runs")
    parser.add_argument("--json", type=Path, metavar="FILE", help="write the figures there too")
    given = parser.parse_args(arguments)
    rounds = max(given.rounds, 5)
    rows = run(rounds, given.seed)
    print(f"Medians of {rounds} interleaved runs in ms. answer: the whole request; slowest: its slowest")
    print("query; alone: one query by itself; bare: as many at once by urllib3 alone; own: answer - slowest;")
    print("ratio: answer / slowest, and / alone, and / bare.")
    print("\n".join(table(rows)))
    missed = [f"{each.lists_missing} at {each.delay_ms} ms" for each in rows if each.within_target is False]
    print(f"target {TARGET}", f"missed with: {'; '.join(missed)}" if missed else "kept throughout")
    if given.json:
        report = {"rounds": rounds, "target": TARGET, "rows": [asdict(each) for each in rows]}
        given.json.write_text(json.dumps(report, indent=2) + "\n", "utf-8")
    return 0


if __name__ == "__main__":
    sys.exit(main())
