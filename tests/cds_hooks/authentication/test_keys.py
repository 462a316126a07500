"""Key sets: kept, renewed on an unknown kid, and of use while their server is silent."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor

import pytest

from cds_service.cds_hooks.authentication import Client, KeyRing, Refusal, TokenRefused
from cds_service.cds_hooks.authentication.keys import FRESH, KEPT, RETRY
from tests.cds_hooks.authentication.signing import Key, ec_key, key_set

URL = "https://ehr.example.org/jwks.json"
JKU = "https://ehr.example.org/other.json"
CLIENT = Client(id="general", iss="i", jwks_url=URL, jku=(JKU,))


class KeyServer:
    """Publishes ``keys``; an exception in their place is raised."""

    def __init__(self, *keys: Key) -> None:
        self.answer: bytes | Exception = json.dumps(key_set(*keys)).encode()
        self.asked: list[str] = []
        self.seconds = 1000.0
        self.done = threading.Event()

    def publish(self, *keys: Key) -> None:
        self.answer = json.dumps(key_set(*keys)).encode()

    def fetch(self, client: Client, url: str) -> bytes:
        self.asked.append(url)
        try:
            if isinstance(self.answer, Exception):
                raise self.answer
            return self.answer
        finally:
            self.done.set()

    def ring(self) -> KeyRing:
        return KeyRing(self.fetch, now=lambda: self.seconds)


def refusal(find: Callable[[], object]) -> Refusal:
    with pytest.raises(TokenRefused) as refused:
        find()
    return refused.value.reason


def test_a_key_set_is_read_once() -> None:
    server = KeyServer(ec_key(), ec_key("k2"))
    ring = server.ring()
    assert [ring.find(CLIENT, None, kid).id for kid in ("k1", "k2", "k1")] == ["k1", "k2", "k1"]
    assert server.asked == [URL]


def test_keys_are_read_from_the_jku_that_is_named() -> None:
    server = KeyServer(ec_key())
    server.ring().find(CLIENT, JKU, "k1")
    assert server.asked == [JKU]


def test_a_jku_that_is_not_registered_is_never_asked() -> None:
    server = KeyServer(ec_key())
    assert (
        refusal(lambda: server.ring().find(CLIENT, "https://evil.example.org", "k1")) == "jku-not-registered"
    )
    assert server.asked == []


def test_rotation_needs_no_restart() -> None:
    server = KeyServer(ec_key())
    ring = server.ring()
    ring.find(CLIENT, None, "k1")
    server.publish(ec_key("k2"))
    server.seconds += RETRY
    assert ring.find(CLIENT, None, "k2").id == "k2"
    assert refusal(lambda: ring.find(CLIENT, None, "k1")) == "kid-unknown"  # withdrawn with the same reading


def test_unknown_kids_do_not_hammer_the_key_server() -> None:
    server = KeyServer(ec_key())
    ring = server.ring()
    for number in range(50):
        assert refusal(lambda kid=f"x{number}": ring.find(CLIENT, None, kid)) == "kid-unknown"  # type: ignore[misc]
    assert len(server.asked) == 1
    server.seconds += RETRY
    assert refusal(lambda: ring.find(CLIENT, None, "x")) == "kid-unknown"
    assert len(server.asked) == 2


def test_known_keys_survive_an_outage() -> None:
    server = KeyServer(ec_key())
    ring = server.ring()
    ring.find(CLIENT, None, "k1")
    server.answer = OSError("no route")
    server.seconds += KEPT - 1
    assert ring.find(CLIENT, None, "k1").id == "k1"
    server.seconds += RETRY + 1
    assert refusal(lambda: ring.find(CLIENT, None, "k1")) == "keys-unavailable"  # a day is enough


def test_stale_keys_are_renewed_without_waiting() -> None:
    server = KeyServer(ec_key())
    ring = server.ring()
    ring.find(CLIENT, None, "k1")
    server.seconds += FRESH
    server.done.clear()
    assert ring.find(CLIENT, None, "k1").id == "k1"
    assert server.done.wait(10)
    assert server.asked == [URL, URL]


@pytest.mark.parametrize("answer", [OSError("no route"), b"<html>", b"{}", b'{"keys": 7}', b"", b"\xff"])
def test_keys_that_cannot_be_had(answer: bytes | Exception) -> None:
    server = KeyServer()
    server.answer = answer
    assert refusal(lambda: server.ring().find(CLIENT, None, "k1")) == "keys-unavailable"


def test_an_odd_key_costs_only_itself() -> None:
    server = KeyServer()
    odd = [7, {}, {"kid": "a"}, {"kid": "b", "kty": "EC", "crv": "P-999"}, {"kid": 5, "kty": "RSA"}]
    odd.append({"kid": "c", "kty": "RSA", "n": "", "e": ""})
    server.answer = json.dumps({"keys": odd + key_set(ec_key())["keys"]}).encode()
    ring = server.ring()
    assert ring.find(CLIENT, None, "k1").id == "k1"
    assert refusal(lambda: ring.find(CLIENT, None, "b")) == "kid-unknown"


def test_two_clients_do_not_share_keys() -> None:
    server = KeyServer(ec_key())
    ring = server.ring()
    ring.find(CLIENT, None, "k1")
    server.publish(ec_key("k2"))
    other = Client(id="other", iss="o", jwks_url=URL)
    assert refusal(lambda: ring.find(other, None, "k1")) == "kid-unknown"


def test_many_callers_share_one_reading() -> None:
    server = KeyServer(ec_key())
    ring = server.ring()
    with ThreadPoolExecutor(16) as pool:
        found = list(pool.map(lambda _: ring.find(CLIENT, None, "k1").id, range(64)))
    assert found == ["k1"] * 64
    assert server.asked == [URL]


@pytest.mark.parametrize("answer", [b"[" * 100_000, b'{"keys":' * 50_000, b"\xff", b"[]", b'{"keys":[[]]}'])
def test_what_is_no_key_set_is_a_refusal(answer: bytes) -> None:
    server = KeyServer()
    server.answer = answer
    reason = refusal(lambda: server.ring().find(CLIENT, None, "k1"))
    assert reason in (Refusal.KEYS_UNAVAILABLE, Refusal.UNKNOWN_KEY)
