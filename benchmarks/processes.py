"""Server processes for the benchmarks, and the CPU time and memory of all their workers, from /proc."""

from __future__ import annotations

import http.client
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

_TICK = os.sysconf("SC_CLK_TCK")
_START_SECONDS = 30.0
_STOP_SECONDS = 10.0
_POLL = 0.01

COMMANDS: Mapping[str, tuple[str, ...]] = {
    "gunicorn": (
        "gunicorn",
        "--worker-class=cds_service.gunicorn_worker.Worker", "--threads=16", "--no-control-socket",
        "--workers={workers}", "--bind=127.0.0.1:{port}", "{app}",
    ),
    "granian": (
        "granian", "--interface", "wsgi", "--no-access-log", "--blocking-threads", "16",
        "--workers", "{workers}", "--host", "127.0.0.1", "--port", "{port}", "{app}",
    ),
}  # fmt: skip
"""How each server is started; all with as many threads."""


@dataclass(frozen=True)
class Server:
    """A running server; ``pid`` is the process above its workers."""

    pid: int
    url: str
    ready_after: float
    """Seconds from the start of the process to the first answer."""

    def cpu(self) -> float:
        """Seconds of CPU time used so far, by all its processes."""
        return sum(_cpu(pid) for pid in self.processes())

    def memory(self) -> list[float]:
        """MB resident, of each worker."""
        return [_resident(pid) for pid in self.processes() if pid != self.pid]

    def processes(self) -> list[int]:
        """Its process and all below."""
        return [self.pid, *_descendants(self.pid)]


@contextmanager
def serving(
    server: str,
    app: str,
    *,
    workers: int,
    settings: Mapping[str, str],
    ready: str,
    command: str | None = None,
) -> Iterator[Server]:
    """``app`` under ``server`` (a name of :data:`COMMANDS`) on a free port, until the block ends.

    :param ready: the path that is asked until it answers.
    :param command: another command line in place of the known one, with ``{port}`` in it.
    """
    port = _free_port()
    words = command.split() if command else COMMANDS[server]
    line = [word.format(app=app, port=port, workers=workers) for word in words]
    line[0] = str(Path(sys.executable).parent / line[0])
    environment = {**os.environ, **settings, "PORT": str(port)}
    began = time.monotonic()
    log = Path(settings["BENCH_FOLDER"]) / f"{app.replace(':', '.')}.log"
    with log.open("ab") as output:
        process = subprocess.Popen(
            line, env=environment, stdout=output, stderr=output, start_new_session=True
        )
    try:
        _wait_for(port, ready, process, log)
        yield Server(process.pid, f"http://127.0.0.1:{port}", time.monotonic() - began)
    finally:
        _stop(process)


def _wait_for(port: int, path: str, process: subprocess.Popen[bytes], log: Path) -> None:
    end = time.monotonic() + _START_SECONDS
    while time.monotonic() < end:
        if process.poll() is not None:
            break
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=_START_SECONDS)
        try:
            connection.request("GET", path)
            connection.getresponse().read()
            return
        except OSError:
            time.sleep(_POLL)
        finally:
            connection.close()
    raise RuntimeError(f"the server did not start:\n{log.read_text('utf-8', 'replace')[-2000:]}")


def _stop(process: subprocess.Popen[bytes]) -> None:
    process.terminate()
    try:
        process.wait(_STOP_SECONDS)
    except subprocess.TimeoutExpired:
        os.killpg(process.pid, signal.SIGKILL)
        process.wait()


def _free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


# --- /proc ---------------------------------------------------------------------


def _descendants(pid: int) -> list[int]:
    """A thread or a process that ends meanwhile has no children any more."""
    found: list[int] = []
    with suppress(FileNotFoundError, ProcessLookupError):
        for task in list(Path(f"/proc/{pid}/task").iterdir()):
            with suppress(FileNotFoundError, ProcessLookupError):
                for child in (task / "children").read_text().split():
                    found += [int(child), *_descendants(int(child))]
    return found


def _cpu(pid: int) -> float:
    """User and system time of one process, its ended threads included."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / _TICK


def _resident(pid: int) -> float:
    lines = Path(f"/proc/{pid}/status").read_text().splitlines()
    return next(int(line.split()[1]) / 1024 for line in lines if line.startswith("VmRSS"))
