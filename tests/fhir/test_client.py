"""Calls to a FHIR server: whose token goes where, and how a call ends."""

from __future__ import annotations

import gzip
import json
import logging

import pytest
import requests
import responses

from cds_service.fhir import ClientOptions, Deadline, FhirClient, GapReason
from cds_service.fhir.client import FetchFailed, Reply
from cds_service.fhir.origins import Origin, origin_of, resolve
from cds_service.outbound import ANYWHERE
from tests.fhir.bodies import bundle, order
from tests.fhir.server import Answer, FhirServer

TOKEN = "secret-token-1"
HTTPS = "https://ehr.example/fhir"


def fetch(client: FhirClient, server: FhirServer, path: str = "Condition", seconds: float = 5) -> Reply:
    access = client.access(server.base, TOKEN, ANYWHERE)
    return access.get(access.url(path), Deadline(seconds))


def failure(
    client: FhirClient, server: FhirServer, path: str = "Condition", seconds: float = 5
) -> FetchFailed:
    with pytest.raises(FetchFailed) as caught:
        fetch(client, server, path, seconds)
    return caught.value


def test_every_call_says_what_it_takes_and_who_asks(client: FhirClient, server: FhirServer) -> None:
    assert fetch(client, server).status == 200
    sent = server.headers[0]
    assert sent["Accept"] == "application/fhir+json, application/json;q=0.9"
    assert sent["User-Agent"] == "ldn-cds/test"
    assert sent["Authorization"] == f"Bearer {TOKEN}"


def test_no_token_no_header(client: FhirClient, server: FhirServer) -> None:
    access = client.access(server.base, None, ANYWHERE)
    access.get(access.url("Condition"), Deadline(5))
    assert "Authorization" not in server.headers[0]


def test_a_connection_is_used_again(client: FhirClient, server: FhirServer) -> None:
    for _ in range(3):
        fetch(client, server)
    assert len(client._adapters) == 1
    assert len(set(server.peers)) == 1


def test_compressed_answers(client: FhirClient, server: FhirServer) -> None:
    body = json.dumps(bundle(order())).encode()
    server.routes["Condition"] = Answer(gzip.compress(body), headers={"Content-Encoding": "gzip"})
    assert fetch(client, server).body == body


def test_a_redirect_on_the_same_origin_is_followed(client: FhirClient, server: FhirServer) -> None:
    server.routes["Condition"] = Answer(status=302, headers={"Location": "/fhir/Condition2?x=1"})
    server.routes["Condition2"] = Answer({"there": 1})
    assert fetch(client, server).body == b'{"there": 1}'
    assert server.headers[1]["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("status", [301, 302, 303, 307, 308])
def test_a_redirect_to_another_origin_is_not(
    client: FhirClient, server: FhirServer, elsewhere: FhirServer, status: int
) -> None:
    server.routes["Condition"] = Answer(status=status, headers={"Location": f"{elsewhere.base}/Condition"})
    failed = failure(client, server)
    assert (failed.reason, failed.detail) == (GapReason.SERVER_ERROR, "leads to another origin")
    assert elsewhere.asked == []


def test_redirects_are_capped(client: FhirClient, server: FhirServer) -> None:
    server.routes["Condition"] = Answer(status=302, headers={"Location": "/fhir/Condition"})
    assert failure(client, server).detail == "too many redirects"
    assert len(server.asked) == client.options.max_redirects + 1


def test_another_origin_is_never_called(
    client: FhirClient, server: FhirServer, elsewhere: FhirServer
) -> None:
    access = client.access(server.base, TOKEN, ANYWHERE)
    with pytest.raises(FetchFailed):
        access.get(f"{elsewhere.base}/Condition", Deadline(5))
    assert elsewhere.asked == []


def test_cookies_are_not_kept(client: FhirClient, server: FhirServer) -> None:
    server.routes["Condition"] = Answer({}, headers={"Set-Cookie": "session=jane; Path=/"})
    fetch(client, server)
    fetch(client, server)
    assert "Cookie" not in server.headers[1]


def test_netrc_does_not_replace_the_token(
    client: FhirClient, server: FhirServer, monkeypatch: pytest.MonkeyPatch, tmp_path: object
) -> None:
    netrc = f"{tmp_path}/netrc"
    with open(netrc, "w") as file:
        file.write("machine 127.0.0.1 login jane password doe\n")
    monkeypatch.setenv("NETRC", netrc)
    fetch(client, server)
    assert server.headers[0]["Authorization"] == f"Bearer {TOKEN}"


def test_a_server_that_hangs(client: FhirClient, server: FhirServer) -> None:
    server.routes["Condition"] = Answer(hang=True)
    assert failure(client, server, seconds=0.1).reason is GapReason.TIME_OUT


def test_a_byte_at_a_time_does_not_outlast_the_budget(client: FhirClient, server: FhirServer) -> None:
    server.routes["Condition"] = Answer(b"x" * 100_000, drip=True)
    assert failure(client, server, seconds=0.2).reason is GapReason.TIME_OUT


def test_a_spent_budget_calls_nobody(client: FhirClient, server: FhirServer) -> None:
    assert failure(client, server, seconds=0).reason is GapReason.TIME_OUT
    assert server.asked == []


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_an_answer_too_large(client: FhirClient, server: FhirServer, encoding: str) -> None:
    body = b"x" * 1_000_000
    sent = gzip.compress(body) if encoding == "gzip" else body
    server.routes["Condition"] = Answer(sent, headers={"Content-Encoding": encoding})
    assert failure(client, server).detail == "answer too large"


def test_a_body_cut_short(client: FhirClient, server: FhirServer) -> None:
    server.routes["Condition"] = Answer(b'{"a":', headers={"Content-Length": "500", "Connection": "close"})
    assert failure(client, server).reason is GapReason.SERVER_ERROR


def test_a_body_that_is_not_gzip(client: FhirClient, server: FhirServer) -> None:
    server.routes["Condition"] = Answer(b"plain", headers={"Content-Encoding": "gzip"})
    assert failure(client, server).reason is GapReason.SERVER_ERROR


def test_nobody_listens(client: FhirClient) -> None:
    gone = FhirServer()
    gone.close()
    assert failure(client, gone).detail == "connection failed"


@pytest.mark.parametrize(
    ("error", "reason", "tries"),
    [
        (requests.ConnectTimeout(), GapReason.TIME_OUT, 1),
        (requests.ReadTimeout(), GapReason.TIME_OUT, 1),
        (requests.exceptions.SSLError(), GapReason.UNREACHABLE, 1),
        (requests.exceptions.ConnectionError(), GapReason.UNREACHABLE, 2),
        (requests.exceptions.InvalidURL(), GapReason.SERVER_ERROR, 1),
    ],
)
@responses.activate
def test_transport_errors(error: Exception, reason: GapReason, tries: int) -> None:
    responses.get(f"{HTTPS}/Condition", body=error)
    client = FhirClient()
    access = client.access(HTTPS, TOKEN)
    with pytest.raises(FetchFailed) as caught:
        access.get(access.url("Condition"), Deadline(5))
    assert caught.value.reason is reason
    assert len(responses.calls) == tries
    assert TOKEN not in f"{caught.value!r}{caught.value.__cause__!r}"
    client.close()


def test_the_default_rule_is_https(server: FhirServer) -> None:
    client = FhirClient()
    assert not client.access(server.base).allowed
    with pytest.raises(FetchFailed) as failed:
        client.access(server.base).get(f"{server.base}/Condition", Deadline(1))
    assert failed.value.reason is GapReason.NOT_PERMITTED
    assert server.asked == []


def test_nothing_of_a_call_is_logged_or_shown(
    client: FhirClient, server: FhirServer, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.DEBUG, logger="cds_service"):
        reply = fetch(client, server, "Condition?patient=jane-doe-17")
    access = client.access(server.base, TOKEN, ANYWHERE)
    # urllib3 tells of URLs at DEBUG, which the service's own set-up of logging silences
    ours = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("cds_service"))
    assert "jane-doe-17" not in ours + repr(reply)
    assert TOKEN not in ours + repr(access) + str(access)


class Breaker:
    """A guard that shuts after the first failure."""

    def __init__(self) -> None:
        self.outcomes: list[bool] = []

    def admit(self, origin: Origin) -> bool:
        return all(self.outcomes)

    def record(self, origin: Origin, *, ok: bool) -> None:
        self.outcomes.append(ok)


def test_a_guard_is_asked_and_told(server: FhirServer) -> None:
    breaker = Breaker()
    client = FhirClient(ClientOptions(guard=breaker))
    server.routes["Condition"] = Answer({}, status=503)
    assert fetch(client, server, "Patient").status == 200
    assert fetch(client, server).status == 503
    server.routes["Observation"] = Answer(hang=True)
    assert failure(client, server, "Observation", seconds=0.1).reason is GapReason.TIME_OUT
    assert failure(client, server).detail == "server is failing; not asked"
    assert breaker.outcomes == [True, True, False]
    assert len(server.asked) == 3
    client.close()


def test_old_sessions_are_let_go(server: FhirServer, elsewhere: FhirServer) -> None:
    client = FhirClient(ClientOptions(origins=1))
    fetch(client, server)
    fetch(client, elsewhere)
    assert [origin[2] for origin, _ in client._adapters] == [origin_of(elsewhere.base)[2]]  # type: ignore[index]
    client.close()


@pytest.mark.parametrize(
    ("url", "origin"),
    [
        ("https://EHR.example/fhir", ("https", "ehr.example", 443)),
        ("https://ehr.example:443/", ("https", "ehr.example", 443)),
        ("http://ehr.example:8080", ("http", "ehr.example", 8080)),
        ("http://[::1]:80/", ("http", "::1", 80)),
        ("ftp://ehr.example", None),
        ("//ehr.example", None),
        ("https://", None),
        ("https://jane:doe@ehr.example", None),
        ("https://ehr.example\\@evil.example", None),
        ("https://ehr.example/ x", None),
        ("https://ehr.example:port", None),
        ("https://[::1", None),
    ],
)
def test_origins(url: str, origin: Origin | None) -> None:
    assert origin_of(url) == origin
    client = FhirClient()
    assert client.access(url, None, ANYWHERE).allowed is (origin is not None)
    assert client.access(url).allowed is (origin is not None and origin[0] == "https")


def test_resolving_what_makes_no_sense() -> None:
    assert resolve("https://ehr.example/fhir", "http://[::1") == ""
