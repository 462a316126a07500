"""The conformance tool: our service passes all that can be tried, a broken one fails where it is broken."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import flask
import pytest
from click.testing import CliRunner
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat
from joserfc.jwk import ECKey

from cds_service import create_app
from cds_service.cli import main
from cds_service.conformance import Options, Target, Unreachable, examine, is_refused
from cds_service.conformance.rows import ROWS
from cds_service.conformance.signing import Signer, read_key
from cds_service.scenarios import load
from cds_service.settings import Settings
from tests.cds_hooks.authentication.signing import ec_key, key_set
from tests.conformance.broken import broken_service
from tests.conformance.conftest import served
from tests.replay.conftest import NOW
from tests.servers import free_port

ISS = "https://ehr.example.org/fhir"
ANYBODYS = ec.generate_private_key(ec.SECP384R1())
SLOW = "P9"
"""How fast an answer is depends on the machine: no test hangs on it."""


def states(results: Any) -> dict[str, str]:
    return {result.id: result.state for result in results if result.id != SLOW}


def words(results: Any, row: str) -> tuple[str, ...]:
    return next(result.seen for result in results if result.id == row)


def settings(folder: Path, **more: Any) -> Settings:
    return Settings(database_url=f"sqlite:///{folder}/cds.sqlite3", time_budget_ms=5000, **more)


@pytest.fixture(scope="module")
def in_development(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Rules on reading from a FHIR server: in production it would have to be https."""
    folder = tmp_path_factory.mktemp("development")
    app = create_app(settings(folder, cds_environment="development"))
    with served(app) as url, logging_to(folder / "log") as log:
        return examine(Target(url), Options(sandbox_key=ANYBODYS, log=log))


@pytest.fixture(scope="module")
def in_production(tmp_path_factory: pytest.TempPathFactory) -> Any:
    """Rules on who calls: development answers everybody."""
    folder, port = tmp_path_factory.mktemp("production"), free_port()
    key = ECKey.generate_key("P-384", {"kid": "k1", "use": "sig"}, private=True)
    (folder / "keys.json").write_text(json.dumps({"keys": [key.as_dict(private=False)]}))
    (folder / "private.json").write_text(json.dumps(key.as_dict(private=True)))
    (folder / "clients.toml").write_text(
        f"[clients.tool]\niss = '{ISS}'\njwks_file = 'keys.json'\ntenants = ['one']\n"
        "cors_origins = ['https://ehr.example.org']\n"
    )
    app = create_app(
        settings(
            folder,
            clients_file=str(folder / "clients.toml"),
            public_url=f"http://127.0.0.1:{port}",
            allow_unreviewed=True,
        )
    )
    signer = Signer(read_key(folder / "private.json"), ISS, "k1", tenant="one")
    with served(app, port) as url, logging_to(folder / "log") as log:
        return examine(
            Target(url, signer), Options(origin="https://ehr.example.org", sandbox_key=ANYBODYS, log=log)
        )


@contextmanager
def logging_to(path: Path) -> Iterator[Path]:
    """All that any logger of the process writes."""
    handler = logging.FileHandler(path)
    logging.getLogger().addHandler(handler)
    try:
        yield path
    finally:
        logging.getLogger().removeHandler(handler)
        handler.close()


@pytest.mark.parametrize("run", ["in_development", "in_production"])
def test_our_own_service_fails_nothing(run: str, request: pytest.FixtureRequest) -> None:
    results = request.getfixturevalue(run)
    assert {row: words(results, row) for row, state in states(results).items() if state == "fail"} == {}
    assert not is_refused(results)


CLIENTS_ONLY = {"R6", "I13"}
NEVER_SENT = {"C2", "S6", "S11"}
"""System actions, and creates without a draft to change: this service sends none."""
WITHOUT_A_CLIENT = {f"A{n}" for n in (1, *range(3, 13), 15, 16)} | {"F8"}
OVER_PLAIN_HTTP = {"P2", "P6", "P7", "P8", "P11"}


def test_what_is_not_tried_in_development_and_why(in_development: Any) -> None:
    not_applicable, untestable = _not_passed(in_development)
    assert set(not_applicable) == {"T1"} | CLIENTS_ONLY | NEVER_SENT | WITHOUT_A_CLIENT
    assert not_applicable["A1"] == (
        "answers calls without a token on plain HTTP of the loopback interface: for development",
    )
    assert untestable == {"F6": ("not visible from outside",)}


def test_what_is_not_tried_in_production_and_why(in_production: Any) -> None:
    not_applicable, untestable = _not_passed(in_production)
    assert set(not_applicable) == {"T1"} | CLIENTS_ONLY | NEVER_SENT
    assert set(untestable) == {"F6"} | OVER_PLAIN_HTTP
    assert all("over plain HTTP it may only in development" in untestable[row][0] for row in OVER_PLAIN_HTTP)


def _not_passed(results: Any) -> tuple[dict[str, Any], dict[str, Any]]:
    by_state: dict[str, dict[str, Any]] = {"not applicable": {}, "not testable": {}}
    for result in results:
        if result.state in by_state:
            by_state[result.state][result.id] = result.seen
    return by_state["not applicable"], by_state["not testable"]


def test_without_its_key_a_service_in_production_is_not_called_broken(tmp_path: Path) -> None:
    app = create_app(settings(tmp_path, allow_unreviewed=True))
    with served(app) as url:
        results = examine(Target(url))
    found = states(results)
    assert "fail" not in found.values()
    assert {row for row, state in found.items() if state == "pass" and row[0] in "AC"} == {
        "A1",
        "A6",
        "A12",
        "C18",
    }
    assert words(results, "C1") == ("needs --key and --iss of a registered client",)


def test_every_row_has_one_line_in_order(in_development: Any) -> None:
    assert [result.id for result in in_development] == [row.id for row in ROWS]
    assert all(result.state != "not testable" or result.seen for result in in_development)


@pytest.fixture(scope="module")
def of_broken() -> Any:
    with served(broken_service()) as url:
        return examine(Target(url))


BROKEN = {
    "T4": "discovery, $.services[0].title: Null or empty",
    "D4": "$.services[0].title",
    "D6": "$.services[0].prefetch",
    "D7": "token {{context.nobody}}",
    "D11": "$.services[0].version",
    "D15": "neither ETag nor Cache-Control",
    "T6": "Content-Type text/html",
    "R1": "GET on a service: 200, expected 405",
    "R2": "a request without hook: 200",
    "R3": "a request with another hook: 200",
    "R5": "fhirAuthorization without fhirServer: 200",
    "R8": "a token for another patient: 200",
    "R9": "a request without patientId: 200",
    "R10": "the access token stands in an answer",
    "P1": "a request without prefetch: 500",
    "P3": "a request without any data: 500",
    "C3": "140 characters; fewer than 140 allowed",
    "C7": "$.cards[0].source.topic.code",
    "C9": "HTML in the markdown",
    "C10": "cds-resp-6",
    "C15": "cds-resp-3",
    "C18": "no OperationOutcome",
    "S1": "$.cards[0].suggestions[0].uuid",
    "S8": "a delete has no resource",
    "F1": "feedback with no array: 200",
    "F2": "feedback with the outcome ignored: 200",
    "F3": "a suggestion without uuid",
    "F4": "feedback with an empty overrideReason: 200",
    "F9": "feedback with a card that nobody served: 200",
    "A14": "a wildcard together with credentials",
    "I5": "see C3",
    "I6": "see C9, T4",
    "I7": "see C10",
    "I9": "see C15",
    "I10": "see S1",
    "I11": "see S8",
}


def test_a_broken_service_fails_exactly_where_it_is_broken(of_broken: Any) -> None:
    failed = {row for row, state in states(of_broken).items() if state == "fail"}
    assert failed == set(BROKEN)
    assert is_refused(of_broken)


@pytest.mark.parametrize("row", BROKEN)
def test_what_is_broken_is_said(of_broken: Any, row: str) -> None:
    assert any(BROKEN[row] in said for said in words(of_broken, row)), words(of_broken, row)


def test_a_service_that_takes_every_token_fails_where_tokens_are_tried() -> None:
    signer = Signer(ANYBODYS, ISS, "k1", tenant="one")
    with served(broken_service()) as url:
        results = examine(Target(url, signer))
    failed = {row for row, state in states(results).items() if state == "fail"}
    assert failed - set(BROKEN) == {f"A{n}" for n in (1, *range(3, 13))} | {"F8"}
    assert words(results, "A1") == ("a call without a token: 200",)


class Elsewhere(Target):
    """As if the service were on another machine."""

    @property
    def is_loopback(self) -> bool:
        return False


def test_elsewhere_a_service_that_asks_nobody_who_calls_fails() -> None:
    with served(broken_service()) as url:
        results = examine(Elsewhere(url), Options(sandbox_key=ANYBODYS))
    failed = {row for row, state in states(results).items() if state == "fail"}
    assert failed - set(BROKEN) == {"T1", "A1", "A15"}


def test_a_log_that_holds_a_token_is_seen(tmp_path: Path) -> None:
    log = tmp_path / "log"
    log.write_text("POST /cds-services/broken 200\n")
    app = broken_service()

    @app.before_request
    def write() -> None:
        with log.open("a") as file:
            file.write(f"{flask.request.headers.get('Authorization')}\n")

    with served(app) as url:
        results = examine(Target(url, Signer(ANYBODYS, ISS, "k1")), Options(log=log))
    assert words(results, "A13") == (f"{log}: holds a token",)
    assert states(results)["A13"] == "fail"


def test_nobody_answers() -> None:
    with pytest.raises(Unreachable):
        examine(Target(f"http://127.0.0.1:{free_port()}"))


def test_a_service_of_another_hook_is_examined_as_far_as_it_goes() -> None:
    app = flask.Flask("other")

    @app.get("/cds-services")
    def discovery() -> Any:
        return {"services": [{"id": "x", "hook": "appointment-book", "description": "Books"}]}

    with served(app) as url:
        results = examine(Target(url))
    assert states(results)["D3"] == "pass"
    assert "appointment-book" in words(results, "R1")[0]


# --- the command --------------------------------------------------------------


def test_the_command_prints_the_table_and_ends_with_one() -> None:
    with served(broken_service()) as url:
        result = CliRunner().invoke(main, ["conformance", f"{url}/cds-services/", "--failures"])
    assert result.exit_code == 1
    assert (
        "C3   SHALL    fail           summary is one sentence of fewer than 140 characters" in result.output
    )
    assert "C4 " not in result.output
    assert f"{len(BROKEN)} fail" in result.output


def test_the_command_as_json_with_a_request_of_ones_own(tmp_path: Path) -> None:
    body = load("oxycodone-stopped-six-days-ago").request("order-sign", NOW)
    (tmp_path / "request.json").write_text(json.dumps(body))
    app = create_app(settings(tmp_path, cds_environment="development"))
    with served(app) as url:
        arguments = ["conformance", url, "--request", str(tmp_path / "request.json"), "--json"]
        result = CliRunner().invoke(main, arguments)
    assert result.exit_code == 0
    rows = {row["id"]: row["state"] for row in json.loads(result.output)}
    assert rows["C3"] == "pass" and len(rows) == len(ROWS)


@pytest.mark.parametrize(("kid", "hint"), [("k1", False), ("another", True)])
def test_a_key_that_is_not_let_in_is_said(tmp_path: Path, kid: str, hint: bool) -> None:
    key = ec_key()
    (tmp_path / "private.pem").write_bytes(key.as_pem(private=True))
    (tmp_path / "keys.json").write_text(json.dumps(key_set(key)))
    (tmp_path / "clients.toml").write_text('[clients.a]\niss = "urn:trial"\njwks_file = "keys.json"\n')
    closed = {"cds_environment": "production", "clients_file": str(tmp_path / "clients.toml")}
    app = create_app(settings(tmp_path, allow_unreviewed=True, trusted_proxies=1, **closed))
    with served(app) as url:
        signed = ["--key", str(tmp_path / "private.pem"), "--iss", "urn:trial", "--kid", kid]
        result = CliRunner().invoke(main, ["conformance", url, *signed, "--failures"])
    assert result.exit_code == int(hint)
    assert ("was answered 401" in result.stderr) == hint


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (["http://127.0.0.1:1"], 3, "connection failed: Connection refused"),
        (["ehr.example.org"], 2, "no http or https URL"),
        (["http://127.0.0.1:1", "--key", "/nowhere.pem", "--iss", "x"], 2, "/nowhere.pem"),
        (["http://127.0.0.1:1", "--key", "/nowhere.pem"], 2, "--key needs --iss"),
        (["http://127.0.0.1:1", "--sandbox-key", "/nowhere.pem"], 2, "/nowhere.pem"),
        (["http://127.0.0.1:1", "--log", "/nowhere.log"], 2, "/nowhere.log"),
        (["http://127.0.0.1:1", "--request", "/nowhere.json"], 2, "/nowhere.json"),
    ],
)
def test_wrong_use(arguments: list[str], code: int, said: str) -> None:
    result = CliRunner().invoke(main, ["conformance", *arguments])
    assert result.exit_code == code
    assert said in result.stderr


@pytest.mark.parametrize(
    "key", [ec.generate_private_key(ec.SECP384R1()), rsa.generate_private_key(65537, 2048)], ids=["ec", "rsa"]
)
def test_keys_are_read_as_pem(tmp_path: Path, key: Any) -> None:
    path = tmp_path / "key.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    assert read_key(path).private_numbers() == key.private_numbers()


def test_a_key_of_another_curve_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "key.pem"
    key = ec.generate_private_key(ec.SECP256R1())
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption()))
    with pytest.raises(ValueError, match="P-384"):
        read_key(path)
