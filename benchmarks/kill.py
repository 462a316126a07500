"""Nothing acknowledged is lost: ``python -m benchmarks.kill [--seconds 120] [--seed 1]`` (``make kill-test``)

Calls and feedback under load against ``ldn-cds serve`` with several workers, while at random moments
one worker, the whole server, or the database is ended with ``kill -9``. With SQLite the database ends with
the process that writes; of PostgreSQL one backend is killed, which makes the server recover, or all of it.
Afterwards every card of an answered call and every acknowledged item of feedback must be in the
database exactly once, and nothing that was never sent. Only 127.0.0.1 is called.
"""

from __future__ import annotations

import argparse
import http.client
import json
import os
import random
import signal
import subprocess
import sys
import tempfile
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from sqlalchemy import func, select
from sqlalchemy.exc import OperationalError

from cds_service.scenarios import load
from cds_service.settings import Settings
from cds_service.store import Store
from cds_service.store.journal import journal_files
from cds_service.store.schema import cards, feedback
from tests.servers import PostgreSQL, free_port

ROOT = Path(__file__).parent.parent
SIGN = "/cds-services/ldn-order-sign"
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
BEGAN = datetime.now(UTC).replace(microsecond=0)
START_S = 120.0
ANSWER_S = 30.0
LOAD_S = 10.0

Item = tuple[str, str, datetime, str]
"""Card, outcome, moment and suggestion: what is kept once."""


@dataclass
class Ledger:
    """What was sent, and what the service has said it keeps."""

    shown: set[str] = field(default_factory=set)
    sent: set[Item] = field(default_factory=set)
    kept: set[Item] = field(default_factory=set)
    answers: Counter[str] = field(default_factory=Counter)
    kills: Counter[str] = field(default_factory=Counter)
    refused: int = 0
    """Items on cards that were shown; none may be."""


# --- the service -------------------------------------------------------------------


class Service:
    """``ldn-cds serve`` on one port, as often as it is started."""

    def __init__(self, folder: Path, database_url: str, workers: int) -> None:
        self.port = free_port()
        self.settings = {"DATABASE_URL": database_url, "JOURNAL_DIR": str(folder / "journal")}
        self._workers, self._log = workers, folder / "server.log"
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Returns when it answers."""
        quiet = {
            "CDS_ENVIRONMENT": "development",
            "LOG_LEVEL": "ERROR",
            "LOG_FORMAT": "json",
            "AUDIT_DAYS": "0",
        }
        command = [sys.executable, "-m", "cds_service.cli", "serve", f"--port={self.port}"]
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(
                [*command, f"--workers={self._workers}"],
                env={**os.environ, **quiet, **self.settings},
                cwd=ROOT,
                stdout=log,
                stderr=log,
                start_new_session=True,
            )
        end = time.monotonic() + START_S
        while not self._answers():
            if time.monotonic() > end or self._process.poll() is not None:
                raise RuntimeError(f"the server did not start:\n{self._log.read_text('utf-8')[-2000:]}")
            time.sleep(0.1)

    def _answers(self) -> bool:
        try:
            connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=5)
            connection.request("GET", "/health/live")
            return connection.getresponse().status == 200
        except (OSError, http.client.HTTPException):
            return False
        finally:
            connection.close()

    def kill_worker(self, chance: random.Random) -> bool:
        """One of them, whatever it is doing; False when there is none."""
        assert self._process
        children = Path(f"/proc/{self._process.pid}/task/{self._process.pid}/children")
        workers = [int(pid) for pid in children.read_text("ascii").split()]
        with suppress(ProcessLookupError):
            if workers:
                os.kill(chance.choice(workers), signal.SIGKILL)
                return True
        return False

    def kill(self) -> None:
        """All of it at once."""
        if self._process is not None:
            with suppress(ProcessLookupError):
                os.killpg(self._process.pid, signal.SIGKILL)
            self._process.wait()


# --- the prescribers ---------------------------------------------------------------


class Prescriber(threading.Thread):
    """Signs orders and says what became of the cards, and says it again when no answer came."""

    def __init__(self, port: int, ledger: Ledger, lock: threading.Lock, seed: int, number: int) -> None:
        super().__init__(daemon=True)
        self._port, self._ledger, self._lock = port, ledger, lock
        self._chance, self._number = random.Random(seed * 1000 + number), number
        self._call = json.dumps(load("oxycodone-active").request("order-sign", NOW)).encode()
        self._connection: http.client.HTTPConnection | None = None
        self._said = 0
        self._unanswered: list[dict[str, Any]] = []
        self.over = threading.Event()

    def run(self) -> None:
        while not self.over.is_set():
            status, answer = self._post(SIGN, self._call)
            if status == 200:
                with self._lock:
                    self._ledger.shown |= {card["uuid"] for card in answer["cards"]}
                self._say([item for card in answer["cards"] for item in self._items(card)])
            else:
                self.over.wait(0.05)
        self._hang_up()

    def _hang_up(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def _items(self, card: dict[str, Any]) -> Iterator[dict[str, Any]]:
        """Overridden, accepted, or both one after the other."""
        self._said += 1
        moment = BEGAN + timedelta(seconds=self._said, microseconds=self._number)
        item = {"card": card["uuid"], "outcomeTimestamp": moment.isoformat()}
        outcome = self._chance.choice(("accepted", "overridden", "both"))
        if outcome != "accepted":
            reason = {"code": "done", "system": "urn:test"}
            yield item | {"outcome": "overridden", "overrideReason": {"reason": reason}}
        if outcome != "overridden":
            taken = [{"id": suggestion["uuid"]} for suggestion in card["suggestions"]]
            yield item | {"outcome": "accepted", "acceptedSuggestions": taken}

    def _say(self, items: list[dict[str, Any]]) -> None:
        """With what is still unanswered; now and then all of it twice, as clients that repeat do."""
        self._unanswered += items
        again = self._chance.choice((1, 1, 1, 2))
        with self._lock:
            self._ledger.sent |= {key for item in self._unanswered for key in keys(item)}
        status, answer = self._post(
            f"{SIGN}/feedback", json.dumps({"feedback": self._unanswered * again}).encode()
        )
        if status == 200:
            with self._lock:
                self._ledger.kept |= {key for item in self._unanswered for key in keys(item)}
                self._ledger.refused += len(answer.get("issue", ()))
            self._unanswered = []

    def _post(self, path: str, body: bytes) -> tuple[int, Any]:
        """Status and document; 0 when there was no whole answer."""
        try:
            if self._connection is None:
                self._connection = http.client.HTTPConnection("127.0.0.1", self._port, timeout=ANSWER_S)
            self._connection.request("POST", path, body, {"Content-Type": "application/json"})
            response = self._connection.getresponse()
            status, answer = response.status, json.loads(response.read())
        except (OSError, http.client.HTTPException, ValueError):
            status, answer = 0, None
        if status == 0:
            self._hang_up()
        with self._lock:
            self._ledger.answers[f"{path.rpartition('/')[2]} {status or 'broken'}"] += 1
        return status, answer


def keys(item: dict[str, Any]) -> Iterator[Item]:
    """What one item is kept as."""
    moment = datetime.fromisoformat(item["outcomeTimestamp"])
    for suggestion in item.get("acceptedSuggestions", [{"id": ""}]):
        yield item["card"], item["outcome"], moment, suggestion["id"]


# --- the run -----------------------------------------------------------------------


def run(
    kind: str, *, seconds: float, seed: int, workers: int = 3, clients: int = 6, pause: float = 1.0
) -> tuple[Ledger, list[str]]:
    """What was sent and acknowledged, and everything that is wrong afterwards; ``pause`` between kills."""
    ledger, lock = Ledger(), threading.Lock()
    with (
        tempfile.TemporaryDirectory(prefix="ldn-cds-kill-") as name,
        database(kind, Path(name)) as (url, server),
    ):
        service = Service(Path(name), url, workers)
        prescribers = [Prescriber(service.port, ledger, lock, seed, number) for number in range(clients)]
        try:
            service.start()
            for prescriber in prescribers:
                prescriber.start()
            kill_at_random(service, server, ledger, random.Random(seed), seconds, pause)
        finally:
            for prescriber in prescribers:
                prescriber.over.set()
            for prescriber in prescribers:
                if prescriber.is_alive():
                    prescriber.join(2 * ANSWER_S)
            service.kill()  # the last one, with whatever is still in the journal
        ledger.kills["server"] += 1
        return ledger, compare(service.settings, ledger)


@contextmanager
def database(kind: str, folder: Path) -> Iterator[tuple[str, PostgreSQL | None]]:
    """Its URL, and the server where there is one."""
    if kind == "sqlite":
        yield f"sqlite:///{folder}/test.sqlite3", None
        return
    server = PostgreSQL()
    try:
        server.start()
        yield server.url, server
    finally:
        server.stop()


def kill_at_random(
    service: Service,
    server: PostgreSQL | None,
    ledger: Ledger,
    chance: random.Random,
    seconds: float,
    pause: float,
) -> None:
    """One kill after the other, until the time is over; whatever has to be started again is."""
    kinds = ["worker"] * 6 + ["server"] + (["backend", "backend", "database"] if server else [])
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        time.sleep(pause * chance.uniform(0.2, 1.8))
        what = chance.choice(kinds)
        if what == "worker":
            if not service.kill_worker(chance):
                continue
        elif what == "server":
            service.kill()
            service.start()
        elif server and what == "database":
            server.kill()
            time.sleep(chance.uniform(0, pause))
            server.start()
        elif server:
            kill_backend(server, chance)
        ledger.kills[what] += 1


def kill_backend(server: PostgreSQL, chance: random.Random) -> None:
    """One of its processes: PostgreSQL then ends all others and recovers."""
    with suppress(ProcessLookupError):
        os.kill(chance.choice(server.backends()), signal.SIGKILL)


def compare(settings: dict[str, str], ledger: Ledger) -> list[str]:
    """What is in the database against what was promised, once the journal is loaded; the faults in words."""
    store = Store(Settings(database_url=settings["DATABASE_URL"], journal_dir=settings["JOURNAL_DIR"]))
    with store:
        load_all(store)
        with store.reading() as connection:
            shown = Counter(connection.scalars(select(cards.c.card)))
            row = (feedback.c.card, feedback.c.outcome, feedback.c.outcome_timestamp, feedback.c.suggestion)
            said = Counter(tuple(found) for found in connection.execute(select(*row)))
            alone = connection.scalar(
                select(func.count()).select_from(feedback).where(feedback.c.card.not_in(select(cards.c.card)))
            )
    faults = {
        "cards shown that are not there": len(ledger.shown - shown.keys()),
        "cards there more than once": sum(1 for number in shown.values() if number > 1),
        "acknowledged feedback that is not there": len(ledger.kept - said.keys()),
        "feedback there more than once": sum(1 for number in said.values() if number > 1),
        "feedback there that nobody sent": len(said.keys() - ledger.sent),
        "feedback without its card": alone or 0,
        "items of feedback refused": ledger.refused,
        "journal files left": len(journal_files(store.journal.folder)),
    }
    return [f"{number} {words}" for words, number in faults.items() if number]


def load_all(store: Store) -> None:
    """Until the journal is empty: a killed process holds its file until it is gone, a database recovers."""
    end = time.monotonic() + LOAD_S
    while not _is_loaded(store) and time.monotonic() < end:
        time.sleep(0.1)


def _is_loaded(store: Store) -> bool:
    try:
        store.load()
    except OperationalError:  # killed last, it does not answer yet
        return False
    return not journal_files(store.journal.folder)


def told(kind: str, ledger: Ledger) -> str:
    """The numbers of one run."""
    kills = ", ".join(f"{number} {what}" for what, number in sorted(ledger.kills.items()))
    answers = ", ".join(f"{what}: {number}" for what, number in sorted(ledger.answers.items()))
    return (
        f"{kind}: {len(ledger.shown)} cards shown, {len(ledger.kept)} items of feedback acknowledged "
        f"({len(ledger.sent)} sent), {sum(ledger.kills.values())} kills ({kills})\n  answers: {answers}"
    )


def main() -> int:
    """Ends with 1 when anything is lost or doubled."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--seconds", type=float, default=120.0, help="of kills, for each database")
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--workers", type=int, default=4)
    parser.add_argument("--clients", type=int, default=8)
    parser.add_argument("--pause", type=float, default=1.5, help="seconds between kills, on average")
    parser.add_argument("--database", choices=("sqlite", "postgresql", "both"), default="both")
    given = parser.parse_args()
    kinds = ("sqlite", "postgresql") if given.database == "both" else (given.database,)
    wrong = False
    for kind in kinds:
        ledger, faults = run(
            kind,
            seconds=given.seconds,
            seed=given.seed,
            workers=given.workers,
            clients=given.clients,
            pause=given.pause,
        )
        print(told(kind, ledger))
        print("  " + ("; ".join(faults) or "each is there exactly once"), flush=True)
        wrong = wrong or bool(faults)
    return int(wrong)


if __name__ == "__main__":
    sys.exit(main())
