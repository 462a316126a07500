"""One patient's record: prefetch first, then the server, within the deadline."""

from __future__ import annotations

import json
import logging
import socket
import threading

import pytest

from cds_service.fhir import (
    Deadline,
    FhirClient,
    GatherOptions,
    Query,
    gather,
    standard_queries,
    version_of,
)
from cds_service.fhir.client import ClientOptions
from cds_service.fhir.resources import (
    Condition,
    MedicationOrder,
    MedicationRequest,
    Resource,
)
from cds_service.outbound import ANYWHERE, PUBLIC
from tests.fhir.asking import ALL, CONDITIONS, REQUESTS, TOKEN, Ask, draft
from tests.fhir.bodies import (
    bundle,
    condition,
    gaps,
    ids,
    order,
    outcome,
    patient,
)
from tests.fhir.server import Answer, FhirServer


def test_all_that_is_missing_is_fetched(ask: Ask, server: FhirServer) -> None:
    server.routes["MedicationRequest"] = Answer(bundle(order()))
    record = ask(*ALL)
    assert sorted(server.kinds_asked()) == [
        "AllergyIntolerance",
        "Condition",
        "MedicationRequest",
        "MedicationStatement",
        "Observation",
        "Patient/p1",
    ]
    assert all("patient=p1" in path or "Patient/p1" in path for path in server.asked)
    assert ids(record, "MedicationRequest") == ["m1"]
    assert record.lists == {query.resource_type for query in ALL}
    assert record.gaps == []
    (_, source), *_ = record.of_type(MedicationRequest)
    assert source.origin == "server"


def test_the_lists_are_fetched_side_by_side(ask: Ask, server: FhirServer) -> None:
    """Each answer waits for all requests to have come, so fetching in turn could never end."""
    barrier = threading.Barrier(len(ALL), timeout=10)

    def together(path: str) -> Answer:
        barrier.wait()
        return Answer(patient() if "Patient/" in path else bundle())

    server.routes = {"": together}
    assert ask(*ALL, seconds=10).gaps == []


def test_what_prefetch_holds_is_not_asked_for(ask: Ask, server: FhirServer) -> None:
    prefetch = {
        "item1": bundle(order("m1")),
        "conditions": None,
        "patient": patient(),
        "medicationStatements": bundle(),
    }
    record = ask(*ALL, prefetch=prefetch)
    assert sorted(server.kinds_asked()) == ["AllergyIntolerance", "Observation"]
    assert record.gaps == []


def test_an_unavailable_list_is_fetched(ask: Ask, server: FhirServer) -> None:
    server.routes["Condition"] = Answer(bundle(condition()))
    for value in (outcome("error"), bundle(outcome("error")), bundle(total=4)):
        record = ask(*CONDITIONS, prefetch={"conditions": value})
        assert ids(record, "Condition") == ["c1"]
        assert record.gaps == []


def test_a_single_resource_under_an_unknown_key_does_not_replace_the_list(
    ask: Ask, server: FhirServer
) -> None:
    server.routes["Condition"] = Answer(bundle(condition("c1"), condition("c2")))
    record = ask(*CONDITIONS, prefetch={"item1": condition("c1")})
    assert ids(record, "Condition") == ["c1", "c2"]
    assert record.gaps == []


@pytest.mark.parametrize("token", [None, ""])
def test_a_server_without_a_token_is_only_called_if_the_site_says_so(
    ask: Ask, server: FhirServer, token: str | None
) -> None:
    assert gaps(ask(*CONDITIONS, token=token), "Condition") == [("not-supplied", True)]
    assert server.asked == []
    assert ask(*CONDITIONS, token=token, options=GatherOptions(allow_open_servers=True)).gaps == []
    assert "Authorization" not in server.headers[0]


def test_a_server_that_is_not_allowed_is_not_called(server: FhirServer) -> None:
    record = Ask(FhirClient(), server, PUBLIC)(*CONDITIONS)
    assert gaps(record, "Condition") == [("not-permitted", True)]
    assert server.asked == []


def test_a_list_that_is_not_needed_is_no_gap_without_a_server() -> None:
    query = Query("x", "MedicationDispense", "MedicationDispense?patient={{context.patientId}}", needed=False)
    record = gather("p1", {}, [], server=None, wanted=[query], deadline=Deadline(1))
    assert record.gaps == []


def test_the_id_cannot_change_the_search(ask: Ask, server: FhirServer) -> None:
    ask(*CONDITIONS, patient_id="p1&_include=*#")
    assert "patient=p1&_include=*#&_count" in server.asked[0]  # decoded by the server, sent as %26


# -- how an answer is understood


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(outcome("error"), status=401), "refused"),
        (Answer(outcome("error"), status=403), "refused"),
        (Answer(outcome("error", "not-supported"), status=403), "not-kept"),
        (Answer(outcome("error", "not-supported"), status=400), "not-kept"),
        (Answer(outcome("error", "Not-Supported "), status=405), "not-kept"),
        (Answer(outcome("error", "invalid"), status=400), "server-error"),
        (Answer(b"<html>", status=400), "server-error"),
        (Answer({}, status=404), "not-kept"),
        (Answer(outcome("error", "not-found"), status=404), "not-kept"),
        (Answer(outcome("fatal", "exception"), status=404), "server-error"),
        (Answer(outcome("error", "Throttled"), status=404), "server-error"),
        (Answer({}, status=410), "server-error"),
        (Answer({}, status=429), "server-error"),
        (Answer({}, status=500), "server-error"),
        (Answer({}, status=503), "server-error"),
        (Answer(b"", status=204), "server-error"),
        (Answer(outcome("error")), "server-error"),
        (Answer(outcome("information")), "server-error"),
        (Answer(b"<html>login</html>"), "server-error"),
        (Answer(b'{"resourceType":"Bundle","entry":[{"resource":{"resou'), "server-error"),
        (Answer(b""), "server-error"),
        (Answer(b"null"), "server-error"),
        (Answer([]), "server-error"),
        (Answer(patient()), "server-error"),
        (Answer(bundle(condition("c", code={}), condition("d"))), None),
        (Answer(bundle(order())), "server-error"),
        (Answer(bundle(condition(subject={"reference": "Patient/p2"}))), "server-error"),
        (Answer(bundle(outcome("warning"), total=0)), None),
        (Answer(bundle(outcome("error"))), "incomplete"),
        (Answer(bundle(condition(), outcome("error"))), "incomplete"),
        (Answer(bundle(condition(), total=9)), "incomplete"),
        (Answer(bundle(condition(), {"id": 1})), None),
        (Answer(b"\xef\xbb\xbf" + json.dumps(bundle(condition())).encode()), None),
        (Answer(json.dumps(bundle(condition())).encode().replace(b"Fibro", b"Fibro\xe9")), "malformed"),
    ],
)
def test_what_the_server_may_answer(ask: Ask, server: FhirServer, answer: Answer, reason: str | None) -> None:
    server.routes["Condition"] = answer
    record = ask(*CONDITIONS)
    assert gaps(record, "Condition")[:1] == ([(reason, reason != "malformed")] if reason else [])
    assert all("Doe" not in gap.detail and "p1" not in gap.detail for gap in record.gaps)


def test_an_error_beside_entries_keeps_the_list_and_one_in_their_place_does_not(
    ask: Ask, server: FhirServer
) -> None:
    server.routes["Condition"] = Answer(bundle(outcome("error")))
    assert "Condition" not in ask(*CONDITIONS).lists
    server.routes["Condition"] = Answer(bundle(condition(), outcome("error")))
    assert "Condition" in ask(*CONDITIONS).lists


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        (Answer(outcome("error"), status=404), "not-found"),
        (Answer(condition()), "server-error"),
        (Answer(patient("p2")), "server-error"),
        (Answer(patient()), None),
        (Answer(bundle(patient())), None),
    ],
)
def test_reading_the_patient(ask: Ask, server: FhirServer, answer: Answer, reason: str | None) -> None:
    server.routes["Patient/"] = answer
    record = ask(ALL[0])
    assert [gap.reason for gap in record.gaps_of(["Patient"]) if gap.covers_list] == (
        [reason] if reason else []
    )
    assert ("Patient" in record.lists) is (reason is None)


# -- the deadline


def test_a_slow_list_is_a_gap_and_the_others_are_there(ask: Ask, server: FhirServer) -> None:
    server.routes["Condition"] = Answer(hang=True)
    server.routes["MedicationRequest"] = Answer(bundle(order()))
    record = ask(*REQUESTS, *CONDITIONS, seconds=0.4)
    assert ids(record, "MedicationRequest") == ["m1"]
    assert gaps(record, "Condition") == [("time-out", True)]
    assert gaps(record, "MedicationRequest") == []
    assert "Condition" not in record.lists


def test_a_byte_at_a_time_is_a_time_out(ask: Ask, server: FhirServer) -> None:
    server.routes["Condition"] = Answer(b" " * 90_000, drip=True)
    assert gaps(ask(*CONDITIONS, seconds=0.3), "Condition") == [("time-out", True)]


def test_a_spent_budget_asks_nothing(ask: Ask, server: FhirServer) -> None:
    record = ask(*ALL, seconds=0)
    assert {gap.reason.value for gap in record.gaps} == {"time-out"}
    assert server.asked == []


def test_more_lists_than_threads_still_end_at_the_deadline(server: FhirServer) -> None:
    client = FhirClient(ClientOptions(threads=1))
    server.routes = {"": Answer(hang=True)}
    record = Ask(client, server)(*ALL, seconds=0.3)
    assert {gap.reason.value for gap in record.gaps} == {"time-out"}
    assert len(record.gaps) == len(ALL)
    client.close()


# -- versions, and what must not get out


def test_dstu2_is_asked_for_medication_orders(ask: Ask, server: FhirServer) -> None:
    assert version_of([MedicationOrder()]) == "DSTU2"
    assert version_of([draft()]) == "R4"
    ask(*standard_queries("DSTU2", "&category=laboratory"))
    asked = server.kinds_asked()
    assert "MedicationOrder" in asked
    assert "MedicationRequest" not in asked
    assert any(path.startswith("/fhir/Observation?patient=p1&category=laboratory") for path in server.asked)


def test_an_empty_list_of_our_key_is_had_in_dstu2_too(ask: Ask, server: FhirServer) -> None:
    wanted = [query for query in standard_queries("DSTU2") if query.key == "medicationRequests"]
    assert ask(*wanted, prefetch={"medicationRequests": bundle()}).gaps == []
    assert server.asked == []


def test_nothing_is_kept_between_requests(ask: Ask, server: FhirServer) -> None:
    server.routes["Condition"] = Answer(bundle(condition()))
    assert len(ask(*CONDITIONS).of_type(Condition)) == 1
    server.routes["Condition"] = Answer(bundle())
    assert ask(*CONDITIONS).of_type(Condition) == []
    assert len(server.asked) == 2


def test_logs_name_type_and_reason_only(
    ask: Ask, server: FhirServer, caplog: pytest.LogCaptureFixture
) -> None:
    server.routes["Condition"] = Answer(outcome("error"), status=500)
    with caplog.at_level(logging.DEBUG, logger="cds_service"):
        record = ask(
            *ALL, patient_id="jane-17", prefetch={"x": bundle(order(subject={"reference": "Patient/joe"}))}
        )
    # urllib3 tells of URLs at DEBUG, which the service's own set-up of logging silences
    ours = "\n".join(r.getMessage() for r in caplog.records if r.name.startswith("cds_service"))
    assert "Condition" in ours
    for secret in ("jane-17", "joe", TOKEN, "Doe", server.base):
        assert secret not in ours
        assert secret not in repr(record.gaps)


def test_resources_are_plain_views(ask: Ask, server: FhirServer) -> None:
    server.routes["Condition"] = Answer(bundle(condition()))
    assert isinstance(ask(*CONDITIONS).of_type(Condition)[0][0], Resource)


@pytest.mark.parametrize(
    ("version", "kind"),
    [("R4", "MedicationOrder"), ("DSTU2", "MedicationRequest"), ("R4", "MedicationRequest")],
)
def test_orders_are_one_list_under_either_versions_name(
    ask: Ask, server: FhirServer, version: str, kind: str
) -> None:
    wanted = [query for query in standard_queries(version) if query.key == "medicationRequests"]
    orders = bundle({"resourceType": kind, "id": "m1", "medicationCodeableConcept": {"text": "x"}})
    assert ask(*wanted, prefetch={"x": orders}).gaps == []
    assert server.asked == []


def test_headers_that_never_end_do_not_hold_the_answer(client: FhirClient) -> None:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port = listening.getsockname()[1]
        access = client.access(f"http://127.0.0.1:{port}/fhir", TOKEN, ANYWHERE)
        record = gather("p1", {}, [], server=access, wanted=CONDITIONS, deadline=Deadline(0.2))
    assert gaps(record, "Condition") == [("time-out", True)]


def test_the_servers_word_on_a_list_counts_for_more_than_prefetchs(ask: Ask, server: FhirServer) -> None:
    server.routes["Condition"] = Answer({}, status=404)
    assert gaps(ask(*CONDITIONS, prefetch={"conditions": outcome("error")}), "Condition") == [
        ("not-kept", True)
    ]


def test_a_token_that_came_too_late_is_said(client: FhirClient, server: FhirServer) -> None:
    late = client.access(server.base, None, ANYWHERE, expired=True)
    record = gather("p1", {}, [], server=late, wanted=CONDITIONS, deadline=Deadline(5))
    assert gaps(record, "Condition") == [("expired", True)]
    assert server.asked == []
