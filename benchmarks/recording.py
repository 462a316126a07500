"""What recording costs: ``python -m benchmarks.recording`` (``make bench-recording``).

The service with ``RECORD_CARDS=true`` beside the same with ``false``, each under a server of its own with one
worker. Both get the same order-sign events, which give cards, in turns: a busy moment of the machine falls
on both, and a ratio is made of what was measured in one turn. CPU time is that of all threads, so the
loading into the database, which comes after the answers, is in it; latency is the median over one connection.
"""

from __future__ import annotations

import argparse
import json
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks.answers import OURS
from benchmarks.bodies import order_sign
from benchmarks.processes import Server, serving
from benchmarks.vocabulary import vocabulary

TARGET = 1.05
"""At 50 resources (104 kB)."""
SIZES = {10: 400, 50: 300, 200: 120}
"""Resources in prefetch, and requests in a turn."""
_BODIES = 24
_UNTIL_LOADED = 1.0


@dataclass
class Case:
    """One size: with and without recording, ms of latency and of CPU for a request, turn by turn."""

    kilobytes: float
    latency: dict[bool, list[float]] = field(default_factory=lambda: {True: [], False: []})
    cpu: dict[bool, list[float]] = field(default_factory=lambda: {True: [], False: []})

    def told(self) -> dict[str, Any]:
        """Medians over the turns; a ratio is one of what it costs with recording to without."""
        return {
            "kB": round(self.kilobytes),
            "latency_ms": round(statistics.median(self.latency[True]), 3),
            "latency_ratio": _ratio(self.latency),
            "cpu_ms": round(statistics.median(self.cpu[True]), 3),
            "cpu_ratio": _ratio(self.cpu),
        }


def _ratio(turns: dict[bool, list[float]]) -> float:
    pairs = zip(turns[True], turns[False], strict=True)
    return round(statistics.median(on / off for on, off in pairs), 3)


@contextmanager
def running(server: str) -> Iterator[tuple[dict[bool, Server], Path]]:
    """Both services, and the folder of the bodies."""
    with tempfile.TemporaryDirectory(prefix="ldn-cds-recording-") as name, ExitStack() as stack:
        folder, words = Path(name), vocabulary()
        for size in SIZES:
            (folder / str(size)).mkdir()
            for number in range(_BODIES):
                (folder / str(size) / f"{number}.json").write_bytes(order_sign(size, number, words=words))
        servers = {}
        for records in (True, False):
            own = folder / f"records-{records}"
            own.mkdir()
            settings = {
                "BENCH_FOLDER": str(own),
                "CDS_ENVIRONMENT": "development",
                "LOG_FORMAT": "json",
                "DATABASE_URL": f"sqlite:///{own}/ldn-cds.sqlite3",
                "RECORD_CARDS": str(records).lower(),
            }
            started = serving(server, "app:app", workers=1, settings=settings, ready="/cds-services")
            servers[records] = stack.enter_context(started)
        yield servers, folder


def measure(server: Server, bodies: Path, requests: int) -> tuple[float, float]:
    """Ms of latency in the median, and of CPU for a request with everything that comes after it."""
    before = server.cpu()
    line = [sys.executable, "-m", "benchmarks.load", server.url + OURS, "--bodies", str(bodies)]
    line += ["--connections", "1", "--requests", str(requests)]
    told = json.loads(subprocess.run(line, check=True, capture_output=True).stdout)
    if told["answers"] != {"200": requests}:
        raise RuntimeError(str(told))
    time.sleep(_UNTIL_LOADED)
    return float(told["median_ms"]), (server.cpu() - before) / requests * 1000


def measure_all(server: str, rounds: int) -> dict[int, Case]:
    """Every size in each round, first with or first without in turns; one round before is not counted."""
    with running(server) as (servers, folder):
        cases = {s: Case((folder / str(s) / "0.json").stat().st_size / 1000) for s in SIZES}
        for number in range(rounds + 1):
            for size, requests in SIZES.items():
                for records in (True, False) if number % 2 else (False, True):
                    latency, cpu = measure(servers[records], folder / str(size), requests)
                    if number:
                        cases[size].latency[records].append(latency)
                        cases[size].cpu[records].append(cpu)
        return cases


def main() -> int:
    """Ends with 1 when the latency at 104 kB is above the target."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=9)
    parser.add_argument("--server", choices=("gunicorn", "granian"), default="gunicorn")
    parser.add_argument("--json", type=Path, help="Write the figures to a file.")
    given = parser.parse_args()
    told = {size: case.told() for size, case in measure_all(given.server, given.rounds).items()}
    for size, figures in told.items():
        print(f"{size:5} resources  " + "  ".join(f"{name} {value}" for name, value in figures.items()))
    if given.json:
        given.json.write_text(json.dumps(told, indent=2) + "\n", "utf-8")
    ratio = told[50]["latency_ratio"]
    met = ratio <= TARGET
    print(f"latency at {told[50]['kB']} kB: {ratio} (target {TARGET}: {'met' if met else 'missed'})")
    return int(not met)


if __name__ == "__main__":
    sys.exit(main())
