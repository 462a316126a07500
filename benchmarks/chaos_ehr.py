"""The EHR of a chaos run: a FHIR server in a process of its own that answers half of its queries badly.

A fault depends on the seed, the request's number and the query alone, so that a run can be repeated.
"""

from __future__ import annotations

import json
import multiprocessing
import random
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from typing import Any

Json = dict[str, Any]

HEALTHY = "healthy"
"""In place of a request's number: no query of it meets a fault."""
CALM = 0.5
"""The share of queries that are answered as they should be."""
HANG_S = 1.5


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


class _Server(ThreadingHTTPServer):
    """Answers ``/NUMBER/SCENARIO/fhir/...`` of the scenarios' ``records``."""

    daemon_threads = True

    def __init__(self, records: Mapping[str, Sequence[Json]], seed: int) -> None:
        super().__init__(("127.0.0.1", 0), _Handler)
        self.records, self.seed = records, seed


class _Handler(BaseHTTPRequestHandler):
    """Each query with its fault."""

    server: _Server
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True
    timeout = 30

    def do_GET(self) -> None:
        _, number, name, _, search = self.path.split("/", 4)
        url = f"http://127.0.0.1:{self.server.server_address[1]}{self.path}"
        asked = _asked(self.server.records[name], search, url)
        fault = fault_of(self.server.seed, number, search)
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


def serve(records: Mapping[str, Sequence[Json]], seed: int, pipe: Connection) -> None:
    """Answer until the process ends; the port goes into ``pipe``."""
    server = _Server(records, seed)
    pipe.send(server.server_address[1])
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
