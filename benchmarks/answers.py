"""What an answer costs: ``python -m benchmarks.answers`` (``make bench``).

CPU time per request of the server's processes, beside two bare Flask views under the same server with as many
workers: one parses the body with ``json.loads`` and returns fixed cards (the floor), one only reads the body.
The requests are order-sign events with 10, 50, 200 and 1000 resources in prefetch; they come over keep-alive
connections from a process of their own. The three take turns, so that a busy moment of the machine falls on
all of them; a ratio is made of what was measured in one turn. Rules, cards and recording are on.
"""

from __future__ import annotations

import argparse
import compileall
import json
import os
import platform
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from benchmarks.bodies import SIZES, order_sign
from benchmarks.processes import COMMANDS, Server, serving
from benchmarks.vocabulary import vocabulary

Json = dict[str, Any]

TARGETS: Mapping[int, float] = {10: 1.0, 50: 1.5, 200: 2.5, 1000: 3.5}
"""Floor divided by ours, by the resources in prefetch."""
START_TARGET = 1.5
"""Seconds to the first answer."""

RESULTS = Path(__file__).parent / "results"
OURS = "/cds-services/ldn-order-sign"
WAYS = ("floor", "read", "cards", "silent")
"""What is measured: the two bare views, an order that gives cards, one that gives none."""
PACKAGES = ("flask", "werkzeug", "msgspec", "gunicorn", "granian")

_REQUESTS: Mapping[int, int] = {10: 2000, 50: 1200, 200: 400, 1000: 80}
_BODIES: Mapping[int, int] = {10: 1000, 50: 400, 200: 64, 1000: 16}
"""Each another patient: nobody has hundreds of cards of one day, which an answer looks through."""
_CONNECTIONS = 8


@dataclass
class Case:
    """One size of request: ms of CPU per request of each way, turn by turn."""

    size: int
    kilobytes: float
    milliseconds: dict[str, list[float]] = field(default_factory=lambda: {way: [] for way in WAYS})

    def ratios(self, way: str) -> list[float]:
        """Floor divided by ``way``, turn by turn."""
        pairs = zip(self.milliseconds["floor"], self.milliseconds[way], strict=True)
        return [floor / own for floor, own in pairs]


@dataclass(frozen=True)
class Running:
    """The servers of one run, and where the bodies lie."""

    floor: Server
    ours: Server
    folder: Path

    def address(self, way: str) -> tuple[Server, str]:
        """Which server, and the URL asked."""
        if way in ("floor", "read"):
            return self.floor, f"{self.floor.url}/{way}"
        return self.ours, self.ours.url + OURS

    def bodies(self, way: str, size: int) -> Path:
        """The folder of the requests."""
        return self.folder / f"{'silent' if way == 'silent' else 'cards'}-{size}"


# --- the run ---------------------------------------------------------------------


@contextmanager
def running(server: str, workers: int, command: str | None = None) -> Iterator[Running]:
    """Both applications under ``server``, compiled to bytecode before, as pip does with what it installs."""
    for package in ("cds_service", "benchmarks"):
        compileall.compile_dir(Path(__file__).parent.parent / package, quiet=1)
    with tempfile.TemporaryDirectory(prefix="ldn-cds-bench-") as name, ExitStack() as stack:
        folder = Path(name)
        write_bodies(folder)
        settings = {
            "BENCH_FOLDER": name,
            "CDS_ENVIRONMENT": "development",
            "LOG_FORMAT": "json",
            "DATABASE_URL": f"sqlite:///{name}/ldn-cds.sqlite3",
        }
        floor, ours = (
            stack.enter_context(
                serving(server, app, workers=workers, settings=settings, ready=ready, command=command)
            )
            for app, ready in (("benchmarks.floor:app", "/"), ("app:app", "/cds-services"))
        )
        yield Running(floor, ours, folder)


def write_bodies(folder: Path) -> None:
    """The requests of every size, as files."""
    words = vocabulary()
    for size, count in _BODIES.items():
        for kind in ("cards", "silent"):
            place = folder / f"{kind}-{size}"
            place.mkdir()
            for number in range(count):
                body = order_sign(size, number, silent=kind == "silent", words=words)
                (place / f"{number}.json").write_bytes(body)


def measure(run: Running, way: str, size: int, requests: int) -> float:
    """Ms of CPU per request, of the server's processes."""
    server, url = run.address(way)
    before = server.cpu()
    told = send(url, run.bodies(way, size), requests)
    spent = server.cpu() - before
    if told["answers"] != {"200": requests}:
        raise RuntimeError(f"{way}, {size} resources: {told}")
    return spent / requests * 1000


def send(url: str, bodies: Path, requests: int) -> Json:
    """The requests from a process of its own."""
    line = [sys.executable, "-m", "benchmarks.load", url, "--bodies", str(bodies)]
    line += ["--connections", str(_CONNECTIONS), "--requests", str(requests)]
    told: Json = json.loads(subprocess.run(line, check=True, capture_output=True).stdout)
    return told


def measure_all(run: Running, rounds: int, share: float) -> list[Case]:
    """Every way and size in each round, the ways one after the other; the first round is not counted."""
    cases = [Case(size, len((run.bodies("cards", size) / "0.json").read_bytes()) / 1000) for size in SIZES]
    for number in range(rounds + 1):
        for case in cases:
            requests = max(_BODIES[case.size], round(_REQUESTS[case.size] * share))
            for way in WAYS:
                spent = measure(run, way, case.size, requests if number else _BODIES[case.size])
                if number:
                    case.milliseconds[way].append(spent)
    return cases


# --- what is told ----------------------------------------------------------------


def machine() -> Json:
    """Where and with what it was measured."""
    cpu = next(
        (line.split(":")[1].strip() for line in Path("/proc/cpuinfo").read_text().splitlines()
         if line.startswith("model name")), platform.processor(),
    )  # fmt: skip
    return {
        "cpu": f"{os.cpu_count()} x {cpu}",
        "system": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{name: version(name) for name in PACKAGES},
    }


def result(server: str, workers: int, run: Running, cases: Sequence[Case]) -> Json:
    """What is written to the file."""
    return {
        "measured": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": machine(),
        "server": server,
        "workers": workers,
        "start_seconds": round(run.ours.ready_after, 2),
        "memory_mb": [round(mb, 1) for mb in run.ours.memory()],
        "per_resource_us": {way: round(per_resource(cases, way), 2) for way in WAYS},
        "cases": [
            {
                "resources": case.size,
                "kilobytes": round(case.kilobytes, 1),
                "cpu_ms": {way: _summary(case.milliseconds[way]) for way in WAYS},
                "floor_over_cards": _summary(case.ratios("cards")),
                "floor_over_silent": _summary(case.ratios("silent")),
            }
            for case in cases
        ],
    }


def _summary(values: Sequence[float]) -> Json:
    return {
        "median": round(statistics.median(values), 3),
        "least": round(min(values), 3),
        "most": round(max(values), 3),
    }


def per_resource(cases: Sequence[Case], way: str) -> float:
    """Microseconds for one resource more, between the smallest and the largest request."""
    first, last = cases[0], cases[-1]
    more = statistics.median(last.milliseconds[way]) - statistics.median(first.milliseconds[way])
    return more / (last.size - first.size) * 1000


def show(told: Json, before: Json | None) -> bool:
    """Print the tables; true when every target is met."""
    where = told["machine"]
    print(f"{where['cpu']}, {where['system']}, Python {where['python']}, "
          f"{told['server']} {where[told['server']]}, {told['workers']} workers")  # fmt: skip
    print("\nms of CPU per request: median (least to most) of the turns\n")
    print(f"{'resources':>9} {'kB':>6}" + "".join(f"{way:>24}" for way in WAYS))
    for case in told["cases"]:
        print(f"{case['resources']:>9} {case['kilobytes']:>6.0f}"
              + "".join(f"{_span(case['cpu_ms'][way]):>24}" for way in WAYS))  # fmt: skip
    print(f"{'per resource':>16}" + "".join(f"{told['per_resource_us'][way]:>21.1f} us" for way in WAYS))
    print("\nfloor / ours: how many of our answers one answer of the bare view pays for\n")
    print(f"{'resources':>9}{'cards':>24}{'target':>8}{'':>7}{'silent':>24}{'last result':>14}")
    passed = [_show_ratio(case, _case_of(before, case["resources"])) for case in told["cases"]]
    started = told["start_seconds"] < START_TARGET
    print(f"\nfirst answer {told['start_seconds']} s after the start (target < {START_TARGET} s); "
          f"workers hold {', '.join(map(str, told['memory_mb']))} MB")  # fmt: skip
    return all(passed) and started


def show_peers() -> None:
    """Other services on the same requests, as they were measured once (``make bench-peers``)."""
    told = json.loads((RESULTS / "peers.json").read_text("utf-8"))
    when, where = told["measured"][:10], told["machine"]["cpu"]
    print(f"\nother services, ms of CPU per request, measured on {when}, {where}\n")
    print(f"{'':>28}" + "".join(f"{size:>9}" for size in SIZES))
    for name, spent in told["cpu_ms"].items():
        print(f"{name:>28}" + "".join(f"{spent[str(size)] or '-':>9}" for size in SIZES))


def _show_ratio(case: Json, before: Json | None) -> bool:
    size, ratio = case["resources"], case["floor_over_cards"]
    met = bool(ratio["median"] >= TARGETS[size])
    last = f"{before['floor_over_cards']['median']:.2f}" if before else "-"
    print(f"{size:>9}{_span(ratio):>24}{TARGETS[size]:>8.1f}{'  met  ' if met else '  MISSED'}"
          f"{_span(case['floor_over_silent']):>24}{last:>14}")  # fmt: skip
    return met


def _span(summary: Json) -> str:
    return f"{summary['median']:.2f} ({summary['least']:.2f} to {summary['most']:.2f})"


def _case_of(told: Json | None, size: int) -> Json | None:
    return next((case for case in told["cases"] if case["resources"] == size), None) if told else None


def last_result(server: str) -> Json | None:
    """The last committed one under the same server."""
    file = RESULTS / f"answers-{server}.json"
    return json.loads(file.read_text("utf-8")) if file.exists() else None


def main() -> None:
    """Measure, print, write; ends with 1 when a target is missed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--server", default="gunicorn", choices=sorted(COMMANDS))
    parser.add_argument("--command", help="command line of the server, with {app}, {port} and {workers}")
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--share", type=float, default=1.0, help="of the usual number of requests")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    parser.add_argument(
        "--keep", action="store_true", help=f"write them under {RESULTS.name}/, to be committed"
    )
    given = parser.parse_args()
    with running(given.server, given.workers, given.command) as run:
        told = result(given.server, given.workers, run, measure_all(run, given.rounds, given.share))
    met = show(told, last_result(given.server))
    show_peers()
    written = json.dumps(told, indent=1) + "\n"
    if given.json:
        given.json.write_text(written, "utf-8")
    if given.keep:
        RESULTS.mkdir(exist_ok=True)
        (RESULTS / f"answers-{given.server}.json").write_text(written, "utf-8")
    sys.exit(0 if met else 1)


if __name__ == "__main__":
    main()
