"""The application as its callers meet it: over HTTP, from prefetch and from a FHIR server."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest
from flask.testing import FlaskClient
from prometheus_client.parser import text_string_to_metric_families
from sqlalchemy import select

from cds_service import create_app
from cds_service.cds_hooks.validation import validate_discovery
from cds_service.rules import Topic
from cds_service.scenarios import load
from cds_service.settings import Settings
from cds_service.store.schema import feedback
from tests.fhir.bodies import bundle
from tests.fhir.server import Answer, FhirServer

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
SIGN = "/cds-services/ldn-order-sign"


def settings(tmp_path: Path, **values: Any) -> Settings:
    return Settings(
        **{"cds_environment": "development", "database_url": f"sqlite:///{tmp_path}/test.sqlite3", **values}
    )


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    return create_app(settings(tmp_path), now=lambda: NOW).test_client()


def topics(answer: Any) -> list[str]:
    return [card["source"]["topic"]["code"] for card in answer.json["cards"]]


def naltrexone_order(**elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationRequest",
        "id": "draft-1",
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
        "medicationCodeableConcept": {"text": "naltrexone 4.5 mg compounded capsule"},
        "dosageInstruction": [{"text": "1 capsule at bedtime"}],
        **elements,
    }


def sign(*orders: dict[str, Any], **members: Any) -> dict[str, Any]:
    entries = [{"resource": order} for order in orders]
    return {
        "hook": "order-sign",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {
            "userId": "Practitioner/1",
            "patientId": "p1",
            "draftOrders": {"resourceType": "Bundle", "entry": entries},
        },
        **members,
    }


# --- discovery, errors, operation --------------------------------------------


def test_discovery(client: FlaskClient) -> None:
    document = client.get("/cds-services").json
    assert document is not None
    assert [(s["id"], s["hook"]) for s in document["services"]] == [
        ("ldn-medication-prescribe", "medication-prescribe"),
        ("ldn-order-select", "order-select"),
        ("ldn-order-sign", "order-sign"),
    ]
    assert set(document["services"][0]["prefetch"]) == {
        "patient", "medicationStatements", "medicationRequests", "conditions", "allergies", "observations",
    }  # fmt: skip
    assert validate_discovery(document) == []


def test_production_refuses_every_call_and_says_nothing(tmp_path: Path) -> None:
    client = create_app(settings(tmp_path, cds_environment="production")).test_client()
    answer = client.post(SIGN, json=sign(naltrexone_order()))
    assert answer.status_code == 401
    assert answer.json == {
        "resourceType": "OperationOutcome",
        "issue": [{"severity": "error", "code": "login"}],
    }


@pytest.mark.parametrize(
    ("method", "path", "body", "status"),
    [
        ("post", SIGN, b"{", 400),
        ("post", SIGN, b"\xff\xfe", 400),
        ("post", SIGN, b"[" * 100_000, 400),
        ("post", SIGN, b'{"hook": "order-select"}', 400),
        ("post", "/cds-services/none", b"{}", 404),
        ("get", SIGN, b"", 405),
        ("get", "/nothing", b"", 404),
        ("get", "/explain/nothing", b"", 404),
    ],
)
def test_every_error_is_an_operation_outcome(
    client: FlaskClient, method: str, path: str, body: bytes, status: int
) -> None:
    answer = getattr(client, method)(path, data=body, content_type="application/json")
    assert answer.status_code == status
    assert answer.json["resourceType"] == "OperationOutcome"


def test_health_metrics_and_openapi(client: FlaskClient) -> None:
    assert client.get("/health/live").json == {"status": "up"}
    ready = client.get("/health/ready").json
    assert ready is not None
    assert (ready["status"], ready["database"]) == ("up", "up")
    client.post(SIGN, json=load("oxycodone-active").request("order-sign", NOW))
    page = client.get("/metrics").get_data(as_text=True)
    samples = {
        (s.name, *sorted(s.labels.values())): s.value
        for f in text_string_to_metric_families(page)
        for s in f.samples
    }
    assert samples["ldn_cds_cards_total", "critical", "opioid-coprescription"] == 1
    assert samples["ldn_cds_requests_total", "200", "ldn-order-sign"] == 1
    document = client.get("/openapi.json").json
    assert document is not None
    assert f"{SIGN}/feedback" in document["paths"]


def test_a_broken_database_degrades_feedback_and_nothing_else(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("no directory")
    broken = create_app(
        settings(tmp_path, database_url=f"sqlite:///{tmp_path}/file/x.sqlite3"), now=lambda: NOW
    )
    client = broken.test_client()
    assert client.get("/health/ready").json["database"] == "degraded"  # type: ignore[index]
    assert client.post(SIGN, json=load("oxycodone-active").request("order-sign", NOW)).status_code == 200
    assert client.post(f"{SIGN}/feedback", json=OVERRIDDEN).status_code == 503


@pytest.mark.parametrize("topic", list(Topic))
def test_every_card_s_explanation_exists(client: FlaskClient, topic: Topic) -> None:
    page = client.get(f"/explain/{topic}")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["Content-Security-Policy"]
    assert "<script" not in page.get_data(as_text=True)


# --- cards ------------------------------------------------------------------------


def test_links_lead_to_pages_that_exist(client: FlaskClient) -> None:
    answer = client.post(SIGN, json=load("oxycodone-active").request("order-sign", NOW))
    (card,) = answer.json["cards"]  # type: ignore[index]
    (link,) = card["links"]
    assert client.get(urlsplit(link["url"]).path).status_code == 200


def test_no_link_without_a_public_url_outside_development(tmp_path: Path) -> None:
    public = create_app(settings(tmp_path, public_url="https://cds.example.org/ldn/"), now=lambda: NOW)
    answer = public.test_client().post(SIGN, json=load("oxycodone-active").request("order-sign", NOW))
    assert answer.json["cards"][0]["links"][0]["url"].startswith("https://cds.example.org/ldn/explain/")  # type: ignore[index]


def test_a_draft_that_has_no_drug_yet(client: FlaskClient) -> None:
    order = naltrexone_order()
    del order["medicationCodeableConcept"], order["dosageInstruction"], order["intent"]
    assert client.post(SIGN, json=sign(order)).json == {"cards": []}


def test_an_order_of_no_concern_needs_no_list(client: FlaskClient) -> None:
    other = naltrexone_order(medicationCodeableConcept={"text": "levothyroxine 50 mcg tablet"})
    assert client.post(SIGN, json=sign(other)).json == {"cards": []}


def test_no_medication_list_at_all_is_412(client: FlaskClient) -> None:
    answer = client.post(SIGN, json=sign(naltrexone_order()))
    assert answer.status_code == 412
    (issue,) = answer.json["issue"]  # type: ignore[index]
    assert issue["code"] == "incomplete"
    assert issue["diagnostics"] == (
        "No medication list could be read, from prefetch or from the FHIR server. "
        "Medication list: not supplied by the EHR. Medication orders: not supplied by the EHR"
    )


def test_a_basket_that_proves_a_critical_finding_needs_no_list(client: FlaskClient) -> None:
    opioid = naltrexone_order(id="draft-2", medicationCodeableConcept={"text": "oxycodone 5 mg tablet"})
    answer = client.post(SIGN, json=sign(naltrexone_order(), opioid))
    assert topics(answer) == ["opioid-coprescription", "not-checked"]


def test_an_unreadable_order_is_said(client: FlaskClient) -> None:
    request = sign(naltrexone_order(medicationCodeableConcept={"text": "amoxicillin"}))
    request["context"]["draftOrders"]["entry"].append({"resource": "broken"})
    assert topics(client.post(SIGN, json=request)) == ["not-checked"]


def test_ehr_text_is_shown_as_text(client: FlaskClient) -> None:
    text = "oxycodone 5 mg <b>[x](http://evil.example)</b> ![y](//evil.example)"
    statement = {
        "resourceType": "MedicationStatement",
        "status": "active",
        "subject": {"reference": "Patient/p1"},
        "medicationCodeableConcept": {"text": text},
    }
    bundle = {"resourceType": "Bundle", "type": "searchset", "entry": [{"resource": statement}]}
    answer = client.post(SIGN, json=sign(naltrexone_order(), prefetch={"medicationStatements": bundle}))
    detail = answer.json["cards"][0]["detail"]  # type: ignore[index]
    assert "evil" in detail
    assert not re.search(r"<b>|(?<!\\)\]\(|http://", detail)


# --- a FHIR server -----------------------------------------------------------------


@pytest.fixture
def ehr() -> Iterator[FhirServer]:
    """Knows the patient, and one order of an opioid."""
    oxycodone = naltrexone_order(
        id="m1",
        status="active",
        authoredOn="2026-11-10",
        medicationCodeableConcept={"text": "oxycodone 5 mg tablet"},
    )
    server = FhirServer()
    server.routes["Patient/p1"] = Answer({"resourceType": "Patient", "id": "p1", "birthDate": "1984-05-06"})
    server.routes["MedicationRequest?patient=p1"] = Answer(bundle(oxycodone))
    yield server
    server.close()


def authorization(token: str = "secret") -> dict[str, Any]:
    return {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.rs",
        "subject": "ldn",
        "patient": "p1",
    }


def test_lists_missing_from_prefetch_are_read_from_the_server(tmp_path: Path, ehr: FhirServer) -> None:
    client = create_app(settings(tmp_path, time_budget_ms=5000), now=lambda: NOW).test_client()
    request = sign(
        naltrexone_order(),
        fhirServer=ehr.base,
        fhirAuthorization=authorization(),
        prefetch={"conditions": {"resourceType": "Bundle", "type": "searchset"}},
    )
    assert topics(client.post(SIGN, json=request)) == ["opioid-coprescription"]
    assert set(ehr.kinds_asked()) == {
        "Patient/p1", "MedicationRequest", "MedicationStatement", "AllergyIntolerance", "Observation",
    }  # fmt: skip
    assert all("?patient=p1" in path for path in ehr.asked if "?" in path)
    assert {headers["Authorization"] for headers in ehr.headers} == {"Bearer secret"}


def test_a_dstu2_client_is_asked_in_dstu2_terms(tmp_path: Path, ehr: FhirServer) -> None:
    client = create_app(settings(tmp_path, time_budget_ms=5000), now=lambda: NOW).test_client()
    order = {
        "resourceType": "MedicationOrder",
        "id": "draft-1",
        "status": "draft",
        "patient": {"reference": "Patient/p1"},
        "medicationCodeableConcept": {"text": "naltrexone 4.5 mg compounded capsule"},
    }
    client.post(SIGN, json=sign(order, fhirServer=ehr.base, fhirAuthorization=authorization()))
    assert {"MedicationOrder", "MedicationStatement"} <= set(ehr.kinds_asked())
    assert "MedicationRequest" not in ehr.kinds_asked()


def test_what_the_server_does_not_answer_is_said(tmp_path: Path, ehr: FhirServer) -> None:
    ehr.close()
    client = create_app(settings(tmp_path), now=lambda: NOW).test_client()
    empty = {"resourceType": "Bundle", "type": "searchset"}
    request = sign(
        naltrexone_order(),
        fhirServer=ehr.base,
        fhirAuthorization=authorization(),
        prefetch={"medicationRequests": empty, "medicationStatements": empty, "conditions": empty},
    )
    answer = client.post(SIGN, json=request)
    assert "not-checked" in topics(answer)
    card = next(c for c in answer.json["cards"] if c["source"]["topic"]["code"] == "not-checked")  # type: ignore[index]
    assert card["indicator"] == "info"
    assert "Allergies: the EHR could not be reached" in card["detail"]


def test_another_order_beside_it_hides_no_missing_list(client: FlaskClient) -> None:
    other = naltrexone_order(id="draft-2", medicationCodeableConcept={"text": "levothyroxine 50 mcg tablet"})
    request = sign(naltrexone_order())
    request["context"]["draftOrders"]["entry"].append({"resource": other})
    assert client.post(SIGN, json=request).status_code == 412


@pytest.mark.parametrize("filler", [" ", "one morning one half mcg by ", "naltrexone"])
def test_directions_of_a_megabyte_are_read_as_far_as_directions_go(client: FlaskClient, filler: str) -> None:
    """A pattern that looks back at all it has seen would hold the process for hours."""
    words = "4.5 mg at bedtime. " + filler * (1_000_000 // len(filler))
    answer = client.post(SIGN, json=sign(naltrexone_order(dosageInstruction=[{"text": words}])))
    assert answer.status_code == 412  # nothing was sent along; what matters is that it comes
    order = naltrexone_order(
        medicationCodeableConcept={"text": f"oxycodone {words}"}, id="m1", status="active"
    )
    supplied = {"medicationRequests": bundle(order), "medicationStatements": bundle(), "conditions": bundle()}
    answer = client.post(SIGN, json=sign(naltrexone_order(), prefetch=supplied))
    assert topics(answer) == ["opioid-coprescription", "not-checked"]


# --- feedback ------------------------------------------------------------------------

OVERRIDDEN = {
    "feedback": [
        {
            "card": "4e0a3a1e-3283-4575-ab82-028d55fe2719",
            "outcome": "overridden",
            "outcomeTimestamp": "2026-11-22T15:01:02Z",
            "overrideReason": {
                "reason": {"code": "action-completed", "system": "http://terminology.hl7.org/CodeSystem/x"},
                "userComment": "stopped last week, Jane Doe",
            },
        }
    ]
}


def test_feedback_is_kept_once_and_without_the_comment(tmp_path: Path) -> None:
    app = create_app(settings(tmp_path))
    client = app.test_client()
    shown = client.post(SIGN, json=load("oxycodone-active").request("order-sign", NOW)).json["cards"][0]  # type: ignore[index]
    said = {"feedback": [OVERRIDDEN["feedback"][0] | {"card": shown["uuid"]}]}
    for _ in range(2):
        answer = client.post(f"{SIGN}/feedback", json=said)
        assert (answer.status_code, answer.json) == (200, {})
    kept = (tmp_path / "test.sqlite3").read_bytes() + b"".join(p.read_bytes() for p in tmp_path.glob("*-wal"))
    assert kept.count(shown["uuid"].encode()) >= 1
    assert b"Jane Doe" not in kept
    with app.extensions["store"].reading() as connection:
        assert [row.card for row in connection.execute(select(feedback))] == [shown["uuid"]]


def test_accepted_feedback_needs_its_suggestion(client: FlaskClient) -> None:
    item = {"card": "x", "outcome": "accepted", "outcomeTimestamp": "2026-11-22T15:01:02Z"}
    answer = client.post(f"{SIGN}/feedback", json={"feedback": [item]})
    assert answer.status_code == 400
    assert answer.json["issue"][0]["expression"] == ["$.feedback[0].acceptedSuggestions"]  # type: ignore[index]
