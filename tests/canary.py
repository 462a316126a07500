"""The service in production with one registered client, and a canary that sees calls that slip through."""

from __future__ import annotations

import json
import socket
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from uuid import uuid4

import pytest
from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.scenarios import load
from cds_service.settings import Settings
from tests.cds_hooks.authentication.signing import ISS, NOW, claims, ec_key, header, key_set, sign

SIGN = "/cds-services/ldn-order-sign"
TOKEN = "secret-token-1"
Resolve = Callable[[str], list[str]]
_SYSTEM = socket.getaddrinfo


class Canary:
    """Listens on loopback and counts who connects."""

    def __init__(self) -> None:
        self.connections = 0
        self._listening = socket.create_server(("127.0.0.1", 0), backlog=64)
        self.port = int(self._listening.getsockname()[1])
        self._thread = threading.Thread(target=self._accept, daemon=True)
        self._thread.start()

    def _accept(self) -> None:
        while True:
            try:
                connection, _ = self._listening.accept()
            except OSError:
                return
            self.connections += 1
            connection.close()

    def close(self) -> None:
        self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        self._thread.join(5)


@contextmanager
def listening() -> Iterator[Canary]:
    made = Canary()
    try:
        yield made
    finally:
        made.close()


def resolver(monkeypatch: pytest.MonkeyPatch, answer: Resolve) -> None:
    """Let names resolve to what the test says; numbers are read as the system reads them."""

    def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
        try:
            numeric = {**kwargs, "flags": socket.AI_NUMERICHOST}
            return _SYSTEM(host, port, **numeric)
        except (socket.gaierror, UnicodeError):
            pass
        return [
            entry for found in answer(str(host)) for entry in _SYSTEM(found, port, type=socket.SOCK_STREAM)
        ]

    monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)


def connections_made(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, int]]:
    """Every address and port that anybody here connects to from now on."""
    made: list[tuple[str, int]] = []
    real = socket.socket.connect

    def connect(self: socket.socket, address: Any) -> None:
        made.append(tuple(address[:2]))
        real(self, address)

    monkeypatch.setattr(socket.socket, "connect", connect)
    return made


def service(folder: Path, *bases: str, networks: tuple[str, ...] = ()) -> FlaskClient:
    """The service in production with one client that is registered with ``bases``."""
    (folder / "keys.json").write_text(json.dumps(key_set(ec_key())))
    registry = ["[clients.general]", f'iss = "{ISS}"', 'jwks_file = "keys.json"']
    registry += [f"fhir_servers = {json.dumps(bases)}", f"private_networks = {json.dumps(networks)}"]
    (folder / "clients.toml").write_text("\n".join(registry))
    settings = Settings(
        public_url="https://cds.example.org",
        clients_file=str(folder / "clients.toml"),
        database_url=f"sqlite:///{folder}/test.sqlite3",
        allow_unreviewed=True,
        time_budget_ms=5000,
    )
    return create_app(settings, now=lambda: NOW).test_client()


def ask(
    client: FlaskClient, fhir_server: str, expires_in: float = 300, prefetch: dict[str, Any] | None = None
) -> Any:
    """An LDN order whose lists are only to be had from ``fhir_server``, but for those of ``prefetch``."""
    request = load("oxycodone-active").request("order-sign", NOW)
    request["prefetch"] = prefetch or {}
    request["fhirServer"] = fhir_server
    request["fhirAuthorization"] = {
        "access_token": TOKEN,
        "token_type": "Bearer",
        "expires_in": expires_in,
        "scope": "patient/*.rs",
        "subject": "ldn",
        "patient": request["context"]["patientId"],
    }
    token = sign(claims(jti=uuid4().hex), header())
    return client.post(SIGN, json=request, headers={"Authorization": f"Bearer {token}"})


def is_refused(answer: Any) -> bool:
    """No list could be had: 412, in words for the integrator, and nothing of the URL."""
    return bool(answer.status_code == 412 and "example.org" not in answer.text)
