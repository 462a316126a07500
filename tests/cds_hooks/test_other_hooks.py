"""The layer for another service: hooks without orders, with a context of their own, behind tokens.

The contexts are those of https://cds-hooks.org/hooks/.
"""

from __future__ import annotations

import logging
import textwrap
import time
from pathlib import Path
from typing import Any

import flask
import msgspec
import pytest
from flask.testing import FlaskClient

from cds_service.cds_hooks import (
    Action,
    CallContext,
    Card,
    CardsResponse,
    FeedbackItem,
    Hook,
    HookOptions,
    HookRequest,
    Notice,
    Service,
    Source,
    authentication,
    cds_hooks_blueprint,
    init_errors,
    parse_request,
)
from cds_service.cds_hooks.authentication import (
    Authenticator,
    Client,
    Clients,
    KeyRing,
    MemoryTokenIds,
)
from cds_service.cds_hooks.validation import validate_discovery, validate_response
from cds_service.errors import MissingField
from tests.cds_hooks.authentication.signing import ISS, NOW, claims, ec_key, header, key_set, sign
from tests.cds_hooks.conftest import INSTANCE

PATIENT_VIEW = Hook("patient-view", "1.0")
ENCOUNTER_START = Hook("encounter-start", "1.0", required=("encounterId",))
ORDER_DISPATCH = Hook(
    "order-dispatch",
    "1.1",
    required=("dispatchedOrders", "performer"),
    prefetch_tokens=frozenset({"patientId", "dispatchedOrders", "performer"}),
)
APPOINTMENT_BOOK = Hook("appointment-book", "1.0", "appointments")

VIEWED = {"userId": "Practitioner/1", "patientId": "p1", "encounterId": "e1"}
DISPATCHED = {
    "patientId": "p1",
    "dispatchedOrders": ["ServiceRequest/proc002"],
    "performer": "Organization/some-performer",
    "fulfillmentTasks": [{"resourceType": "Task", "status": "draft"}],
}
APPOINTMENT = {"resourceType": "Appointment", "id": "apt1", "status": "proposed"}
BOOKED = VIEWED | {"appointments": {"resourceType": "Bundle", "entry": [{"resource": APPOINTMENT}]}}
URL = "https://clinic.example.org"


def body(hook: Hook, context: dict[str, Any]) -> dict[str, Any]:
    return {"hook": hook.name, "hookInstance": INSTANCE, "context": context}


def parsed(hook: Hook, context: dict[str, Any]) -> HookRequest:
    return parse_request(msgspec.json.encode(body(hook, context)), hook)


def test_a_hook_without_orders() -> None:
    request = parsed(PATIENT_VIEW, VIEWED)
    assert (request.patient_id, request.user_id, request.encounter_id) == ("p1", "Practitioner/1", "e1")
    assert (request.orders, request.unreadable, request.selections, request.notices) == ((), (), (), ())


def test_the_context_of_a_hook_is_kept_as_it_was_sent() -> None:
    request = parsed(ORDER_DISPATCH, DISPATCHED)
    assert {name: msgspec.json.decode(value) for name, value in request.context.items()} == DISPATCHED
    assert request.notices == ()  # this hook has no user


@pytest.mark.parametrize("value", [..., None, "", [], {}], ids=str)
def test_a_required_field_of_the_context(value: Any) -> None:
    context = {name: given for name, given in (DISPATCHED | {"performer": value}).items() if given is not ...}
    with pytest.raises(MissingField) as refused:
        parsed(ORDER_DISPATCH, context)
    assert (refused.value.path, refused.value.diagnostics) == ("$.context.performer", "performer is required")


def test_an_encounter_may_be_required() -> None:
    assert parsed(ENCOUNTER_START, VIEWED).encounter_id == "e1"
    with pytest.raises(MissingField) as refused:
        parsed(ENCOUNTER_START, VIEWED | {"encounterId": None})
    assert refused.value.path == "$.context.encounterId"


def test_a_hook_with_a_bundle_of_another_name() -> None:
    (order,) = parsed(APPOINTMENT_BOOK, BOOKED).orders
    assert (order.reference, order.path) == ("Appointment/apt1", "$.context.appointments.entry[0].resource")
    with pytest.raises(MissingField) as refused:
        parsed(APPOINTMENT_BOOK, VIEWED)
    assert refused.value.path == "$.context.appointments"


def test_a_user_that_the_hook_asks_for_is_still_missed() -> None:
    assert parsed(PATIENT_VIEW, {"patientId": "p1"}).notices == (Notice.NO_USER,)


def test_an_update_needs_no_draft_where_the_hook_has_none() -> None:
    flag = {"resourceType": "Flag", "id": "f1", "status": "active"}
    answer = {
        "cards": [],
        "systemActions": [
            {"type": "update", "description": "Take note", "resource": flag},
            {"type": "delete", "description": "Forget", "resourceId": "Flag/f2"},
        ],
    }
    assert validate_response(answer, parsed(PATIENT_VIEW, VIEWED)) == []
    assert validate_response(answer, parsed(APPOINTMENT_BOOK, BOOKED))


def test_tokens_of_the_hook_alone_in_its_templates() -> None:
    with pytest.raises(ValueError, match=r"\{\{context.encounterId\}\} is not one of order-dispatch"):
        Service("x", ORDER_DISPATCH, "X", "X.", answer, prefetch={"e": "Encounter/{{context.encounterId}}"})


def test_the_example_of_a_service_behind_tokens_works(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "clients.toml").write_text(f'[clients.a]\niss = "{ISS}"\njwks_file = "keys.json"\n')
    (tmp_path / "keys.json").write_bytes(msgspec.json.encode(key_set(ec_key())))
    monkeypatch.chdir(tmp_path)
    scope: dict[str, Any] = {}
    exec(textwrap.dedent(str(authentication.__doc__).partition("::\n")[2]), scope)
    app = flask.Flask("example")
    init_errors(app)
    service = Service("view", PATIENT_VIEW, "View", "A patient.", answer)
    app.register_blueprint(cds_hooks_blueprint([service], scope["options"]))
    now = int(time.time())
    headers = bearer("/cds-services/view", iat=now, exp=now + 300)
    answers = [
        app.test_client().post("/cds-services/view", json=body(PATIENT_VIEW, VIEWED), headers=headers)
        for _ in range(2)
    ]
    assert [response.status_code for response in answers] == [200, 401]


# --- a whole service of such hooks, behind tokens ------------------------------


def answer(request: HookRequest, call: CallContext) -> CardsResponse:
    """One card that says what was asked, and a record of it."""
    performer = request.field("performer", str) if "performer" in request.context else "nobody"
    card = Card(
        summary=f"{request.hook.name} for {performer} by {call.client}",
        indicator="info",
        source=Source(label="Clinic"),
        uuid="c1",
    )
    record = Action(type="create", description="Keep a record", resource={"resourceType": "AuditEvent"})
    return CardsResponse(cards=[card], system_actions=[record])


@pytest.fixture
def kept() -> list[FeedbackItem]:
    return []


@pytest.fixture
def clinic(kept: list[FeedbackItem]) -> FlaskClient:
    clients = Clients([Client(id="a", iss=ISS, jwks=key_set(ec_key()))])
    authenticator = Authenticator(
        lambda: clients, KeyRing(lambda client, url: b""), MemoryTokenIds(), now=NOW.timestamp
    )

    def keep(service: Service, items: Any, call: CallContext) -> tuple[()]:
        kept.extend(items)
        return ()

    options = HookOptions(
        authenticate=lambda request: authenticator.caller(
            request.headers.get("Authorization"), URL + request.path
        ),
        feedback_sink=keep,
    )
    services = [
        Service("view", PATIENT_VIEW, "View", "A patient.", answer, prefetch={"u": "{{context.userId}}"}),
        Service("send", ORDER_DISPATCH, "Send", "An order.", answer, prefetch={"p": "{{context.performer}}"}),
    ]
    app = flask.Flask("clinic")
    init_errors(app)
    app.register_blueprint(cds_hooks_blueprint(services, options))
    return app.test_client()


def bearer(path: str, **changes: Any) -> dict[str, str]:
    return {"Authorization": f"Bearer {sign(claims(aud=URL + path, **changes), header())}"}


def test_the_discovery_of_other_hooks_is_valid(clinic: FlaskClient) -> None:
    document = clinic.get("/cds-services").get_json()
    assert [service["hook"] for service in document["services"]] == ["patient-view", "order-dispatch"]
    assert validate_discovery(document) == []


@pytest.mark.parametrize(
    ("path", "hook", "context", "performer"),
    [
        ("/cds-services/view", PATIENT_VIEW, VIEWED, "nobody"),
        ("/cds-services/send", ORDER_DISPATCH, DISPATCHED, "Organization/some-performer"),
    ],
)
def test_calls_of_other_hooks_are_answered(
    clinic: FlaskClient, path: str, hook: Hook, context: dict[str, Any], performer: str
) -> None:
    response = clinic.post(path, json=body(hook, context), headers=bearer(path))
    assert response.get_json()["cards"][0]["summary"] == f"{hook.name} for {performer} by a"
    assert validate_response(response.get_json(), parsed(hook, context)) == []


def test_a_field_of_another_type_is_the_callers_fault(clinic: FlaskClient) -> None:
    path = "/cds-services/send"
    sent = body(ORDER_DISPATCH, DISPATCHED | {"performer": 5})
    response = clinic.post(path, json=sent, headers=bearer(path))
    assert response.status_code == 400
    assert response.get_json()["issue"][0]["expression"] == ["$.context.performer"]


def test_a_field_as_its_type() -> None:
    request = parsed(ORDER_DISPATCH, DISPATCHED | {"note": None})
    assert request.field("dispatchedOrders", list[str]) == ["ServiceRequest/proc002"]
    for name in ("note", "absent"):
        with pytest.raises(MissingField) as refused:
            request.field(name, str)
        assert refused.value.path == f"$.context.{name}"


def test_a_refused_token_is_a_401_whose_reason_is_in_the_log(
    clinic: FlaskClient, caplog: pytest.LogCaptureFixture
) -> None:
    headers = bearer("/cds-services/send")
    with caplog.at_level(logging.WARNING):
        response = clinic.post("/cds-services/view", json=body(PATIENT_VIEW, VIEWED), headers=headers)
    assert response.status_code == 401
    assert response.get_json()["issue"] == [{"severity": "error", "code": "login"}]
    assert "call refused: aud-is-not-this-url (client a)" in caplog.text
    assert headers["Authorization"] not in caplog.text


def test_feedback_for_other_hooks_is_kept(clinic: FlaskClient, kept: list[FeedbackItem]) -> None:
    path = "/cds-services/view/feedback"
    item = {
        "card": "c1",
        "outcome": "overridden",
        "overrideReason": {"reason": {"code": "known", "system": "https://clinic.example.org"}},
        "outcomeTimestamp": NOW.isoformat(),
    }
    assert clinic.post(path, json={"feedback": [item]}, headers=bearer(path)).get_json() == {}
    assert [(taken.card, taken.override_reason and taken.override_reason.code) for taken in kept] == [
        ("c1", "known")
    ]
