"""More calls than can be answered: ``python -m benchmarks.overload`` (``make overload``).

First it measures how many calls a second ``ldn-cds serve`` answers; then calls arrive at a half, once
and three times that rate, whether those before are answered or not, as prescribers do. Printed for each
rate: how many were answered and refused, and how long both took, beside the half rate. What is refused
gets 503 at once.
"""

from __future__ import annotations

import argparse
import json
import statistics
import tempfile
import threading
import time
from pathlib import Path
from typing import Any

from benchmarks.bodies import order_sign, vocabulary
from benchmarks.load import load
from benchmarks.processes import serving
from benchmarks.servers import answer, connect
from cds_service.settings import Settings

_COMMAND = "python -m cds_service.cli serve --host 127.0.0.1 --port {port} --workers {workers}"
_PATH = "/cds-services/ldn-order-sign"
Json = dict[str, Any]


class Arrivals:
    """Calls at a steady rate for some seconds, each by whichever sender is free."""

    def __init__(self, server: Any, bodies: list[bytes], rate: float, seconds: float, senders: int) -> None:
        self._server, self._bodies, self._rate = server, bodies, rate
        self._most, self._begun = int(rate * seconds), time.monotonic() + 0.2
        self._lock, self._given = threading.Lock(), 0
        self.seen: list[tuple[int, float]] = []
        self._threads = [threading.Thread(target=self._send) for _ in range(senders)]

    def run(self) -> Json:
        """Send all; the rate that was kept, and what became of them."""
        for thread in self._threads:
            thread.start()
        for thread in self._threads:
            thread.join()
        lasted = time.monotonic() - self._begun
        answered = sorted(seconds for status, seconds in self.seen if status == 200)
        refused = sorted(seconds for status, seconds in self.seen if status == 503)
        return {
            "arrived_per_second": round(len(self.seen) / lasted, 1),
            "answered_per_second": round(len(answered) / lasted, 1),
            "refused": round(len(refused) / len(self.seen), 3),
            "other": len(self.seen) - len(answered) - len(refused),
            "answered_median_ms": _ms(answered, 0.5),
            "answered_p95_ms": _ms(answered, 0.95),
            "refused_median_ms": _ms(refused, 0.5),
        }

    def _next(self) -> tuple[float, bytes] | None:
        with self._lock:
            if self._given >= self._most:
                return None
            self._given += 1
            return self._begun + self._given / self._rate, self._bodies[self._given % len(self._bodies)]

    def _send(self) -> None:
        connection = None
        while (due := self._next()) is not None:
            time.sleep(max(0.0, due[0] - time.monotonic()))
            head = f"POST {_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
            began = time.monotonic()
            try:
                connection = connection or connect(self._server)
                connection.sendall(f"{head}Content-Length: {len(due[1])}\r\n\r\n".encode() + due[1])
                status, _, closes = answer(connection)
            except OSError:
                status, closes = 0, True
            self.seen.append((status, time.monotonic() - began))
            if closes and connection is not None:
                connection.close()
                connection = None
        if connection is not None:
            connection.close()


def _ms(seconds: list[float], share: float) -> float | None:
    return round(seconds[int(len(seconds) * share)] * 1000, 1) if seconds else None


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--senders", type=int, default=400, help="calls that can be under way")
    usual = Settings().at_work
    parser.add_argument("--max-at-work", type=int, default=usual, help=f"MAX_AT_WORK ({usual} in production)")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    given = parser.parse_args()
    words = vocabulary()
    bodies = [order_sign(50, number, silent=False, words=words) for number in range(256)]
    with tempfile.TemporaryDirectory(prefix="ldn-cds-overload-") as name:
        settings = {
            "BENCH_FOLDER": name,
            "CDS_ENVIRONMENT": "development",
            "LOG_FORMAT": "json",
            "MAX_AT_WORK": str(given.max_at_work),
            "DATABASE_URL": f"sqlite:///{name}/ldn-cds.sqlite3",
        }
        with serving(
            "ldn-cds",
            "app:app",
            workers=given.workers,
            settings=settings,
            ready="/health/live",
            command=_COMMAND,
        ) as server:
            load(server.url + _PATH, bodies, 8, None, 2)
            measured = load(server.url + _PATH, bodies, 8, None, given.seconds)
            capacity = measured.statuses[200] / given.seconds
            usual = statistics.median(measured.seconds) * 1000
            print(f"answers {capacity:.0f} calls a second, median {usual:.1f} ms")
            told = {
                str(times): Arrivals(server, bodies, times * capacity, given.seconds, given.senders).run()
                for times in (0.5, 1, 3)
            }
    show(told)
    if given.json:
        given.json.write_text(json.dumps({"capacity": capacity, "rates": told}, indent=1) + "\n", "utf-8")


def show(told: dict[str, Json]) -> None:
    """One line a rate."""
    base = told["0.5"]["answered_p95_ms"] or 1.0
    for times, row in told.items():
        p95 = row["answered_p95_ms"]
        print(
            f"{times:>4} x capacity: {row['arrived_per_second']} a second came, "
            f"{row['answered_per_second']} answered in {row['answered_median_ms']} ms, 95 % {p95} ms "
            f"({(p95 or 0) / base:.1f} of the half rate's); "
            f"{row['refused']:.0%} refused in {row['refused_median_ms']} ms; {row['other']} failed"
        )


if __name__ == "__main__":
    main()
