"""A replay gives the cards of the service, and says why; a broken request is explained, never a stack."""

from __future__ import annotations

import copy
import json
from typing import Any

import pytest

from cds_service.replay import Replayed, Replayer
from cds_service.scenarios import all_names, load
from tests.replay.conftest import NOW

TOKEN = "secret-token-" + "x" * 20


def body(name: str = "oxycodone-active", hook: str = "order-sign") -> dict[str, Any]:
    return load(name).request(hook, NOW)


def replayed(replayer: Replayer, request: Any, **options: Any) -> Replayed:
    sent = request if isinstance(request, bytes) else json.dumps(request).encode()
    return replayer.replay(sent, **options)


# --- what the service would answer -------------------------------------------


@pytest.mark.parametrize("name", all_names())
def test_the_trace_tells_the_cards_of_every_scenario(replayer: Replayer, name: str) -> None:
    scenario = load(name)
    for hook in scenario.hooks:
        found = replayed(replayer, scenario.request(hook, NOW))
        assert found.status == 200 and found.trace is not None
        cards = [(c["source"]["topic"]["code"], c["indicator"]) for c in found.response["cards"]]
        shown = [
            (said.topic, said.indicator)
            for rule in found.trace.rules
            for said in rule.said
            if said.outcome.startswith("shown")
        ]
        assert sorted(cards) == sorted((card.topic, card.indicator) for card in scenario.expected)
        assert sorted(shown) == sorted(cards)
        assert all(rule.said or rule.silent for rule in found.trace.rules)
        assert found.request_breaks == found.response_breaks == ()


def test_what_was_read_and_how_medicines_were_known(replayer: Replayer) -> None:
    trace = replayed(replayer, body()).trace
    assert trace is not None
    assert trace.fhir_version == "R4, by the shape of a draft"
    lists = {one.kind: (one.entries, one.came_from) for one in trace.lists}
    assert lists["MedicationRequest"] == (1, ("prefetch medicationRequests",))
    assert lists["Observation"] == (0, ("prefetch observations",))
    (order,), (oxycodone,) = trace.orders, trace.medications
    assert order.judged and order.drug.known_by == "by its code" and order.dose is not None
    assert order.dose.read == "4.5 mg a day"
    assert oxycodone.exposure == "active" and oxycodone.drug.ingredients == (
        "oxycodone (opioid, short-acting)",
    )
    assert oxycodone.came_from == "prefetch $.prefetch.medicationRequests.entry[0].resource"
    assert set(trace.milliseconds) == {"read the request", "gather the record", "chart and rules", "cards"}


def test_what_withholds_an_offer_is_said(replayer: Replayer) -> None:
    trace = replayed(replayer, body()).trace
    assert trace is not None
    (start,) = next(rule for rule in trace.rules if rule.rule == "starting-dose").said
    assert start.outcome == "not shown: withheld by opioid-coprescription"


def test_a_list_that_is_missing_says_why(replayer: Replayer) -> None:
    request = body()
    del request["prefetch"]["conditions"]
    request["prefetch"]["allergies"] = None
    trace = replayed(replayer, request).trace
    assert trace is not None
    lists = {one.kind: one for one in trace.lists}
    assert lists["Condition"].came_from == ("missing",)
    assert lists["Condition"].unread[0].reason == "not-supplied"
    assert lists["AllergyIntolerance"].came_from == ("prefetch allergies",)
    assert {key.key: key.held for key in trace.keys}["allergies"] == "null: the EHR has no such data"


def test_medications_that_count_as_no_use_say_why(replayer: Replayer) -> None:
    trace = replayed(replayer, body("plans-mistakes-and-drafts-are-no-use")).trace
    assert trace is not None
    reasons = {listed.why_not for listed in trace.medications}
    assert {"status entered-in-error", "status draft"} <= reasons
    assert "a plan, a proposal, or an order not to give it" in reasons


def test_orders_of_no_concern_read_nothing(replayer: Replayer) -> None:
    request = body()
    order = request["context"]["draftOrders"]["entry"][0]["resource"]
    order["medicationCodeableConcept"] = {"text": "amoxicillin 500 mg capsule"}
    found = replayed(replayer, request)
    assert found.response == {"cards": []}
    assert found.trace is not None and found.trace.needs.startswith("no order to judge holds")


def test_the_day_of_a_redacted_request_is_the_day_it_names(replayer: Replayer) -> None:
    request = body()
    request["extension"] = {"ldn-cds.today": "2026-12-30"}
    found = replayed(replayer, request)
    assert found.trace is not None and str(found.trace.decided_on) == "2026-12-30"
    assert any("2026-12-30" in note for note in found.notes)


# --- tokens and servers --------------------------------------------------------


def test_the_access_token_is_nowhere_and_the_server_is_not_asked(replayer: Replayer) -> None:
    request = body()
    request["fhirServer"] = "http://127.0.0.1:1/fhir"
    request["fhirAuthorization"] = {
        "access_token": TOKEN,
        "token_type": "Bearer",
        "expires_in": 300,
        "scope": "patient/*.rs",
        "subject": "ldn-cds",
    }
    del request["prefetch"]["conditions"]
    found = replayed(replayer, request)
    assert TOKEN not in repr(found)
    assert found.trace is not None
    assert found.trace.asker.token["scope"] == "patient/*.rs"
    assert any("was not asked" in note for note in found.notes)
    missing = next(one for one in found.trace.lists if one.kind == "Condition")
    assert missing.unread[0].reason == "not-supplied"
    asked = replayed(replayer, request, fetch=True)
    assert asked.trace is not None and asked.notes == ()
    missing = next(one for one in asked.trace.lists if one.kind == "Condition")
    assert missing.unread[0].reason == "unreachable"


# --- broken requests -----------------------------------------------------------


def without(*path: str) -> dict[str, Any]:
    request = copy.deepcopy(body())
    holder = request
    for name in path[:-1]:
        holder = holder[name]
    del holder[path[-1]]
    return request


@pytest.mark.parametrize(
    ("request_", "code", "path", "words"),
    [
        (b'{\n  "hook": "order-sign",\n  "hookInstance" "x"\n}', "CDS-4001", "$", "line 3, column 18"),
        (b"{'hook': 1}", "CDS-4001", "$", "line 1, column 2"),
        (b"", "CDS-4001", "$", "line 1, column 1"),
        (b'{"hook": "\xff"}', "CDS-4001", "$", "not UTF-8"),
        (b'{"hook": NaN}', "CDS-4001", "$", "NaN is no JSON number"),
        (b"[" * 100_000, "CDS-4001", "$", "nested too deeply"),
        ([], "CDS-4001", "$", "Expected an object"),
        ({"resourceType": "Bundle"}, "CDS-4002", "$.hook", "a request has hook"),
        ({"hook": "patient-view"}, "CDS-4000", "$.hook", "No service answers this hook; there are"),
        (without("hook"), "CDS-4002", "$.hook", "hook is required"),
        (without("hookInstance"), "CDS-4002", "$.hookInstance", "required"),
        (without("context"), "CDS-4002", "$.context", "required"),
        (without("context", "patientId"), "CDS-4002", "$.context.patientId", "required"),
        (without("context", "draftOrders"), "CDS-4002", "$.context.draftOrders", "required"),
        ({**body(), "prefetch": 3}, "CDS-4000", "$.prefetch", "Expected an object"),
        ({**body(), "fhirAuthorization": {"access_token": "x"}}, "CDS-4002", "$.fhirServer", "cds-r-1"),
    ],
)
def test_a_request_that_cannot_be_read(
    replayer: Replayer, request_: Any, code: str, path: str, words: str
) -> None:
    found = replayed(replayer, request_)
    assert found.status == 400
    assert found.response["resourceType"] == "OperationOutcome"
    assert found.problem is not None
    assert (found.problem.code, found.problem.path) == (code, path)
    assert words in found.problem.words


def test_broken_json_shows_the_place(replayer: Replayer) -> None:
    found = replayed(replayer, b'{"hook": "order-sign", "hookInstance": abc}')
    assert (
        found.problem is not None and found.problem.excerpt == '{"hook": "order-sign", "hookInstance": ⟂abc}'
    )


def test_a_repeated_key_is_refused_with_its_path(replayer: Replayer) -> None:
    text = json.dumps(body()).replace('"context": {', '"context": {"patientId": "other", ', 1)
    found = replayed(replayer, text.encode())
    assert found.problem is not None and found.problem.path == "$.context"


def test_no_medication_list_is_412_with_the_lists_that_lack(replayer: Replayer) -> None:
    request = body()
    request["prefetch"] = {}
    found = replayed(replayer, request)
    assert found.status == 412
    assert found.problem is not None and found.problem.code == "CDS-4120"
    assert found.trace is not None
    assert {one.kind for one in found.trace.lists if one.came_from == ("missing",)} >= {
        "MedicationRequest",
        "MedicationStatement",
    }


def test_a_malformed_resource_is_named_with_its_path(replayer: Replayer) -> None:
    request = body()
    request["prefetch"]["medicationRequests"]["entry"][0]["resource"]["dosageInstruction"] = 5
    trace = replayed(replayer, request).trace
    assert trace is not None
    unread = [unread for one in trace.lists for unread in one.unread]
    assert any(u.reason == "malformed" and "entry[0].resource" in (u.path or "") for u in unread)


def test_what_a_request_breaks_is_listed_though_it_is_answered(replayer: Replayer) -> None:
    request = body()
    request["hookInstance"] = "17"
    del request["context"]["userId"]
    found = replayed(replayer, request)
    assert found.status == 200
    assert {(b.rule, b.path) for b in found.request_breaks} == {
        ("R4", "$.hookInstance"),
        ("R9", "$.context.userId"),
    }
