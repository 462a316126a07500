"""What the client sent along: every shape a value can have, under any key."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.fhir import GapReason, GatherOptions
from cds_service.fhir.datatypes import Reference
from cds_service.fhir.patients import is_about
from cds_service.fhir.resources import Condition, MedicationRequest
from tests.fhir.bodies import (
    bundle,
    condition,
    from_prefetch,
    gaps,
    ids,
    medication,
    order,
    outcome,
    patient,
    raws,
)

NOT_SUPPLIED = ("not-supplied", True)
INCOMPLETE = ("incomplete", True)
EHR = "https://ehr.example/fhir"


def test_nothing_sent_is_nothing_supplied() -> None:
    record = from_prefetch({})
    assert record.lists == set()
    assert {gap.kind for gap in record.gaps} == {
        "Patient",
        "MedicationStatement",
        "MedicationRequest",
        "Condition",
        "AllergyIntolerance",
        "Observation",
    }
    assert {gap.reason for gap in record.gaps} == {GapReason.NOT_SUPPLIED}


@pytest.mark.parametrize(
    ("key", "kind"),
    [
        ("patient", "Patient"),
        ("medicationStatements", "MedicationStatement"),
        ("medicationRequests", "MedicationRequest"),
        ("medicationRequests", "MedicationOrder"),
        ("conditions", "Condition"),
        ("allergies", "AllergyIntolerance"),
        ("observations", "Observation"),
    ],
)
@pytest.mark.parametrize("value", [None, bundle(), bundle(total=0)], ids=["null", "empty", "total 0"])
def test_null_or_an_empty_bundle_under_our_key_is_an_empty_list(key: str, kind: str, value: Any) -> None:
    record = from_prefetch({key: value})
    assert kind in record.lists
    assert gaps(record, kind) == []
    assert kind not in record.entries


def test_null_under_an_unknown_key_says_nothing() -> None:
    record = from_prefetch({"item1": None})
    assert record.lists == set()
    assert gaps(record, "MedicationRequest") == [NOT_SUPPLIED]


def test_null_under_a_configured_key_is_an_empty_list() -> None:
    record = from_prefetch({"meds": None}, options=GatherOptions(keys={"meds": "MedicationRequest"}))
    assert "MedicationRequest" in record.lists


@pytest.mark.parametrize(
    "link",
    [
        f"{EHR}/Condition?patient=p1",
        f"{EHR}/Condition?patient=Patient/p1&_count=50",
        f"{EHR}/Condition?patient:Patient=p1",
        f"{EHR}/Condition?subject={EHR}/Patient/p1",
        "Condition?patient=p1",
        f"{EHR}/Condition/_search?patient=p1",
        f"{EHR}/Patient/p1/Condition",
        f"{EHR}/Condition",
    ],
)
def test_an_empty_bundle_under_an_unknown_key_is_known_by_its_self_link(link: str) -> None:
    assert from_prefetch({"x": bundle(self_link=link)}).lists == {"Condition"}


@pytest.mark.parametrize(
    "link", ["", f"{EHR}?_getpages=1", f"{EHR}/Condition?patient=other", "http://[::1", f"{EHR}/Condition/17"]
)
def test_an_empty_bundle_that_nothing_names_says_nothing(link: str) -> None:
    assert from_prefetch({"x": bundle(self_link=link)}).lists == set()


def test_the_sites_key_map_names_an_empty_bundle() -> None:
    options = GatherOptions(keys={"x": "AllergyIntolerance"})
    assert from_prefetch({"x": bundle()}, options=options).lists == {"AllergyIntolerance"}


def test_the_order_of_precedence_is_our_key_then_self_link_then_key_map() -> None:
    options = GatherOptions(keys={"x": "AllergyIntolerance"})
    link = f"{EHR}/Condition?patient=p1"
    assert from_prefetch({"conditions": bundle(self_link=f"{EHR}/Observation")}).lists == {"Condition"}
    assert from_prefetch({"x": bundle(self_link=link)}, options=options).lists == {"Condition"}


def test_resources_are_recognised_by_what_they_are() -> None:
    record = from_prefetch({"item7": bundle(order()), "conditions": bundle(order("m2")), "q": patient()})
    assert ids(record, "MedicationRequest") == ["m1", "m2"]
    assert record.lists == {"MedicationRequest", "Patient"}
    (_, source), _ = record.of_type(MedicationRequest)
    assert (source.origin, source.path) == ("prefetch", "$.prefetch.item7.entry[0].resource")


@pytest.mark.parametrize("severity", ["information", "warning", "Warning ", "success"])
def test_an_outcome_entry_that_is_no_error_means_no_data(severity: str) -> None:
    record = from_prefetch({"medicationRequests": bundle(outcome(severity), total=0)})
    assert "MedicationRequest" in record.lists
    assert gaps(record, "MedicationRequest") == []


@pytest.mark.parametrize("severity", ["error", "fatal"])
def test_an_outcome_entry_that_is_an_error_makes_the_list_incomplete(severity: str) -> None:
    record = from_prefetch({"medicationRequests": bundle(order(), outcome(severity))})
    assert ids(record, "MedicationRequest") == ["m1"]
    assert "MedicationRequest" in record.lists
    assert gaps(record, "MedicationRequest") == [INCOMPLETE]


def test_an_error_in_place_of_all_entries_is_no_list() -> None:
    record = from_prefetch({"medicationRequests": bundle(outcome("error"))})
    assert "MedicationRequest" not in record.lists
    assert gaps(record, "MedicationRequest") == [INCOMPLETE]


@pytest.mark.parametrize(
    ("code", "reason"),
    [("processing", "not-supplied"), ("not-supported", "not-kept"), ("forbidden", "refused")],
)
def test_an_outcome_as_the_value_is_not_available(code: str, reason: str) -> None:
    record = from_prefetch({"medicationStatements": outcome("warning", code)})
    assert "MedicationStatement" not in record.lists
    assert gaps(record, "MedicationStatement") == [(reason, True)]
    assert "Doe" not in repr(record.gaps)


def test_a_next_link_without_a_server_leaves_the_list_incomplete() -> None:
    record = from_prefetch({"x": bundle(order(), next_link=f"{EHR}?page=2")})
    assert ids(record, "MedicationRequest") == ["m1"]
    assert gaps(record, "MedicationRequest") == [INCOMPLETE]


def test_a_total_above_the_entries_leaves_the_list_incomplete() -> None:
    record = from_prefetch({"x": bundle(order(), total=12), "conditions": bundle(total=3)})
    assert gaps(record, "MedicationRequest") == [INCOMPLETE]
    assert gaps(record, "Condition") == [INCOMPLETE]
    assert "Condition" not in record.lists


def test_a_single_resource_is_the_answer_under_our_key_and_one_of_many_elsewhere() -> None:
    ours, elsewhere = from_prefetch({"conditions": condition()}), from_prefetch({"item1": condition()})
    assert ids(ours, "Condition") == ids(elsewhere, "Condition") == ["c1"]
    assert gaps(ours, "Condition") == []
    assert gaps(elsewhere, "Condition") == [INCOMPLETE]
    assert "Condition" in elsewhere.lists


@pytest.mark.parametrize(
    "value",
    [
        {"response": {"status": "200 OK"}, "resource": bundle(order())},
        [order()],
        [bundle(order()), bundle()],
        bundle(bundle(order())),
        {"resourceType": "Bundle", "entry": {"resource": order()}},
        {"resourceType": "Bundle", "entry": [None, {"resource": order()}, {"resource": None}, {}]},
        {"resourceType": "Bundle", "entry": [order()]},
        {
            "resourceType": "Bundle",
            "link": None,
            "total": "1",
            "entry": [{"fullUrl": 5, "resource": order()}],
        },
    ],
    ids=["wrapped", "list", "list of bundles", "nested", "entry object", "nulls", "no wrapper", "odd types"],
)
def test_shapes_of_a_list(value: Any) -> None:
    record = from_prefetch({"x": value})
    assert ids(record, "MedicationRequest") == ["m1"]
    assert "MedicationRequest" in record.lists
    assert gaps(record, "MedicationRequest") == []


def test_a_wrapper_without_a_resource() -> None:
    failed = from_prefetch({"conditions": {"response": {"status": "404 Not Found"}, "resource": None}})
    empty = from_prefetch({"conditions": {"response": {"status": "200"}, "resource": None}})
    assert gaps(failed, "Condition") == [NOT_SUPPLIED]
    assert gaps(empty, "Condition") == []


def test_entry_null_is_an_empty_list() -> None:
    assert "Condition" in from_prefetch({"conditions": {"resourceType": "Bundle", "entry": None}}).lists


@pytest.mark.parametrize("value", ["x", 7, True, {}, {"a": 1}])
def test_a_value_that_is_no_fhir_is_malformed(value: Any) -> None:
    record = from_prefetch({"x": value})
    assert [(gap.reason, gap.path) for gap in record.gaps_of(["Resource"])] == [
        (GapReason.MALFORMED, "$.prefetch.x")
    ]


def test_a_bad_entry_loses_only_itself() -> None:
    record = from_prefetch({"x": bundle(order("m1"), {"id": "?"}, order("m3"))})
    assert ids(record, "MedicationRequest") == ["m1", "m3"]
    (gap,) = record.gaps_of(["Resource"])
    assert gap.path == "$.prefetch.x.entry[1].resource"
    assert not gap.covers_list


def test_bundles_nested_without_end_are_given_up() -> None:
    value = bundle(order())
    for _ in range(30):
        value = bundle(value)
    assert [gap.reason for gap in from_prefetch({"x": value}).gaps_of(["Resource"])] == [GapReason.MALFORMED]


def test_types_can_be_mixed_and_medications_are_filed_by_name() -> None:
    mixed = bundle(order(), condition(), patient())
    mixed["entry"].append({"fullUrl": f"{EHR}/Medication/a", "resource": medication("a")})
    mixed["entry"].append({"fullUrl": "urn:uuid:1-2", "resource": {"resourceType": "Medication"}})
    record = from_prefetch({"everything": mixed})
    assert record.lists == {"MedicationRequest", "Condition", "Patient"}
    assert set(record.medications) == {"Medication/a", f"{EHR}/Medication/a", "urn:uuid:1-2"}


def test_an_include_is_no_list_of_its_type() -> None:
    value = bundle(order())
    value["entry"].append({"resource": condition(), "search": {"mode": "include"}})
    record = from_prefetch({"x": value})
    assert ids(record, "Condition") == ["c1"]
    assert "Condition" not in record.lists


def test_a_self_link_tells_matches_from_includes() -> None:
    value = bundle(order(), condition(), self_link=f"{EHR}/MedicationRequest?patient=p1")
    assert from_prefetch({"x": value}).lists == {"MedicationRequest"}


@pytest.mark.parametrize("query", ["status=active", "status=active,on-hold", "authoredon=ge2026-01-01"])
def test_a_filtered_list_is_had_with_a_note_that_does_not_unread_it(query: str) -> None:
    value = bundle(order(), self_link=f"{EHR}/MedicationRequest?patient=p1&{query}")
    record = from_prefetch({"x": value})
    assert "MedicationRequest" in record.lists
    assert gaps(record, "MedicationRequest") == [("incomplete", False)]


def test_a_filter_that_keeps_stopped_orders_needs_no_note() -> None:
    link = f"{EHR}/MedicationRequest?patient=p1&status=active,stopped,completed"
    assert gaps(from_prefetch({"x": bundle(order(), self_link=link)}), "MedicationRequest") == []


@pytest.mark.parametrize("picked", ["code=1819", "medication=m1", "_id=7", "identifier=7", "code:text=x"])
def test_a_search_for_one_drug_is_no_medication_list_unless_the_site_says_so(picked: str) -> None:
    value = bundle(self_link=f"{EHR}/MedicationRequest?patient=p1&{picked}")
    unknown, ours = from_prefetch({"x": value}), from_prefetch({"medicationRequests": value})
    assert "MedicationRequest" not in unknown.lists
    assert gaps(unknown, "MedicationRequest") == [INCOMPLETE]
    assert "MedicationRequest" in ours.lists


@pytest.mark.parametrize(
    ("reference", "same"),
    [
        ("Patient/p1", True),
        ("p1", True),
        (" Patient/p1 ", True),
        ("Patient/p1/_history/3", True),
        (f"{EHR}/Patient/p1", True),
        (f"{EHR}/Patient/p1/_history/3", True),
        ("urn:uuid:77", True),
        ("", True),
        (None, True),
        ("Patient/p2", False),
        ("Patient/p11", False),
        ("Group/p1", False),
        ("urn:uuid:78", False),
        ("#p1", False),
        (f"{EHR}/Patient/p1/Condition/2", False),
    ],
)
def test_whose_resource_it_is(reference: str | None, same: bool) -> None:
    resource = Condition(subject=Reference(reference=reference))
    assert is_about(resource, "p1", {"urn:uuid:77"}) is same
    assert is_about(Condition(patient=Reference(reference=reference)), "p1", {"urn:uuid:77"}) is same


@pytest.mark.parametrize("patient_id", ["p1", "Patient/p1", " Patient/p1", f"{EHR}/Patient/p1/_history/2"])
def test_the_contexts_patient_id_in_any_form(patient_id: str) -> None:
    record = from_prefetch({"x": bundle(order())}, patient_id)
    assert (record.patient_id, ids(record, "MedicationRequest")) == ("p1", ["m1"])


def test_other_patients_are_ignored_and_counted_by_type() -> None:
    other = {"subject": {"reference": "Patient/p2"}}
    record = from_prefetch(
        {"x": bundle(order("a", **other), order("b", **other), order("c")), "y": patient("p2")}
    )
    assert ids(record, "MedicationRequest") == ["c"]
    counted = [(g.kind, g.count) for g in record.gaps if g.reason is GapReason.OTHER_PATIENT]
    assert counted == [("MedicationRequest", 2), ("Patient", 1)]
    assert "Patient" not in record.entries


def test_a_list_of_nothing_but_other_patients_is_not_this_patients_list() -> None:
    record = from_prefetch({"medicationRequests": bundle(order(subject={"reference": "Patient/p2"}))})
    assert "MedicationRequest" not in record.lists
    assert gaps(record, "MedicationRequest") == [NOT_SUPPLIED, ("other-patient", False)]


def test_a_resource_without_subject_and_a_patient_without_id_are_accepted() -> None:
    value = bundle({"resourceType": "MedicationStatement", "id": "s1"}, patient(None))
    record = from_prefetch({"x": value})
    assert ids(record, "MedicationStatement") == ["s1"]
    assert "Patient" in record.entries


def test_the_urn_of_the_patients_entry_is_known_across_keys() -> None:
    patients = {"resourceType": "Bundle", "entry": [{"fullUrl": "urn:uuid:9", "resource": patient()}]}
    record = from_prefetch({"a": bundle(condition(subject={"reference": "urn:uuid:9"})), "z": patients})
    assert ids(record, "Condition") == ["c1"]


def test_the_same_resource_from_two_keys_is_kept_once() -> None:
    record = from_prefetch({"a": bundle(order("m1"), order("m2")), "b": bundle(order("m2"), condition("m2"))})
    assert ids(record, "MedicationRequest") == ["m1", "m2"]
    assert ids(record, "Condition") == ["m2"]


def test_only_coverage_under_our_key_is_no_list_of_ours() -> None:
    record = from_prefetch({"conditions": bundle({"resourceType": "Coverage", "id": "v"})})
    assert record.lists == set()


def test_raw_values_with_blanks_around_them() -> None:
    values = raws({"conditions": None})
    assert bytes(values["conditions"]) == b"null"
