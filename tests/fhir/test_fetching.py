"""What a reply with HTTP 200 answers, and what it only seems to."""

from __future__ import annotations

import json

import pytest

from cds_service.fhir.client import Reply
from cds_service.fhir.fetching import FetchFailed, read_reply
from tests.fhir.bodies import Body, bundle, condition, order, outcome

DEVICE: Body = {"resourceType": "Device", "id": "d1"}
KIND = "MedicationRequest"


def reply(body: Body) -> Reply:
    return Reply(status=200, body=json.dumps(body).encode(), url="https://ehr.example/fhir/MedicationRequest")


@pytest.mark.parametrize(
    "others",
    [
        pytest.param([DEVICE], id="a type the service does not read"),
        pytest.param([condition()], id="a type it reads, but did not ask for"),
        pytest.param([condition(), DEVICE], id="both"),
    ],
)
def test_list_of_other_types_only_is_no_empty_list(others: list[Body]) -> None:
    with pytest.raises(FetchFailed, match="without MedicationRequest"):
        read_reply(reply(bundle(*others)), KIND, is_search=True)


def test_entries_of_other_types_do_not_cost_the_ones_asked_for() -> None:
    page = read_reply(reply(bundle(DEVICE, order("m1"))), KIND, is_search=True)
    assert [item.resource.id for item in page.found] == ["m1"]


@pytest.mark.parametrize("entries", [[], [outcome()]], ids=["nothing", "only an OperationOutcome"])
def test_empty_list_is_an_answer(entries: list[Body]) -> None:
    page = read_reply(reply(bundle(*entries)), KIND, is_search=True)
    assert not page.found
