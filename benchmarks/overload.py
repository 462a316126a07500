"""More calls than can be answered: ``python -m benchmarks.overload`` (``make overload``).

First it measures how many calls a second ``ldn-cds serve`` answers; then calls arrive at a half, once
and three times that rate, whether those before are answered or not, as prescribers do. Printed for each
rate: how many were answered and refused, and how long both took, beside the half rate. What is refused
gets 503 at once.

On a small machine the sender takes the CPU from whom it measures: ``--apart`` gives the service one
core with one worker, and the sender another.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import re
import statistics
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from benchmarks.bodies import order_sign
from benchmarks.load import load
from benchmarks.processes import Server, serving
from benchmarks.vocabulary import vocabulary
from cds_service.settings import Settings

_COMMAND = "python -m cds_service.cli serve --host 127.0.0.1 --port {port} --workers {workers}"
_PATH = "/cds-services/ldn-order-sign"
_LENGTH = re.compile(rb"content-length: *(\d+)", re.IGNORECASE)
Json = dict[str, Any]


class Arrivals:
    """Calls at a steady rate for some seconds, whatever became of those before."""

    def __init__(self, server: Any, bodies: list[bytes], rate: float, seconds: float, most: int) -> None:
        self._port, self._rate, self._number = urlsplit(server.url).port, rate, int(rate * seconds)
        head = f"POST {_PATH} HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n"
        self._requests = [f"{head}Content-Length: {len(body)}\r\n\r\n".encode() + body for body in bodies]
        self._under_way = asyncio.Semaphore(most)
        self._free: list[Connection] = []
        self.seen: list[tuple[int, float]] = []

    def run(self) -> Json:
        """Send all; the rate that was kept, and what became of them."""
        began = time.monotonic()
        asyncio.run(self._send_all())
        lasted = time.monotonic() - began
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

    async def _send_all(self) -> None:
        began = time.monotonic()
        async with asyncio.TaskGroup() as calls:
            for number in range(self._number):
                await asyncio.sleep(began + number / self._rate - time.monotonic())
                await self._under_way.acquire()
                calls.create_task(self._call(self._requests[number % len(self._requests)]))
        for connection in self._free:
            connection.close()

    async def _call(self, request: bytes) -> None:
        began = time.monotonic()
        try:
            connection = self._free.pop() if self._free else await Connection.to(self._port)
            status = await connection.ask(request)
            if not connection.is_over:
                self._free.append(connection)
        except OSError:
            status = 0
        self.seen.append((status, time.monotonic() - began))
        self._under_way.release()


class Connection(asyncio.Protocol):
    """One kept connection; a loop of few instructions, so that the calls do not wait for their sender."""

    is_over = False

    @classmethod
    async def to(cls, port: int | None) -> Connection:
        """Connect. Raises ``OSError``."""
        _, made = await asyncio.get_running_loop().create_connection(cls, "127.0.0.1", port)
        return made

    def connection_made(self, transport: Any) -> None:
        self._transport = transport

    async def ask(self, request: bytes) -> int:
        """The status of the answer, once all of it is there. Raises ``OSError``."""
        self._received, self._answered = b"", asyncio.get_running_loop().create_future()
        self._transport.write(request)
        status: int = await self._answered
        return status

    def data_received(self, data: bytes) -> None:
        self._received += data
        head, found, body = self._received.partition(b"\r\n\r\n")
        length = _LENGTH.search(head)
        if found and length and len(body) >= int(length[1]) and not self._answered.done():
            if b"connection: close" in head.lower():
                self.close()
            self._answered.set_result(int(head[9:12]))

    def connection_lost(self, error: Exception | None) -> None:
        self.is_over = True
        if hasattr(self, "_answered") and not self._answered.done():
            self._answered.set_exception(ConnectionResetError())

    def close(self) -> None:
        """Ask no more on it."""
        self.is_over = True
        self._transport.close()


def _ms(seconds: list[float], share: float) -> float | None:
    return round(seconds[int(len(seconds) * share)] * 1000, 1) if seconds else None


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--workers", type=int, default=2)
    parser.add_argument("--seconds", type=float, default=10)
    parser.add_argument("--most", type=int, default=1000, help="calls that can be under way")
    usual = Settings().at_work
    parser.add_argument("--max-at-work", type=int, default=usual, help=f"MAX_AT_WORK ({usual} in production)")
    parser.add_argument("--apart", action="store_true", help="one worker on one core, the sender on another")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    given = parser.parse_args()
    cores = sorted(os.sched_getaffinity(0))
    if given.apart and len(cores) < 2:
        parser.error("--apart needs two cores")
    words = vocabulary()
    bodies = [order_sign(50, number, silent=False, words=words) for number in range(256)]
    workers, for_service = (1, cores[:1]) if given.apart else (given.workers, cores)
    with _service(workers, given.max_at_work, for_service) as server:
        if given.apart:
            os.sched_setaffinity(0, cores[1:])
        load(server.url + _PATH, bodies, 8, None, 2)
        measured = load(server.url + _PATH, bodies, 8, None, given.seconds)
        capacity = measured.statuses[200] / given.seconds
        median = statistics.median(measured.seconds) * 1000
        print(f"answers {capacity:.0f} calls a second, median {median:.1f} ms")
        told = {
            str(times): Arrivals(server, bodies, times * capacity, given.seconds, given.most).run()
            for times in (0.5, 1, 3)
        }
    show(told)
    if given.json:
        given.json.write_text(json.dumps({"capacity": capacity, "rates": told}, indent=1) + "\n", "utf-8")


@contextmanager
def _service(workers: int, at_work: int, cores: list[int]) -> Iterator[Server]:
    """The service as it is shipped, on ``cores``."""
    os.sched_setaffinity(0, cores)  # its processes inherit it
    with tempfile.TemporaryDirectory(prefix="ldn-cds-overload-") as name:
        settings = {
            "BENCH_FOLDER": name,
            "CDS_ENVIRONMENT": "development",
            "LOG_FORMAT": "json",
            "MAX_AT_WORK": str(at_work),
            "DATABASE_URL": f"sqlite:///{name}/ldn-cds.sqlite3",
        }
        with serving(
            "ldn-cds", "app:app", workers=workers, settings=settings, ready="/health/live", command=_COMMAND
        ) as server:
            yield server


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
