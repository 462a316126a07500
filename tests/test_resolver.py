"""A look-up of a name cannot be interrupted: what hangs there holds a thread, and nothing else."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.settings import Settings
from tests.fhir.bodies import bundle
from tests.fhir.faults import body, opioid, serving
from tests.test_faults import NOW, SIGN, request, topics


class Resolver:
    """Looks up names, except those below ``hanging.example``: these it keeps until it is let go."""

    def __init__(self) -> None:
        self.lookup = socket.getaddrinfo
        self.go = threading.Event()
        self.asked = 0

    def getaddrinfo(self, host: str, *args: Any, **more: Any) -> Any:
        if not host.endswith("hanging.example"):
            return self.lookup(host, *args, **more)
        self.asked += 1
        assert self.go.wait(60)
        return self.lookup("127.0.0.1", *args, **more)


@pytest.fixture
def resolver(monkeypatch: pytest.MonkeyPatch) -> Iterator[Resolver]:
    made = Resolver()
    monkeypatch.setattr(socket, "getaddrinfo", made.getaddrinfo)
    yield made
    made.go.set()


def fhir_threads() -> int:
    return sum(thread.name.startswith("fhir") for thread in threading.enumerate())


def service(folder: Path) -> FlaskClient:
    """Four calls to one server at a time, and 300 ms for each answer."""
    settings = Settings(
        cds_environment="development",
        database_url=f"sqlite:///{folder}/test.sqlite3",
        time_budget_ms=300,
        fhir_parallel=4,
    )
    return create_app(settings, now=lambda: NOW).test_client()


def until_found(client: FlaskClient, base: str) -> int:
    """Asks until the opioid is found, a bounded number of times; how often it was asked."""
    for count in range(1, 200):
        answer = client.post(SIGN, json=request(base))
        if answer.status_code == 200 and topics(answer) == ["opioid-coprescription"]:
            return count
        time.sleep(0.02)
    raise AssertionError("the opioid was not found")


def test_a_resolver_that_hangs(tmp_path: Path, resolver: Resolver) -> None:
    """Each answer goes out while all look-ups still hang; they hold no more than their server's share."""
    client, before = service(tmp_path), fhir_threads()
    with serving(body(bundle(opioid())), "MedicationRequest") as server:
        lost = server.base.replace("127.0.0.1", "ehr.hanging.example")
        for _ in range(6):
            assert client.post(SIGN, json=request(lost)).status_code == 412
        assert (resolver.asked, resolver.go.is_set()) == (4, False)
        assert fhir_threads() - before <= 3 * 4
        until_found(client, server.base)
        asked = len(server.asked)
        resolver.go.set()
        until_found(client, lost)
        assert len(server.asked) - asked >= 6
