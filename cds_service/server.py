"""The server that ``ldn-cds serve`` starts: gunicorn with threads, our worker and our log.

Chosen by measurement (docs/server.md). One process for each CPU the service may use, and in each as many
threads as calls are answered at a time, and some more for health, metrics and refusals: a call mostly
waits for the EHR. SIGTERM ends it when the calls at hand are answered; SIGHUP starts new workers with the
settings and files as they are now, and ends the old ones in the same way: no call is dropped.
"""

from __future__ import annotations

import fcntl
import logging
import os
import shutil
import tempfile
import time
from pathlib import Path
from typing import IO, Any

from gunicorn.app.base import BaseApplication  # type: ignore[import-untyped]
from gunicorn.arbiter import Arbiter  # type: ignore[import-untyped]
from gunicorn.errors import HaltServer  # type: ignore[import-untyped]
from prometheus_client import multiprocess

from cds_service.metrics import share_metrics
from cds_service.settings import Settings

_log = logging.getLogger(__name__)

SPARE_THREADS = 8
"""Beyond the calls answered at a time: health, metrics, pages, and refusals."""
_KEEP_ALIVE = 75
"""Seconds; longer than proxies keep theirs (nginx 60), so that it is the proxy that closes."""
_LAST_SECONDS = 30
"""For the calls at hand when a worker stops."""
_BOOT_SECONDS = 60.0
_NOT_STARTED = 2
"""The exit code of every command for a setting or a file that does not fit."""
_TRY_AGAIN = 5.0
_MOST_CONNECTIONS = 2000
_SHARED_MEMORY = Path("/dev/shm")
_COUNTERS = "ldn-cds-metrics-"
_MARK = "in-use"


def usable_cpus(cgroup: Path = Path("/sys/fs/cgroup")) -> int:
    """How many CPUs this process may use: of the machine, its affinity and its cgroup (v2 or v1)."""
    own = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    quota = _quota(cgroup)
    return own if quota is None else max(1, min(own, round(quota)))


def _quota(cgroup: Path) -> float | None:
    """CPUs allowed by the cgroup; ``None`` for no limit."""
    try:
        if (cgroup / "cpu.max").exists():
            allowed, period = (cgroup / "cpu.max").read_text().split()
        else:
            allowed = (cgroup / "cpu/cpu.cfs_quota_us").read_text().strip()
            period = (cgroup / "cpu/cpu.cfs_period_us").read_text().strip()
        return None if allowed in ("max", "-1") else int(allowed) / int(period)
    except (OSError, ValueError):
        return None


def options(settings: Settings, host: str, port: int, workers: int) -> dict[str, Any]:
    """What gunicorn is told."""
    told = {
        "bind": f"[{host}]:{port}" if ":" in host else f"{host}:{port}",
        "workers": workers,
        "threads": settings.max_concurrent + SPARE_THREADS,
        "worker_class": "cds_service.gunicorn_worker.Worker",
        "worker_connections": max(_MOST_CONNECTIONS, 2 * settings.max_concurrent),
        "logger_class": "cds_service.gunicorn_log.Log",
        "loglevel": settings.log_level,
        "keepalive": _KEEP_ALIVE,
        "graceful_timeout": _LAST_SECONDS,
        "control_socket_disable": True,
        "proc_name": "ldn-cds",
        "forwarded_allow_ips": "",  # TRUSTED_PROXIES says whom we believe
        "child_exit": _forget_worker,
    }
    if os.access(_SHARED_MEMORY, os.W_OK):
        told["worker_tmp_dir"] = str(_SHARED_MEMORY)  # heartbeats; a slow disk would end healthy workers
    return told


def serve(settings: Settings, host: str, port: int, workers: int) -> None:
    """Answer until SIGTERM or SIGINT. Ends the process when the port or a setting does not fit."""
    own, place = os.getpid(), _place_of_counters()
    remove_left_behind(place)
    folder = Path(tempfile.mkdtemp(prefix=_COUNTERS, dir=place))
    try:
        _mark = hold(folder)
        share_metrics(folder)
        _Master(_Application(options(settings, host, port, workers))).run()
    except HaltServer:  # no worker could start, and each has said why
        raise SystemExit(_NOT_STARTED) from None
    finally:
        if os.getpid() == own:  # workers are forks, and come by here when they end
            shutil.rmtree(folder, ignore_errors=True)


def _place_of_counters() -> Path:
    return _SHARED_MEMORY if os.access(_SHARED_MEMORY, os.W_OK) else Path(tempfile.gettempdir())


def hold(folder: Path) -> IO[bytes]:
    """Mark ``folder`` as in use, until this process and its forks have ended, however they end."""
    mark = (folder / _MARK).open("wb")
    fcntl.flock(mark, fcntl.LOCK_EX)
    return mark


def remove_left_behind(place: Path) -> None:
    """The counters of services that were killed: nobody else would free that memory."""
    for mark in place.glob(f"{_COUNTERS}*/{_MARK}"):
        try:
            with mark.open("rb") as held:
                fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
                shutil.rmtree(mark.parent, ignore_errors=True)
        except OSError:  # in use, or somebody else's
            continue


def _forget_worker(arbiter: Any, worker: Any) -> None:
    """Its counters stay in the sum; what it said of the present does not."""
    multiprocess.mark_process_dead(worker.pid)  # type: ignore[no-untyped-call]


class _Application(BaseApplication):  # type: ignore[misc]
    """Configured by us, and not by gunicorn's own environment variables or files."""

    def __init__(self, told: dict[str, Any]) -> None:
        self._told = told
        super().__init__(prog="ldn-cds serve")

    def load_config(self) -> None:
        for name, value in self._told.items():
            self.cfg.set(name, value)

    def load(self) -> Any:
        """In each worker, so that a restart reads settings and files anew."""
        from app import app

        return app


class _Master(Arbiter):  # type: ignore[misc]
    """The process above the workers; at a restart the old ones answer until the new ones do."""

    _came_up = False
    _next_try = 0.0

    def reload(self) -> None:
        """Start anew, unless the settings and files are such that nothing would start."""
        if self._would_start():
            super().reload()
        else:
            _log.error("not restarted: with these settings nothing would start; the workers at hand go on")

    def _would_start(self) -> bool:
        trial = os.fork()
        if trial == 0:
            try:
                self.app.load()
            except BaseException:  # it has said why
                os._exit(1)
            os._exit(0)
        return os.waitstatus_to_exitcode(os.waitpid(trial, 0)[1]) == 0

    def spawn_workers(self) -> None:
        """Replace a worker that is gone; gunicorn would end the others with one that cannot start."""
        if self._came_up and self.WORKERS and not self._may_replace():
            return
        super().spawn_workers()

    def _may_replace(self) -> bool:
        if time.monotonic() < self._next_try:
            return False
        if self._would_start():
            return True
        self._next_try = time.monotonic() + _TRY_AGAIN
        _log.error("a worker is missing, and with these settings none would start; the others go on")
        return False

    def halt(self, reason: str | None = None, exit_status: int = 0) -> None:
        """With an exit code of ours: gunicorn's 3 would say that another try may help."""
        super().halt(reason, exit_status and _NOT_STARTED)

    def manage_workers(self) -> None:
        """gunicorn ends the surplus at once, while the new ones are still reading their tables."""
        self._came_up = self._came_up or any(_answers(worker) for worker in self.WORKERS.values())
        if len(self.WORKERS) > self.num_workers:
            self._wait_for_the_new()
        super().manage_workers()

    def _wait_for_the_new(self) -> None:
        end = time.monotonic() + _BOOT_SECONDS
        while time.monotonic() < end:
            self.reap_workers()
            workers = sorted(self.WORKERS.values(), key=lambda worker: worker.age)
            if all(_answers(worker) for worker in workers[-self.num_workers :]):
                return
            time.sleep(0.05)


def _answers(worker: Any) -> bool:
    """Its heartbeat is in monotonic time; until the first it is when the file was made, long after that."""
    return bool(worker.tmp.last_update() <= time.monotonic())
