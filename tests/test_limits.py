"""Limits under the server that `ldn-cds serve` starts, one worker."""

from __future__ import annotations

import gzip
import json
import socket
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import requests

from cds_service import create_app
from cds_service.cds_hooks import ORDER_SIGN, CallContext, CardsResponse, HookRequest, parse_request
from cds_service.errors import InvalidRequest, TooManyRequests
from cds_service.limits import CallsAtWork
from cds_service.rate_limits import RateLimits
from cds_service.scenarios import load
from cds_service.settings import Settings
from tests.cds_hooks.authentication.signing import ISS, NOW, claims, ec_key, header, key_set, sign
from tests.fhir.faults import FAULTS, serving
from tests.servers import free_port, ldn_cds, redis_server, wait_for

SIGN = "/cds-services/ldn-order-sign"
MOST = 3


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A service that answers three calls at a time and gives a body one second."""
    limits = {
        "MAX_CONCURRENT": str(MOST),
        "BODY_SECONDS": "1",
        "MAX_ENTRIES": "200",
        "MAX_ORDERS": "20",
        "TIME_BUDGET_MS": "3000",
    }
    with ldn_cds(tmp_path_factory.mktemp("serve"), limits) as served:
        yield served.base


def order(**members: Any) -> dict[str, Any]:
    return {**load("oxycodone-active").request("order-sign", datetime.now(UTC)), **members}


def code(answer: requests.Response) -> tuple[int, str]:
    return answer.status_code, answer.json()["issue"][0]["details"]["coding"][0]["code"]


# --- calls at a time ------------------------------------------------------------


def test_one_call_too_many_is_refused_at_once(server: str) -> None:
    with serving(FAULTS["hanging headers"], "") as hanging, ThreadPoolExecutor(MOST) as pool:
        slow = order(fhirServer=hanging.base)
        del slow["prefetch"]
        waiting = [pool.submit(requests.post, server + SIGN, json=slow, timeout=30) for _ in range(MOST)]
        # each call asks for several lists
        wait_for(lambda: sum("/Patient/" in path for path in hanging.asked) == MOST)
        refused = requests.post(server + SIGN, json=order(), timeout=30)
        assert not any(call.done() for call in waiting)  # it did not wait for a place
        assert code(refused) == (503, "CDS-5030")
        assert refused.headers["Retry-After"] == "1"
        assert requests.get(f"{server}/health/live", timeout=30).status_code == 200
        assert {call.result().status_code for call in waiting} == {412}
    assert requests.post(server + SIGN, json=order(), timeout=30).status_code == 200


def test_places_are_given_back_by_calls_that_fail(server: str) -> None:
    for data in (b"{", b"", json.dumps(order(hook="order-select")).encode()):
        for _ in range(2 * MOST):
            assert requests.post(server + SIGN, data=data, timeout=30).status_code == 400
    assert requests.post(server + SIGN, json=order(), timeout=30).status_code == 200


def test_development_takes_64_at_a_time(tmp_path: Path) -> None:
    settings = Settings(cds_environment="development", database_url=f"sqlite:///{tmp_path}/t.sqlite3")
    assert settings.max_concurrent >= 64
    app = create_app(settings, now=lambda: NOW)
    with ThreadPoolExecutor(64) as pool:
        calls = [
            pool.submit(lambda: app.test_client().post(SIGN, json=order()).status_code) for _ in range(128)
        ]
        assert {call.result() for call in calls} == {200}


# --- calls at work --------------------------------------------------------------


@pytest.fixture
def busy_one_at_a_time(tmp_path: Path) -> Iterator[str]:
    with ldn_cds(tmp_path, {"MAX_AT_WORK": "1", "TIME_BUDGET_MS": "5000"}) as served:
        yield served.base


def much_to_judge() -> dict[str, Any]:
    """Some seconds of work: each of the orders is another opioid order to look at."""
    large = order()
    entries = large["prefetch"]["medicationRequests"]["entry"]
    entries += [{"resource": {**entries[0]["resource"], "id": f"copy-{n}"}} for n in range(9_000)]
    return large


def post_until_taken(url: str, body: bytes) -> int:
    while (status := requests.post(url, data=body, timeout=60).status_code) == 503:
        pass
    return status


def test_a_call_that_waits_for_an_ehr_is_not_at_work(busy_one_at_a_time: str) -> None:
    with serving(FAULTS["hanging headers"], "") as hanging, ThreadPoolExecutor(1) as pool:
        slow = order(fhirServer=hanging.base)
        del slow["prefetch"]
        waiting = pool.submit(requests.post, busy_one_at_a_time + SIGN, json=slow, timeout=30)
        wait_for(lambda: bool(hanging.asked))
        statuses: set[int] = set()
        while 200 not in statuses and not waiting.done():  # refused only until the last list is asked for
            statuses.add(requests.post(busy_one_at_a_time + SIGN, json=order(), timeout=30).status_code)
        assert 200 in statuses
        assert not waiting.done()
        assert waiting.result().status_code == 412


def test_beside_as_many_as_may_work_a_call_is_refused_and_feedback_taken(busy_one_at_a_time: str) -> None:
    large = json.dumps(much_to_judge()).encode()
    item = {"card": str(uuid.uuid4()), "outcome": "overridden", "outcomeTimestamp": "2026-11-22T15:01:02Z"}
    with ThreadPoolExecutor(1) as pool:
        working = pool.submit(post_until_taken, busy_one_at_a_time + SIGN, large)
        refused = None
        while refused is None and not working.done():
            answer = requests.post(busy_one_at_a_time + SIGN, json=order(), timeout=60)
            refused = answer if answer.status_code != 200 else None
        assert refused is not None
        assert code(refused) == (503, "CDS-5030")
        assert refused.headers["Retry-After"] == "1"
        told = requests.post(f"{busy_one_at_a_time}{SIGN}/feedback", json={"feedback": [item]}, timeout=60)
        assert told.status_code == 404  # read, and nobody's card
        assert working.result() == 200
    # the answer arrives a moment before its thread is free
    assert post_until_taken(busy_one_at_a_time + SIGN, json.dumps(order()).encode()) == 200


def test_bodies_that_do_not_come_are_not_at_work(tmp_path: Path) -> None:
    with ldn_cds(tmp_path, {"MAX_AT_WORK": "2", "BODY_SECONDS": "30"}) as served:
        slow = [socket.create_connection(("127.0.0.1", served.port), timeout=30) for _ in range(6)]
        statuses: set[int] = set()
        for connection in slow:
            connection.sendall((head_of(1000)).encode())
        while 200 not in statuses:
            statuses.add(requests.post(served.base + SIGN, json=order(), timeout=30).status_code)
        slow[0].setblocking(False)
        with pytest.raises(BlockingIOError):  # it is still waited for: the others were answered beside it
            slow[0].recv(1)
        for connection in slow:
            connection.close()
    assert statuses <= {200, 503}


def test_a_handler_that_fails_gives_its_place_back() -> None:
    def failing(request: HookRequest, call: CallContext) -> CardsResponse:
        assert at_work.is_full
        with at_work.waiting():
            assert not at_work.is_full
        raise InvalidRequest("not this")

    at_work = CallsAtWork(1)
    body = json.dumps(order()).encode()
    for _ in range(2):
        with pytest.raises(InvalidRequest):
            at_work.limit(failing)(parse_request(body, ORDER_SIGN), CallContext(None, "1"))
    assert not at_work.is_full


def test_development_has_no_limit_of_its_own_on_work() -> None:
    assert Settings(cds_environment="development").at_work == Settings().max_concurrent == 64
    assert Settings().at_work == 4
    assert Settings(max_concurrent=3).at_work == 3
    assert Settings(max_at_work=8, cds_environment="development").at_work == 8


# --- slow and large bodies ------------------------------------------------------


def head_of(length: int) -> str:
    lines = [
        f"POST {SIGN} HTTP/1.1",
        "Host: x",
        "Content-Type: application/json",
        f"Content-Length: {length}",
    ]
    return "\r\n".join([*lines, "", ""])


def test_a_body_by_drops_does_not_hold_a_thread(server: str) -> None:
    address = ("127.0.0.1", int(server.rsplit(":", 1)[1]))
    data = json.dumps(order()).encode()
    head = head_of(len(data))
    with socket.create_connection(address, timeout=30) as connection:
        connection.sendall(head.encode())
        answer = b""
        for byte in data:
            try:
                connection.sendall(bytes([byte]))
                connection.settimeout(0.1)
                answer = connection.recv(65536)
                break
            except TimeoutError:
                continue
        while part := connection.recv(65536):
            answer += part
    assert answer.startswith(b"HTTP/1.1 408 ")
    assert b'"code":"CDS-4080"' in answer
    assert requests.post(server + SIGN, json=order(), timeout=30).status_code == 200


def test_many_slow_clients_leave_room_for_others(server: str) -> None:
    address = ("127.0.0.1", int(server.rsplit(":", 1)[1]))
    head = head_of(9)
    slow = [socket.create_connection(address, timeout=30) for _ in range(20)]
    try:
        for connection in slow:
            connection.sendall(head.encode())
        statuses = {connection.recv(65536).split(b" ", 2)[1] for connection in slow}
        assert statuses <= {b"408", b"503"}
    finally:
        for connection in slow:
            connection.close()
    assert requests.post(server + SIGN, json=order(), timeout=30).status_code == 200


def test_more_resources_than_allowed_are_refused(server: str) -> None:
    request = order()
    request["prefetch"]["medicationRequests"]["entry"] *= 201
    assert code(requests.post(server + SIGN, json=request, timeout=30)) == (413, "CDS-4130")


def test_more_orders_than_allowed_are_refused_and_none_of_them_is_judged(server: str) -> None:
    request = order()
    (entry,) = request["context"]["draftOrders"]["entry"]
    for number, status in ((20, 200), (21, 413)):
        drafts = [{"resource": {**entry["resource"], "id": f"o{each}"}} for each in range(number)]
        request["context"]["draftOrders"]["entry"] = drafts
        answer = requests.post(server + SIGN, json=request, timeout=30)
        assert answer.status_code == status
    assert code(answer) == (413, "CDS-4130")
    assert answer.json()["issue"][0]["diagnostics"] == "More than 20 orders in one request: none was checked"


def test_the_answer_to_the_largest_basket_is_bounded(tmp_path: Path) -> None:
    """Half a kilobyte an order: a suggestion to remove it on each of two cards."""
    settings = Settings(cds_environment="development", database_url=f"sqlite:///{tmp_path}/t.sqlite3")
    request = order()
    (entry,) = request["context"]["draftOrders"]["entry"]
    drafts = [{"resource": {**entry["resource"], "id": f"o{each}"}} for each in range(settings.max_orders)]
    request["context"]["draftOrders"]["entry"] = drafts
    answer = create_app(settings).test_client().post(SIGN, json=request)
    assert answer.status_code == 200
    assert len(answer.data) < 1_000_000


def test_a_compressed_body_is_not_unpacked(server: str) -> None:
    bomb = gzip.compress(b" " * 50_000_000)
    headers = {"Content-Type": "application/json", "Content-Encoding": "gzip"}
    answer = requests.post(server + SIGN, data=bomb, headers=headers, timeout=30)
    assert code(answer) == (415, "CDS-4150")


@pytest.mark.parametrize("opening", ["[", '{"a":'])
def test_deep_nesting_is_refused(server: str, opening: str) -> None:
    for place in ('{"hook":"order-sign","prefetch":%s', "%s"):
        data = place % (opening * 100_000)
        assert requests.post(server + SIGN, data=data.encode(), timeout=30).status_code == 400


# --- calls a minute ---------------------------------------------------------------


def test_a_client_has_its_calls_a_minute(tmp_path: Path) -> None:
    (tmp_path / "keys.json").write_text(json.dumps(key_set(ec_key())))
    registry = f'[clients.a]\niss = "{ISS}"\njwks_file = "keys.json"\nrate_limit = 2\n'
    (tmp_path / "clients.toml").write_text(registry + registry.replace("a]", "b]").replace(ISS, "other"))
    settings = Settings(
        public_url="https://cds.example.org",
        clients_file=str(tmp_path / "clients.toml"),
        database_url=f"sqlite:///{tmp_path}/test.sqlite3",
        allow_unreviewed=True,
    )
    client = create_app(settings, now=lambda: NOW).test_client()

    def call(jti: str, iss: str = ISS) -> Any:
        token = sign(claims(jti=jti, iss=iss), header())
        return client.post(SIGN, json=order(), headers={"Authorization": f"Bearer {token}"})

    assert [call(jti).status_code for jti in "123"] == [200, 200, 429]
    refused = call("4")
    assert refused.get_json()["issue"][0]["code"] == "throttled"
    assert 1 <= int(refused.headers["Retry-After"]) <= 60
    assert call("5", "other").status_code == 200
    assert client.post(SIGN, json=order()).status_code == 401  # nobody can use up the calls of another
    assert client.get("/health/live").status_code == 200


def is_admitted(limits: RateLimits, client: str) -> bool:
    try:
        limits.admit(client, 3)
    except TooManyRequests:
        return False
    return True


@pytest.mark.redis
def test_workers_count_together_where_there_is_a_redis(tmp_path: Path) -> None:
    port = free_port()
    with redis_server(tmp_path, port) as url:
        workers = [RateLimits(url), RateLimits(url)]
        assert [is_admitted(workers[n % 2], "a") for n in range(5)] == [True, True, True, False, False]
        assert is_admitted(workers[0], "b")
    assert is_admitted(workers[0], "a")  # without the Redis each counts for itself, and nobody is locked out
    assert [is_admitted(workers[1], "a") for _ in range(4)] == [True, True, True, False]
