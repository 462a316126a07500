"""Real servers for the tests: PostgreSQL, Redis and our own, each on a free port in a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path

import psycopg

from tests.conftest import find_program

_PATIENCE = 30.0


def wait_for(done: Callable[[], bool], seconds: float = 60) -> None:
    """Until ``done`` says so; a server does some things after it has answered."""
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end
        time.sleep(0.02)


def free_port() -> int:
    """A port that nobody listens on now."""
    with socket.create_server(("127.0.0.1", 0)) as listening:
        return int(listening.getsockname()[1])


@contextmanager
def redis_server(folder: Path, port: int | None = None) -> Iterator[str]:
    """The URL of a Redis that keeps nothing on disk."""
    program, port = find_program("redis"), port or free_port()
    assert program
    command = [program, "--port", str(port), "--bind", "127.0.0.1", "--save", "", "--dir", str(folder)]
    with running(command, port, folder):
        yield f"redis://127.0.0.1:{port}/0"


class PostgreSQL:
    """A PostgreSQL server of an empty database; it runs as an ordinary user, as it insists.

    ``fsync`` is off: a killed server loses nothing by that, only a machine without power would.
    Its folder is not pytest's, which every new run closes to other users.
    """

    def __init__(self) -> None:
        program = find_program("postgresql")
        assert program
        self._binaries = Path(os.path.realpath(program)).parent
        self._data = Path(tempfile.mkdtemp(prefix="ldn-cds-postgresql-"))
        self._port, self._user = free_port(), _ordinary_user()
        self._process: subprocess.Popen[bytes] | None = None
        if self._user is not None:
            shutil.chown(self._data, self._user)
        initdb = [
            str(self._binaries / "initdb"), "-D", str(self._data), "-U", "ldn", "-A", "trust",
            "-E", "UTF8", "--no-sync",
        ]  # fmt: skip
        subprocess.run(initdb, check=True, capture_output=True, user=self._user, cwd=self._data)

    @property
    def url(self) -> str:
        """Of the database that is always there."""
        return f"postgresql://ldn@127.0.0.1:{self._port}/postgres"

    def start(self) -> None:
        """Returns when it answers, recovery from a kill included."""
        (self._data / "postmaster.pid").unlink(missing_ok=True)  # left behind by a kill
        program = str(self._binaries / "postgres")
        command = [program, "-D", str(self._data), "-p", str(self._port), "-k", "", "-h", "127.0.0.1"]
        self._process = _start([*command, "-c", "fsync=off"], self._data, self._user)
        _wait_until(self._answers, self._process, self._data)

    def _answers(self) -> bool:
        try:
            psycopg.connect(self.url).close()
        except psycopg.OperationalError:
            return False
        return True

    def kill(self) -> None:
        """``kill -9`` of the server and of all its processes."""
        assert self._process
        for pid in [self._process.pid, *self.backends()]:
            with suppress(ProcessLookupError):
                os.kill(pid, signal.SIGKILL)
        self._process.wait()

    def backends(self) -> list[int]:
        """The processes under it, those of its clients among them."""
        assert self._process
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        return [int(pid) for pid in children.read_text("ascii").split()]

    def stop(self) -> None:
        """Ends it, and removes its data."""
        if self._process is not None:
            self._process.send_signal(signal.SIGINT)  # "fast": it does not wait for clients to leave
            _end(self._process)
        shutil.rmtree(self._data, ignore_errors=True)


@contextmanager
def postgresql_server() -> Iterator[str]:
    """The URL of an empty PostgreSQL database."""
    server = PostgreSQL()
    try:
        server.start()
        yield server.url
    finally:
        server.stop()


def _ordinary_user() -> str | None:
    """Who runs PostgreSQL when the tests run as root."""
    if os.geteuid() != 0:
        return None
    return next(user.pw_name for user in pwd.getpwall() if user.pw_name in ("postgres", "nobody"))


@contextmanager
def running(command: Sequence[str], port: int, folder: Path) -> Iterator[None]:
    """A server program that listens on ``port``; what it writes goes to ``server.log`` in ``folder``."""
    process = _start(command, folder)
    try:
        _wait_until(lambda: _is_open(port), process, folder)
        yield
    finally:
        _end(process)


def _start(command: Sequence[str], folder: Path, user: str | None = None) -> subprocess.Popen[bytes]:
    with (folder / "server.log").open("ab") as log:
        return subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd=folder)


def _end(process: subprocess.Popen[bytes], seconds: float = 10) -> None:
    process.terminate()
    try:
        process.wait(seconds)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _is_open(port: int) -> bool:
    try:
        socket.create_connection(("127.0.0.1", port), 1).close()
    except OSError:
        return False
    return True


def _wait_until(ready: Callable[[], bool], process: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        if ready():
            return
        time.sleep(0.05)
    raise AssertionError((folder / "server.log").read_text("utf-8", "replace"))


ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Served:
    """A running server; ``process`` is the one above the workers, ``log`` all it wrote."""

    base: str
    port: int
    process: subprocess.Popen[bytes]
    log: Path

    def workers(self) -> set[int]:
        """The processes that answer."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return {int(pid) for pid in children.read_text().split()}


@contextmanager
def ldn_cds(folder: Path, environment: Mapping[str, str], workers: int = 1) -> Iterator[Served]:
    """The service as ``ldn-cds serve`` starts it, in development unless told otherwise."""
    port = free_port()
    settings = {
        "CDS_ENVIRONMENT": "development",
        "DATABASE_URL": f"sqlite:///{folder}/test.sqlite3",
        "LOG_FORMAT": "json",
        **environment,
    }
    command = [sys.executable, "-m", "cds_service.cli", "serve", f"--workers={workers}", f"--port={port}"]
    with answering([*command, "--host=127.0.0.1"], port, folder, settings) as served:
        yield served


@contextmanager
def answering(
    command: Sequence[str],
    port: int,
    folder: Path,
    environment: Mapping[str, str],
    path: str = "/health/live",
) -> Iterator[Served]:
    """A server program, given out when it answers ``path`` with 200; its log is in ``folder``."""
    written = folder / f"server-{port}.log"
    with written.open("wb") as log:
        process = subprocess.Popen(
            command, env={**os.environ, **environment}, cwd=ROOT, stdout=log, stderr=log
        )
    try:
        _wait_for_answer(port, path, process, written)
        yield Served(f"http://127.0.0.1:{port}", port, process, written)
    finally:
        _end(process, 60)


def _wait_for_answer(port: int, path: str, process: subprocess.Popen[bytes], log: Path) -> None:
    """The socket listens before the workers are there; they have read their tables when they answer."""
    request = f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode()
    end = time.monotonic() + 2 * _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as connection:
                connection.settimeout(2 * _PATIENCE)
                connection.sendall(request)
                if connection.recv(12) == b"HTTP/1.1 200":
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(log.read_text("utf-8", "replace"))
