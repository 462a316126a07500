"""Medications that orders refer to: read in one search, else one by one, and from nowhere else."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cds_service.fhir import (
    GatherOptions,
    PatientRecord,
    ResolvedBy,
    medication_of,
)
from cds_service.fhir.resources import Medication, MedicationRequest
from tests.fhir.asking import CONDITIONS, REQUESTS, Ask, draft
from tests.fhir.bodies import (
    bundle,
    gaps,
    medication,
    order,
    patient,
)
from tests.fhir.server import Answer, FhirServer


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
