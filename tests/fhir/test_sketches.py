"""Resources at a glance: what is passed over, and that nothing is lost of what is read."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from cds_service.errors import PayloadTooLarge
from cds_service.fhir import Deadline, GatherOptions, gather, read_resource, standard_queries
from cds_service.fhir.patients import is_about
from cds_service.fhir.reading import VIEWS
from cds_service.fhir.records import GapReason, PatientRecord
from cds_service.fhir.sketches import (
    EVERYTHING,
    SKETCHES,
    SOME,
    AnySketch,
    Needed,
    Sketch,
    alike,
    in_full,
    whose,
)
from cds_service.fhir.versions import version_of_record
from tests.fhir.bodies import PATIENT_ID, bundle, condition, order, raws


def from_prefetch(values: dict[str, Any], needed: Needed, **options: Any) -> PatientRecord:
    return gather(
        PATIENT_ID,
        raws(values),
        [],
        server=None,
        wanted=standard_queries(),
        deadline=Deadline(5),
        options=GatherOptions(**options),
        needed=needed,
    )


NOTHING_NEEDED: Needed = {sketch: lambda resource: False for sketch in SKETCHES.values()}


def sketch_of(resource: dict[str, Any]) -> Sketch:
    return msgspec.json.decode(json.dumps(resource).encode(), type=AnySketch)


def test_a_sketch_has_every_element_its_view_has() -> None:
    assert SKETCHES.keys() == VIEWS.keys()
    for name, view in VIEWS.items():
        assert SKETCHES[name].__struct_encode_fields__ == view.__struct_encode_fields__


@pytest.mark.parametrize(
    "changes",
    [{}, {"dosageInstruction": "once a day"}, {"status": "Entered_in error"}, {"note": [{"text": "ß"}]}],
    ids=["usual", "misfit", "spelling", "not ASCII"],
)
def test_in_full_it_reads_as_if_it_had_never_been_a_sketch(changes: dict[str, Any]) -> None:
    resource = order() | changes
    raw = json.dumps(resource).encode()
    assert in_full(sketch_of(resource), "$.x") == read_resource(raw, "$.x")


def test_what_is_passed_over_is_a_list_that_was_had() -> None:
    record = from_prefetch({"conditions": bundle(condition(), condition("c2"))}, NOTHING_NEEDED)
    assert record.lists == {"Condition"}
    assert not record.entries
    assert record.has("Condition")
    assert record.size() == 2


def test_of_those_passed_over_a_few_are_kept_and_all_counted() -> None:
    record = from_prefetch(
        {"conditions": bundle(*(condition(f"c{n}") for n in range(SOME + 4)))}, NOTHING_NEEDED
    )
    (alike,) = record.passed_over["Condition"]
    assert (alike.count, len(alike.some)) == (SOME + 4, SOME)
    assert record.size() == SOME + 4


def test_alike_are_those_that_follow_each_other_and_name_their_patient_alike() -> None:
    other = {"subject": {"reference": "Patient/other"}}
    named = {"subject": None, "patient": {"reference": "Patient/p1"}}
    resources = condition(), condition(), condition() | other, condition() | named, order()
    found = alike(map(sketch_of, resources))
    assert [(each.kind, each.count) for each in found] == [
        ("Condition", 2),
        ("Condition", 1),
        ("Condition", 1),
        ("MedicationRequest", 1),
    ]


@pytest.mark.parametrize(
    ("changes", "own"),
    [
        ({}, True),
        ({"subject": {"reference": "Patient/other"}}, False),
        ({"patient": {"reference": "Patient/other"}}, False),
        ({"subject": None}, True),
        ({"subject": "Patient/other"}, False),
    ],
    ids=["own", "other", "two names", "nobody", "a string"],
)
def test_whose_it_is_as_in_full(changes: dict[str, Any], own: bool) -> None:
    resource = condition() | changes
    read = in_full(sketch_of(resource), "$").resource
    said = whose(sketch_of(resource))
    assert read is not None and said is not None
    assert is_about(said, PATIENT_ID) == is_about(read, PATIENT_ID) == own


def test_another_patients_resources_are_counted_though_passed_over() -> None:
    other = condition("c2") | {"subject": {"reference": "Patient/other"}}
    record = from_prefetch({"conditions": bundle(condition(), other, other | {"id": "c3"})}, NOTHING_NEEDED)
    (gap,) = [gap for gap in record.gaps if gap.reason is GapReason.OTHER_PATIENT]
    assert (gap.kind, gap.count) == ("Condition", 2)
    assert record.size() == 1


def test_only_other_patients_resources_are_no_list() -> None:
    other = condition() | {"subject": {"reference": "Patient/other"}}
    assert "Condition" not in from_prefetch({"conditions": bundle(other)}, NOTHING_NEEDED).lists


@pytest.mark.parametrize("subject", ["Patient/p1", {"reference": 7}], ids=["a string", "a number"])
def test_a_subject_in_another_shape_is_judged_as_in_full(subject: Any) -> None:
    values = {"conditions": bundle(condition() | {"subject": subject})}
    over, read = from_prefetch(values, NOTHING_NEEDED), from_prefetch(values, EVERYTHING)
    assert (over.lists, over.size()) == (read.lists, read.size())


def test_a_bundle_with_a_stranger_among_its_types_is_sifted_too() -> None:
    practitioner = {"resourceType": "Practitioner", "id": "x"}
    record = from_prefetch({"conditions": bundle(condition(), practitioner)}, NOTHING_NEEDED)
    assert record.lists == {"Condition"}
    assert record.size() == 1
    assert not record.entries


def test_the_version_is_told_by_what_was_passed_over() -> None:
    stu3 = condition() | {"clinicalStatus": "active"}
    assert version_of_record(from_prefetch({"conditions": bundle(stu3)}, NOTHING_NEEDED)) == "STU3"


def test_more_resources_than_allowed_are_refused() -> None:
    values = {
        "conditions": bundle(*(condition(f"c{n}") for n in range(3))),
        "medicationRequests": bundle(order()),
    }
    assert from_prefetch(values, NOTHING_NEEDED, max_resources=4).size() == 4
    with pytest.raises(PayloadTooLarge):
        from_prefetch(values, NOTHING_NEEDED, max_resources=3)
