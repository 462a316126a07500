"""One resource: every version's shape, and what can be saved of a broken one."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest

from cds_service.fhir import GapReason
from cds_service.fhir.datatypes import LONGEST_TEXT, CodeableConcept, Reference
from cds_service.fhir.reading import read_resource
from cds_service.fhir.resources import (
    AllergyIntolerance,
    Condition,
    MedicationAdministration,
    MedicationOrder,
    MedicationRequest,
    MedicationStatement,
    Observation,
    Patient,
    Resource,
)

CONCEPT = {"coding": [{"system": "http://x", "code": "1", "display": "One"}], "text": "One"}
DOSE = {"value": 4.5, "unit": "mg"}
DAILY = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}
DAILY_DSTU2 = {"repeat": {"frequency": 1, "period": 1, "periodUnits": "d", "when": "HS"}}

SHAPES: dict[str, dict[str, Any]] = {
    "DSTU2 order": {
        "resourceType": "MedicationOrder",
        "patient": {"reference": "Patient/1"},
        "dateWritten": "2024-01-01",
        "reasonCodeableConcept": CONCEPT,
        "medicationCodeableConcept": CONCEPT,
        "dosageInstruction": [
            {"timing": DAILY_DSTU2, "doseQuantity": DOSE, "additionalInstructions": CONCEPT}
        ],
        "note": "take with food",
    },
    "DSTU2 statement": {
        "resourceType": "MedicationStatement",
        "wasNotTaken": True,
        "reasonForUseCodeableConcept": CONCEPT,
        "dosage": [{"timing": DAILY_DSTU2, "quantityQuantity": DOSE}],
    },
    "DSTU2 administration": {
        "resourceType": "MedicationAdministration",
        "wasNotGiven": False,
        "effectiveTimeDateTime": "2024-01-01",
        "dosage": {"quantity": DOSE, "route": CONCEPT},
    },
    "DSTU2 condition": {
        "resourceType": "Condition",
        "patient": {"reference": "Patient/1"},
        "clinicalStatus": "active",
        "verificationStatus": "confirmed",
        "dateRecorded": "2024",
    },
    "DSTU2 allergy": {
        "resourceType": "AllergyIntolerance",
        "substance": CONCEPT,
        "status": "confirmed",
        "criticality": "CRITL",
        "type": "allergy",
    },
    "STU3 request": {
        "resourceType": "MedicationRequest",
        "intent": "order",
        "dosageInstruction": [
            {"timing": {"repeat": {"when": "HS"}}, "doseQuantity": DOSE, "additionalInstruction": [CONCEPT]}
        ],
    },
    "STU3 statement": {
        "resourceType": "MedicationStatement",
        "taken": "n",
        "basedOn": [{"reference": "MedicationRequest/1"}],
        "dosage": [{"doseRange": {"low": DOSE, "high": DOSE}}],
    },
    "R4 request": {
        "resourceType": "MedicationRequest",
        "doNotPerform": False,
        "statusReason": CONCEPT,
        "reasonCode": [CONCEPT],
        "dosageInstruction": [{"timing": DAILY, "doseAndRate": [{"type": CONCEPT, "doseQuantity": DOSE}]}],
        "dispenseRequest": {"numberOfRepeatsAllowed": 3, "quantity": DOSE},
        "note": [{"text": "x"}],
    },
    "R4 condition": {
        "resourceType": "Condition",
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "abatementString": "last year",
    },
    "R4 observation": {
        "resourceType": "Observation",
        "status": "final",
        "code": CONCEPT,
        "valueQuantity": DOSE,
        "component": [{"code": CONCEPT, "valueString": "x"}],
        "referenceRange": [{"high": DOSE}],
    },
    "R5 request": {
        "resourceType": "MedicationRequest",
        "medication": {"concept": CONCEPT},
        "reason": [{"concept": CONCEPT}],
        "dosageInstruction": [{"asNeeded": True, "asNeededFor": [CONCEPT]}],
        "renderedDosageInstruction": "one at night",
    },
    "R5 statement": {
        "resourceType": "MedicationStatement",
        "status": "recorded",
        "medication": {"reference": {"reference": "Medication/1"}},
        "adherence": {"code": CONCEPT},
    },
    "R5 allergy": {
        "resourceType": "AllergyIntolerance",
        "type": CONCEPT,
        "reaction": [{"manifestation": [{"concept": CONCEPT}]}],
    },
    "R5 administration": {
        "resourceType": "MedicationAdministration",
        "occurenceDateTime": "2024-01-01",
        "dosage": {"dose": DOSE},
    },
}


def read(body: Any) -> Any:
    result = read_resource(json.dumps(body).encode(), "$.x")
    assert result.resource is not None
    return result


@pytest.mark.parametrize("shape", SHAPES)
def test_every_versions_shape_reads_without_loss(shape: str) -> None:
    body = SHAPES[shape]
    result = read_resource(json.dumps(body).encode(), "$.x")
    assert result.gaps == ()
    assert result.resource is not None
    kept = json.loads(msgspec.json.encode(result.resource))
    assert kept == body


def test_a_draft_is_read_like_any_resource() -> None:
    draft = {"resourceType": "MedicationOrder", "category": {"coding": []}, "status": "draft"}
    result = read_resource(json.dumps(draft).encode(), "$")
    assert isinstance(result.resource, MedicationOrder)
    assert result.gaps == ()


@pytest.mark.parametrize("kind", ["Coverage", "Practitioner", "Group", "Bundle"])
def test_other_types_are_passed_over_in_silence(kind: str) -> None:
    result = read_resource(json.dumps({"resourceType": kind, "status": 7}).encode(), "$")
    assert (result.resource, result.gaps, result.other) == (None, (), kind)


@pytest.mark.parametrize(
    "raw",
    [b'{"id": "1"}', b'{"resourceType": null}', b'{"resourceType": 5}', b"[]", b'"x"', b"7", b"", b"{",
     b'{"resourceType": "Patient", "x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}"],
)  # fmt: skip
def test_what_does_not_say_what_it_is_is_malformed(raw: bytes) -> None:
    result = read_resource(raw, "$.prefetch.a")
    assert result.resource is None
    assert result.other is None
    (gap,) = result.gaps
    assert (gap.reason, gap.path, gap.covers_list) == (GapReason.MALFORMED, "$.prefetch.a", False)


# -- the forgiving read: (type, element as sent, attribute, value read)
FORGIVEN: list[tuple[type[Resource], dict[str, Any], str, Any]] = [
    (MedicationRequest, {"dosageInstruction": {"text": "daily"}}, "dosage_instruction.0.text", "daily"),
    (MedicationRequest, {"dosageInstruction": [None, {"text": "x"}]}, "dosage_instruction.0.text", "x"),
    (MedicationRequest, {"dosageInstruction": None}, "dosage_instruction", []),
    (MedicationRequest, {"reasonCode": CONCEPT}, "reason_code.0.text", "One"),
    (MedicationRequest, {"medicationCodeableConcept": [CONCEPT]}, "medication_codeable_concept.text", "One"),
    (MedicationRequest, {"medicationCodeableConcept": "Tramadol"}, "medication_codeable_concept",
     CodeableConcept(text="Tramadol")),
    (MedicationRequest, {"subject": "Patient/1"}, "subject", Reference(reference="Patient/1")),
    (MedicationRequest, {"doNotPerform": "false"}, "do_not_perform", False),
    (MedicationRequest, {"id": 17}, "id", "17"),
    (MedicationRequest, {"dispenseRequest": {"numberOfRepeatsAllowed": 1.0}},
     "dispense_request.number_of_repeats_allowed", 1),
    (MedicationRequest, {"dispenseRequest": {"numberOfRepeatsAllowed": "2"}},
     "dispense_request.number_of_repeats_allowed", 2),
    (MedicationStatement, {"dosage": {"doseQuantity": {"value": "4.5"}}},
     "dosage.0.dose_quantity.value", 4.5),
    (MedicationStatement, {"dosage": [{"doseQuantity": 4.5}]}, "dosage.0.dose_quantity.value", 4.5),
    (MedicationAdministration, {"dosage": [{"text": "x"}]}, "dosage.text", "x"),
    (Condition, {"onsetDateTime": 2019}, "onset_date_time", "2019"),
    (Condition, {"clinicalStatus": [{"coding": [{"code": "active"}]}]},
     "clinical_status.coding.0.code", "active"),
    (Observation, {"code": {"coding": CONCEPT["coding"][0]}}, "code.coding.0.code", "1"),
    (AllergyIntolerance, {"reaction": {"manifestation": CONCEPT}}, "reaction.0.manifestation.0.text", "One"),
]  # fmt: skip


def attribute(value: Any, path: str) -> Any:
    for step in path.split("."):
        value = value[int(step)] if step.isdigit() else getattr(value, step)
    return value


@pytest.mark.parametrize(("view", "element", "path", "expected"), FORGIVEN)
def test_what_can_be_understood_is_kept(
    view: type[Resource], element: dict[str, Any], path: str, expected: Any
) -> None:
    # the second element forces the slow read even where the first would pass
    result = read({"resourceType": view.__name__, "id": 1, **element})
    assert type(result.resource) is view
    assert attribute(result.resource, path) == expected
    assert result.gaps == ()


@pytest.mark.parametrize(
    ("element", "path"),
    [
        ({"authoredOn": {"x": 1}}, "$.x.authoredOn"),
        ({"doNotPerform": 1}, "$.x.doNotPerform"),
        ({"subject": 5}, "$.x.subject"),
        ({"medicationCodeableConcept": {"coding": [CONCEPT["coding"][0], 5]}},
         "$.x.medicationCodeableConcept.coding[1]"),
        ({"dosageInstruction": [{"timing": {"repeat": {"frequency": "twice"}}}]},
         "$.x.dosageInstruction[0].timing.repeat.frequency"),
        ({"dosageInstruction": [{"timing": {"repeat": {"frequency": 1.5}}}]},
         "$.x.dosageInstruction[0].timing.repeat.frequency"),
        ({"dosageInstruction": [{"doseQuantity": {"value": "4.5 mg"}}]},
         "$.x.dosageInstruction[0].doseQuantity.value"),
        ({"dosageInstruction": [{"doseQuantity": {"value": True}}]},
         "$.x.dosageInstruction[0].doseQuantity.value"),
        ({"dosageInstruction": [{"doseQuantity": {"value": "9" * 50}}]},
         "$.x.dosageInstruction[0].doseQuantity.value"),
        ({"dosageInstruction": "daily"}, "$.x.dosageInstruction"),
        ({"medicationCodeableConcept": [CONCEPT, CONCEPT]}, "$.x.medicationCodeableConcept[1]"),
    ],
)  # fmt: skip
def test_a_wrong_element_is_left_out_and_named_but_the_resource_stays(
    element: dict[str, Any], path: str
) -> None:
    result = read({"resourceType": "MedicationRequest", "status": "active", **element})
    assert result.resource.status == "active"
    (gap,) = result.gaps
    assert (gap.kind, gap.reason, gap.path) == ("MedicationRequest", GapReason.MALFORMED, path)
    assert not gap.covers_list


def test_very_many_wrong_elements_are_counted_not_listed() -> None:
    codings = [5] * 1000
    result = read({"resourceType": "Condition", "code": {"coding": codings}})
    assert len(result.gaps) == 11
    assert sum(gap.count for gap in result.gaps) == 1000


@pytest.mark.parametrize(
    ("body", "name", "value"),
    [
        ({"resourceType": "MedicationRequest", "status": " Active "}, "status", "active"),
        ({"resourceType": "MedicationRequest", "status": "Entered in Error"}, "status", "entered-in-error"),
        ({"resourceType": "MedicationRequest", "intent": "ORDER"}, "intent", "order"),
        ({"resourceType": "MedicationStatement", "taken": "N"}, "taken", "n"),
        ({"resourceType": "Patient", "gender": "Female"}, "gender", "female"),
        ({"resourceType": "Condition", "clinicalStatus": "ACTIVE"}, "clinical_status", "active"),
    ],
)
def test_fhirs_own_codes_are_normalised(body: dict[str, Any], name: str, value: str) -> None:
    assert getattr(read(body).resource, name) == value


def test_codes_within_a_status_concept_are_normalised_too() -> None:
    body = {"resourceType": "Condition", "verificationStatus": {"coding": [{"code": "Entered-In-Error"}]}}
    status = read(body).resource.verification_status
    assert status.coding[0].code == "entered-in-error"


def test_bad_utf8_in_a_name_does_not_cost_the_order() -> None:
    raw = b'{"resourceType":"MedicationRequest","medicationCodeableConcept":{"text":"Pal\xe9xia 50 mg"}}'
    result = read_resource(raw, "$.x")
    assert isinstance(result.resource, MedicationRequest)
    assert result.resource.medication_codeable_concept is not None
    assert result.resource.medication_codeable_concept.text == "Pal\ufffdxia 50 mg"
    assert [gap.reason for gap in result.gaps] == [GapReason.MALFORMED]


@pytest.mark.parametrize("text", ['"\\ud800 x"', "NaN"])
def test_half_a_surrogate_and_nan_do_not_either(text: str) -> None:
    raw = b'{"resourceType":"Patient","id":"1","gender":"male","x":%s,"birthDate":%s}'
    result = read_resource(raw % (text.encode(), text.encode()), "$.x")
    assert isinstance(result.resource, Patient)
    assert result.resource.gender == "male"
    msgspec.json.encode(result.resource)


# --- words without end ---------------------------------------------------------


def test_long_words_are_read_up_to_a_point_and_named() -> None:
    name = "oxycodone 5 mg " + "x" * LONGEST_TEXT
    read = read_resource(
        msgspec.json.encode(
            {"resourceType": "MedicationRequest", "medicationCodeableConcept": {"text": name}}
        ),
        "$.here",
    )
    assert isinstance(read.resource, MedicationRequest)
    assert read.resource.medication_codeable_concept == CodeableConcept(text=name[:LONGEST_TEXT])
    assert [(gap.reason, gap.path) for gap in read.gaps] == [
        (GapReason.MALFORMED, "$.here.medicationCodeableConcept.text")
    ]


def test_words_of_full_length_are_in_order() -> None:
    concept = {"text": "x" * LONGEST_TEXT}
    read = read_resource(msgspec.json.encode({"resourceType": "Condition", "code": concept}), "$")
    assert isinstance(read.resource, Condition)
    assert read.resource.code == CodeableConcept(text="x" * LONGEST_TEXT)
    assert read.gaps == ()


def test_long_words_in_the_place_of_a_concept_are_cut_too() -> None:
    read = read_resource(
        msgspec.json.encode({"resourceType": "Condition", "code": "x" * (LONGEST_TEXT + 1)}), "$"
    )
    assert isinstance(read.resource, Condition)
    assert read.resource.code == CodeableConcept(text="x" * LONGEST_TEXT)
    assert [gap.path for gap in read.gaps] == ["$.code.text"]


# --- numbers beyond all bounds -------------------------------------------------


@pytest.mark.parametrize("number", ["1e308", "-1e16", "1" + "0" * 400, '"1e400"', '"NaN"', '"-inf"'])
@pytest.mark.parametrize("quantity", ["%s", '{"value": %s}'])
def test_a_quantity_that_nothing_can_be_reckoned_with_is_left_out(quantity: str, number: str) -> None:
    given = f'{{"resourceType": "Observation", "valueQuantity": {quantity % number}}}'
    read = read_resource(given.encode(), "$")
    assert isinstance(read.resource, Observation)
    assert read.resource.value_quantity is None or read.resource.value_quantity.value is None
    assert [gap.reason for gap in read.gaps] == [GapReason.MALFORMED]


@pytest.mark.parametrize("number", ["2147483648", "1" + "0" * 400, "1e300", '"1e12"'])
def test_a_count_is_no_larger_than_fhir_lets_it_be(number: str) -> None:
    given = (
        '{"resourceType": "MedicationRequest", "dosageInstruction": [{"timing": {"repeat": {"frequency": '
        f"{number}}}}}}}]}}"
    )
    read = read_resource(given.encode(), "$")
    assert isinstance(read.resource, MedicationRequest)
    timing = read.resource.dosage_instruction[0].timing
    assert timing and timing.repeat and timing.repeat.frequency is None
    assert [gap.path for gap in read.gaps] == ["$.dosageInstruction[0].timing.repeat.frequency"]
