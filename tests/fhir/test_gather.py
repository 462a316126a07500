"""One patient's record: prefetch first, then the server, within the deadline."""

from __future__ import annotations

import json
import logging
import socket
import threading
from typing import Any

import msgspec
import pytest

from cds_service.fhir import (
    Deadline,
    FhirClient,
    GatherOptions,
    PatientRecord,
    Query,
    ResolvedBy,
    gather,
    medication_of,
    standard_queries,
    version_of,
)
from cds_service.fhir.client import ClientOptions
from cds_service.fhir.resources import Condition, Medication, MedicationOrder, MedicationRequest, Resource
from cds_service.outbound import ANYWHERE, PUBLIC, Reach
from tests.fhir.bodies import (
    PATIENT_ID,
    bundle,
    condition,
    gaps,
    ids,
    medication,
    order,
    outcome,
    patient,
    raws,
)
from tests.fhir.server import Answer, FhirServer

TOKEN = "secret-token-1"
ALL = standard_queries()
REQUESTS = tuple(query for query in ALL if query.resource_type == "MedicationRequest")
CONDITIONS = tuple(query for query in ALL if query.resource_type == "Condition")


@pytest.fixture(autouse=True)
def the_patient(server: FhirServer) -> None:
    server.routes["Patient/"] = Answer(patient())


class Ask:
    """Gathers with the test's server."""

    def __init__(self, client: FhirClient, server: FhirServer, reach: Reach = ANYWHERE) -> None:
        self.client = client
        self.server = server
        self.reach = reach

    def __call__(
        self,
        *wanted: Query,
        prefetch: dict[str, Any] | None = None,
        orders: tuple[Resource, ...] = (),
        seconds: float = 5,
        token: str | None = TOKEN,
        options: GatherOptions | None = None,
        patient_id: str = PATIENT_ID,
        named: dict[str, Medication] | None = None,
    ) -> PatientRecord:
        return gather(
            patient_id,
            raws(prefetch or {}),
            orders,
            server=self.client.access(self.server.base, token, self.reach),
            wanted=wanted,
            deadline=Deadline(seconds),
            options=options,
            named=named,
        )


@pytest.fixture
def ask(client: FhirClient, server: FhirServer) -> Ask:
    return Ask(client, server)


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


# -- paging


def pages(server: FhirServer, *links: str) -> None:
    """Pages of one Condition each; ``links`` are their next links."""
    for number, link in enumerate((*links, ""), start=1):
        path = "Condition" if number == 1 else f"Condition?page={number}"
        server.routes[path] = Answer(bundle(condition(f"c{number}"), next_link=link))


@pytest.mark.parametrize(
    "link", ["Condition?page=2", "?page=2", "/fhir/Condition?page=2", "{base}/Condition?page=2"]
)
def test_next_links_are_followed(ask: Ask, server: FhirServer, link: str) -> None:
    pages(server, link.format(base=server.base))
    record = ask(*CONDITIONS)
    assert ids(record, "Condition") == ["c1", "c2"]
    assert record.gaps == []
    assert server.headers[1]["Authorization"] == f"Bearer {TOKEN}"


def test_a_next_link_to_another_origin_is_not_followed(
    ask: Ask, server: FhirServer, elsewhere: FhirServer
) -> None:
    pages(server, f"{elsewhere.base}/Condition?page=2")
    record = ask(*CONDITIONS)
    assert ids(record, "Condition") == ["c1"]
    assert gaps(record, "Condition") == [("incomplete", True)]
    assert elsewhere.asked == []


def test_pages_are_capped(ask: Ask, server: FhirServer) -> None:
    pages(server, *(f"Condition?page={number}" for number in range(2, 9)))
    record = ask(*CONDITIONS, options=GatherOptions(max_pages=3))
    assert ids(record, "Condition") == ["c1", "c2", "c3"]
    assert gaps(record, "Condition") == [("incomplete", True)]
    assert len(server.asked) == 3


def test_pages_in_a_circle_end(ask: Ask, server: FhirServer) -> None:
    pages(server, "Condition?page=2", "Condition?page=2")
    record = ask(*CONDITIONS)
    assert ids(record, "Condition") == ["c1", "c2"]
    assert gaps(record, "Condition") == [("incomplete", True)]


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_page_that_fails_leaves_the_list_incomplete(ask: Ask, server: FhirServer, status: int) -> None:
    pages(server, "Condition?page=2")
    server.routes["Condition?page=2"] = Answer({}, status=status)
    record = ask(*CONDITIONS)
    assert ids(record, "Condition") == ["c1"]
    assert gaps(record, "Condition") == [("incomplete", True)]


def test_the_pages_prefetch_began_are_followed(ask: Ask, server: FhirServer) -> None:
    server.routes["Condition?page=2"] = Answer(bundle(condition("c2"), next_link="Condition?page=3"))
    server.routes["Condition?page=3"] = Answer(bundle(condition("c3")))
    first = bundle(condition("c1"), next_link=f"{server.base}/Condition?page=2")
    record = ask(*CONDITIONS, prefetch={"x": first})
    assert ids(record, "Condition") == ["c1", "c2", "c3"]
    assert record.gaps == []
    assert len(server.asked) == 2


def test_a_prefetch_page_elsewhere_is_not_followed(
    ask: Ask, server: FhirServer, elsewhere: FhirServer
) -> None:
    first = bundle(condition("c1"), next_link=f"{elsewhere.base}/Condition?page=2")
    record = ask(*CONDITIONS, prefetch={"x": first})
    assert gaps(record, "Condition") == [("incomplete", True)]
    assert elsewhere.asked == server.asked == []


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


def test_the_pages_that_came_in_time_are_kept(ask: Ask, server: FhirServer) -> None:
    pages(server, "Condition?page=2")
    server.routes["Condition?page=2"] = Answer(hang=True)
    record = ask(*CONDITIONS, seconds=0.5)
    assert ids(record, "Condition") == ["c1"]
    assert "Condition" in record.lists
    assert gaps(record, "Condition") == [("time-out", True)]


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


# -- Medications by reference


def referring(identity: str, reference: str, **elements: Any) -> dict[str, Any]:
    return order(identity, medicationReference={"reference": reference, **elements})


def names(record: PatientRecord) -> dict[str | None, tuple[str, ...]]:
    return {r.id: medication_of(r, None, record).texts for r, _ in record.of_type(MedicationRequest)}


def test_medications_are_read_in_one_search(ask: Ask, server: FhirServer) -> None:
    orders = [referring(f"m{n}", f"Medication/{n % 2}") for n in range(4)]
    server.routes["Medication?_id=0,1"] = Answer(bundle(medication("0", "A"), medication("1", "B")))
    record = ask(prefetch={"x": bundle(*orders)})
    assert names(record) == {"m0": ("A",), "m1": ("B",), "m2": ("A",), "m3": ("B",)}
    assert server.kinds_asked() == ["Medication"]
    assert record.gaps == []


@pytest.mark.parametrize("answer", [Answer({}, status=400), Answer(bundle(total=0)), Answer(b"<html>")])
def test_a_server_that_does_not_search_by_id_is_read_one_by_one(
    ask: Ask, server: FhirServer, answer: Answer
) -> None:
    server.routes["Medication?_id"] = answer
    server.routes["Medication/a"] = Answer(medication("a", "A"))
    server.routes["Medication/b"] = Answer(medication("b", "B"))
    record = ask(prefetch={"x": bundle(referring("m1", "Medication/a"), referring("m2", "Medication/b"))})
    assert names(record) == {"m1": ("A",), "m2": ("B",)}
    assert record.gaps == []


def test_medications_of_fetched_orders_are_read_too(ask: Ask, server: FhirServer) -> None:
    server.routes["MedicationRequest"] = Answer(bundle(referring("m1", f"{server.base}/Medication/a")))
    server.routes["Medication/a"] = Answer(medication("a", "A"))
    record = ask(*REQUESTS)
    assert names(record) == {"m1": ("A",)}


def test_included_medications_are_not_asked_for(ask: Ask, server: FhirServer) -> None:
    value = bundle(referring("m1", "Medication/a"))
    value["entry"].append({"resource": medication("a", "A"), "search": {"mode": "include"}})
    server.routes["MedicationRequest"] = Answer(value)
    assert names(ask(*REQUESTS)) == {"m1": ("A",)}
    assert server.kinds_asked() == ["MedicationRequest"]


def test_a_slow_list_does_not_hold_up_the_medications(ask: Ask, server: FhirServer) -> None:
    server.routes["MedicationRequest"] = Answer(bundle(referring("m1", "Medication/a")))
    server.routes["Medication/a"] = Answer(medication("a", "A"))
    server.routes["Condition"] = Answer(hang=True)
    record = ask(*REQUESTS, *CONDITIONS, seconds=0.5)
    assert names(record) == {"m1": ("A",)}


def test_a_reference_below_another_base_of_the_same_origin(ask: Ask, server: FhirServer) -> None:
    reference = f"{server.origin}/drugs/Medication/a"
    server.routes["/drugs/Medication/a"] = Answer(medication("a", "A"))
    assert names(ask(prefetch={"x": bundle(referring("m1", reference))})) == {"m1": ("A",)}


def test_a_reference_to_another_origin_is_never_followed(
    ask: Ask, server: FhirServer, elsewhere: FhirServer
) -> None:
    record = ask(prefetch={"x": bundle(referring("m1", f"{elsewhere.base}/Medication/a"))})
    assert elsewhere.asked == server.asked == []
    assert gaps(record, "MedicationRequest") == [("unresolved", False)]


@pytest.mark.parametrize("answer", [Answer({}, status=404), Answer(hang=True), Answer(patient())])
def test_what_cannot_be_read_is_unresolved_unless_it_has_a_display(
    ask: Ask, server: FhirServer, answer: Answer
) -> None:
    server.routes["Medication/"] = answer
    nameless = ask(prefetch={"x": bundle(referring("m1", "Medication/a"))}, seconds=0.4)
    named = ask(prefetch={"x": bundle(referring("m1", "Medication/a", display="Ultram"))}, seconds=0.4)
    assert gaps(nameless, "MedicationRequest") == [("unresolved", False)]
    assert gaps(named, "MedicationRequest") == []
    assert names(named) == {"m1": ("Ultram",)}


def test_the_number_of_medications_is_capped(ask: Ask, server: FhirServer) -> None:
    orders = [referring(f"m{n}", f"Medication/{n}") for n in range(9)]
    ask(prefetch={"x": bundle(*orders)}, options=GatherOptions(max_medications=4, medication_batch=2))
    asked = [path for path in server.asked if "_id=" in path]
    assert len(asked) == 2


def draft(**elements: Any) -> MedicationRequest:
    return msgspec.convert({"resourceType": "MedicationRequest", "id": "d", **elements}, MedicationRequest)


def test_the_medication_of_a_draft_is_read(ask: Ask, server: FhirServer) -> None:
    server.routes["Medication/a"] = Answer(medication("a", "Naltrexone"))
    order_ = draft(medicationReference={"reference": "Medication/a"})
    record = ask(orders=(order_,))
    assert medication_of(order_, None, record).texts == ("Naltrexone",)
    assert record.entries == {}


def test_medications_in_the_basket_need_no_read(ask: Ask, server: FhirServer) -> None:
    own = msgspec.convert({**medication("a", "A")}, Medication)
    by_urn = msgspec.convert({**medication("b", "B")}, Medication)
    first = draft(medicationReference={"reference": "Medication/a"})
    second = draft(medicationReference={"reference": "urn:uuid:1"})
    record = ask(orders=(first, own, second), named={"urn:uuid:1": by_urn})
    assert medication_of(first, None, record).resolved_by is ResolvedBy.RECORD
    assert medication_of(second, None, record).texts == ("B",)
    assert server.asked == []


def test_a_draft_without_a_medication_is_no_gap_and_a_lost_one_is(ask: Ask) -> None:
    assert ask(orders=(draft(),)).gaps == []
    record = ask(orders=(draft(medicationReference={"reference": "urn:uuid:9"}),))
    assert gaps(record, "MedicationRequest") == [("unresolved", False)]


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
