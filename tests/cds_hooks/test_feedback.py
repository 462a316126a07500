"""Feedback: rows F1 to F7 and F9."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cds_service.cds_hooks import Coding, FeedbackItem, RefusedItem
from cds_service.errors import NotFound, Unavailable

URL = "/cds-services/order-sign/feedback"
ACCEPTED = {
    "card": "c1",
    "outcome": "accepted",
    "acceptedSuggestions": [{"id": "s1"}, {"id": "s2"}],
    "outcomeTimestamp": "2026-05-19T19:44:04.123Z",
}
REASON = {"code": "patient-refuses", "system": "http://example.org/reasons"}
OVERRIDDEN = {
    "card": "c2",
    "outcome": "overridden",
    "overrideReason": {"reason": REASON, "userComment": "not now"},
    "outcomeTimestamp": "2026-05-19T21:44:04+02:00",
}


class Sink:
    def __init__(self):
        self.items: list[FeedbackItem] = []
        self.result: list[RefusedItem] | Exception = []

    def __call__(self, service, items, call):
        if isinstance(self.result, Exception):
            raise self.result
        assert service.id == "order-sign"
        self.items += items
        return self.result


@pytest.fixture
def sink():
    return Sink()


@pytest.fixture
def send(make_app, sink):
    client = make_app(feedback_sink=sink).test_client()
    return lambda *items, url=URL: client.post(url, json={"feedback": list(items)})


def test_F1_to_F5_several_items(send, sink):
    response = send(ACCEPTED, OVERRIDDEN, ACCEPTED)
    assert (response.status_code, response.data, response.content_type) == (200, b"{}", "application/json")
    accepted, overridden, repeated = sink.items
    assert accepted == FeedbackItem(
        index=0,
        path="$.feedback[0]",
        card="c1",
        outcome="accepted",
        outcome_timestamp=datetime(2026, 5, 19, 19, 44, 4, 123000, UTC),
        accepted_suggestions=("s1", "s2"),
    )
    assert overridden.override_reason == Coding(code="patient-refuses", system="http://example.org/reasons")
    assert overridden.user_comment == "not now"
    assert overridden.outcome_timestamp == datetime(2026, 5, 19, 19, 44, 4, tzinfo=UTC)
    assert repeated.index == 2


@pytest.mark.parametrize("url", [URL + "/", "/cds-services//order-sign/feedback"])
def test_F1_addresses(send, url):
    assert send(ACCEPTED, url=url).status_code == 200


def test_F1_acknowledged_without_a_sink(client):
    assert client.post(URL, json={"feedback": [ACCEPTED]}).data == b"{}"


@pytest.mark.parametrize(
    "body", [{}, {"feedback": None}, {"feedback": {}}, {"feedback": []}, [], {"card": "c1"}], ids=str
)
def test_F1_not_feedback(client, body):
    response = client.post(URL, json=body)
    assert response.status_code == 400
    assert response.get_json()["resourceType"] == "OperationOutcome"


def without(item, name):
    return {key: value for key, value in item.items() if key != name}


BAD = {
    "F1-item": ("x", ""),
    "F2-card": (without(ACCEPTED, "card"), ".card"),
    "F2-outcome": (without(ACCEPTED, "outcome"), ".outcome"),
    "F2-cds-fb-1": (OVERRIDDEN | {"outcome": "ignored"}, ".outcome"),
    "F2-time-missing": (without(ACCEPTED, "outcomeTimestamp"), ".outcomeTimestamp"),
    "F2-time-date-only": (ACCEPTED | {"outcomeTimestamp": "2026-05-19"}, ".outcomeTimestamp"),
    "F2-time-no-zone": (ACCEPTED | {"outcomeTimestamp": "2026-05-19T19:44:04"}, ".outcomeTimestamp"),
    "F2-time-no-such-day": (ACCEPTED | {"outcomeTimestamp": "2026-02-30T19:44:04Z"}, ".outcomeTimestamp"),
    "F2-time-before-time": (
        ACCEPTED | {"outcomeTimestamp": "0001-01-01T00:00:00+10:00"},
        ".outcomeTimestamp",
    ),
    "F2-time-number": (ACCEPTED | {"outcomeTimestamp": 1}, ".outcomeTimestamp"),
    "F3-cds-fb-2": (without(ACCEPTED, "acceptedSuggestions"), ".acceptedSuggestions"),
    "F3-cds-fb-2-empty": (ACCEPTED | {"acceptedSuggestions": []}, ".acceptedSuggestions"),
    "F3-id": (ACCEPTED | {"acceptedSuggestions": [{}]}, ".acceptedSuggestions[0].id"),
    "F4-cds-fb-3": (OVERRIDDEN | {"overrideReason": {}}, ".overrideReason"),
    "F4-code": (OVERRIDDEN | {"overrideReason": {"reason": {"system": "x"}}}, ".overrideReason.reason.code"),
}


@pytest.mark.parametrize(("item", "path"), BAD.values(), ids=BAD)
def test_a_bad_item_does_not_cost_its_neighbours(send, sink, item, path):
    response = send(ACCEPTED, item, OVERRIDDEN)
    assert response.status_code == 200
    (issue,) = response.get_json()["issue"]
    assert issue["expression"] == [f"$.feedback[1]{path}"]
    assert [taken.index for taken in sink.items] == [0, 2]


@pytest.mark.parametrize(("item", "path"), BAD.values(), ids=BAD)
def test_nothing_readable_is_400(send, sink, item, path):
    response = send(item)
    assert response.status_code == 400
    assert response.get_json()["issue"][0]["expression"] == [f"$.feedback[0]{path}"]
    assert sink.items == []


def test_F4_override_without_reason_or_with_comment_only(send, sink):
    send(without(OVERRIDDEN, "overrideReason"), OVERRIDDEN | {"overrideReason": {"userComment": "x"}})
    assert [(item.override_reason, item.user_comment) for item in sink.items] == [(None, None), (None, "x")]


EPIC = "com.epic.cdshooks.feedback.overrideReason"


@pytest.mark.parametrize(
    ("reasons", "coding"),
    [
        pytest.param({"reason": REASON}, Coding(**REASON), id="object"),
        pytest.param([{"reason": REASON}], Coding(**REASON), id="array"),
        pytest.param(
            {
                "extension": {
                    f"{EPIC}.reasonCategory": "45",
                    f"{EPIC}.reasonDisplay": "Does not meet criteria",
                    f"{EPIC}.reasonTitle": "Title",
                }
            },
            Coding(code="45", system=EPIC, display="Does not meet criteria"),
            id="extension",
        ),
        pytest.param(
            {"extension": {f"{EPIC}.reasonTitle": "T"}},
            Coding(code="T", system=EPIC, display="T"),
            id="title-only",
        ),
        pytest.param(
            {"extension": {f"{EPIC}.reasonDisplay": "D"}},
            Coding(code="D", system=EPIC, display="D"),
            id="display-only",
        ),
        pytest.param({"reason": {"code": "x"}}, Coding(code="x", system=""), id="no-system"),
    ],
)
def test_F7_epic_dialect(send, sink, reasons, coding):
    assert send(without(OVERRIDDEN, "overrideReason") | {"overrideReasons": reasons}).data == b"{}"
    assert sink.items[0].override_reason == coding


def test_sink_can_refuse_an_item(send, sink):
    sink.result = [RefusedItem(0, "$.feedback[0].card", "No such card")]
    (issue,) = send(ACCEPTED).get_json()["issue"]
    assert issue["diagnostics"] == "No such card"


@pytest.mark.parametrize(("error", "status"), [(NotFound("No such card"), 404), (Unavailable(), 503)])
def test_F9_sink_can_refuse_the_call(send, sink, error, status):
    sink.result = error
    assert send(ACCEPTED).status_code == status


def test_no_more_items_than_orders_may_come_at_once(send, sink):
    response = send(*[OVERRIDDEN] * 10_001)
    assert (response.status_code, sink.items) == (413, [])
    assert send(*[OVERRIDDEN] * 50).status_code == 200


def test_a_suggestion_named_many_times_is_accepted_once(send, sink):
    send(ACCEPTED | {"acceptedSuggestions": [{"id": "s1"}, {"id": "s2"}] * 1000})
    assert sink.items[0].accepted_suggestions == ("s1", "s2")
