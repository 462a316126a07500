"""Connections that check where they go: names, kept connections, several addresses, proxies."""

from __future__ import annotations

import json
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest
import requests
from urllib3.util import connection

from cds_service.callers import key_reader
from cds_service.cds_hooks.authentication import Client
from cds_service.fhir import ClientOptions, Deadline, FhirClient, GapReason
from cds_service.fhir.client import FetchFailed
from cds_service.fhir_server import read_capabilities
from cds_service.outbound import PUBLIC, AddressRefused, Calls, GuardedAdapter, Reach, read_document
from cds_service.settings import Settings, load_settings
from cds_service.sources import Sources
from tests.canary import connections_made, resolver
from tests.fhir.faults import certificate
from tests.fhir.server import Answer, FhirServer

HOST = "ehr.example.org"
INSIDE = Reach.of(["127.0.0.0/8"])


@pytest.fixture
def ehr(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[FhirServer]:
    """A server inside, which speaks TLS under its own name."""
    resolver(monkeypatch, lambda name: ["127.0.0.1"])
    server = FhirServer(certificate(tmp_path, HOST))
    server.routes[""] = Answer({"resourceType": "Bundle"})
    yield server
    server.close()


@pytest.fixture
def client(tmp_path: Path, ehr: FhirServer) -> Iterator[FhirClient]:
    made = FhirClient(ClientOptions(verify=str(tmp_path / "self-signed.pem")))
    yield made
    made.close()


def status(client: FhirClient, ehr: FhirServer, reach: Reach, host: str = HOST) -> int:
    access = client.access(f"https://{host}:{ehr.port}/fhir", None, reach)
    return access.get(access.url("Condition"), Deadline(5)).status


def refusal(client: FhirClient, ehr: FhirServer, reach: Reach, host: str = HOST) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        status(client, ehr, reach, host)
    return caught.value


def test_the_certificate_is_checked_against_the_name(client: FhirClient, ehr: FhirServer) -> None:
    assert status(client, ehr, INSIDE) == 200
    assert refusal(client, ehr, INSIDE, "other.example.org").detail == "TLS certificate refused"
    assert refusal(client, ehr, INSIDE, "127.0.0.1").detail == "TLS certificate refused"


def test_a_connection_kept_open_for_one_client_is_none_for_another(
    client: FhirClient, ehr: FhirServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who may go inside leaves a connection behind; who may not is still refused, before and after."""
    assert refusal(client, ehr, PUBLIC).reason is GapReason.NOT_PERMITTED
    assert status(client, ehr, INSIDE) == 200
    connected = connections_made(monkeypatch)
    assert refusal(client, ehr, PUBLIC).reason is GapReason.NOT_PERMITTED
    assert refusal(client, ehr, Reach.of(["10.0.0.0/8"])).reason is GapReason.NOT_PERMITTED
    assert status(client, ehr, Reach.of(["127.0.0.0/8"])) == 200
    assert connected == []
    assert len(ehr.asked) == 2


def test_what_was_looked_up_for_the_check_is_what_is_called(
    client: FhirClient, ehr: FhirServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A name that answers differently each time is asked once for a connection."""
    asked: list[str] = []

    def changing(name: str) -> list[str]:
        asked.append(name)
        return ["127.0.0.1"] if len(asked) == 1 else ["10.9.9.9"]

    resolver(monkeypatch, changing)
    assert status(client, ehr, INSIDE) == 200
    assert asked == [HOST]


def test_a_key_set_is_not_read_from_where_a_name_changes_to(
    monkeypatch: pytest.MonkeyPatch, ehr: FhirServer
) -> None:
    answers = [["9.9.9.9", "127.0.0.1"], ["127.0.0.1"]]
    resolver(monkeypatch, lambda name: answers.pop(0) if len(answers) > 1 else answers[0])
    connected = connections_made(monkeypatch)
    for _ in range(2):
        with pytest.raises(OSError, match="address refused"):
            read_document(f"https://{HOST}:{ehr.port}/jwks.json", PUBLIC, user_agent="test/1")
    assert connected == []


def test_proxies_of_the_environment_are_not_used(
    client: FhirClient, ehr: FhirServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("HTTPS_PROXY", "https_proxy", "ALL_PROXY", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert status(client, ehr, INSIDE) == 200
    assert refusal(client, ehr, PUBLIC).reason is GapReason.NOT_PERMITTED


def test_all_addresses_of_a_name_share_the_time(monkeypatch: pytest.MonkeyPatch) -> None:
    given: list[tuple[str, float]] = []

    def silent(address: tuple[str, int], timeout: float, **options: Any) -> socket.socket:
        given.append((address[0], timeout))
        before = time.monotonic()
        while time.monotonic() == before:
            pass
        raise TimeoutError

    resolver(monkeypatch, lambda name: ["127.0.0.1", "127.0.0.2", "127.0.0.3"])
    monkeypatch.setattr(connection, "create_connection", silent)
    with requests.Session() as session:
        session.mount("https://", GuardedAdapter(INSIDE, max_retries=0))
        with pytest.raises(requests.ConnectTimeout):
            session.get(f"https://{HOST}/", timeout=5)
    addresses, timeouts = zip(*given, strict=True)
    assert addresses == ("127.0.0.1", "127.0.0.2", "127.0.0.3")
    assert 5 >= timeouts[0] > timeouts[1] > timeouts[2] > 0


def test_a_name_found_too_late_is_not_called(monkeypatch: pytest.MonkeyPatch) -> None:
    def slow(name: str) -> list[str]:
        time.sleep(0.05)
        return ["127.0.0.1"]

    resolver(monkeypatch, slow)
    connected = connections_made(monkeypatch)
    with requests.Session() as session:
        session.mount("https://", GuardedAdapter(INSIDE, max_retries=0))
        with pytest.raises(requests.ConnectTimeout):
            session.get(f"https://{HOST}/", timeout=0.01)
    assert connected == []


def test_a_call_is_hung_up_on_while_it_still_connects(
    ehr: FhirServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """There is no socket to shut down yet: the connection must not be used once it is made."""
    calls, whom = Calls(), object()

    def over(name: str) -> list[str]:
        calls.hang_up(whom)
        return ["127.0.0.1"]

    resolver(monkeypatch, over)
    with requests.Session() as session, calls.noted(whom):
        session.mount("https://", GuardedAdapter(INSIDE, max_retries=0))
        with pytest.raises(requests.ConnectTimeout):
            session.get(f"https://{HOST}:{ehr.port}/", timeout=5, verify=str(tmp_path / "self-signed.pem"))
    assert ehr.asked == []


def test_a_handshake_that_drips_is_hung_up_on(monkeypatch: pytest.MonkeyPatch) -> None:
    """Each byte is in time, and 16,384 of them make one record: the thread would stay for minutes."""
    resolver(monkeypatch, lambda name: ["127.0.0.1"])
    calls, whom, begun, failed = Calls(), object(), threading.Event(), list[Exception]()

    def drip(listening: socket.socket) -> None:
        peer, _ = listening.accept()
        with peer, suppress(OSError):
            peer.sendall(b"\x16\x03\x03\x40\x00")
            while True:
                peer.sendall(b"\x02")
                begun.set()
                time.sleep(0.02)

    def call(port: int) -> None:
        with requests.Session() as session, calls.noted(whom):
            session.mount("https://", GuardedAdapter(INSIDE, max_retries=0))
            try:
                session.get(f"https://{HOST}:{port}/", timeout=5)
            except requests.RequestException as error:
                failed.append(error)

    with socket.create_server(("127.0.0.1", 0)) as listening:
        threading.Thread(target=drip, args=(listening,), daemon=True).start()
        calling = threading.Thread(target=call, args=(listening.getsockname()[1],), daemon=True)
        calling.start()
        assert begun.wait(10)
        calls.hang_up(whom)
        calling.join(30)
    (error,) = failed
    assert isinstance(error, requests.ConnectTimeout)


def test_a_name_that_cannot_be_one_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    connected = connections_made(monkeypatch)
    with requests.Session() as session:
        session.mount("https://", GuardedAdapter(PUBLIC, max_retries=0))
        with pytest.raises((AddressRefused, requests.RequestException)):
            session.get(f"https://{'x' * 64}.example/", timeout=5)
    assert connected == []


# --- an authority of the hospital's own --------------------------------------------


def test_the_bundle_of_the_site_signs_for_fhir_servers(tmp_path: Path, ehr: FhirServer) -> None:
    for bundle, expected in ((str(tmp_path / "self-signed.pem"), 200), (None, "TLS certificate refused")):
        client = Sources.from_settings(Settings(ca_bundle=bundle), "0").client
        try:
            assert status(client, ehr, INSIDE) == expected
        except FetchFailed as failed:
            assert failed.detail == expected
        finally:
            client.close()


def test_the_bundle_of_the_site_signs_for_key_sets_and_metadata(tmp_path: Path, ehr: FhirServer) -> None:
    client = Client(
        id="general",
        iss="i",
        jwks_url=f"https://{HOST}:{ehr.port}/fhir/keys",
        private_networks=("127.0.0.0/8",),
    )
    ehr.routes["keys"] = Answer({"keys": []})
    ehr.routes["metadata"] = Answer({"resourceType": "CapabilityStatement", "fhirVersion": "4.0.1"})
    trusting = Settings(ca_bundle=str(tmp_path / "self-signed.pem"))
    assert client.jwks_url is not None
    assert json.loads(key_reader(trusting, "0")(client, client.jwks_url)) == {"keys": []}
    with pytest.raises(OSError, match="TLS certificate refused"):
        key_reader(Settings(), "0")(client, client.jwks_url)
    base = f"https://{HOST}:{ehr.port}/fhir"
    assert read_capabilities(base, trusting.verify).release == "R4"
    with pytest.raises(OSError, match="TLS certificate refused"):
        read_capabilities(base)


def test_a_bundle_that_cannot_be_read_stops_the_start(tmp_path: Path) -> None:
    (tmp_path / "none.pem").write_text("no certificate")
    for name, why in (("absent.pem", "No such file or directory"), ("none.pem", "no certificate in it")):
        with pytest.raises(ValueError, match=f"settings: CA_BUNDLE cannot be read: {why}"):
            load_settings({"CA_BUNDLE": str(tmp_path / name)})
