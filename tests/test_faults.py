"""Every fault of an EHR, on a real socket, through the whole service: the table of docs/fhir.md, executed."""

from __future__ import annotations

import json
import logging
import re
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families

from cds_service import create_app
from cds_service.cds_hooks import HOOKS
from cds_service.cds_hooks.authentication import Client
from cds_service.cds_hooks.request import parse_request
from cds_service.chart.baskets import Concern
from cds_service.drafts import Version
from cds_service.fhir import GapReason
from cds_service.settings import Settings
from cds_service.sources import Sources
from tests.fhir.bodies import bundle
from tests.fhir.faults import FAULTS, body, certificate, opioid, serving
from tests.servers import free_port, wait_for

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
SIGN = "/cds-services/ldn-order-sign"
TOKEN = "secret-token-1"
DOCS = Path(__file__).parent.parent.joinpath("docs/fhir.md").read_text("utf-8")
NOBODY_THERE = ("connection refused", "DNS failure", "TLS failure")
MEDICATIONS = ("MedicationRequest", "MedicationStatement")


@dataclass(frozen=True)
class Row:
    """One line of the docs' table."""

    fault: str
    lines: tuple[str, ...]
    alone: str
    log: str


def table() -> list[Row]:
    """The rows under the heading "Faults"."""
    section = DOCS.split("## Faults", 1)[1].split("\n## ", 1)[0]
    rows = [line.strip("| ").split(" | ") for line in section.splitlines() if line.startswith("| ")]
    return [
        Row(cells[0], tuple(part for part in cells[1].split("; ") if part != "nothing"), cells[2], cells[3])
        for cells in rows[1:]
        if not cells[0].startswith("--")
    ]


ROWS = table()


def test_the_docs_and_the_tests_have_the_same_faults() -> None:
    assert sorted(row.fault for row in ROWS) == sorted([*FAULTS, *NOBODY_THERE])


def app(tmp_path: Path, budget: int = 5000) -> FlaskClient:
    settings = Settings(
        cds_environment="development",
        database_url=f"sqlite:///{tmp_path}/test.sqlite3",
        time_budget_ms=budget,
    )
    return create_app(settings, now=lambda: NOW).test_client()


def request(base: str, patient_id: str = "p1", **prefetch: Any) -> dict[str, Any]:
    """Low dose naltrexone is being signed; the EHR's server is at ``base``."""
    order = {
        "resourceType": "MedicationRequest",
        "id": "draft-1",
        "status": "draft",
        "intent": "order",
        "subject": {"reference": f"Patient/{patient_id}"},
        "medicationCodeableConcept": {"text": "naltrexone 4.5 mg compounded capsule"},
        "dosageInstruction": [{"text": "1 capsule at bedtime"}],
    }
    token = {"access_token": TOKEN, "token_type": "Bearer", "expires_in": 300, "subject": "s"}
    return {
        "hook": "order-sign",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "fhirServer": base,
        "fhirAuthorization": {**token, "scope": "patient/*.rs"},
        "context": {
            "userId": "Practitioner/1",
            "patientId": patient_id,
            "draftOrders": {"resourceType": "Bundle", "entry": [{"resource": order}]},
        },
        "prefetch": prefetch,
    }


def all_but_orders() -> dict[str, Any]:
    """Everything but the list that is to fail; the statements hold an opioid."""
    patient = {"resourceType": "Patient", "id": "p1", "gender": "male", "birthDate": "1980-02-01"}
    statement = {**opioid("s1"), "resourceType": "MedicationStatement"}
    empty = dict.fromkeys(("conditions", "allergies", "observations"), bundle())
    return {"patient": patient, "medicationStatements": bundle(statement), **empty}


def topics(answer: Any) -> list[str]:
    return [card["source"]["topic"]["code"] for card in answer.json["cards"]]


def lines(answer: Any) -> list[str]:
    """What the not-checked card lists."""
    cards = [c for c in answer.json["cards"] if c["source"]["topic"]["code"] == "not-checked"]
    found = [re.sub(r"\\(.)", r"\1", line) for card in cards for line in card["detail"].splitlines()]
    return [line.removeprefix("- ") for line in found if re.match(r"- [\w ]+: ", line)]


def assert_healthy(client: FlaskClient) -> None:
    """The next request, to a server that is well, is answered from everything it has."""
    with serving(body(bundle(opioid())), "MedicationRequest") as healthy:
        answer = client.post(SIGN, json=request(healthy.base))
    assert (answer.status_code, topics(answer)) == (200, ["opioid-coprescription"])
    assert len(healthy.asked) == 6


@contextmanager
def broken(fault: str, tmp_path: Path, *kinds: str) -> Iterator[str]:
    """The base URL of a server that has the fault in the lists ``kinds``."""
    if fault == "DNS failure":
        yield "http://nosuch.invalid/fhir"
    elif fault == "connection refused":
        with socket.create_server(("127.0.0.1", 0)) as closed:
            port = closed.getsockname()[1]
        yield f"http://127.0.0.1:{port}/fhir"
    elif fault == "TLS failure":
        with serving(body(bundle()), *kinds, context=certificate(tmp_path)) as server:
            yield server.base
        assert server.asked == []
    else:
        with serving(FAULTS[fault], *kinds) as server:
            yield server.base


def budget_for(row: Row) -> int:
    """Where the time budget ends the fault, the test need not wait long for it."""
    return 1500 if "time-out" in row.log else 10_000


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.fault)
def test_one_list_is_at_fault(row: Row, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    client = app(tmp_path, budget_for(row))
    with (
        broken(row.fault, tmp_path, "MedicationRequest") as base,
        caplog.at_level(logging.INFO, logger="cds_service"),
    ):
        answer = client.post(SIGN, json=request(base, **all_but_orders()))
    assert answer.status_code == 200
    assert topics(answer) == ["opioid-coprescription", *(["not-checked"] if row.lines else [])]
    assert lines(answer) == list(row.lines)
    logged = [r.getMessage() for r in caplog.records if r.name.startswith("cds_service.fhir")]
    # of a time-out, the thread and the one who waits for it may each be first to tell
    expected = row.log.strip("`").removesuffix("(…)")
    assert [message[: len(expected)] for message in logged] == ([expected] if expected != "nothing" else [])
    assert "(…)" in row.log or logged == [expected] or not logged
    assert not [part for part in (TOKEN, base, "p1", "xycodone") if part in caplog.text]
    assert_healthy(client)


@pytest.mark.parametrize("row", ROWS, ids=lambda row: row.fault)
def test_no_medication_list_can_be_had(row: Row, tmp_path: Path) -> None:
    client = app(tmp_path, budget_for(row))
    with broken(row.fault, tmp_path, *MEDICATIONS) as base:
        answer = client.post(SIGN, json=request(base))
    if row.alone == "412":
        assert answer.status_code == 412
        assert answer.json["resourceType"] == "OperationOutcome"  # type: ignore[index]
    else:
        assert (answer.status_code, topics(answer)[0]) == (200, "opioid-coprescription")
    assert_healthy(client)


# --- what is left when the faults are over -------------------------------------------------


def gauge(client: FlaskClient) -> dict[str, float]:
    page = client.get("/metrics").get_data(as_text=True)
    samples = [sample for family in text_string_to_metric_families(page) for sample in family.samples]
    return {s.labels["host"]: s.value for s in samples if s.name == "ldn_cds_fhir_server_degraded"}


def ready(client: FlaskClient) -> Any:
    answer = client.get("/health/ready")
    assert answer.status_code == 200
    return answer.json["fhir_servers"]  # type: ignore[index]


def test_a_silent_server_is_left_alone_shown_and_asked_again(tmp_path: Path) -> None:
    client = app(tmp_path)
    asking = {key: value for key, value in all_but_orders().items() if key != "medicationRequests"}
    assert (ready(client), gauge(client)) == ({"status": "up", "degraded": []}, {})
    port = free_port()
    base = f"http://127.0.0.1:{port}/fhir"
    for _ in range(10):  # each breaks twice
        client.post(SIGN, json=request(base, **asking))
    assert ready(client) == {"status": "degraded", "degraded": ["127.0.0.1"]}
    assert gauge(client) == {"127.0.0.1": 1}
    with serving(body(bundle(opioid())), "MedicationRequest", port=port) as server:
        for _ in range(200):
            answer = client.post(SIGN, json=request(base, **asking))
            assert answer.status_code == 200
            if server.asked:
                break
            time.sleep(0.05)
        assert lines(answer) == []
    assert ready(client) == {"status": "up", "degraded": []}
    assert gauge(client) == {"127.0.0.1": 0}


def test_an_answer_of_500_is_an_answer(tmp_path: Path) -> None:
    client = app(tmp_path)
    with serving(FAULTS["500"], "") as server:
        for _ in range(5):
            client.post(SIGN, json=request(server.base))
        assert len(server.asked) == 5 * 6
    assert ready(client)["status"] == "up"


def test_a_server_that_hangs_holds_up_no_other(tmp_path: Path) -> None:
    """More requests than threads meet the hanging server while another is asked."""
    client = app(tmp_path, 3000)
    with serving(FAULTS["hanging headers"], "") as hanging:
        prescribers = [
            threading.Thread(
                target=lambda: client.application.test_client().post(SIGN, json=request(hanging.base))
            )
            for _ in range(40)
        ]
        for thread in prescribers:
            thread.start()
        wait_for(lambda: bool(hanging.asked))
        assert_healthy(client)
        fhir_threads = [thread for thread in threading.enumerate() if thread.name.startswith("fhir")]
        for thread in prescribers:
            thread.join()
    assert len(fhir_threads) <= 192


def test_two_patients_in_a_row(tmp_path: Path) -> None:
    """Nothing read for one patient is there for the next: neither what was found nor what failed."""
    client = app(tmp_path)
    with serving(body(bundle(opioid())), "MedicationRequest") as server:
        assert topics(client.post(SIGN, json=request(server.base))) == ["opioid-coprescription"]
        server.fault = body(bundle())
        other = client.post(SIGN, json=request(server.base, "p2"))
        assert "opioid-coprescription" not in topics(other)
        assert "Age and sex" in " ".join(lines(other))  # the server gave p1, who is not asked for any more
        server.fault = body(bundle(opioid()))
        assert topics(client.post(SIGN, json=request(server.base))) == ["opioid-coprescription"]
    assert len(server.asked) == 3 * 6


def test_a_client_may_have_a_budget_of_its_own(tmp_path: Path) -> None:
    settings = Settings(cds_environment="development", time_budget_ms=10_000)
    sources = Sources.from_settings(settings, "0")
    with serving(body(bundle(opioid())), "MedicationRequest") as server:
        asked = parse_request(json.dumps(request(server.base)).encode(), HOOKS["order-sign"])
        hasty = Client(id="hasty", iss="i", jwks_url="https://ehr.example.org", time_budget_ms=1)
        none = sources.gather(asked, Version.R4, (), Concern.EVERYTHING, hasty)
        assert {gap.reason for gap in none.gaps} == {GapReason.TIME_OUT}
        assert (none.lists, server.asked) == (set(), [])
        assert sources.gather(asked, Version.R4, (), Concern.EVERYTHING).gaps == []
    sources.client.close()
