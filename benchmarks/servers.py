"""Which server to ship: ``python -m benchmarks.servers`` (``make bench-servers``).

The same small application (``benchmarks.probe``) under each server with two workers (waitress has one).
Printed for each: CPU time of a POST of 24 kB beside gunicorn's sync worker; the share of the work that
the busiest worker had over eight kept connections, several runs; whether others are answered while 200
clients send half a header or half a body; how many of 20 refusals sent before a body of 2 MB was read
arrive; and how many calls fail during restarts by SIGHUP under load. Only 127.0.0.1 is called.
"""

from __future__ import annotations

import argparse
import json
import os
import signal
import socket
import statistics
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import asdict, dataclass
from importlib.metadata import version
from pathlib import Path

from benchmarks.processes import Server, serving

_THREADED = "--threads=72 --no-control-socket --workers={workers} --bind=127.0.0.1:{port} {app}"
SERVERS: Mapping[str, str] = {
    "gunicorn sync": "gunicorn --no-control-socket --workers={workers} --bind=127.0.0.1:{port} {app}",
    "gunicorn gthread": f"gunicorn --worker-class=gthread --keep-alive=75 {_THREADED}",
    "ours (gthread)": "gunicorn --worker-class=cds_service.gunicorn_worker.Worker --keep-alive=75 "
    + _THREADED,
    "granian": "granian --interface wsgi --http 1 --blocking-threads 72 --backpressure 128 --no-access-log "
    "--http1-header-read-timeout 10000 --workers {workers} --host 127.0.0.1 --port {port} {app}",
    "waitress": "waitress-serve --threads=72 --listen=127.0.0.1:{port} {app}",
}
_BODY = b"x" * 24_000
_SLOW = 400
_PATIENCE = 3.0
_RESTARTS = 2


@dataclass
class Row:
    """What one server did."""

    server: str
    cpu_ms: float
    busiest: list[float]
    """Share of the requests that went to the busiest worker, run by run."""
    beside_slow_headers: float | None
    """Seconds until another was answered; ``None`` when it was not within three."""
    beside_slow_bodies: float | None
    early_answers: str
    restart: dict[str, int]
    """What became of the calls during restarts."""


def request(path: str, body: bytes, *, close: bool = False) -> bytes:
    """A POST as bytes."""
    connection = "close" if close else "keep-alive"
    head = (
        f"POST {path} HTTP/1.1\r\nHost: x\r\nContent-Length: {len(body)}\r\nConnection: {connection}\r\n\r\n"
    )
    return head.encode() + body


def answer(connection: socket.socket) -> tuple[int, bytes, bool]:
    """Status and body of one answer, and whether the server closes after it. Raises ``OSError``."""
    received = b""
    while b"\r\n\r\n" not in received:
        received += _more(connection)
    head, _, body = received.partition(b"\r\n\r\n")
    lower = head.lower()
    length = int(lower.partition(b"content-length:")[2].split(b"\r\n", 1)[0] or 0)
    while len(body) < length:
        body += _more(connection)
    return int(head.split(b" ", 2)[1]), body, b"connection: close" in lower


def _more(connection: socket.socket) -> bytes:
    part = connection.recv(65536)
    if not part:
        raise ConnectionResetError
    return part


def connect(server: Server, timeout: float = 30.0) -> socket.socket:
    """A new connection."""
    return socket.create_connection(("127.0.0.1", int(server.url.rsplit(":", 1)[1])), timeout=timeout)


def keep_asking(
    server: Server, seen: Counter[str], number: int, until: Callable[[], bool], keep: bool
) -> None:
    """Ask over one connection, or a new one for each call; ``seen`` counts processes and failures."""
    connection: socket.socket | None = None
    while number and not until():
        number -= 1
        try:
            connection = connection or connect(server)
            connection.sendall(request("/read", _BODY, close=not keep))
            status, body, closes = answer(connection)
            seen[body.decode() if status == 200 else f"status {status}"] += 1
            if not closes:
                continue
        except OSError as error:
            seen[type(error).__name__] += 1
        if connection is not None:
            connection.close()
            connection = None
    if connection is not None:
        connection.close()


def ask_together(server: Server, connections: int, number: int) -> Counter[str]:
    """``number`` calls on each of so many kept connections."""
    seen: Counter[str] = Counter()
    threads = [
        threading.Thread(target=keep_asking, args=(server, seen, number, lambda: False, True))
        for _ in range(connections)
    ]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return seen


def cost(server: Server, number: int) -> float:
    """Ms of CPU per request."""
    ask_together(server, 8, 50)
    before = server.cpu()
    ask_together(server, 8, number // 8)
    return (server.cpu() - before) / number * 1000


def spread(server: Server, runs: int) -> list[float]:
    """The busiest worker's share in each run."""
    shares = []
    for _ in range(runs):
        seen = ask_together(server, 8, 250)
        shares.append(round(max(seen.values()) / seen.total(), 2))
    return shares


def beside(server: Server, unfinished: bytes) -> float | None:
    """Seconds until a call is answered while 400 others have sent something unfinished."""
    slow = [connect(server) for _ in range(_SLOW)]
    try:
        for connection in slow:
            connection.sendall(unfinished)
        time.sleep(0.5)
        began = time.monotonic()
        with connect(server, _PATIENCE) as other:
            other.sendall(request("/read", _BODY, close=True))
            answer(other)
        return round(time.monotonic() - began, 3)
    except OSError:
        return None
    finally:
        for connection in slow:
            connection.close()
        time.sleep(1)


def early(server: Server, number: int = 20) -> int:
    """How many refusals arrive although the body was not read."""
    arrived = 0
    for _ in range(number):
        with connect(server) as connection:
            try:
                connection.sendall(request("/early", b"x" * 2_000_000, close=True))
                arrived += answer(connection)[0] == 413
            except OSError:
                with suppress(OSError):  # what was sent may still be there to be read
                    arrived += answer(connection)[0] == 413
    return arrived


def restart(server: Server) -> dict[str, int]:
    """What became of the calls from eight clients while the server restarts."""
    seen: Counter[str] = Counter()
    stopped = threading.Event()
    threads = [
        threading.Thread(target=keep_asking, args=(server, seen, 10**9, stopped.is_set, number % 2 == 0))
        for number in range(8)
    ]
    for thread in threads:
        thread.start()
    for _ in range(_RESTARTS):
        time.sleep(1)
        os.kill(server.pid, signal.SIGHUP)
        time.sleep(12)
    stopped.set()
    for thread in threads:
        thread.join()
    told = {"answered": sum(count for name, count in seen.items() if name.isdecimal())}
    return told | {name: count for name, count in seen.items() if not name.isdecimal()}


def measure(name: str, folder: str, number: int, runs: int) -> Row:
    """All of it for one server."""
    settings = {"BENCH_FOLDER": folder, "CDS_ENVIRONMENT": "development"}
    app = "benchmarks.probe:app"
    with serving(name, app, workers=2, settings=settings, ready="/", command=SERVERS[name]) as server:
        row = Row(
            server=name,
            cpu_ms=round(cost(server, number), 3),
            busiest=spread(server, runs),
            beside_slow_headers=beside(server, b"POST /read HTTP/1.1\r\nHost: x\r\nX-A"),
            beside_slow_bodies=beside(server, request("/read", _BODY)[:-10]),
            early_answers=f"{early(server)} of 20",
            restart={},
        )
        if name != "waitress":  # it knows no restart
            row.restart = restart(server)
    return row


def show(row: Row, yardstick: Row) -> None:
    """One line."""
    times = (row.beside_slow_headers, row.beside_slow_bodies)
    headers, bodies = (f"{seconds:.2f} s" if seconds is not None else "no" for seconds in times)
    print(
        f"{row.server:17} {row.cpu_ms:6.2f} ({row.cpu_ms / yardstick.cpu_ms:4.2f}) "
        f"{statistics.median(row.busiest):5.2f} (worst {max(row.busiest):4.2f}) "
        f"{headers:>8} {bodies:>8}   {row.early_answers:8}  {row.restart or 'none'}",
        flush=True,
    )


def main() -> None:
    """Measure, print, write."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--requests", type=int, default=4000)
    parser.add_argument("--runs", type=int, default=8, help="of the spreading of connections")
    parser.add_argument("--only", nargs="*", choices=sorted(SERVERS), help="these servers alone")
    parser.add_argument("--json", type=Path, help="where to write the figures")
    given = parser.parse_args()
    print(", ".join(f"{name} {version(name)}" for name in ("gunicorn", "granian", "waitress", "flask")))
    print("server            CPU ms (to sync) busiest worker     beside 400 slow    early     restarts")
    print("                                                      headers   bodies")
    rows: list[Row] = []
    with tempfile.TemporaryDirectory(prefix="ldn-cds-bench-") as folder:
        for name in given.only or SERVERS:
            rows.append(measure(name, folder, given.requests, given.runs))
            show(rows[-1], rows[0])
    if given.json:
        given.json.write_text(json.dumps([asdict(row) for row in rows], indent=1) + "\n", "utf-8")


if __name__ == "__main__":
    main()
