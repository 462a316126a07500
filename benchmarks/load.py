"""Load from a process of its own: ``python -m benchmarks.load URL --bodies DIR [--requests N]``

Keep-alive connections, one thread each, which send the files of a folder in turn, each as soon as the last
one is answered. At the end it prints one JSON object: answers by status, failures, how long they took.
"""

from __future__ import annotations

import argparse
import json
import socket
import statistics
import threading
import time
from collections import Counter
from dataclasses import dataclass, field
from pathlib import Path
from urllib.parse import SplitResult, urlsplit

_PATIENCE = 60.0


@dataclass
class Tally:
    """What became of the requests; ``seconds`` is the time of each."""

    statuses: Counter[int] = field(default_factory=Counter)
    failures: Counter[str] = field(default_factory=Counter)
    seconds: list[float] = field(default_factory=list)

    def told(self) -> dict[str, object]:
        """For people and programs."""
        times = sorted(self.seconds) or [0.0]
        return {
            "answers": {str(status): count for status, count in sorted(self.statuses.items())},
            "failures": dict(self.failures),
            "median_ms": round(statistics.median(times) * 1000, 2),
            "p95_ms": round(times[int(len(times) * 0.95)] * 1000, 2),
            "p99_ms": round(times[int(len(times) * 0.99)] * 1000, 2),
            "most_ms": round(times[-1] * 1000, 2),
        }


class Requests:
    """The requests still to be made, over all connections: a number of them, or a time."""

    def __init__(self, url: str, bodies: list[bytes], most: int | None, seconds: float | None) -> None:
        self.url: SplitResult = urlsplit(url)
        self._made = [_request(self.url, body) for body in bodies]
        self._left = most
        self._end = time.monotonic() + seconds if seconds is not None else None
        self._lock = threading.Lock()
        self._given = 0

    def next(self) -> bytes | None:
        """The next one; None when there is none left."""
        with self._lock:
            if self._left == self._given or (self._end is not None and time.monotonic() >= self._end):
                return None
            self._given += 1
            return self._made[self._given % len(self._made)]


def _request(url: SplitResult, body: bytes) -> bytes:
    head = (
        f"POST {url.path} HTTP/1.1\r\nHost: {url.netloc}\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(body)}\r\n\r\n"
    )
    return head.encode() + body


def send_all(requests: Requests, tally: Tally, lock: threading.Lock) -> None:
    """One connection's work; it is opened anew when it broke."""
    connection: socket.socket | None = None
    while (request := requests.next()) is not None:
        began = time.perf_counter()
        try:
            connection = connection or _connect(requests.url)
            connection.sendall(request)
            status, closes = _answer(connection)
        except OSError as error:
            with lock:
                tally.failures[type(error).__name__] += 1
            connection = _closed(connection)
            time.sleep(0.01)
            continue
        with lock:
            tally.statuses[status] += 1
            tally.seconds.append(time.perf_counter() - began)
        if closes:
            connection = _closed(connection)
    _closed(connection)


def _connect(url: SplitResult) -> socket.socket:
    connection = socket.create_connection((url.hostname, url.port), timeout=_PATIENCE)
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return connection


def _closed(connection: socket.socket | None) -> None:
    if connection is not None:
        connection.close()


def _answer(connection: socket.socket) -> tuple[int, bool]:
    """The status of one answer, read to its end, and whether the server closes after it."""
    received = bytearray()
    while (at := received.find(b"\r\n\r\n")) < 0:
        _more(connection, received)
    head = bytes(received[:at]).lower()
    length = int(head.partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0)
    while len(received) < at + 4 + length:
        _more(connection, received)
    return int(head.split(b" ", 2)[1]), b"connection: close" in head


def _more(connection: socket.socket, received: bytearray) -> None:
    part = connection.recv(65536)
    if not part:
        raise ConnectionResetError
    received += part


def load(url: str, bodies: list[bytes], connections: int, most: int | None, seconds: float | None) -> Tally:
    """Send until the number or the time is reached."""
    requests, tally, lock = Requests(url, bodies, most, seconds), Tally(), threading.Lock()
    threads = [threading.Thread(target=send_all, args=(requests, tally, lock)) for _ in range(connections)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return tally


def main() -> None:
    """Read the arguments, send, print."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("url")
    parser.add_argument("--bodies", type=Path, required=True, help="folder of request bodies")
    parser.add_argument("--connections", type=int, default=8)
    parser.add_argument("--requests", type=int)
    parser.add_argument("--seconds", type=float)
    given = parser.parse_args()
    bodies = [file.read_bytes() for file in sorted(given.bodies.iterdir())]
    tally = load(given.url, bodies, given.connections, given.requests, given.seconds)
    print(json.dumps(tally.told()))


if __name__ == "__main__":
    main()
