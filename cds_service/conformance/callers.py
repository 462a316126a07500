"""Who may call (A): tokens with one thing wrong each, as a client that is registered can send them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from cds_service.conformance.calls import ACCESS_TOKEN, Tried
from cds_service.conformance.results import Seen, expect, failed, not_applicable, passed, untestable
from cds_service.conformance.signing import PrivateKey, Signer
from cds_service.conformance.target import Exchange, Target

_OF_TOKENS = ("A3", "A4", "A5", "A6", "A7", "A8", "A9", "A10", "A11", "A12")
_STRANGER = "https://stranger.example.org"
_SANDBOX = "https://sandbox.cds-hooks.org"
NEEDS_KEY = "needs --key and --iss of a registered client"
_DAY = 86_400


def callers(target: Target, tried: Tried, origin: str, sandbox_key: PrivateKey | None) -> Iterator[Seen]:
    """A1 to A12, A14, A15 and I2."""
    bare = target.post(tried.path, tried.again(), token=None)
    yield _asks(target, bare)
    yield from preflight(target, tried, origin)
    yield from _public_key(target, tried, sandbox_key)
    if target.signer is None:
        yield from _of_a_stranger(target, tried, bare.ok)
        return
    good = target.post(tried.path, tried.again())
    yield expect("A2", good.ok, f"a correct token: {good.status}")
    yield expect("I2", good.ok, f"a correct token: {good.status}")
    if bare.ok:
        for row in _OF_TOKENS:
            yield failed(row, "calls without any token are answered")
        return
    yield from _mutations(target, tried, target.signer)
    yield from _replay(target, tried, target.signer)
    yield from _says_nothing(target)


def _asks(target: Target, bare: Exchange) -> Seen:
    """A1. A token is asked for where patients' data could be had, which nobody has who has no key to try.

    The specification asks for it "if invoking the service poses any risk of exposing sensitive data to the
    caller". A service under development on this machine's own interface, without TLS, is called by no EHR.
    """
    if bare.ok and target.is_bench:
        return not_applicable(
            "A1", "answers calls without a token on plain HTTP of the loopback interface: for development"
        )
    return expect("A1", bare.status == 401, f"a call without a token: {bare.status}")


def _of_a_stranger(target: Target, tried: Tried, is_open: bool) -> Iterator[Seen]:
    """What can be said without the key of a registered client: with a token of somebody made up."""
    url = target.url(tried.path)
    stranger = Signer(ec.generate_private_key(ec.SECP384R1()), _STRANGER, "stranger")
    answer = target.post(tried.path, tried.again(), token=stranger.token(url))
    if is_open:
        for row in ("A2", "I2"):
            yield expect(row, answer.ok, f"a token, where calls without one are answered: {answer.status}")
        for row in _OF_TOKENS:
            yield not_applicable(row, "calls without a token are answered: what one holds decides nothing")
        return
    yield expect("A6", answer.status == 401, f"an unknown issuer: {answer.status}, expected 401")
    yield from _says_nothing(target)
    for row in ("A2", *_OF_TOKENS, "I2"):
        if row not in ("A6", "A12"):
            yield untestable(row, NEEDS_KEY)


def _public_key(target: Target, tried: Tried, key: PrivateKey | None) -> Iterator[Seen]:
    """A15."""
    if key is None:
        yield untestable("A15", "needs the sandbox's private key, which it publishes: --sandbox-key")
    elif target.is_bench:
        yield not_applicable("A15", "on plain HTTP of the loopback interface: for development")
    else:
        token = Signer(key, _SANDBOX, "sandbox").token(target.url(tried.path))
        answer = target.post(tried.path, tried.again(), token=token)
        yield expect("A15", answer.status == 401, f"the sandbox's key: {answer.status}, expected 401")


def preflight(target: Target, tried: Tried, origin: str) -> Iterator[Seen]:
    """A14."""
    headers = {
        "Origin": origin,
        "Access-Control-Request-Method": "POST",
        "Access-Control-Request-Headers": "authorization,content-type",
    }
    answer = target.call("OPTIONS", tried.path, headers=headers, token=None)
    allowed = answer.headers.get("Access-Control-Allow-Origin")
    if allowed is None:
        yield not_applicable("A14", f"pages of {origin} may not call; name one that may with --origin")
        return
    yield expect("A14", answer.status < 300, f"a preflight without a token: {answer.status}")
    yield expect("A14", allowed in ("*", origin), f"Access-Control-Allow-Origin: {allowed}")
    open_to_all = allowed == "*" and answer.headers.get("Access-Control-Allow-Credentials") == "true"
    yield expect("A14", not open_to_all, "a wildcard together with credentials")
    named = answer.headers.get("Access-Control-Allow-Headers", "").lower()
    fine = named == "*" or ("authorization" in named and "content-type" in named)
    yield expect("A14", fine, "Access-Control-Allow-Headers lacks Authorization or Content-Type")


def _mutations(target: Target, tried: Tried, signer: Signer) -> Iterator[Seen]:
    for row, words, token in _bad_tokens(signer, target.url(tried.path)):
        answer = target.post(tried.path, tried.again(), token=token)
        yield expect(row, answer.status == 401, f"{words}: {answer.status}, expected 401")
    if signer.tenant is None:
        yield untestable("A9", "needs --tenant")


def _bad_tokens(signer: Signer, url: str) -> Iterator[tuple[str, str, str]]:
    now = int(time.time())
    for name in ("kid", "typ"):
        yield "A3", f"no {name}", signer.token(url, header={name: ...})
    yield "A3", "typ JWS", signer.token(url, header={"typ": "JWS"})
    for name in ("iss", "aud", "exp", "iat", "jti"):
        without: dict[str, Any] = {name: ...}
        yield "A4", f"no {name}", signer.token(url, **without)
    yield "A5", "alg none", signer.unsigned(url)
    yield "A5", "HS384", signer.with_hmac(url)
    yield "A6", "an unknown issuer", signer.token(url, iss=_STRANGER)
    yield "A6", "an unregistered jku", signer.token(url, header={"jku": f"{_STRANGER}/jwks"})
    yield "A7", "another URL as audience", signer.token(url, aud=f"{_STRANGER}/cds-services/x")
    moments: tuple[tuple[str, dict[str, Any]], ...] = (
        ("expired an hour ago", {"iat": now - 3900, "exp": now - 3600}),
        ("issued in the future", {"iat": now + 3600, "exp": now + 3900}),
        ("not valid yet", {"nbf": now + 3600}),
        ("a life of a day", {"exp": now + _DAY}),
    )
    for words, claims in moments:
        yield "A8", words, signer.token(url, **claims)
    if signer.tenant is not None:
        yield "A9", "an unknown tenant", signer.token(url, tenant="no-such-tenant")
    yield "A10", "another key's signature", signer.token(url, key=signer.stranger())
    yield "A10", "an unknown kid", signer.token(url, header={"kid": "no-such-key"})
    head, _, signature = signer.token(url).split(".")
    _, claims_of_another, _ = signer.token(url, sub="changed").split(".")
    yield "A10", "changed claims", f"{head}.{claims_of_another}.{signature}"


def _replay(target: Target, tried: Tried, signer: Signer) -> Iterator[Seen]:
    token = signer.token(target.url(tried.path))
    first = target.post(tried.path, tried.again(), token=token)
    second = target.post(tried.path, tried.again(), token=token)
    yield expect("A11", first.ok, f"a token's first use: {first.status}")
    yield expect("A11", second.status == 401, f"a token's second use: {second.status}, expected 401")


def _says_nothing(target: Target) -> Iterator[Seen]:
    """Every refusal reads the same: then none tells what was wrong."""
    refused: list[Exchange] = [e for e in target.exchanges if e.status == 401 and e.method == "POST"]
    if not refused:
        yield untestable("A12", "no call was refused")
        return
    told = {exchange.text for exchange in refused}
    yield passed("A12") if len(told) == 1 else failed("A12", f"{len(told)} different bodies of 401")


def in_the_log(target: Target, log: Path | None) -> Seen:
    """A13, and R10 of the access tokens. Raises ``OSError`` when the log cannot be read."""
    if log is None:
        return untestable("A13", "needs the file that the service logs to: --log")
    written = log.read_text("utf-8", "replace")
    if not written:
        return untestable("A13", f"{log} is empty")
    # a signature is what nobody else has: claims may be logged
    found = [token for token in target.tokens if _secret(token) in written]
    return expect("A13", not found and ACCESS_TOKEN not in written, f"{log}: holds a token")


def _secret(token: str) -> str:
    return token.rpartition(".")[2] or token
