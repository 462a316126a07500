"""HTTP around the protocol: rows T3 to T6, R1, C1, C17, C18, A12 to A14, and what errors look like."""

from __future__ import annotations

import gzip
import json
import logging
import re
import textwrap
import uuid

import flask
import pytest
from werkzeug.exceptions import NotFound, TooManyRequests

from cds_service import cds_hooks, errors
from cds_service.cds_hooks import ORDER_SIGN, CardsResponse, Service, cds_hooks_blueprint
from cds_service.cds_hooks.authentication import Caller, Client

URL = "/cds-services/order-sign"


def all_error_classes(root=errors.ServiceError):
    return [root] + [found for child in root.__subclasses__() for found in all_error_classes(child)]


def outcome(response):
    """The one issue of an answer that must be an OperationOutcome."""
    assert response.content_type == "application/json"
    document = response.get_json()
    assert document["resourceType"] == "OperationOutcome"
    (issue,) = document["issue"]
    assert issue["severity"] == "error"
    return issue


def test_C1_T6_answer(client, body):
    response = client.post(URL, json=body())
    assert response.status_code == 200
    assert response.content_type == "application/json"
    assert response.headers["Cache-Control"] == "no-store"
    assert [card["summary"] for card in response.get_json()["cards"]] == ["Good morning"]


def test_C17_no_guidance(client, body, greeter):
    greeter.answer = CardsResponse(cards=[])
    assert client.post(URL, json=body()).data == b'{"cards":[]}'


def test_the_example_of_the_package_works(body):
    example = textwrap.dedent(cds_hooks.__doc__.partition("::")[2])
    scope = {"__name__": "example"}
    exec(example, scope)
    response = scope["app"].test_client().post("/cds-services/greet", json=body())
    assert response.get_json()["cards"][0]["summary"] == "Good morning"


@pytest.mark.parametrize(
    "content_type",
    [
        "application/json",
        "application/json;charset=UTF-8",
        "application/json; charset=latin1",
        "APPLICATION/JSON",
        "application/fhir+json",
        None,
    ],
)
def test_T6_accepted_types(client, body, content_type):
    assert client.post(URL, data=json.dumps(body()), content_type=content_type).status_code == 200


@pytest.mark.parametrize(
    "content_type", ["text/plain", "application/xml", "application/x-www-form-urlencoded"]
)
def test_T6_refused_types(client, body, content_type):
    response = client.post(URL, data=json.dumps(body()), content_type=content_type)
    assert response.status_code == 415
    assert outcome(response)["details"]["coding"][0]["code"] == "CDS-4150"


def test_T6_compressed_body_is_refused(client, body):
    data = gzip.compress(json.dumps(body()).encode())
    headers = {"Content-Encoding": "gzip"}
    assert client.post(URL, data=data, content_type="application/json", headers=headers).status_code == 415


@pytest.mark.parametrize("path", [URL, URL + "/", "/cds-services//order-sign", "/cds-services//order-sign/"])
def test_R1_addresses_of_a_service(client, body, path):
    assert client.post(path, json=body()).status_code == 200


@pytest.mark.parametrize(
    ("sent", "told"),
    [
        (b" \n", "The body is empty"),
        (b'{"hook": "Jane"', "The body is not valid JSON: it ends too early"),
        (b'{"hook": "Jane",, }', "The body is not valid JSON: object keys must be strings (byte 16)"),
        (b'{"context": {"patientId": Jane}}', "The body is not valid JSON: invalid character (byte 26)"),
    ],
)
def test_C18_where_the_json_breaks(client, sent, told):
    issue = client.post(URL, data=sent, content_type="application/json").json["issue"][0]
    assert (issue["diagnostics"], issue["expression"]) == (told, ["$"])


@pytest.mark.parametrize("method", ["GET", "PUT", "PATCH", "DELETE"])
@pytest.mark.parametrize("path", [URL, URL + "/feedback"])
def test_R1_other_methods(client, method, path):
    response = client.open(path, method=method)
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == {"POST", "OPTIONS"}
    assert outcome(response)["code"] == "not-supported"


@pytest.mark.parametrize("path", ["/cds-services/nobody", "/cds-services/nobody/feedback"])
def test_R1_unknown_service(client, body, path):
    response = client.post(path, json=body())
    assert response.status_code == 404
    assert outcome(response)["details"]["coding"][0]["code"] == "CDS-4040"


def test_C18_unknown_page(client):
    response = client.get("/elsewhere")
    assert (response.status_code, outcome(response)["code"]) == (404, "not-found")


@pytest.mark.parametrize("kind", all_error_classes(), ids=lambda kind: kind.__name__)
def test_C18_every_error_of_the_tree(client, body, greeter, kind):
    greeter.answer = kind("What is wrong", path="$.context")
    response = client.post(URL, json=body())
    issue = outcome(response)
    assert (response.status_code, issue["code"]) == (kind.status, kind.issue)
    if kind.status in (401, 403):
        assert issue.keys() == {"severity", "code"}
    else:
        assert issue["details"]["coding"][0]["code"] == kind.code
        assert issue["diagnostics"] == "What is wrong"
        assert issue["expression"] == ["$.context"]


def test_C18_codes_are_unique():
    codes = [kind.code for kind in all_error_classes()]
    assert len(codes) == len(set(codes))


def test_C18_unexpected_failure_tells_nothing(client, body, greeter, caplog):
    greeter.answer = KeyError("Jane Doe")
    with caplog.at_level(logging.ERROR):
        response = client.post(URL, json=body())
    issue = outcome(response)
    assert response.status_code == 500
    assert issue == {"severity": "error", "code": "exception", "details": issue["details"]}
    assert "KeyError" in caplog.text
    assert re.search(
        r"KeyError at cds_hooks/conftest.py:\d+, cds_service/cds_hooks/blueprint.py:", caplog.text
    )
    assert "Jane" not in caplog.text


def test_C18_fhir_type_if_asked_for(client):
    response = client.get("/elsewhere", headers={"Accept": "application/fhir+json"})
    assert response.content_type == "application/fhir+json"


def test_C18_flask_errors_keep_their_headers(make_app):
    app = make_app()

    @app.get("/busy")
    def busy():
        raise TooManyRequests(retry_after=7)

    @app.get("/ready-made")
    def ready_made():
        flask.abort(flask.Response("own words", status=418))

    @app.get("/absent")
    def absent():
        raise NotFound(response=flask.Response("own words", status=404))

    @app.get("/pages/")
    def pages():
        return "pages"

    client = app.test_client()
    response = client.get("/busy")
    assert (response.status_code, response.headers["Retry-After"]) == (429, "7")
    assert outcome(response)["code"] == "invalid"
    assert client.get("/ready-made").text == "own words"
    assert client.get("/absent").text == "own words"
    assert client.get("/pages").status_code == 308


def refuse(request):
    raise errors.Unauthenticated("expired on Tuesday")


@pytest.mark.parametrize("path", [URL, URL + "/feedback", "/cds-services/nobody"])
def test_A12_unauthenticated_says_nothing(make_app, body, greeter, path):
    response = make_app(authenticate=refuse).test_client().post(path, json=body())
    assert response.status_code == 401
    assert outcome(response) == {"severity": "error", "code": "login"}
    assert response.headers["WWW-Authenticate"] == "Bearer"
    assert not greeter.calls


def test_client_is_told_to_the_handler(make_app, body, greeter):
    clinic = Client(id="clinic", iss="https://clinic.example", jwks_url="https://clinic.example/jwks")
    app = make_app(authenticate=lambda request: Caller(clinic, request.headers["X-Test-Tenant"]))
    app.test_client().post(URL, json=body(), headers={"X-Test-Tenant": "north"})
    call = greeter.calls[0][1]
    assert (call.client, call.tenant, call.caller.client) == ("clinic", "north", clinic)


def test_nobody_in_particular_is_told_so(call, body, greeter):
    call(body())
    context = greeter.calls[0][1]
    assert (context.client, context.tenant, context.caller) == (None, None, None)


@pytest.mark.parametrize(
    ("options", "base_url"),
    [
        ({}, None),
        ({"public_url": "https://cds.example/ldn/"}, "https://cds.example/ldn"),
        ({"use_request_host": True}, "http://localhost"),
        ({"public_url": "https://cds.example", "use_request_host": True}, "https://cds.example"),
    ],
)
def test_base_url_of_links(make_app, body, greeter, options, base_url):
    make_app(**options).test_client().post(URL, json=body())
    assert greeter.calls[0][1].base_url == base_url


PREFLIGHT = {"Origin": "https://ehr.example", "Access-Control-Request-Method": "POST"}


@pytest.mark.parametrize("path", ["/cds-services", URL, URL + "/feedback", "/cds-services//order-sign"])
def test_A14_preflight_before_authentication(make_app, path):
    app = make_app(authenticate=refuse, protect_discovery=True, allow_origin=lambda origin: True)
    response = app.test_client().options(path, headers=PREFLIGHT)
    assert response.status_code == 204
    assert response.headers["Access-Control-Allow-Origin"] == "https://ehr.example"
    assert response.headers["Access-Control-Allow-Methods"] == "GET, POST, OPTIONS"
    allowed = response.headers["Access-Control-Allow-Headers"].lower()
    assert "authorization" in allowed
    assert "content-type" in allowed
    assert "Access-Control-Allow-Credentials" not in response.headers


def test_A14_origins_are_the_applications_choice(make_app, body):
    client = make_app(allow_origin=lambda origin: origin == "https://ehr.example").test_client()
    for origin, expected in (("https://ehr.example", "https://ehr.example"), ("https://evil.example", None)):
        response = client.post(URL, json=body(), headers={"Origin": origin})
        assert response.headers.get("Access-Control-Allow-Origin") == expected
        assert "Origin" in response.headers["Vary"]


def test_A14_only_here_and_only_for_browsers(make_app, body):
    client = make_app(allow_origin=lambda origin: True).test_client()
    assert "Access-Control-Allow-Origin" not in client.post(URL, json=body()).headers
    assert "Access-Control-Allow-Origin" not in client.get("/elsewhere", headers=PREFLIGHT).headers
    assert "Access-Control-Allow-Methods" not in client.post(URL, json=body(), headers=PREFLIGHT).headers


def test_A14_no_origin_by_default(client):
    assert "Access-Control-Allow-Origin" not in client.options(URL, headers=PREFLIGHT).headers


def test_A14_browser_can_read_errors(make_app):
    app = make_app(authenticate=refuse, allow_origin=lambda origin: True)
    response = app.test_client().post(URL, json={}, headers=PREFLIGHT)
    assert response.status_code == 401
    assert response.headers["Access-Control-Allow-Origin"] == "https://ehr.example"


def test_A14_two_sets_of_routes_have_each_its_own_origins(make_app, greeter, body):
    app = make_app(allow_origin=lambda origin: True)
    other = Service("order-sign", ORDER_SIGN, "Greeter", "Greets.", greeter)
    app.register_blueprint(cds_hooks_blueprint([other]), name="trial", url_prefix="/try")
    for prefix, origin in (("", "https://ehr.example"), ("/try", None)):
        response = app.test_client().post(prefix + URL, json=body(), headers=PREFLIGHT)
        assert response.status_code == 200
        assert response.headers.get("Access-Control-Allow-Origin") == origin
        assert response.headers.get_all("Vary") == ["Origin"]


def test_request_id_is_echoed_if_harmless(client, body, greeter):
    response = client.post(URL, json=body(), headers={"X-Request-Id": "abc-1"})
    assert response.headers["X-Request-Id"] == "abc-1"
    assert greeter.calls[0][1].request_id == "abc-1"


@pytest.mark.parametrize("sent", ["", "a b", "x" * 65, "a;b", "ä"])
def test_request_id_is_replaced_if_not(client, sent):
    received = client.get("/elsewhere", headers={"X-Request-Id": sent}).headers["X-Request-Id"]
    assert str(uuid.UUID(received)) == received


def test_observer_sees_the_answer(make_app, body):
    seen = []
    client = make_app(on_response=lambda *given: seen.append(given)).test_client()
    response = client.post(URL, json=body())
    ((service, request, answer),) = seen
    assert (service.id, request.patient_id, answer) == ("order-sign", "1", response.data)


def test_observer_never_fails_the_answer(make_app, body, caplog):
    def broken(service, request, answer):
        raise ValueError("Jane Doe")

    response = make_app(on_response=broken).test_client().post(URL, json=body())
    assert response.status_code == 200
    assert "ValueError" in caplog.text
    assert "Jane" not in caplog.text


def test_body_shorter_than_announced(client, body):
    data = json.dumps(body())
    longer = {"CONTENT_LENGTH": str(len(data) + 1)}
    response = client.post(URL, data=data, content_type="application/json", environ_overrides=longer)
    assert response.status_code == 400
