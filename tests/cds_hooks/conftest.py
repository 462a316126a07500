"""A made-up service that greets the patient of a request, and bodies for it."""

from __future__ import annotations

import copy
import json
from collections.abc import Callable, Iterator
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

from cds_service.cds_hooks import (
    HOOKS,
    Card,
    CardsResponse,
    HookOptions,
    HookRequest,
    Service,
    Source,
    cds_hooks_blueprint,
    init_errors,
)

INSTANCE = "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"
DRAFT = {"resourceType": "MedicationRequest", "id": "m1", "status": "draft", "note": [{"text": "kept"}]}


class Greeter:
    """A handler that remembers what it was given."""

    def __init__(self) -> None:
        self.calls: list[tuple[HookRequest, Any]] = []
        self.answer: CardsResponse | Exception = CardsResponse(
            cards=[
                Card(summary="Good morning", indicator="info", source=Source(label="Reception"), uuid="c1")
            ]
        )

    def __call__(self, request: HookRequest, call: Any) -> CardsResponse:
        self.calls.append((request, call))
        if isinstance(self.answer, Exception):
            raise self.answer
        return self.answer

    @property
    def request(self) -> HookRequest:
        return self.calls[-1][0]


@pytest.fixture
def greeter() -> Greeter:
    return Greeter()


@pytest.fixture
def make_app(greeter: Greeter) -> Callable[..., flask.Flask]:
    """An application with one greeting service for each hook, its id the hook's name."""

    def make(**options: Any) -> flask.Flask:
        app = flask.Flask("greeting")
        init_errors(app)
        services = [
            Service(
                name,
                hook,
                "Greeter",
                "Greets the patient.",
                greeter,
                prefetch={"p": "Patient/{{context.patientId}}"},
            )
            for name, hook in HOOKS.items()
        ]
        app.register_blueprint(cds_hooks_blueprint(services, HookOptions(**options)))
        return app

    return make


@pytest.fixture
def client(make_app: Callable[..., flask.Flask]) -> Iterator[FlaskClient]:
    with make_app().test_client() as client:
        yield client


def _merge(target: dict[str, Any], changes: dict[str, Any]) -> None:
    for name, value in changes.items():
        if value is ...:
            target.pop(name, None)
        elif isinstance(value, dict) and "resourceType" not in value:
            if not isinstance(target.get(name), dict):
                target[name] = {}
            _merge(target[name], value)
        else:
            target[name] = value


@pytest.fixture
def body() -> Callable[..., dict[str, Any]]:
    """A correct order-sign request with changes merged in; ``...`` takes an element away."""

    def build(hook: str = "order-sign", /, **changes: Any) -> dict[str, Any]:
        field = HOOKS[hook].orders_field
        bundle = {"resourceType": "Bundle", "entry": [{"resource": copy.deepcopy(DRAFT)}]}
        context: dict[str, Any] = {"userId": "Practitioner/p", "patientId": "1", field: bundle}
        if HOOKS[hook].selects:
            context["selections"] = ["MedicationRequest/m1"]
        request: dict[str, Any] = {"hook": hook, "hookInstance": INSTANCE, "context": context}
        _merge(request, changes)
        return request

    return build


@pytest.fixture
def call(client: FlaskClient, greeter: Greeter) -> Callable[..., HookRequest]:
    """Post a body that must be answered 200; what the handler was given."""

    def post(sent: dict[str, Any] | bytes, hook: str = "order-sign") -> HookRequest:
        data = sent if isinstance(sent, bytes) else json.dumps(sent)
        response = client.post(f"/cds-services/{hook}", data=data, content_type="application/json")
        assert response.status_code == 200, response.text
        return greeter.request

    return post


@pytest.fixture
def refusal(client: FlaskClient, greeter: Greeter) -> Callable[..., tuple[str, str | None]]:
    """Post a body that must be answered 400; the error code and the JSON path."""

    def post(sent: dict[str, Any] | bytes, hook: str = "order-sign") -> tuple[str, str | None]:
        data = sent if isinstance(sent, bytes) else json.dumps(sent)
        response = client.post(f"/cds-services/{hook}", data=data, content_type="application/json")
        assert response.status_code == 400, response.text
        assert not greeter.calls
        issue = response.get_json()["issue"][0]
        return issue["details"]["coding"][0]["code"], issue.get("expression", [None])[0]

    return post
