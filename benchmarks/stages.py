"""Where the time of an answer goes, stage by stage: ``python -m benchmarks.stages`` (``make profile``).

The application answers requests in this process, without a server. Each stage is timed without the stages it
calls; what no stage accounts for is Flask's own work. Times are the best of many, in microseconds: a busy
machine makes them longer, never shorter. ``--functions N`` lists the functions that took most of all.
"""

from __future__ import annotations

import argparse
import cProfile
import importlib
import io
import os
import pstats
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import flask

from benchmarks.bodies import SIZES, order_sign
from benchmarks.vocabulary import vocabulary
from cds_service import create_app
from cds_service.process import settle
from cds_service.settings import load_settings

STAGES: dict[str, tuple[tuple[str, str], ...]] = {
    "read body": (("cds_service.cds_hooks.blueprint", "read_body"),),
    "who calls": (("cds_service.cds_hooks.blueprint", "_Site.call"),),
    "envelope": (("cds_service.cds_hooks.blueprint", "parse_request"),),
    "drafts": (
        ("cds_service.decision", "read_drafts"),
        ("cds_service.decision", "concern"),
        ("cds_service.decision", "client_version"),
    ),
    "prefetch": (("cds_service.sources", "Sources.gather"),),
    "chart": (("cds_service.decision", "read_chart"),),
    "rules": (("cds_service.decision", "decide"),),
    "cards": (("cds_service.decision", "make_cards"),),
    "encode": (("cds_service.cds_hooks.blueprint", "encode"),),
    "record": (
        ("cds_service.recording", "Recorder.record"),
        ("cds_service.audit", "AuditTrail.write"),
    ),
    "count and log": (
        ("cds_service.metrics", "Metrics.count"),
        ("cds_service.operation", "_log_answer"),
    ),
}
"""Which functions make up a stage: module and name."""
REST = "Flask and the rest"
_BODIES = 8


class Stopwatch:
    """The time within each stage, less that of the stages it calls."""

    def __init__(self) -> None:
        self.spent: dict[str, float] = {}
        self._running: list[float] = []

    @contextmanager
    def watching(self) -> Iterator[None]:
        """Every function of :data:`STAGES` is timed meanwhile."""
        kept: list[tuple[Any, str, Any]] = []
        for stage, functions in STAGES.items():
            for module, name in functions:
                owner: Any = importlib.import_module(module)
                *outer, name = name.split(".")
                for part in outer:
                    owner = getattr(owner, part)
                kept.append((owner, name, getattr(owner, name)))
                setattr(owner, name, self._timed(stage, getattr(owner, name)))
        try:
            yield
        finally:
            for owner, name, function in kept:
                setattr(owner, name, function)

    def _timed(self, stage: str, function: Callable[..., Any]) -> Callable[..., Any]:
        def timed(*args: Any, **kwargs: Any) -> Any:
            self._running.append(0.0)
            began = time.perf_counter()
            try:
                return function(*args, **kwargs)
            finally:
                whole = time.perf_counter() - began
                self.spent[stage] = self.spent.get(stage, 0.0) + whole - self._running.pop()
                if self._running:
                    self._running[-1] += whole

        return timed


def answer(app: flask.Flask, body: bytes) -> bytes:
    """One request, as a server hands it over."""
    environ = {
        "REQUEST_METHOD": "POST", "SCRIPT_NAME": "", "PATH_INFO": "/cds-services/ldn-order-sign",
        "QUERY_STRING": "", "SERVER_NAME": "127.0.0.1", "SERVER_PORT": "8000", "HTTP_HOST": "127.0.0.1:8000",
        "SERVER_PROTOCOL": "HTTP/1.1", "CONTENT_TYPE": "application/json", "CONTENT_LENGTH": str(len(body)),
        "wsgi.version": (1, 0), "wsgi.url_scheme": "http", "wsgi.input": io.BytesIO(body),
        "wsgi.errors": sys.stderr, "wsgi.multithread": True, "wsgi.multiprocess": True,
        "wsgi.run_once": False,
    }  # fmt: skip
    statuses: list[str] = []
    answered = app(environ, lambda status, headers, error=None: statuses.append(status))  # type: ignore[arg-type,return-value]
    try:
        told = b"".join(answered)
    finally:
        answered.close()  # type: ignore[attr-defined]
    if statuses != ["200 OK"]:
        raise RuntimeError(f"{statuses}: {told[:500]!r}")
    return told


def stages(app: flask.Flask, bodies: list[bytes], rounds: int) -> dict[str, float]:
    """Microseconds of each stage, and of the rest, in the quickest of the answers."""
    best: dict[str, float] = {}
    for number in range(rounds):
        watch = Stopwatch()
        with watch.watching():
            began = time.perf_counter()
            answer(app, bodies[number % len(bodies)])
            whole = time.perf_counter() - began
        watch.spent[REST] = whole - sum(watch.spent.values())
        for stage, spent in watch.spent.items():
            best[stage] = min(best.get(stage, spent * 1e6), spent * 1e6)
    return best


def show(columns: dict[int, dict[str, float]]) -> None:
    """One row a stage, one column a size."""
    print("microseconds, best of many; orders that give a card\n")
    print(f"{'resources in prefetch':24}" + "".join(f"{size:>10}" for size in columns))
    for stage in (*STAGES, REST):
        print(f"{stage:24}" + "".join(f"{column.get(stage, 0.0):>10.0f}" for column in columns.values()))
    print(f"{'together':24}" + "".join(f"{sum(column.values()):>10.0f}" for column in columns.values()))


def functions(app: flask.Flask, bodies: list[bytes], most: int) -> None:
    """The functions that took most time themselves, of every library."""
    profile = cProfile.Profile()
    with profile:
        for _ in range(20):
            for body in bodies:
                answer(app, body)
    pstats.Stats(profile).sort_stats("tottime").print_stats(most)


def main() -> None:
    """Measure and print."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument(
        "--rounds", type=int, default=400, help="answers of the smallest size; larger ones fewer"
    )
    parser.add_argument("--functions", type=int, default=0, help="list so many functions too")
    parser.add_argument("--silent", action="store_true", help="orders that give no card")
    given = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="ldn-cds-profile-") as folder:
        os.environ |= {
            "CDS_ENVIRONMENT": "development",
            "DATABASE_URL": f"sqlite:///{folder}/ldn-cds.sqlite3",
            "LOG_FORMAT": "json",
        }
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115 - the lines of the log, to the end of the process
        app = create_app(load_settings())
        settle()
        words = vocabulary()
        bodies = {
            size: [order_sign(size, seed, silent=given.silent, words=words) for seed in range(_BODIES)]
            for size in SIZES
        }
        for size in SIZES:
            for body in bodies[size]:
                answer(app, body)
        show({size: stages(app, bodies[size], max(40, given.rounds * 10 // size)) for size in SIZES})
        if given.functions:
            functions(app, bodies[SIZES[0]], given.functions)


if __name__ == "__main__":
    main()
