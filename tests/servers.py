"""Real servers for the tests: PostgreSQL, Redis and our own, each on a free port in a folder of its own."""

from __future__ import annotations

import os
import pwd
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from tests.conftest import find_program

_PATIENCE = 30.0


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
    with _running(command, port, folder):
        yield f"redis://127.0.0.1:{port}/0"


@contextmanager
def postgresql_server(folder: Path) -> Iterator[str]:
    """The URL of an empty PostgreSQL database; the server runs as an ordinary user, as it insists."""
    program, port = find_program("postgresql"), free_port()
    assert program
    binaries, data = Path(os.path.realpath(program)).parent, folder / "postgresql"
    data.mkdir(mode=0o700)
    user = _ordinary_user()
    if user is not None:
        shutil.chown(data, user)
        _open_the_way(data)
    initdb = [
        str(binaries / "initdb"),
        "-D",
        str(data),
        "-U",
        "ldn",
        "-A",
        "trust",
        "-E",
        "UTF8",
        "--no-sync",
    ]
    subprocess.run(initdb, check=True, capture_output=True, user=user, cwd=data)
    command = [str(binaries / "postgres"), "-D", str(data), "-p", str(port), "-k", "", "-h", "127.0.0.1"]
    with _running([*command, "-c", "fsync=off"], port, data, user):
        yield f"postgresql://ldn@127.0.0.1:{port}/postgres"


def _ordinary_user() -> str | None:
    """Who runs PostgreSQL when the tests run as root."""
    if os.geteuid() != 0:
        return None
    return next(user.pw_name for user in pwd.getpwall() if user.pw_name in ("postgres", "nobody"))


def _open_the_way(path: Path) -> None:
    """Let others through the folders above, which pytest makes for its own user alone."""
    for parent in path.parents:
        if parent.stat().st_uid == os.geteuid() and parent.is_relative_to("/tmp") and parent != Path("/tmp"):
            parent.chmod(parent.stat().st_mode | 0o011)


@contextmanager
def _running(command: Sequence[str], port: int, folder: Path, user: str | None = None) -> Iterator[None]:
    with (folder / "server.log").open("wb") as log:
        process = subprocess.Popen(command, stdout=log, stderr=log, user=user, cwd=folder)
    try:
        _wait_for(port, process, folder)
        yield
    finally:
        process.terminate()
        try:
            process.wait(10)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for(port: int, process: subprocess.Popen[bytes], folder: Path) -> None:
    end = time.monotonic() + _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise AssertionError((folder / "server.log").read_text("utf-8", "replace"))


ROOT = Path(__file__).parent.parent


@dataclass(frozen=True)
class Served:
    """A running service; ``process`` is the one above the workers, ``log`` all it wrote."""

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
    written = folder / f"ldn-cds-{port}.log"
    with written.open("wb") as log:
        process = subprocess.Popen(
            [*command, "--host=127.0.0.1"], env={**os.environ, **settings}, cwd=ROOT, stdout=log, stderr=log
        )
    try:
        _wait_for_answer(port, process, written)
        yield Served(f"http://127.0.0.1:{port}", port, process, written)
    finally:
        process.terminate()
        try:
            process.wait(60)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()


def _wait_for_answer(port: int, process: subprocess.Popen[bytes], log: Path) -> None:
    """The socket listens before the workers are there; they have read their tables when they answer."""
    end = time.monotonic() + 2 * _PATIENCE
    while time.monotonic() < end and process.poll() is None:
        try:
            with socket.create_connection(("127.0.0.1", port), 1) as connection:
                connection.settimeout(2 * _PATIENCE)
                connection.sendall(b"GET /health/live HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n")
                if connection.recv(12) == b"HTTP/1.1 200":
                    return
        except OSError:
            pass
        time.sleep(0.05)
    raise AssertionError(log.read_text("utf-8", "replace"))
