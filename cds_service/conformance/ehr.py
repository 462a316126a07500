"""A small FHIR server on the loopback interface: what does the service ask of it, and with which token?

Its address is given to services on the same machine only; another host could not reach it.
"""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, ClassVar
from urllib.parse import urlsplit

from cds_service.conformance.bodies import PATIENT, searchset


@dataclass(frozen=True, slots=True)
class Asked:
    """One request that came."""

    path: str
    authorization: str | None

    @property
    def kind(self) -> str:
        """The resource type asked for."""
        return self.path.removeprefix("/fhir/").split("/")[0].split("?")[0]


@dataclass(slots=True)
class Ehr:
    """The running server: what was asked, and how it answers now."""

    base: str
    asked: list[Asked] = field(default_factory=list)
    status: int = 200
    next_link: str | None = None

    def restart(self, status: int = 200, next_link: str | None = None) -> None:
        """Forget what was asked; answer with ``status``, lists with a further page at ``next_link``."""
        self.asked.clear()
        self.status, self.next_link = status, next_link


@contextmanager
def running(port: int = 0) -> Iterator[Ehr]:
    """The server on ``port`` of 127.0.0.1, or on a free one. Raises ``OSError`` when it is taken."""
    server = ThreadingHTTPServer(("127.0.0.1", port), _Handler)
    server.daemon_threads = True
    ehr = Ehr(f"http://127.0.0.1:{server.server_port}/fhir")
    _Handler.ehrs[server.server_port] = ehr
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.05}, daemon=True)
    thread.start()
    try:
        yield ehr
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
        del _Handler.ehrs[server.server_port]


class _Handler(BaseHTTPRequestHandler):
    """Knows one patient, of whom nothing else is recorded."""

    ehrs: ClassVar[dict[int, Ehr]] = {}
    protocol_version = "HTTP/1.1"

    def do_GET(self) -> None:
        self._answer()

    def do_POST(self) -> None:
        self.rfile.read(int(self.headers.get("Content-Length") or 0))
        self._answer()

    def _answer(self) -> None:
        assert isinstance(self.server, ThreadingHTTPServer)
        ehr = self.ehrs[self.server.server_port]
        ehr.asked.append(Asked(self.path, self.headers.get("Authorization")))
        status, body = _resource(self.path, ehr)
        content = json.dumps(body).encode()
        self.send_response(status)
        self.send_header("Content-Type", "application/fhir+json")
        self.send_header("Content-Length", str(len(content)))
        self.end_headers()
        self.wfile.write(content)

    def log_message(self, format: str, *args: Any) -> None:
        """The table is what this command prints."""


def _resource(path: str, ehr: Ehr) -> tuple[int, dict[str, Any]]:
    if ehr.status != 200:
        issue = {"severity": "error", "code": "exception"}
        return ehr.status, {"resourceType": "OperationOutcome", "issue": [issue]}
    if urlsplit(path).path.rstrip("/").endswith(f"Patient/{PATIENT}"):
        return 200, {"resourceType": "Patient", "id": PATIENT, "birthDate": "1980-02-01"}
    follows = ehr.next_link if "page=2" not in path else None
    return 200, searchset([], f"http://127.0.0.1{path}", follows)
