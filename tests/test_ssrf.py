"""Where an EHR may send the service: to the FHIR servers it is registered with, at public addresses.

Every name resolves to a canary on this machine, so that a call that slips through is seen.
"""

from __future__ import annotations

import json
import logging
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.scenarios import load
from cds_service.settings import Settings
from tests.cds_hooks.authentication.signing import ISS, NOW, claims, ec_key, header, key_set, sign

SIGN = "/cds-services/ldn-order-sign"
TOKEN = "secret-token-1"
Resolve = Callable[[str], list[str]]


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


@pytest.fixture
def canary() -> Iterator[Canary]:
    made = Canary()
    yield made
    made.close()


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[[Resolve], None]:
    """Let names resolve to what the test says; numbers are read as the system reads them."""
    real = socket.getaddrinfo

    def use(answer: Resolve) -> None:
        def getaddrinfo(host: Any, port: Any, *args: Any, **kwargs: Any) -> Any:
            try:
                numeric = {**kwargs, "flags": socket.AI_NUMERICHOST}
                return real(host, port, **numeric)
            except (socket.gaierror, UnicodeError):
                pass
            return [
                entry for found in answer(str(host)) for entry in real(found, port, type=socket.SOCK_STREAM)
            ]

        monkeypatch.setattr(socket, "getaddrinfo", getaddrinfo)

    return use


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


def ask(client: FlaskClient, fhir_server: str, expires_in: int = 300) -> Any:
    """An LDN order whose lists are only to be had from ``fhir_server``."""
    request = load("oxycodone-active").request("order-sign", NOW)
    del request["prefetch"]
    request["fhirServer"] = fhir_server
    request["fhirAuthorization"] = {
        "access_token": TOKEN,
        "token_type": "Bearer",
        "expires_in": expires_in,
        "scope": "patient/*.rs",
        "subject": "ldn",
        "patient": request["context"]["patientId"],
    }
    return client.post(SIGN, json=request, headers={"Authorization": f"Bearer {sign(claims(), header())}"})


def is_refused(answer: Any) -> bool:
    """No list could be had: 412, in words for the integrator, and nothing of the URL."""
    return bool(answer.status_code == 412 and "example.org" not in answer.text)


REGISTERED = "https://ehr.example.org:{port}/fhir"

ELSEWHERE = [
    # another host
    "https://evil.example.org:{port}/fhir",
    "https://ehr.example.org.evil.example:{port}/fhir",
    "https://ehr.example.org.:{port}/fhir",
    "https://ehr.example.orgevil:{port}/fhir",
    "https://sub.ehr.example.org:{port}/fhir",
    "https://EHR.EXAMPLE.ORG.evil:{port}/fhir",
    "https://ehr.ex\u0430mple.org:{port}/fhir",
    "https://ehr\uff0eexample\uff0eorg:{port}/fhir",
    "https://ehr.example.org\u3002evil:{port}/fhir",
    "https://ehr.example.org%2eevil:{port}/fhir",
    "https://ehr.example.org%00.evil:{port}/fhir",
    # another port or scheme
    "https://ehr.example.org/fhir",
    "https://ehr.example.org:8443/fhir",
    "https://ehr.example.org:0{port}1/fhir",
    "http://ehr.example.org:{port}/fhir",
    "ftp://ehr.example.org:{port}/fhir",
    "file:///etc/passwd",
    "gopher://ehr.example.org:{port}/fhir",
    "//ehr.example.org:{port}/fhir",
    "ehr.example.org:{port}/fhir",
    "javascript:https://ehr.example.org:{port}/fhir",
    # user information
    "https://ehr.example.org:{port}@evil.example:{port}/fhir",
    "https://ehr.example.org@127.0.0.1:{port}/fhir",
    "https://me:secret@ehr.example.org:{port}/fhir",
    "https://evil.example#@ehr.example.org:{port}/fhir",
    "https://evil.example?@ehr.example.org:{port}/fhir",
    "https://evil.example\\@ehr.example.org:{port}/fhir",
    "https:\\\\evil.example:{port}\\fhir",
    # other paths, queries, fragments
    "https://ehr.example.org:{port}",
    "https://ehr.example.org:{port}/",
    "https://ehr.example.org:{port}/fhirevil",
    "https://ehr.example.org:{port}/FHIR",
    "https://ehr.example.org:{port}/admin",
    "https://ehr.example.org:{port}/fhir/../admin",
    "https://ehr.example.org:{port}/fhir/..",
    "https://ehr.example.org:{port}/fhir/%2e%2e/admin",
    "https://ehr.example.org:{port}/fhir/..%2fadmin",
    "https://ehr.example.org:{port}/fhir/.//admin",
    "https://ehr.example.org:{port}//fhir",
    "https://ehr.example.org:{port}/fhir//admin",
    "https://ehr.example.org:{port}/fhir;x/admin",
    "https://ehr.example.org:{port}/fhir?x=",
    "https://ehr.example.org:{port}/fhir#",
    "https://ehr.example.org:{port}/admin#/fhir",
    "https://ehr.example.org:{port}/admin?/fhir",
    # addresses, however they are written
    "https://127.0.0.1:{port}/fhir",
    "https://2130706433:{port}/fhir",
    "https://0x7f000001:{port}/fhir",
    "https://0x7f.1:{port}/fhir",
    "https://0177.0.0.1:{port}/fhir",
    "https://017700000001:{port}/fhir",
    "https://127.1:{port}/fhir",
    "https://0:{port}/fhir",
    "https://localhost:{port}/fhir",
    "https://[::1]:{port}/fhir",
    "https://[::ffff:127.0.0.1]:{port}/fhir",
    "https://[::ffff:7f00:1]:{port}/fhir",
    "https://[fe80::1%25eth0]:{port}/fhir",
    "https://169.254.169.254/latest/meta-data",
    "https://metadata.google.internal/computeMetadata/v1",
    # no URL
    "https://",
    "https://:{port}/fhir",
    "https://ehr.example.org:port/fhir",
    "https://ehr.example.org:{port}/fhir\r\nHost: evil",
    "https://ehr.example.org:{port}/fhir /admin",
    " https://evil.example:{port}/fhir",
]


@pytest.mark.parametrize("url", ELSEWHERE)
def test_a_server_the_client_is_not_registered_with_is_not_called(
    tmp_path: Path, canary: Canary, resolve: Callable[[Resolve], None], url: str
) -> None:
    resolve(lambda name: ["127.0.0.1"])
    base = REGISTERED.format(port=canary.port)
    # this machine may be called, so that the address alone refuses nothing
    client = service(tmp_path, base, networks=("127.0.0.0/8", "::1/128"))
    answer = ask(client, url.replace("{port}", str(canary.port)))
    assert is_refused(answer) or answer.status_code == 400
    assert canary.connections == 0


@pytest.mark.parametrize("url", [REGISTERED, REGISTERED + "/", REGISTERED + "/tenant-1", REGISTERED.upper()])
def test_a_server_the_client_is_registered_with_is_called(
    tmp_path: Path, canary: Canary, resolve: Callable[[Resolve], None], url: str
) -> None:
    """The control: the canary sees the call, and hangs up."""
    resolve(lambda name: ["127.0.0.1"])
    base = REGISTERED.format(port=canary.port)
    client = service(tmp_path, base, networks=("127.0.0.0/8",))
    url = url.replace("FHIR", "fhir").replace("HTTPS", "hTTps").replace("{PORT}", "{port}")
    ask(client, url.format(port=canary.port))
    assert canary.connections > 0


INTERNAL: dict[str, tuple[str, Resolve]] = {
    "a name for loopback": ("ehr.example.org", lambda name: ["127.0.0.1"]),
    "a name for loopback, IPv6": ("ehr.example.org", lambda name: ["::1"]),
    "a name for a mapped address": ("ehr.example.org", lambda name: ["::ffff:127.0.0.1"]),
    "one public address, one internal": ("ehr.example.org", lambda name: ["9.9.9.9", "127.0.0.1"]),
    "the metadata of a cloud": ("ehr.example.org", lambda name: ["169.254.169.254"]),
    "a private network": ("ehr.example.org", lambda name: ["10.0.0.1"]),
    "loopback itself": ("127.0.0.1", lambda name: []),
    "loopback as one number": ("2130706433", lambda name: []),
    "loopback in octal": ("0177.0.0.1", lambda name: []),
    "loopback in hexadecimal": ("0x7f.1", lambda name: []),
    "loopback, short": ("127.1", lambda name: []),
    "this host": ("0.0.0.0", lambda name: []),
    "loopback, IPv6": ("[::1]", lambda name: []),
    "a mapped address": ("[::ffff:127.0.0.1]", lambda name: []),
}


@pytest.mark.parametrize(("host", "answer"), INTERNAL.values(), ids=INTERNAL.keys())
def test_an_internal_address_is_not_called_even_if_the_name_is_registered(
    tmp_path: Path,
    canary: Canary,
    resolve: Callable[[Resolve], None],
    caplog: pytest.LogCaptureFixture,
    host: str,
    answer: Resolve,
) -> None:
    resolve(answer)
    base = f"https://{host}:{canary.port}/fhir"
    with caplog.at_level(logging.INFO):
        assert is_refused(ask(service(tmp_path, base), base))
    assert canary.connections == 0
    assert "address of fhirServer is not public" in caplog.text


def test_a_name_that_changes_its_address_is_not_followed(
    tmp_path: Path, canary: Canary, resolve: Callable[[Resolve], None], monkeypatch: pytest.MonkeyPatch
) -> None:
    """DNS rebinding: what was judged is what is connected to, however the name answers a second time."""
    asked: list[str] = []

    def rebind(name: str) -> list[str]:
        asked.append(name)
        return ["203.0.114.9"] if len(asked) % 2 else ["127.0.0.1"]

    connected: list[str] = []

    def connect(self: socket.socket, address: Any) -> None:
        connected.append(address[0])
        raise ConnectionRefusedError

    resolve(rebind)
    base = REGISTERED.format(port=canary.port)
    client = service(tmp_path, base)
    monkeypatch.setattr(socket.socket, "connect", connect)
    ask(client, base)
    assert "203.0.114.9" in connected
    assert "127.0.0.1" not in connected


def test_a_client_without_servers_lives_on_prefetch(tmp_path: Path, canary: Canary) -> None:
    client = service(tmp_path)
    assert is_refused(ask(client, REGISTERED.format(port=canary.port)))
    request = load("oxycodone-active").request("order-sign", NOW)
    token = sign(claims(jti="other"), header())
    answer = client.post(SIGN, json=request, headers={"Authorization": f"Bearer {token}"})
    assert [card["indicator"] for card in answer.get_json()["cards"]] == ["critical"]


@pytest.mark.parametrize("expires_in", [0, -1])
def test_an_expired_token_is_not_used(
    tmp_path: Path, canary: Canary, resolve: Callable[[Resolve], None], expires_in: int
) -> None:
    resolve(lambda name: ["127.0.0.1"])
    base = REGISTERED.format(port=canary.port)
    client = service(tmp_path, base, networks=("127.0.0.0/8",))
    assert is_refused(ask(client, base, expires_in))
    assert canary.connections == 0
