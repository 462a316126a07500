"""The service for a long time: ``python -m benchmarks.soak --minutes 20`` (``make soak``).

``ldn-cds serve`` with two workers, and requests of all sizes from eight kept connections, without a
pause. Each minute a line: memory, threads and open files of each worker, answers by status, failures,
latency; halfway the service restarts (SIGHUP). At the end a verdict: nothing failed, every answer was
200, and no worker holds more than a tenth more memory than after its first three minutes. Ends with 1
when that is not so.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import subprocess
import sys
import tempfile
from collections import Counter
from pathlib import Path
from typing import Any

from benchmarks.bodies import order_sign
from benchmarks.processes import Server, serving
from benchmarks.vocabulary import vocabulary

_SIZES = ((10, 40), (50, 30), (200, 8), (1000, 2))
"""Resources in prefetch, and how many bodies of that size."""
_SETTLED = 3
"""Minutes after which memory is taken for settled."""
_MOST_GROWTH = 1.1
_COMMAND = "python -m cds_service.cli serve --host 127.0.0.1 --port {port} --workers {workers}"
Json = dict[str, Any]


def write_bodies(folder: Path) -> None:
    """Requests of all sizes, each another patient."""
    words = vocabulary()
    folder.mkdir()
    for size, count in _SIZES:
        for number in range(count):
            body = order_sign(size, number, silent=number % 2 == 1, words=words)
            (folder / f"{number:03}-{size}.json").write_bytes(body)


def workers(server: Server) -> dict[str, Json]:
    """Memory in MB, threads and open files of each worker, by process id."""
    told = {}
    for pid in server.processes():
        if pid == server.pid:
            continue
        status = Path(f"/proc/{pid}/status").read_text()
        lines = dict(line.split(":", 1) for line in status.splitlines() if ":" in line)
        told[str(pid)] = {
            "mb": round(int(lines["VmRSS"].split()[0]) / 1024, 1),
            "threads": int(lines["Threads"]),
            "files": len(os.listdir(f"/proc/{pid}/fd")),
        }
    return told


def one_minute(server: Server, bodies: Path, seconds: float) -> Json:
    """Load, and what came of it."""
    line = [sys.executable, "-m", "benchmarks.load", f"{server.url}/cds-services/ldn-order-sign"]
    line += ["--bodies", str(bodies), "--connections", "8", "--seconds", str(seconds)]
    told: Json = json.loads(subprocess.run(line, check=True, capture_output=True).stdout)
    return told | {"workers": workers(server)}


def run(minutes: int, seconds: float) -> list[Json]:
    """All minutes, each printed as it ends."""
    told = []
    with tempfile.TemporaryDirectory(prefix="ldn-cds-soak-") as name:
        folder = Path(name)
        write_bodies(folder / "bodies")
        settings = {
            "BENCH_FOLDER": name,
            "CDS_ENVIRONMENT": "development",
            "LOG_FORMAT": "json",
            "LOG_LEVEL": "WARNING",
            "DATABASE_URL": f"sqlite:///{name}/ldn-cds.sqlite3",
        }
        with serving(
            "ldn-cds", "app:app", workers=2, settings=settings, ready="/health/live", command=_COMMAND
        ) as server:
            for minute in range(1, minutes + 1):
                if minute == minutes // 2 + 1 and minutes > 1:
                    os.kill(server.pid, signal.SIGHUP)
                    print("        restart", flush=True)
                told.append({"minute": minute} | one_minute(server, folder / "bodies", seconds))
                show(told[-1])
    return told


def show(minute: Json) -> None:
    """One line."""
    held = "  ".join(
        f"{worker['mb']} MB {worker['threads']} threads {worker['files']} files"
        for worker in minute["workers"].values()
    )
    print(
        f"{minute['minute']:>5}  {minute['answers']}  failures {minute['failures'] or 'none'}  "
        f"median {minute['median_ms']} ms, 99 % {minute['p99_ms']} ms   {held}",
        flush=True,
    )


def verdict(minutes: list[Json]) -> list[str]:
    """What is wrong; nothing when all is well."""
    wrong = []
    answers = sum((Counter(minute["answers"]) for minute in minutes), Counter[str]())
    failures = sum((Counter(minute["failures"]) for minute in minutes), Counter[str]())
    if set(answers) != {"200"} or failures:
        wrong.append(f"answers {dict(answers)}, failures {dict(failures)}")
    first: dict[str, list[float]] = {}
    for minute in minutes:
        for pid, worker in minute["workers"].items():
            first.setdefault(pid, []).append(worker["mb"])
    for pid, megabytes in first.items():
        if len(megabytes) > _SETTLED and megabytes[-1] > _MOST_GROWTH * megabytes[_SETTLED - 1]:
            wrong.append(f"worker {pid} grew from {megabytes[_SETTLED - 1]} to {megabytes[-1]} MB")
    return wrong


def main() -> None:
    """Run, print, write; ends with 1 when something is wrong."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--minutes", type=int, default=20)
    parser.add_argument("--seconds", type=float, default=60, help="of what is called a minute")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    given = parser.parse_args()
    minutes = run(given.minutes, given.seconds)
    wrong = verdict(minutes)
    if given.json:
        given.json.write_text(json.dumps({"minutes": minutes, "wrong": wrong}, indent=1) + "\n", "utf-8")
    answered = sum(sum(minute["answers"].values()) for minute in minutes)
    print(f"{answered} answers: " + ("; ".join(wrong) or "none failed, memory settled"))
    sys.exit(1 if wrong else 0)


if __name__ == "__main__":
    main()
