"""What a server may expect of the client, and what the client keeps of a server: nothing of a patient."""

from __future__ import annotations

import gc
import json
import logging
import socket
import threading
import tracemalloc
import warnings
from pathlib import Path

import pytest
from urllib3.exceptions import InsecureRequestWarning

from cds_service.fhir import CircuitBreaker, ClientOptions, Deadline, FhirClient, gather
from cds_service.fhir.client import FetchFailed
from cds_service.fhir.queries import Query
from cds_service.fhir.records import GapReason
from cds_service.outbound import ANYWHERE
from tests.fhir.bodies import bundle, condition, gaps, patient
from tests.fhir.faults import FAULTS, bomb, certificate, sending, serving
from tests.fhir.server import Answer, FhirServer
from tests.servers import wait_for

TOKEN = "secret-token-1"
CONDITIONS = (Query("conditions", "Condition", "Condition?patient={{context.patientId}}"),)


def many(number: int) -> list[Query]:
    return [
        Query(f"q{n}", "Condition", f"Condition?patient={{{{context.patientId}}}}&n={n}")
        for n in range(number)
    ]


def test_a_server_that_knows_no_fhir_media_type(client: FhirClient, server: FhirServer) -> None:
    answers = [Answer({}, status=406), Answer(bundle(condition()))]
    server.routes["Condition"] = lambda path: answers.pop(0)
    access = client.access(server.base, TOKEN, ANYWHERE)
    assert access.get(access.url("Condition"), Deadline(5)).status == 200
    assert [sent["Accept"] for sent in server.headers] == [
        "application/fhir+json, application/json;q=0.9",
        "application/json",
    ]
    assert {sent["Authorization"] for sent in server.headers} == {f"Bearer {TOKEN}"}


def test_it_is_asked_so_only_once(client: FhirClient, server: FhirServer) -> None:
    server.routes["Condition"] = Answer({}, status=406)
    access = client.access(server.base, TOKEN, ANYWHERE)
    assert access.get(access.url("Condition"), Deadline(5)).status == 406
    assert len(server.asked) == 2


def test_parallel_calls_are_bounded_and_all_are_answered(server: FhirServer) -> None:
    client = FhirClient(ClientOptions(threads=8, parallel=3))
    lock, now, most = threading.Lock(), 0, 0
    three = threading.Barrier(3)

    def counting(path: str) -> Answer:
        nonlocal now, most
        with lock:
            now += 1
            most = max(most, now)
        three.wait(10)  # the lane is used in full: threes come together
        with lock:
            now -= 1
        return Answer(bundle())

    server.routes["Condition"] = counting
    access = client.access(server.base, TOKEN, ANYWHERE)
    record = gather("p1", {}, [], server=access, wanted=many(12), deadline=Deadline(10))
    assert (record.gaps, len(server.asked), most) == ([], 12, 3)
    client.close()


def test_waiting_for_a_place_counts_against_the_budget(server: FhirServer) -> None:
    client = FhirClient(ClientOptions(threads=8, parallel=1))
    server.routes["Condition"] = Answer(hang=True)
    access = client.access(server.base, TOKEN, ANYWHERE)
    record = gather("p1", {}, [], server=access, wanted=many(3), deadline=Deadline(0.3))
    assert set(gaps(record, "Condition")) == {("time-out", True)}
    assert len(server.asked) <= 2
    client.close()


def test_calls_that_never_began_say_nothing_about_the_server(server: FhirServer) -> None:
    breaker = CircuitBreaker(failures=1)
    client = FhirClient(ClientOptions(guard=breaker))
    access = client.access(server.base, TOKEN, ANYWHERE)
    with pytest.raises(FetchFailed):
        access.get(access.url("Condition"), Deadline(0))
    assert breaker.hosts() == {}
    client.close()


@pytest.mark.parametrize(
    ("fault", "silent"),
    [
        ("500", False), ("503", False), ("429 with Retry-After", False), ("401", False), ("404", False),
        ("HTML instead of JSON", False), ("50 MB body", False), ("redirects without end", False),
        ("hanging headers", True), ("hangs up without an answer", True), ("truncated body", True),
    ],
)  # fmt: skip
def test_what_counts_as_silence(fault: str, silent: bool) -> None:
    breaker = CircuitBreaker(failures=1)
    client = FhirClient(ClientOptions(guard=breaker))
    with serving(FAULTS[fault], "MedicationRequest") as server:
        access = client.access(server.base, TOKEN, ANYWHERE)
        wanted = [Query("q", "MedicationRequest", "MedicationRequest?patient={{context.patientId}}")]
        deadline = Deadline(0.3 if fault == "hanging headers" else 10)
        fetched = client.submit(access, access.get, access.url(wanted[0].url_for("p1")), deadline)
        fetched.exception(10)
    assert breaker.hosts() == {"127.0.0.1": silent}
    client.close()


def test_a_gzip_bomb_is_not_unpacked() -> None:
    client = FhirClient(ClientOptions(max_bytes=1_000_000))
    answer = bomb()
    with serving(sending(answer), "Condition") as server:
        access = client.access(server.base, TOKEN, ANYWHERE)
        tracemalloc.start()
        with pytest.raises(FetchFailed) as caught:
            access.get(access.url("Condition"), Deadline(10))
        _, peak = tracemalloc.get_traced_memory()
        tracemalloc.stop()
    assert (caught.value.reason, caught.value.detail) == (GapReason.SERVER_ERROR, "answer too large")
    assert peak < 20_000_000  # of a gigabyte
    client.close()


def test_the_client_keeps_nothing_of_a_patient(server: FhirServer, caplog: pytest.LogCaptureFixture) -> None:
    """After the answer no object that the client leads to holds a body, the token or a patient's id."""
    client = FhirClient(ClientOptions(guard=CircuitBreaker()))
    server.routes = {
        "": Answer(
            bundle(condition(code={"text": "Jane-Doe-syndrome"})), headers={"Set-Cookie": "s=jane-17"}
        ),
        "Patient/": Answer(patient("jane-17")),
    }
    access = client.access(server.base, TOKEN, ANYWHERE)
    with caplog.at_level(logging.DEBUG, logger="cds_service"):
        gather("jane-17", {}, [], server=access, wanted=many(3), deadline=Deadline(5))
    del access
    kept = _reachable(client)
    assert not [word for word in ("jane-17", "Jane-Doe-syndrome", TOKEN) if word in kept]
    client.close()


def _reachable(root: object) -> str:
    """All text that can be reached from an object without passing through modules, classes or frames."""
    seen: set[int] = set()
    texts: list[str] = []
    todo: list[object] = [root]
    passed_over = (type, type(json), type(_reachable), threading.Thread)
    while todo:
        item = todo.pop()
        if id(item) in seen or isinstance(item, passed_over):
            continue
        seen.add(id(item))
        if isinstance(item, str | bytes | bytearray):
            texts.append(item if isinstance(item, str) else bytes(item).decode("latin-1"))
        else:
            todo.extend(gc.get_referents(item))
    return "\n".join(texts)


def _headers_for_ever(connection: socket.socket, ended: threading.Event) -> None:
    """Each byte comes well before the socket's time-out, and there is no end of them."""
    connection.sendall(b"HTTP/1.1 200 OK\r\nX-Slow: ")
    while not ended.wait(0.01):
        connection.sendall(b"x")


@pytest.mark.parametrize("tls", [False, True])
def test_a_call_ends_with_its_request(tls: bool, tmp_path: Path) -> None:
    """No thread stays behind with a server that sends its headers drop by drop."""
    client = FhirClient(ClientOptions(verify=False))
    context = certificate(tmp_path) if tls else None
    with warnings.catch_warnings(), serving(_headers_for_ever, "Condition", context=context) as server:
        warnings.simplefilter("ignore", InsecureRequestWarning)
        access = client.access(server.base, TOKEN, ANYWHERE)
        record = gather("p1", {}, [], server=access, wanted=many(3), deadline=Deadline(1))
        assert set(gaps(record, "Condition")) == {("time-out", True)}
        wait_for(lambda: client.lanes.running() == 0)
    client.close()
