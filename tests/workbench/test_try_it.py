"""The page on which orders are tried, as its form and its script ask for it."""

from __future__ import annotations

import html
import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from sqlalchemy import create_engine, text

from cds_service import create_app
from cds_service.conversion import convert
from cds_service.scenarios import all_names, load
from cds_service.settings import Settings

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
Json = dict[str, Any]


def client_of(tmp_path: Path, **values: Any) -> FlaskClient:
    database = f"sqlite:///{tmp_path}/test.sqlite3"
    defaults = {"cds_environment": "development", "database_url": database}
    return create_app(Settings(**{**defaults, **values}), now=lambda: NOW).test_client()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return client_of(tmp_path_factory.mktemp("try"))


def patient(client: FlaskClient, **form: str) -> Json:
    answer = client.post("/try/patient", data=form)
    assert answer.status_code == 200, answer.text
    return dict(answer.get_json())


def step(client: FlaskClient, chosen: Json, **values: Any) -> Json:
    body = {key: chosen[key] for key in ("patientId", "version", "basket", "editing", "fields")} | values
    answer = client.post("/try/order", json=body)
    assert answer.status_code == 200, answer.text
    return {**chosen, **answer.get_json()}


def ask(client: FlaskClient, chosen: Json, hook: str, **headers: str) -> list[Json]:
    request = {**step(client, chosen, hook=hook)["request"], "prefetch": chosen["prefetch"]}
    answer = client.post(f"/cds-services/ldn-{hook}", json=request, headers=headers)
    assert answer.status_code == 200, answer.text
    return list(answer.get_json()["cards"])


def due(name: str) -> list[tuple[str, str]]:
    return sorted((each.topic, each.indicator) for each in load(name).expected)


@pytest.mark.parametrize("name", all_names())
def test_a_scenario_gives_its_cards_on_the_page(client: FlaskClient, name: str) -> None:
    chosen = patient(client, scenario=name)
    cards = ask(client, chosen, chosen["hook"])
    assert sorted((card["source"]["topic"]["code"], card["indicator"]) for card in cards) == due(name)


@pytest.mark.parametrize("version", ["DSTU2", "STU3", "R5"])
def test_a_scenario_in_another_version(client: FlaskClient, version: str) -> None:
    chosen = patient(client, scenario="oxycodone-active", version=version, keepVersion="1")
    assert chosen["version"] == version
    (card,) = ask(client, chosen, "order-select")
    assert card["source"]["topic"]["code"] == "opioid-coprescription"


def test_a_patient_that_a_version_cannot_express(client: FlaskClient) -> None:
    chosen = {"scenario": "order-not-to-give-naltrexone", "version": "STU3", "keepVersion": "1"}
    answer = client.post("/try/patient", data=chosen)
    assert answer.status_code == 400
    words = answer.get_json()["issue"][0]["diagnostics"]
    assert words == "This patient cannot be written in STU3: no doNotPerform"


def test_free_text_is_judged(client: FlaskClient) -> None:
    chosen = patient(client, scenario="oxycodone-active")
    fields = {**chosen["fields"], "drug": "LDN", "dose": "", "sig": "4.5 mg po qhs"}
    (card,) = ask(client, {**chosen, "fields": fields}, "order-sign")
    assert card["source"]["topic"]["code"] == "opioid-coprescription"


def test_a_suggestion_is_taken(client: FlaskClient) -> None:
    chosen = patient(client, scenario="fibromyalgia-nothing-else")
    (card,) = ask(client, chosen, "order-select")
    taken = step(client, chosen, actions=card["suggestions"][0]["actions"])
    assert taken["changed"] == ["drug", "dose", "frequency", "sig", "quantity"]
    assert taken["fields"]["sig"].startswith("1.5 mg (1 capsule) by mouth at bedtime for 14 days, then 3 mg")
    assert taken["fields"]["quantity"] == "132 capsules"
    assert ask(client, taken, "order-sign") == []


def test_a_removed_order_leaves_the_basket(client: FlaskClient) -> None:
    chosen = patient(client, scenario="oxycodone-active")
    (card,) = ask(client, chosen, "order-sign")
    taken = step(client, chosen, actions=card["suggestions"][0]["actions"])
    assert taken["basket"] == []
    assert set(taken["fields"].values()) == {""}
    added = step(client, taken, action="add")
    assert [order["id"] for order in added["basket"]] == ["draft-1"]


def test_a_test_is_added_beside_the_order(client: FlaskClient) -> None:
    chosen = patient(client, scenario="opioid-use-disorder-active")
    (card,) = ask(client, chosen, "order-sign")
    screen = next(s for s in card["suggestions"] if s["actions"][0]["type"] == "create")
    taken = step(client, chosen, actions=screen["actions"])
    assert [order["resourceType"] for order in taken["basket"]] == ["MedicationRequest", "ServiceRequest"]
    assert taken["editing"] == 0
    assert taken["changed"] == []


def test_several_orders(client: FlaskClient) -> None:
    chosen = step(client, patient(client, scenario="fibromyalgia-nothing-else"), action="add")
    assert (len(chosen["basket"]), chosen["editing"]) == (2, 1)
    fields = {**chosen["fields"], "drug": "oxycodone 5 mg tablet", "sig": "1 tablet every 6 hours as needed"}
    (card,) = ask(client, {**chosen, "fields": fields}, "order-sign")
    assert card["source"]["topic"]["code"] == "opioid-coprescription"
    back = step(client, {**chosen, "fields": fields}, action="edit:0")
    assert back["fields"]["drug"] == "naltrexone 4.5 mg compounded capsule"
    assert back["basket"][1]["medicationCodeableConcept"] == {"text": "oxycodone 5 mg tablet"}
    assert len(step(client, back, action="drop:1")["basket"]) == 1


def test_the_dialect_of_epic(client: FlaskClient) -> None:
    chosen = patient(client, scenario="fibromyalgia-nothing-else")
    (card,) = ask(client, chosen, "order-select", **{"X-Client-Dialect": "epic"})
    assert "suggestions" not in card
    assert "**To enter by hand**" in card["detail"]


# --- a record of one's own -------------------------------------------------------------------------


def test_a_pasted_bundle(client: FlaskClient) -> None:
    bundle = json.dumps(load("oxycodone-active").transaction(NOW))
    chosen = patient(client, bundle=bundle)
    assert "oxycodone" in chosen["patient"]
    fields = {**chosen["fields"], "drug": "naltrexone 4.5 mg capsule"}
    (card,) = ask(client, {**chosen, "fields": fields}, "order-sign")
    assert card["indicator"] == "critical"


@pytest.mark.parametrize("version", ["STU3", "DSTU2", "R5"])
def test_the_version_of_a_pasted_bundle_is_told_by_its_shapes(client: FlaskClient, version: str) -> None:
    bundle = convert(load("fibromyalgia-nothing-else"), version).transaction(NOW)
    bundle["entry"] += convert(load("oxycodone-active"), version).transaction(NOW)["entry"][1:]
    assert patient(client, bundle=json.dumps(bundle))["version"] == version


@pytest.mark.parametrize(
    ("pasted", "words"),
    [
        (
            "{\n  oops",
            "This is not JSON: Expecting property name enclosed in double quotes at line 2, column 3",
        ),
        ("[" * 100_000, "This is not JSON that can be read: nested too deeply"),
        ("[]", "Expected a Bundle with one patient's record; this is no FHIR resource"),
        ('{"resourceType": "Patient"}', "Expected a Bundle with one patient's record; this is a Patient"),
        ('{"resourceType": "Bundle"}', "The Bundle holds no Patient; paste the record of one patient"),
        ('{"resourceType": "Bundle", "entry": 3}', "The Bundle's entry is no list"),
        (
            '{"resourceType": "Bundle", "entry": [{"resource": {"resourceType": "Patient"}}]}',
            "The Patient of the Bundle has no id",
        ),
    ],
)
def test_what_is_wrong_with_a_bundle_is_said(client: FlaskClient, pasted: str, words: str) -> None:
    answer = client.post("/try/patient", data={"bundle": pasted})
    assert answer.status_code == 400
    assert answer.get_json()["issue"][0]["diagnostics"] == words
    page = client.post("/", data={"bundle": pasted, "action": "choose"})
    assert page.status_code == 200
    assert words in html.unescape(page.text)


def test_a_record_of_odd_shapes_is_shown(client: FlaskClient) -> None:
    odd = [
        {"resourceType": "Patient", "id": "p1", "name": "Jane", "gender": 3},
        {"resourceType": "MedicationRequest", "medicationReference": 7, "status": [], "effectivePeriod": 1},
        {"resourceType": "MedicationStatement", "medication": "x", "id": "s1"},
        {"resourceType": "Condition", "code": [], "id": "c1"},
        {"resourceType": "AllergyIntolerance", "code": {"coding": 5}, "id": "a1"},
        7,
    ]
    bundle = {"resourceType": "Bundle", "entry": [*({"resource": each} for each in odd), None, 3]}
    chosen = patient(client, bundle=json.dumps(bundle))
    assert "Patient without a name" in chosen["patient"]


def test_a_broken_step_is_refused(client: FlaskClient) -> None:
    for body in (
        b"{",
        b"[]",
        b'{"patientId": 1}',
        b'{"patientId": "p", "hook": "patient-view"}',
        b"[" * 100_000,
    ):
        answer = client.post("/try/order", data=body, content_type="application/json")
        assert answer.status_code == 400
        assert answer.get_json()["resourceType"] == "OperationOutcome"


def test_a_body_too_large_is_refused(tmp_path: Path) -> None:
    client = client_of(tmp_path, max_body_bytes=1000)
    for path in ("/try/patient", "/try/order", "/try/cards", "/"):
        assert client.post(path, data={"bundle": "x" * 2000}).status_code == 413


# --- without scripts -------------------------------------------------------------------------------


def form_of(page: str) -> dict[str, str]:
    """The fields of the form as a browser without scripts would send them."""
    named = re.findall(r'<input(?: type="hidden")?(?: id="\w+")? name="(\w+)" value="([^"]*)"', page)
    areas = re.findall(r'<textarea id="(\w+)"[^>]*>([^<]*)</textarea>', page)
    chosen = re.findall(r'<select id="(\w+)".*?</select>', page, re.S)
    selects = {}
    for name in chosen:
        block = re.search(rf'<select id="{name}".*?</select>', page, re.S)
        assert block
        found = re.search(r'<option(?: value="([^"]*)")? selected>([^<]*)', block.group())
        selects[name] = (found.group(1) or found.group(2)) if found else ""
    return {key: html.unescape(value) for key, value in {**dict(named), **dict(areas), **selects}.items()}


def test_cards_come_without_scripts(client: FlaskClient) -> None:
    form = form_of(client.get("/?scenario=oxycodone-active").text)
    page = client.post("/", data={**form, "action": "sign"}).text
    assert 'data-indicator="critical"' in page
    assert "<strong>Found</strong>" in page
    assert "POST /cds-services/ldn-order-sign" in page


def test_a_suggestion_is_taken_without_scripts(client: FlaskClient) -> None:
    form = form_of(client.get("/?scenario=fibromyalgia-nothing-else").text)
    page = client.post("/", data={**form, "action": "ask"}).text
    found = re.search(r'<button name="take" value="([^"]*)"', page)
    assert found
    form = {**form_of(page), "take": html.unescape(found.group(1))}
    after = client.post("/", data=form).text
    assert form_of(after)["quantity"] == "132 capsules"
    assert 'class="changed"' in after
    assert "Nothing to say" in after


def test_a_refusal_is_said_without_scripts(client: FlaskClient) -> None:
    form = form_of(client.get("/").text)
    page = client.post("/", data={**form, "hook": "patient-view", "action": "ask"}).text
    assert "There is no such hook" in page


def test_what_is_typed_stays_text(client: FlaskClient) -> None:
    form = form_of(client.get("/").text)
    page = client.post(
        "/", data={**form, "drug": '"><script>x</script>', "sig": "</textarea><b>", "action": "ask"}
    ).text
    assert "<script>x" not in page and "<b>" not in page


# --- where it is served ----------------------------------------------------------------------------

PATHS = ("/try/patient", "/try/order", "/try/cards")


def test_production_has_no_such_page(tmp_path: Path) -> None:
    client = client_of(tmp_path, cds_environment="production")
    assert client.get("/").headers["Location"] == "/explain"
    assert client.post("/").status_code == 405
    assert {client.post(path).status_code for path in PATHS} == {404}
    assert client.post("/try/cds-services/ldn-order-sign").status_code == 404
    assert "Try it" not in client.get("/explain").text


def test_enabled_in_production_it_decides_and_keeps_nothing(tmp_path: Path) -> None:
    client = client_of(tmp_path, cds_environment="production", workbench=True, allow_unreviewed=True)
    chosen = patient(client, scenario="oxycodone-active")
    request = {**step(client, chosen, hook="order-sign")["request"], "prefetch": chosen["prefetch"]}
    assert client.post("/cds-services/ldn-order-sign", json=request).status_code == 401
    before = _rows(tmp_path)
    answer = client.post("/try/cds-services/ldn-order-sign", json=request)
    (card,) = answer.get_json()["cards"]
    assert card["source"]["topic"]["code"] == "opioid-coprescription"
    given = {"card": card["uuid"], "outcome": "overridden", "outcomeTimestamp": "2026-11-22T15:00:00Z",
             "overrideReason": {"userComment": "tried"}}  # fmt: skip
    assert client.post("/try/cds-services/ldn-order-sign/feedback", json={"feedback": [given]}).json == {}
    assert list((tmp_path / "audit").glob("*.jsonl")) == []
    assert _rows(tmp_path) == before


def _rows(tmp_path: Path) -> int:
    """Rows of all tables, whichever there are."""
    engine = create_engine(f"sqlite:///{tmp_path}/test.sqlite3")
    with engine.connect() as connection:
        tables = [
            row[0] for row in connection.execute(text("select name from sqlite_master where type = 'table'"))
        ]
        counts = [
            connection.execute(text(f'select count(*) from "{table}"')).scalar_one()
            for table in tables
            if table != "alembic_version"
        ]
    return sum(counts)


def test_unsigned_figures_are_not_shown_in_production(tmp_path: Path) -> None:
    client = client_of(tmp_path, cds_environment="production", workbench=True)
    form = form_of(client.get("/?scenario=oxycodone-active").text)
    page = client.post("/", data={**form, "action": "sign"}).text
    assert "The clinical content of this service is not signed by a reviewer" in page


def test_no_server_is_asked_for_the_page(tmp_path: Path) -> None:
    client = client_of(tmp_path, cds_environment="production", workbench=True, allow_unreviewed=True)
    request = load("oxycodone-active").request(
        "order-sign", NOW, fhir_server="http://127.0.0.1:9/fhir", prefetch=False
    )
    answer = client.post("/try/cds-services/ldn-order-sign", json=request)
    assert answer.status_code == 412
