"""What nginx itself answers has the form of every error, and one request id finds the call in every log."""

from __future__ import annotations

import json
import socket
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from http.client import HTTPResponse
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID

import pytest
import requests

from cds_service.cds_hooks.outcome import ERROR_CODES
from tests.replicas import nginx
from tests.servers import free_port, wait_for

pytestmark = pytest.mark.nginx

SIGN = "/cds-services/ldn-order-sign"
ID = "a-callers-own-id-1"


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("alone")


@pytest.fixture(scope="module")
def alone(folder: Path) -> Iterator[str]:
    """nginx whose replica is not there."""
    with nginx(folder, [free_port()]) as front:
        yield front


def answered(front: str, request: bytes) -> tuple[int, dict[str, str], bytes]:
    """The answer to ``request`` as it stands, whatever a client library would make of it."""
    host = urlsplit(front)
    with closing(socket.create_connection((host.hostname or "", host.port or 0), timeout=30)) as connection:
        connection.sendall(request)
        answer = HTTPResponse(connection)
        answer.begin()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read()


def request(line: str, *headers: str) -> bytes:
    return "\r\n".join([line, "Host: cds.example.org", "Connection: close", *headers, "", ""]).encode()


def issue_of(answer: tuple[int, dict[str, str], bytes], code: str) -> Any:
    """The one issue of an OperationOutcome with our ``code``."""
    _, headers, body = answer
    assert headers["content-type"] == "application/json"
    assert headers["cache-control"] == "no-store"
    outcome = json.loads(body)
    assert outcome["resourceType"] == "OperationOutcome"
    (issue,) = outcome["issue"]
    assert issue["severity"] == "error"
    assert issue["details"]["coding"] == [{"system": ERROR_CODES, "code": code}]
    assert issue["details"]["text"] == issue["diagnostics"]
    return issue


REFUSED = {
    "too large": (request(f"POST {SIGN} HTTP/1.1", "Content-Length: 99999999"), 413, "CDS-4130", "too-long"),
    "metrics": (request("GET /metrics HTTP/1.1"), 404, "CDS-4040", "not-found"),
    "health": (request("GET /health/ready HTTP/1.1"), 404, "CDS-4040", "not-found"),
    "trace": (request("TRACE / HTTP/1.1"), 405, "CDS-4050", "not-supported"),
    "two hosts": (request(f"POST {SIGN} HTTP/1.1", "Host: another.example"), 400, "CDS-4000", "invalid"),
    "long headers": (request(f"GET {SIGN} HTTP/1.1", "X-Long: " + "x" * 40_000), 431, "CDS-4000", "invalid"),
    "no replica": (request(f"POST {SIGN} HTTP/1.1", "Content-Length: 0"), 502, "CDS-5030", "transient"),
}


@pytest.mark.parametrize("case", REFUSED)
def test_what_nginx_refuses_is_an_operation_outcome(alone: str, case: str) -> None:
    sent, status, code, kind = REFUSED[case]
    answer = answered(alone, sent)
    assert answer[0] == status
    assert issue_of(answer, code)["code"] == kind


def test_the_body_that_is_too_large_is_refused_before_it_is_sent(alone: str) -> None:
    sent = request(f"POST {SIGN} HTTP/1.1", "Content-Length: 99999999", "Expect: 100-continue")
    answer = answered(alone, sent)
    assert answer[0] == 413
    assert "prefetch less" in issue_of(answer, "CDS-4130")["diagnostics"]


def test_a_replica_that_does_not_answer_is_told_with_what_to_do(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as silent,
        nginx(tmp_path, [silent.getsockname()[1]], answer_within="300ms") as front,
    ):
        answer = answered(front, request(f"POST {SIGN} HTTP/1.1", "Content-Length: 0"))
    assert answer[0] == 504
    assert "nothing was checked: ask again, with a new token" in issue_of(answer, "CDS-5030")["diagnostics"]
    assert answer[1]["retry-after"] == "1"


def ids_in(folder: Path) -> list[str]:
    return [json.loads(line)["request_id"] for line in (folder / "nginx/access.log").read_text().splitlines()]


@pytest.mark.parametrize("sent", [ID, "not harmless; at all", "x" * 65, None], ids=str)
def test_a_harmless_id_of_the_caller_is_kept_and_every_other_replaced(
    alone: str, folder: Path, sent: str | None
) -> None:
    headers = {"X-Request-Id": sent} if sent else {}
    told = requests.get(f"{alone}{SIGN}", headers=headers, timeout=30).headers["X-Request-Id"]
    wait_for(lambda: told in ids_in(folder))  # written after the answer
    assert told == ID if sent == ID else UUID(hex=told) and told != sent


def test_one_broken_answer_does_not_put_the_last_replica_out_of_use(tmp_path: Path) -> None:
    """One replica is gone, and of the other a worker is killed at its work: the next call must be let in."""
    call = request(f"POST {SIGN} HTTP/1.1", "Content-Length: 0")
    fine = b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\n{}"
    with (
        socket.create_server(("127.0.0.1", 0)) as replica,
        nginx(tmp_path, [free_port(), replica.getsockname()[1]]) as front,
        ThreadPoolExecutor(1) as pool,
    ):
        replica.settimeout(10)
        statuses = []
        for answer in (b"", fine, fine):
            calling = pool.submit(answered, front, call)
            connection, _ = replica.accept()
            with connection:
                connection.recv(65536)
                connection.sendall(answer)
            statuses.append(calling.result()[0])
    assert statuses == [502, 200, 200]


def test_the_replica_hears_the_same_id(tmp_path: Path) -> None:
    with (
        socket.create_server(("127.0.0.1", 0)) as replica,
        nginx(tmp_path, [replica.getsockname()[1]]) as front,
    ):
        for sent in (f"X-Request-Id: {ID}", "X-Request-Id: not harmless"):
            host = urlsplit(front)
            with closing(socket.create_connection((host.hostname or "", host.port or 0), 30)) as caller:
                caller.sendall(request(f"GET {SIGN} HTTP/1.1", sent))
                connection, _ = replica.accept()
                heard = connection.recv(65536).decode()
                connection.close()
            assert (f"X-Request-Id: {ID}\r\n" in heard) is (ID in sent)
            assert heard.count("X-Request-Id: ") == 1
            assert "not harmless" not in heard
