"""The mutation table: every wrong token is refused with 401 alone, and logged with its own reason."""

from __future__ import annotations

import base64
import json
import logging
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from flask.testing import FlaskClient
from joserfc.jwk import ECKey, OctKey

from cds_service import create_app
from cds_service.scenarios import load
from cds_service.settings import Settings
from tests.cds_hooks.authentication.signing import (
    ISS,
    NOW,
    URL,
    claims,
    ec_key,
    header,
    key_set,
    rsa_key,
    sign,
    sign_header,
)

Token = Callable[[], str]
SECONDS = int(NOW.timestamp())
JKU = "https://ehr.example.org/jwks.json"
SIGN = "/cds-services/ldn-order-sign"

REGISTRY = f"""
[clients.general]
iss = "{ISS}"
jwks_file = "general.json"
jku = ["{JKU}"]
tenants = ["north"]

[clients.other]
iss = "https://other.example.org/fhir"
jwks_file = "other.json"
"""


@pytest.fixture
def service(tmp_path: Path) -> Iterator[FlaskClient]:
    sandbox = json.loads(Path(__file__).with_name("sandbox_key.json").read_text("utf-8"))
    keys = key_set(ec_key(), rsa_key(), ec_key("p256", "P-256"), rsa_key("short", 1024))
    keys["keys"] += [sandbox, key_set(ec_key("private"), private=True)["keys"][0]]
    keys["keys"].append({"kty": "oct", "kid": "secret", "k": "c2VjcmV0" * 8})
    keys["keys"].append(key_set(ec_key("enc"))["keys"][0] | {"use": "enc"})
    keys["keys"].append(key_set(ec_key("es256-only"))["keys"][0] | {"alg": "ES256"})
    (tmp_path / "general.json").write_text(json.dumps(keys))
    (tmp_path / "other.json").write_text(json.dumps(key_set(ec_key("o1"))))
    (tmp_path / "clients.toml").write_text(REGISTRY)
    settings = Settings(
        public_url="https://cds.example.org/",
        clients_file=str(tmp_path / "clients.toml"),
        database_url=f"sqlite:///{tmp_path}/test.sqlite3",
        allow_unreviewed=True,
    )
    with create_app(settings, now=lambda: NOW).test_client() as client:
        yield client


def ask(service: FlaskClient, authorization: str | None) -> Any:
    request = load("oxycodone-active").request("order-sign", NOW)
    headers = {} if authorization is None else {"Authorization": authorization}
    return service.post(SIGN, json=request, headers=headers)


def of(**changes: Any) -> Token:
    """A token with changed claims, correctly signed."""
    return lambda: sign(claims(**{"tenant": "north", **changes}), header())


def headed(key: Callable[[], Any] = ec_key, /, **changes: Any) -> Token:
    """A token with a changed header, correctly signed."""
    return lambda: sign(claims(tenant="north"), header(**changes), key())


def raw_header(text: str) -> Token:
    return lambda: sign_header(claims(tenant="north"), text.encode())


def raw_claims(text: str) -> Token:
    """Claims as text; %s stands for those of a correct token, without the braces."""
    correct = json.dumps(claims(tenant="north"))[1:-1]
    return lambda: sign(text.replace("%s", correct).encode(), header())


def unsigned(alg: str) -> Token:
    def make() -> str:
        parts = [json.dumps(part).encode() for part in (header(alg=alg), claims(tenant="north"))]
        return b".".join(base64.urlsafe_b64encode(part).rstrip(b"=") for part in parts).decode() + "."

    return make


def hmac_with_the_public_key() -> str:
    """The classic confusion: the public key taken for a shared secret."""
    public = ec_key().public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    return sign(
        claims(tenant="north"), header(alg="HS384"), OctKey.import_key(public.decode().replace("-", "="))
    )


def cut(piece: Callable[[str], str]) -> Token:
    return lambda: piece(of()())


def own_key_in_header() -> str:
    attacker = ECKey.generate_key("P-384", {"kid": "k1"}, private=True)
    return sign(claims(tenant="north"), header(jwk=attacker.as_dict(private=False)), attacker)


def sandbox_key() -> ECKey:
    published = Path(__file__).with_name("sandbox_key.json").read_text("utf-8")
    return ECKey.import_key(json.loads(published) | {"d": SANDBOX_D})


SANDBOX_D = "yOcYl9QzMKnBFUiPZKBijDV_lsEtn6oWFVOqtFyXbY_-V63WCBYYdxsLo9Pclr84"
"""The private half, which the sandbox publishes (keys/jwk-keypair.json of cds-hooks/sandbox)."""

TABLE: dict[str, tuple[Token, str]] = {
    # each claim: missing, of another type, wrong
    "iss missing": (of(iss=...), "iss-missing"),
    "iss null": (of(iss=None), "iss-missing"),
    "iss empty": (of(iss=""), "iss-missing"),
    "iss a list": (of(iss=[ISS]), "iss-missing"),
    "iss of nobody": (of(iss="https://nobody.example.org"), "iss-not-registered"),
    "iss with a slash more": (of(iss=ISS + "/"), "iss-not-registered"),
    "iss in capitals": (of(iss=ISS.upper()), "iss-not-registered"),
    "aud missing": (of(aud=...), "aud-missing"),
    "aud null": (of(aud=None), "aud-missing"),
    "aud an empty list": (of(aud=[]), "aud-missing"),
    "aud an object": (of(aud={"url": URL}), "aud-missing"),
    "aud a number": (of(aud=1), "aud-missing"),
    "aud one letter short": (of(aud=URL[:-1]), "aud-is-not-this-url"),
    "aud one letter more": (of(aud=URL + "n"), "aud-is-not-this-url"),
    "aud with a slash": (of(aud=URL + "/"), "aud-is-not-this-url"),
    "aud in other case": (of(aud=URL.upper()), "aud-is-not-this-url"),
    "aud http": (of(aud=URL.replace("https", "http")), "aud-is-not-this-url"),
    "aud another service": (of(aud=URL.replace("sign", "select")), "aud-is-not-this-url"),
    "aud the feedback of it": (of(aud=URL + "/feedback"), "aud-is-not-this-url"),
    "aud another host": (of(aud=URL.replace("cds.", "cds2.")), "aud-is-not-this-url"),
    "aud a list of others": (of(aud=["https://a.example.org", 7]), "aud-is-not-this-url"),
    "exp missing": (of(exp=...), "exp-missing"),
    "exp text": (of(exp=str(SECONDS + 60)), "exp-missing"),
    "exp a truth value": (of(exp=True), "exp-missing"),
    "exp null": (of(exp=None), "exp-missing"),
    "exp huge": (of(exp=10**40), "exp-missing"),
    "a tenant that no database holds": (of(tenant="a\0b"), "tenant-not-registered"),
    "a tenant of many words": (of(tenant="t" * 1000), "tenant-not-registered"),
    "exp beyond any float": (of(exp=10**400), "exp-missing"),
    "expired": (of(iat=SECONDS - 400, exp=SECONDS - 31), "expired"),
    "expired in 1970": (of(exp=0, iat=0), "expired"),
    "iat missing": (of(iat=...), "iat-missing"),
    "iat text": (of(iat="now"), "iat-missing"),
    "iat in the future": (of(iat=SECONDS + 31, exp=SECONDS + 90), "iat-in-the-future"),
    "nbf in the future": (of(nbf=SECONDS + 31), "nbf-in-the-future"),
    "nbf text": (of(nbf="soon"), "nbf-in-the-future"),
    "a life above an hour": (of(exp=SECONDS + 3601), "lifetime-too-long"),
    "jti missing": (of(jti=...), "jti-missing"),
    "jti empty": (of(jti=""), "jti-missing"),
    "jti a number": (of(jti=7), "jti-missing"),
    "jti very long": (of(jti="x" * 257), "jti-missing"),
    "tenant missing": (of(tenant=...), "tenant-not-registered"),
    "tenant of nobody": (of(tenant="south"), "tenant-not-registered"),
    "tenant a list": (of(tenant=["north"]), "tenant-not-registered"),
    # headers
    "alg none": (unsigned("none"), "alg-not-permitted"),
    "alg None": (unsigned("None"), "alg-not-permitted"),
    "alg missing": (raw_header('{"typ":"JWT","kid":"k1"}'), "alg-not-permitted"),
    "alg null": (raw_header('{"alg":null,"typ":"JWT","kid":"k1"}'), "alg-not-permitted"),
    "alg a list": (raw_header('{"alg":["ES384"],"typ":"JWT","kid":"k1"}'), "alg-not-permitted"),
    "alg in small letters": (raw_header('{"alg":"es384","typ":"JWT","kid":"k1"}'), "alg-not-permitted"),
    "HS384 with the public key": (hmac_with_the_public_key, "alg-not-permitted"),
    "ES256, not registered": (
        headed(lambda: ec_key("p256", "P-256"), alg="ES256", kid="p256"),
        "alg-not-permitted",
    ),
    "PS384, not registered": (headed(rsa_key, alg="PS384", kid="r1"), "alg-not-permitted"),
    "RS384 named, EC key": (raw_header('{"alg":"RS384","typ":"JWT","kid":"k1"}'), "key-does-not-fit-alg"),
    "ES384 named, key of P-256": (
        raw_header('{"alg":"ES384","typ":"JWT","kid":"p256"}'),
        "key-does-not-fit-alg",
    ),
    "RSA key of 1024 bits": (
        headed(lambda: rsa_key("short", 1024), alg="RS384", kid="short"),
        "key-does-not-fit-alg",
    ),
    "key for another alg": (headed(lambda: ec_key("es256-only"), kid="es256-only"), "key-does-not-fit-alg"),
    "typ missing": (headed(typ=...), "typ-is-not-jwt"),
    "typ another": (headed(typ="at+jwt"), "typ-is-not-jwt"),
    "kid missing": (headed(kid=...), "kid-missing"),
    "kid empty": (headed(kid=""), "kid-missing"),
    "kid unknown": (headed(kid="k2"), "kid-unknown"),
    "kid a path": (headed(kid="../../etc/passwd"), "kid-unknown"),
    "kid of a secret": (headed(kid="secret"), "kid-unknown"),
    "kid of a private key": (headed(lambda: ec_key("private"), kid="private"), "kid-unknown"),
    "kid of a key for encryption": (headed(lambda: ec_key("enc"), kid="enc"), "kid-unknown"),
    "jku not registered": (headed(jku="https://evil.example.org/jwks.json"), "jku-not-registered"),
    "jku almost registered": (headed(jku=JKU + "#"), "jku-not-registered"),
    "jku of an internal address": (headed(jku="http://169.254.169.254/jwks"), "jku-not-registered"),
    "jku a number": (raw_header('{"alg":"ES384","typ":"JWT","kid":"k1","jku":7}'), "jku-not-registered"),
    "key in the header": (own_key_in_header, "key-in-header"),
    "x5u in the header": (headed(x5u="https://evil.example.org/c.pem"), "key-in-header"),
    "x5c in the header": (
        raw_header('{"alg":"ES384","typ":"JWT","kid":"k1","x5c":["MIIB"]}'),
        "key-in-header",
    ),
    "crit": (raw_header('{"alg":"ES384","typ":"JWT","kid":"k1","crit":["exp"],"exp":1}'), "crit-header"),
    "crit b64": (
        raw_header('{"alg":"ES384","typ":"JWT","kid":"k1","b64":false,"crit":["b64"]}'),
        "crit-header",
    ),
    "the sandbox's public key pair": (
        headed(sandbox_key, kid="44823f3d-0b01-4a6c-a80e-b9d3e8a7226f"),
        "key-of-the-public-sandbox",
    ),
    # signatures
    "other client's key": (headed(lambda: ec_key("o1"), kid="o1"), "kid-unknown"),
    "other client's key under our kid": (headed(lambda: ec_key("o1")), "signature-wrong"),
    "signature of another token": (
        lambda: ".".join([*of(jti="c")().split(".")[:2], of(jti="d")().split(".")[2]]),
        "signature-wrong",
    ),
    "signature one bit off": (
        cut(lambda t: t[:-4] + ("A" if t[-4] != "A" else "B") + t[-3:]),
        "signature-wrong",
    ),
    "signature missing": (cut(lambda t: t.rsplit(".", 1)[0] + "."), "signature-wrong"),
    "signature of zeros": (cut(lambda t: t.rsplit(".", 1)[0] + "." + "A" * 128), "signature-wrong"),
    # the text
    "oversized": (of(extra="x" * 16_384), "token-too-large"),
    "two parts": (cut(lambda t: t.rsplit(".", 1)[0]), "token-malformed"),
    "five parts, as an encrypted token": (cut(lambda t: t + ".a.b"), "token-malformed"),
    "empty": (lambda: "", "token-malformed"),
    "padding": (cut(lambda t: t.replace(".", "=.", 1)), "token-malformed"),
    "a blank inside": (cut(lambda t: t.replace(".", " .", 1)), "token-malformed"),
    "two tokens": (cut(lambda t: f"{t}, Bearer {t}"), "token-malformed"),
    "header no JSON": (raw_header("{"), "token-malformed"),
    "header a list": (raw_header("[]"), "token-malformed"),
    "claims no JSON": (raw_claims("{%s"), "token-malformed"),
    "claims a list": (raw_claims("[{%s}]"), "token-malformed"),
    "claims with NaN": (raw_claims('{%s,"x":NaN}'), "token-malformed"),
    "duplicate claim": (raw_claims('{%s,"iss":"https://ehr.example.org/fhir"}'), "duplicate-member"),
    "duplicate header": (
        raw_header('{"alg":"ES384","alg":"ES384","typ":"JWT","kid":"k1"}'),
        "duplicate-member",
    ),
}


@pytest.mark.parametrize(("token", "reason"), TABLE.values(), ids=TABLE.keys())
def test_a_wrong_token_is_refused_with_its_own_reason(
    service: FlaskClient, caplog: pytest.LogCaptureFixture, token: Token, reason: str
) -> None:
    with caplog.at_level(logging.WARNING):
        answer = ask(service, f"Bearer {token()}")
    assert answer.status_code == 401
    assert answer.json == {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "login"}],
    }
    assert answer.headers["WWW-Authenticate"] == "Bearer"
    assert _reasons(caplog) == [reason]
    assert f'ldn_cds_calls_refused_total{{reason="{reason}"}} 1.0' in service.get("/metrics").text


def test_claims_nested_deeply_break_nothing(service: FlaskClient) -> None:
    """Some releases of Python read them and some do not; the signature holds, so either will do."""
    token = raw_claims('{%s,"x":' + "[" * 5000 + "]" * 5000 + "}")
    assert ask(service, f"Bearer {token()}").status_code in (200, 401)


@pytest.mark.parametrize(
    ("authorization", "reason"),
    [
        (None, "no-token"),
        ("Basic dXNlcjpwYXNz", "not-a-bearer-token"),
        ("Bearer", "token-malformed"),
        ("Bearer a", "token-malformed"),
    ],
)
def test_a_call_without_a_token_is_refused(
    service: FlaskClient, caplog: pytest.LogCaptureFixture, authorization: str | None, reason: str
) -> None:
    with caplog.at_level(logging.WARNING):
        assert ask(service, authorization).status_code == 401
    assert _reasons(caplog) == [reason]


@pytest.mark.parametrize(
    "token",
    [
        of(),
        of(aud=["https://else.example.org", URL]),
        of(nbf=SECONDS - 300, sub="ldn", name="more than is asked for"),
        of(exp=SECONDS + 299.5, iat=SECONDS + 0.5),
        of(iat=SECONDS + 29, exp=SECONDS + 60),
        of(iat=SECONDS - 300, exp=SECONDS - 29),
        headed(jku=JKU),
        headed(typ="jwt"),
        headed(rsa_key, alg="RS384", kid="r1"),
    ],
)
def test_a_correct_token_is_answered(service: FlaskClient, token: Token) -> None:
    answer = ask(service, f"Bearer {token()}")
    assert answer.status_code == 200
    assert answer.json["cards"]


def test_a_token_serves_once(service: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    token = of()()
    assert ask(service, f"Bearer {token}").status_code == 200
    with caplog.at_level(logging.WARNING):
        assert ask(service, f"bearer {token}").status_code == 401
        assert ask(service, f"Bearer {of(nbf=SECONDS)()}").status_code == 401  # another token, the same jti
    assert _reasons(caplog) == ["jti-seen-before"] * 2
    assert ask(service, f"Bearer {of(jti='other')()}").status_code == 200


def test_a_refused_token_does_not_use_up_its_jti(service: FlaskClient) -> None:
    """A11: else anybody could spend the ids of others."""
    assert ask(service, f"Bearer {headed(lambda: ec_key('o1'))()}").status_code == 401
    assert ask(service, f"Bearer {of()()}").status_code == 200


def test_neither_token_nor_claims_are_logged(service: FlaskClient, caplog: pytest.LogCaptureFixture) -> None:
    secret = "planted-claim\nand a line"
    with caplog.at_level(logging.DEBUG):
        ask(service, f"Bearer {of(iss=secret, sub=secret)()}")
        ask(service, f"Bearer {of(sub=secret)()}")
    assert "planted-claim" not in caplog.text
    assert "eyJ" not in caplog.text


def _reasons(caplog: pytest.LogCaptureFixture) -> list[str]:
    refused = [record for record in caplog.records if record.msg.startswith("call refused")]
    return [str(record.args[0]) for record in refused if isinstance(record.args, tuple)]
