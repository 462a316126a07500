"""Where an EHR may send the service: to the FHIR servers it is registered with, at public addresses.

Every name resolves to a canary on this machine, so that a call that slips through is seen.
"""

from __future__ import annotations

import logging
import socket
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from cds_service import sources
from cds_service.fhir import Deadline
from cds_service.scenarios import load
from tests.canary import SIGN, Canary, Resolve, ask, is_refused, listening, resolver, service
from tests.cds_hooks.authentication.signing import NOW, claims, header, sign


@pytest.fixture
def canary() -> Iterator[Canary]:
    with listening() as made:
        yield made


@pytest.fixture
def resolve(monkeypatch: pytest.MonkeyPatch) -> Callable[[Resolve], None]:
    return lambda answer: resolver(monkeypatch, answer)


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


@pytest.mark.parametrize("expires_in", [0, -1, -0.5])
def test_an_expired_token_is_not_used(
    tmp_path: Path, canary: Canary, resolve: Callable[[Resolve], None], expires_in: float
) -> None:
    resolve(lambda name: ["127.0.0.1"])
    base = REGISTERED.format(port=canary.port)
    client = service(tmp_path, base, networks=("127.0.0.0/8",))
    assert is_refused(ask(client, base, expires_in))
    assert canary.connections == 0


@pytest.mark.parametrize(("expires_in", "seconds"), [(300, 5.0), (0.25, 0.25), (-1, 5.0)])
def test_no_call_outlasts_its_token(
    tmp_path: Path,
    canary: Canary,
    resolve: Callable[[Resolve], None],
    monkeypatch: pytest.MonkeyPatch,
    expires_in: float,
    seconds: float,
) -> None:
    """The budget of this service is 5 seconds; a token that is not used bounds nothing."""
    given: list[float] = []

    def noted(budget: float) -> Deadline:
        given.append(budget)
        return Deadline(budget)

    monkeypatch.setattr(sources, "Deadline", noted)
    resolve(lambda name: ["127.0.0.1"])
    base = REGISTERED.format(port=canary.port)
    ask(service(tmp_path, base, networks=("127.0.0.0/8",)), base, expires_in)
    assert given == [seconds]
