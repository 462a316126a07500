"""Does memory stay as it is? ``python -m benchmarks.memory --requests 100000`` (``make bench-memory``)

The service answers the smaller requests of :mod:`benchmarks.bodies` without a pause. The run is cut into
parts; after each are printed the memory of every worker, what was not answered with 200, and the times.
Memory that still grows in the second half is a leak: the growth from the middle to the end is printed last.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from benchmarks.answers import OURS, running
from benchmarks.processes import COMMANDS, Server

Json = dict[str, Any]

MOST_GROWTH = 0.05
"""Of a worker's memory, from the middle of the run to its end."""


def part(server: Server, bodies: Path, requests: int | None, seconds: float | None, connections: int) -> Json:
    """One part of the run, from a process of its own."""
    line = [sys.executable, "-m", "benchmarks.load", server.url + OURS, "--bodies", str(bodies)]
    line += ["--connections", str(connections)]
    line += ["--requests", str(requests)] if requests else ["--seconds", str(seconds)]
    told: Json = json.loads(subprocess.run(line, check=True, capture_output=True).stdout)
    return told | {"memory_mb": [round(mb, 1) for mb in server.memory()]}


def show(number: int, told: Json) -> None:
    """One line a part."""
    memory = " ".join(f"{mb:7.1f}" for mb in told["memory_mb"])
    print(f"{number:4}  MB {memory}  answers {told['answers']}  failures {told['failures']}  "
          f"median {told['median_ms']} ms, p99 {told['p99_ms']} ms", flush=True)  # fmt: skip


def growth(parts: list[Json]) -> float:
    """Of the memory of all workers, from the middle part to the last."""
    middle, last = (sum(told["memory_mb"]) for told in (parts[len(parts) // 2], parts[-1]))
    return float(last / middle - 1)


def main() -> None:
    """Run, print; ends with 1 when memory grows or a request failed."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, help="of the whole run")
    parser.add_argument("--seconds", type=float, help="of the whole run, in place of a number")
    parser.add_argument("--parts", type=int, default=20)
    parser.add_argument("--server", default="gunicorn", choices=sorted(COMMANDS))
    parser.add_argument("--command", help="command line of the server, with {app}, {port} and {workers}")
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 2)
    parser.add_argument("--connections", type=int, default=8)
    given = parser.parse_args()
    requests = given.requests or (None if given.seconds else 100_000)
    with running(given.server, given.workers, given.command) as run:
        parts = []
        for number in range(1, given.parts + 1):
            share = requests // given.parts if requests else None
            seconds = given.seconds / given.parts if given.seconds else None
            parts.append(part(run.ours, run.bodies("cards", 10), share, seconds, given.connections))
            show(number, parts[-1])
    failed = sum(told["answers"].keys() != {"200"} or bool(told["failures"]) for told in parts)
    grown = growth(parts)
    print(f"memory from the middle to the end: {grown:+.1%} (at most {MOST_GROWTH:+.0%}); failing: {failed}")
    sys.exit(1 if failed or grown > MOST_GROWTH else 0)


if __name__ == "__main__":
    main()
