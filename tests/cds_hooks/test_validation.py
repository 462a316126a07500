"""The validators: for each rule a message that breaks it, and correct messages that break none."""

from __future__ import annotations

import copy
import json

import pytest

from cds_service.cds_hooks import HOOKS, ORDER_SIGN, parse_request
from cds_service.cds_hooks.validation import (
    validate_discovery,
    validate_feedback,
    validate_request,
    validate_response,
)

UPDATE = {
    "type": "update",
    "description": "Lower the dose",
    "resource": {"resourceType": "MedicationRequest", "id": "m1", "status": "draft", "note": [{"text": "k"}]},
}
DELETE = {"type": "delete", "description": "Cancel", "resourceId": "MedicationRequest/m1"}
CREATE = {"type": "create", "description": "Add", "resource": {"resourceType": "MedicationRequest"}}
RESPONSE = {
    "cards": [
        {
            "uuid": "u1",
            "summary": "s" * 139,
            "detail": "**Take care**: see <https://example.org>, 1 < 2, a<b and `<b>`",
            "indicator": "warning",
            "source": {
                "label": "L",
                "url": "https://example.org",
                "icon": "https://example.org/i.png",
                "topic": {"code": "t", "system": "http://example.org/topics"},
            },
            "suggestions": [
                {"label": "One", "uuid": "u2", "isRecommended": True, "actions": [UPDATE]},
                {"label": "Two", "uuid": "u3", "actions": [DELETE, CREATE]},
            ],
            "selectionBehavior": "at-most-one",
            "overrideReasons": [{"code": "c", "system": "http://example.org/r", "display": "D"}],
            "links": [
                {"label": "A", "url": "https://example.org/a", "type": "absolute"},
                {"label": "B", "url": "https://example.org/b", "type": "smart", "appContext": "{}"},
            ],
            "extension": {"com.example.x": 1},
        }
    ],
    "systemActions": [UPDATE],
}
GONE = object()


def changed(document, changes):
    """A copy with values set at dotted paths; ``GONE`` takes the member away."""
    document = json.loads(json.dumps(document))
    for path, value in changes.items():
        *parents, last = [int(part) if part.isdigit() else part for part in path.split(".")]
        holder = document
        for part in parents:
            holder = holder[part]
        if value is GONE:
            del holder[last]
        else:
            holder[last] = copy.deepcopy(value)
    return document


def rules(violations):
    return {(found.rule, found.path) for found in violations}


def expect(violations, rule, path):
    """The one rule is broken; what is empty or a strange extension is also a matter of T4 and T5."""
    assert (rule, path) in rules(violations)
    assert {found.rule for found in violations} <= {rule, "T4", "T5"}


@pytest.fixture
def request_sent(body):
    return parse_request(json.dumps(body()).encode(), ORDER_SIGN)


def test_a_correct_response_breaks_no_rule(request_sent):
    assert validate_response(RESPONSE) == []
    assert validate_response(RESPONSE, request_sent) == []
    assert validate_response({"cards": []}) == []


MINIMAL_CARD = {"uuid": "u", "summary": "s", "indicator": "info", "source": {"label": "L"}}


@pytest.mark.parametrize(
    "additions",
    [
        {},
        {"links": [{"label": "A", "url": "https://e.org", "type": "smart", "autolaunchable": False}]},
        {"suggestions": [{"label": "l", "uuid": "v"}], "selectionBehavior": "any"},
    ],
    ids=["alone", "link", "suggestion"],
)
def test_a_minimal_response_breaks_no_rule(request_sent, additions):
    assert validate_response({"cards": [MINIMAL_CARD | additions]}, request_sent) == []


CARD, SUGGESTION, ACTION = "cards.0.", "cards.0.suggestions.0.", "cards.0.suggestions.0.actions.0."
AT_CARD, AT_SUGGESTION = "$.cards[0]", "$.cards[0].suggestions[0]"
AT_ACTION = f"{AT_SUGGESTION}.actions[0]"
REASON = {"code": "c", "system": "http://example.org/r", "display": "D"}

BROKEN_RESPONSES = [
    ("C1", {"cards": GONE}, "$.cards"),
    ("C1", {"cards": {}}, "$.cards"),
    ("C1", {"cards.0": "x"}, "$.cards[0]"),
    ("C2", {"extension": {"systemActions": [UPDATE]}}, "$.extension.systemActions"),
    ("C3", {CARD + "summary": GONE}, f"{AT_CARD}.summary"),
    ("C3", {CARD + "summary": " "}, f"{AT_CARD}.summary"),
    ("C3", {CARD + "summary": "s" * 140}, f"{AT_CARD}.summary"),
    ("C3", {CARD + "summary": "one\ntwo"}, f"{AT_CARD}.summary"),
    ("C4", {CARD + "indicator": "hard-stop"}, f"{AT_CARD}.indicator"),
    ("C4", {CARD + "indicator": GONE}, f"{AT_CARD}.indicator"),
    ("C5", {CARD + "source": GONE}, f"{AT_CARD}.source"),
    ("C5", {CARD + "source.label": GONE}, f"{AT_CARD}.source.label"),
    ("C6", {CARD + "source.url": "/about"}, f"{AT_CARD}.source.url"),
    ("C6", {CARD + "source.icon": "i.png"}, f"{AT_CARD}.source.icon"),
    ("C7", {CARD + "source.topic.code": GONE}, f"{AT_CARD}.source.topic.code"),
    ("C7", {CARD + "source.topic.system": GONE}, f"{AT_CARD}.source.topic.system"),
    ("C7", {CARD + "source.topic": "t"}, f"{AT_CARD}.source.topic.code"),
    ("C8", {CARD + "uuid": GONE}, f"{AT_CARD}.uuid"),
    ("C8", {CARD + "suggestions.1.uuid": "u1"}, "$.cards[0].suggestions[1].uuid"),
    ("C9", {CARD + "detail": "a <b>bold</b> word"}, f"{AT_CARD}.detail"),
    ("C9", {CARD + "detail": "<img src=x onerror=alert(1)>"}, f"{AT_CARD}.detail"),
    ("C9", {CARD + "detail": "a <!-- comment"}, f"{AT_CARD}.detail"),
    ("C9", {CARD + "detail": "a<br/>b"}, f"{AT_CARD}.detail"),
    ("C9", {CARD + "detail": 5}, f"{AT_CARD}.detail"),
    ("C10", {CARD + "selectionBehavior": GONE}, f"{AT_CARD}.selectionBehavior"),
    ("C11", {CARD + "selectionBehavior": "all"}, f"{AT_CARD}.selectionBehavior"),
    ("C12", {CARD + "suggestions.1.isRecommended": True}, f"{AT_CARD}.suggestions"),
    *[
        ("C13", {f"{CARD}overrideReasons.0.{name}": GONE}, f"{AT_CARD}.overrideReasons[0].{name}")
        for name in REASON
    ],
    ("C13", {CARD + "overrideReasons": []}, f"{AT_CARD}.overrideReasons"),
    ("C14", {CARD + "links.0.label": GONE}, f"{AT_CARD}.links[0].label"),
    ("C14", {CARD + "links.0.url": "x"}, f"{AT_CARD}.links[0].url"),
    ("C14", {CARD + "links.0.type": "relative"}, f"{AT_CARD}.links[0].type"),
    ("C15", {CARD + "links.0.appContext": "x"}, f"{AT_CARD}.links[0].appContext"),
    ("C15", {CARD + "links.1.appContext": 5}, f"{AT_CARD}.links[1].appContext"),
    ("C16", {CARD + "links.0.autolaunchable": True}, f"{AT_CARD}.links[0].autolaunchable"),
    ("S1", {SUGGESTION + "label": GONE}, f"{AT_SUGGESTION}.label"),
    ("S1", {SUGGESTION + "uuid": GONE}, f"{AT_SUGGESTION}.uuid"),
    ("S2", {SUGGESTION + "isRecommended": "yes"}, f"{AT_SUGGESTION}.isRecommended"),
    ("S2", {CARD + "suggestions.1": GONE}, f"{AT_CARD}.suggestions"),
    ("S3", {SUGGESTION + "actions": []}, f"{AT_SUGGESTION}.actions"),
    ("S3", {SUGGESTION + "actions": [CREATE, DELETE]}, f"{AT_SUGGESTION}.actions"),
    ("S3", {SUGGESTION + "actions": [UPDATE, CREATE]}, f"{AT_SUGGESTION}.actions"),
    ("S4", {ACTION + "type": "Update"}, f"{AT_ACTION}.type"),
    ("S5", {ACTION + "description": GONE}, f"{AT_ACTION}.description"),
    ("S5", {"systemActions.0.description": GONE}, "$.systemActions[0].description"),
    ("S6", {SUGGESTION + "actions": [{"type": "create", "description": "d"}]}, f"{AT_ACTION}.resource"),
    ("S6", {"cards.0.suggestions.1.actions.1.resource": {"id": "x"}}, None),
    ("S7", {ACTION + "resource": GONE}, f"{AT_ACTION}.resource"),
    ("S7", {ACTION + "resource.id": GONE}, f"{AT_ACTION}.resource.id"),
    ("S8", {SUGGESTION + "actions": [DELETE | {"resourceId": "m1"}]}, f"{AT_ACTION}.resourceId"),
    ("S8", {SUGGESTION + "actions": [DELETE | {"resource": {"id": "m1"}}]}, f"{AT_ACTION}.resource"),
    ("S9", {SUGGESTION + "actionSelectionBehavior": "all"}, f"{AT_SUGGESTION}.actionSelectionBehavior"),
    ("T4", {CARD + "detail": None}, f"{AT_CARD}.detail"),
    ("T4", {CARD + "extension": {}}, f"{AT_CARD}.extension"),
    ("T4", {ACTION + "resource.note": [{}]}, f"{AT_ACTION}.resource.note[0]"),
    ("C2", {"systemActions": [5]}, "$.systemActions[0]"),
    ("C14", {CARD + "links": [5]}, f"{AT_CARD}.links[0]"),
    ("S1", {CARD + "suggestions": [5, 6]}, f"{AT_CARD}.suggestions[0]"),
    ("S7", {ACTION + "resource": "x"}, f"{AT_ACTION}.resource"),
    ("S8", {SUGGESTION + "actions": [{"type": "delete", "description": "d"}]}, f"{AT_ACTION}.resourceId"),
    ("T5", {SUGGESTION + "extension": [1]}, f"{AT_SUGGESTION}.extension"),
    ("T5", {ACTION + "extension": [1]}, f"{AT_ACTION}.extension"),
    ("T5", {CARD + "extension": [1]}, f"{AT_CARD}.extension"),
    ("T5", {"extension": {"mine": 1}}, "$.extension"),
]


@pytest.mark.parametrize(
    ("rule", "changes", "path"),
    [pytest.param(*row, id=f"{row[0]}-{index}") for index, row in enumerate(BROKEN_RESPONSES)],
)
def test_response(rule, changes, path):
    violations = validate_response(changed(RESPONSE, changes))
    if rule == "T4":
        assert ("T4", path) in rules(violations)
    else:
        expect(violations, rule, path or "$.cards[0].suggestions[1].actions[1].resource.resourceType")


INVARIANTS = {
    "cds-resp-1": {CARD + "suggestions.1.isRecommended": True},
    "cds-resp-2": {SUGGESTION + "actions": [DELETE | {"resource": {"id": "m1"}}]},
    "cds-resp-3": {CARD + "links.0.appContext": "x"},
    "cds-resp-4": {CARD + "overrideReasons.0.display": GONE},
    "cds-resp-5": {ACTION + "description": GONE},
    "cds-resp-6": {CARD + "selectionBehavior": GONE},
    "cds-resp-7": {SUGGESTION + "actionSelectionBehavior": "some"},
}


@pytest.mark.parametrize("invariant", INVARIANTS)
def test_invariant(invariant):
    (found,) = validate_response(changed(RESPONSE, INVARIANTS[invariant]), trial_use=True)
    assert found.message.startswith(invariant)


def test_S9_allowed_for_clients_that_announce_it():
    response = changed(RESPONSE, {SUGGESTION + "actionSelectionBehavior": "any"})
    assert validate_response(response, trial_use=True) == []


def test_C12_any_may_recommend_several():
    changes = {CARD + "selectionBehavior": "any", CARD + "suggestions.1.isRecommended": True}
    assert validate_response(changed(RESPONSE, changes)) == []


@pytest.mark.parametrize("response", [None, [], "x", 5, {"links": [1]}], ids=str)
def test_C1_not_a_response(response):
    assert {found.rule for found in validate_response(response)} == {"C1"}


WRONG_FOR_THE_DRAFT = [
    ("S6", {"cards.0.suggestions.1.actions.1.resource.id": "m1"}),
    ("S7", {ACTION + "resource.id": "m2"}),
    ("S7", {ACTION + "resource.resourceType": "ServiceRequest"}),
    ("S7", {ACTION + "resource.note": GONE}),
    ("S8", {"cards.0.suggestions.1.actions.0.resourceId": "MedicationRequest/m2"}),
    ("S10", {"cards.0.suggestions.1.actions.1.resource.resourceType": "MedicationOrder"}),
]


@pytest.mark.parametrize(
    ("rule", "changes"),
    [pytest.param(*row, id=f"{row[0]}-{index}") for index, row in enumerate(WRONG_FOR_THE_DRAFT)],
)
def test_I12_actions_fit_the_draft(request_sent, rule, changes):
    response = changed(RESPONSE, changes)
    assert validate_response(response) == []
    assert [found.rule for found in validate_response(response, request_sent)] == [rule]


def test_S7_choice_of_type_may_change(body):
    sent = body()
    sent["context"]["draftOrders"]["entry"][0]["resource"]["medicationReference"] = {
        "reference": "Medication/1"
    }
    request = parse_request(json.dumps(sent).encode(), ORDER_SIGN)
    changes = {ACTION + "resource.medicationCodeableConcept": {"text": "x"}}
    updated = changed(RESPONSE, changes | {"systemActions": GONE})
    assert validate_response(updated, request) == []


DISCOVERY = {
    "services": [
        {
            "hook": "order-sign",
            "title": "T",
            "description": "D",
            "id": "a",
            "prefetch": {"p": "Patient/{{context.patientId}}"},
            "version": "3.0.0",
            "hookVersion": "1.0",
        },
        {"hook": "com.example.other", "title": "T", "description": "D", "id": "b"},
    ]
}
SERVICE, AT_SERVICE = "services.0.", "$.services[0]"

BROKEN_DISCOVERY = [
    ("D2", {"services": GONE}, "$.services"),
    ("D2", {"services.0": "x"}, AT_SERVICE),
    *[("D3", {SERVICE + name: GONE}, f"{AT_SERVICE}.{name}") for name in ("description", "id", "hook")],
    ("D4", {SERVICE + "title": GONE}, f"{AT_SERVICE}.title"),
    ("D5", {SERVICE + "prefetch": ["x"]}, f"{AT_SERVICE}.prefetch"),
    ("D5", {SERVICE + "prefetch.p": 5}, f"{AT_SERVICE}.prefetch"),
    ("D6", {SERVICE + "prefetch.p": "Patient"}, f"{AT_SERVICE}.prefetch"),
    ("D7", {SERVICE + "prefetch.p": "Patient/{{context.x}}"}, f"{AT_SERVICE}.prefetch"),
    ("D10", {SERVICE + "usageRequirements": 5}, f"{AT_SERVICE}.usageRequirements"),
    ("D11", {SERVICE + "version": "3.0"}, f"{AT_SERVICE}.version"),
    ("D12", {SERVICE + "hookVersion": "9.9"}, f"{AT_SERVICE}.hookVersion"),
    ("D3", {"services.1.hook": GONE}, "$.services[1].hook"),
    ("T5", {SERVICE + "extension": {"mine": 1}}, f"{AT_SERVICE}.extension"),
    ("D13", {"services.1.id": "a"}, "$.services[1].id"),
]


@pytest.mark.parametrize(
    ("rule", "changes", "path"),
    [pytest.param(*row, id=f"{row[0]}-{index}") for index, row in enumerate(BROKEN_DISCOVERY)],
)
def test_discovery(rule, changes, path):
    expect(validate_discovery(changed(DISCOVERY, changes)), rule, path)


def test_correct_discovery():
    assert validate_discovery(DISCOVERY) == []
    assert validate_discovery({"services": []}) == []


REQUEST_CHANGES = [
    ("R2", {"hook": GONE}, "$.hook"),
    ("R2", {"hookInstance": GONE}, "$.hookInstance"),
    ("R2", {"context": GONE}, "$.context"),
    ("R4", {"hookInstance": "7"}, "$.hookInstance"),
    ("R5", {"fhirServer": GONE}, "$.fhirServer"),
    ("R6", {"fhirServer": "http://ehr.example"}, "$.fhirServer"),
    ("R7", {"fhirAuthorization.access_token": GONE}, "$.fhirAuthorization.access_token"),
    ("R7", {"fhirAuthorization.token_type": "mac"}, "$.fhirAuthorization.token_type"),
    ("R7", {"fhirAuthorization.expires_in": "300"}, "$.fhirAuthorization.expires_in"),
    ("R6", {"fhirServer": "https:///fhir"}, "$.fhirServer"),
    ("R7", {"fhirAuthorization": ["t"]}, "$.fhirAuthorization"),
    ("R7", {"fhirAuthorization.expires_in": True}, "$.fhirAuthorization.expires_in"),
    ("R9", {"context.draftOrders": {"resourceType": "List"}}, "$.context.draftOrders"),
    ("R9", {"context.selections": [5]}, "$.context.selections"),
    ("R7", {"fhirAuthorization.patient": GONE}, "$.fhirAuthorization.patient"),
    ("R8", {"fhirAuthorization.patient": "2"}, "$.fhirAuthorization.patient"),
    ("R9", {"context.userId": GONE}, "$.context.userId"),
    ("R9", {"context.userId": "me"}, "$.context.userId"),
    ("R9", {"context.patientId": 5}, "$.context.patientId"),
    ("R9", {"context.encounterId": 5}, "$.context.encounterId"),
    ("R9", {"context.draftOrders": GONE}, "$.context.draftOrders"),
    ("R9", {"context.selections": GONE}, "$.context.selections"),
    ("R9", {"context.selections": ["m1"]}, "$.context.selections"),
    ("P1", {"prefetch": [1]}, "$.prefetch"),
    ("T4", {"context.other": ""}, "$.context.other"),
    ("T5", {"extension": [1]}, "$.extension"),
]


@pytest.fixture
def strict_request(body):
    authorization = {
        "access_token": "t",
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.rs",
        "subject": "cds",
        "patient": "1",
    }
    return body(
        "order-select",
        fhirServer="https://ehr.example/fhir",
        fhirAuthorization=authorization,
        prefetch={"gone": None},
    )


@pytest.mark.parametrize(
    ("rule", "changes", "path"),
    [pytest.param(*row, id=f"{row[0]}-{index}") for index, row in enumerate(REQUEST_CHANGES)],
)
def test_request(strict_request, rule, changes, path):
    assert validate_request(strict_request) == []
    expect(validate_request(changed(strict_request, changes)), rule, path)


@pytest.mark.parametrize("hook", HOOKS)
def test_a_minimal_request_breaks_no_rule(body, hook):
    assert validate_request(body(hook)) == []


def test_R7_user_scopes_need_no_patient(strict_request):
    changes = {"fhirAuthorization.scope": "user/*.rs", "fhirAuthorization.patient": GONE}
    assert validate_request(changed(strict_request, changes)) == []


FEEDBACK = {
    "feedback": [
        {
            "card": "c",
            "outcome": "accepted",
            "acceptedSuggestions": [{"id": "s"}],
            "outcomeTimestamp": "2026-05-19T19:44:04Z",
        },
        {
            "card": "c",
            "outcome": "overridden",
            "overrideReason": {"reason": {"code": "c", "system": "s"}},
            "outcomeTimestamp": "2026-05-19T19:44:04.1+00:00",
        },
    ]
}
FIRST, AT_FIRST, AT_SECOND = "feedback.0.", "$.feedback[0]", "$.feedback[1]"

BROKEN_FEEDBACK = [
    ("F1", {"feedback": GONE}, "$.feedback"),
    ("F1", {"feedback": []}, "$.feedback"),
    ("F1", {"feedback.0": "x"}, AT_FIRST),
    ("F2", {FIRST + "card": GONE}, f"{AT_FIRST}.card"),
    ("F2", {"feedback.1.outcome": "ignored"}, f"{AT_SECOND}.outcome"),
    ("F2", {FIRST + "outcomeTimestamp": "2026-05-19T19:44:04+02:00"}, f"{AT_FIRST}.outcomeTimestamp"),
    ("F3", {FIRST + "acceptedSuggestions": GONE}, f"{AT_FIRST}.acceptedSuggestions"),
    ("F3", {FIRST + "acceptedSuggestions.0.id": GONE}, f"{AT_FIRST}.acceptedSuggestions[0].id"),
    ("F3", {FIRST + "acceptedSuggestions": ["s"]}, f"{AT_FIRST}.acceptedSuggestions[0]"),
    ("F4", {"feedback.1.overrideReason": "x"}, f"{AT_SECOND}.overrideReason"),
    ("F4", {"feedback.1.overrideReason.reason": GONE}, f"{AT_SECOND}.overrideReason"),
    ("F4", {"feedback.1.overrideReason.reason.code": GONE}, f"{AT_SECOND}.overrideReason.reason.code"),
]


@pytest.mark.parametrize(
    ("rule", "changes", "path"),
    [pytest.param(*row, id=f"{row[0]}-{index}") for index, row in enumerate(BROKEN_FEEDBACK)],
)
def test_feedback(rule, changes, path):
    assert validate_feedback(FEEDBACK) == []
    expect(validate_feedback(changed(FEEDBACK, changes)), rule, path)


def test_F4_comment_alone():
    changes = {"feedback.1.overrideReason": {"userComment": "x"}}
    assert validate_feedback(changed(FEEDBACK, changes)) == []


@pytest.mark.parametrize(
    "check", [validate_discovery, validate_feedback, validate_request, validate_response]
)
@pytest.mark.parametrize(
    "junk", [None, 5, "x", [], [{}], {"cards": [5], "services": [5], "feedback": [5]}], ids=str
)
def test_junk_is_judged_without_failing(check, junk):
    assert check(junk)
