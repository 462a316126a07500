"""The orders of the basket: by which route they are taken, for what reason, and which are surgery."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cds_service.cds_hooks import DraftOrder
from cds_service.chart.baskets import Concern, concern, read_drafts
from tests.chart.builders import CLINICAL, NALTREXONE, OXYCODONE, chart, medication_request

SNOMED = "http://snomed.info/sct"


@pytest.mark.parametrize(
    ("route", "oral"),
    [
        ({"coding": [{"system": SNOMED, "code": "26643006", "display": "Oral route"}]}, True),
        ({"coding": [{"code": "PO"}]}, True),
        ({"coding": [{"code": "15", "display": "Oral"}], "text": " By Mouth "}, True),
        ({"text": "by mouth"}, True),
        ({"text": " "}, True),
        ({}, True),
        (None, True),
        ({"coding": [{"system": SNOMED, "code": "34206005", "display": "Subcutaneous route"}]}, False),
        ({"coding": [{"code": "15"}]}, False),
        ({"text": "pr"}, False),
    ],
)
def test_by_mouth_unless_a_route_says_otherwise(route: dict[str, Any] | None, oral: bool) -> None:
    dosage = {"text": "4.5 mg at bedtime", "route": route}
    order = medication_request(NALTREXONE, status="draft", dosageInstruction=[dosage])
    assert chart(orders=(order,)).orders[0].route_oral is oral


@pytest.mark.parametrize(
    "form",
    [
        "transdermal patch",
        "rectal suppository",
        "topical cream",
        "nasal spray",
        "for injection",
        "extended-release suspension for injection",
        "implant",
    ],
)
def test_a_form_that_is_not_taken_by_mouth(form: str) -> None:
    order = medication_request({"text": f"naltrexone {form}"}, status="draft")
    assert not chart(orders=(order,)).orders[0].route_oral


@pytest.mark.parametrize(
    ("given", "replaced"),
    [
        ({}, ()),
        ({"priorPrescription": {"reference": "MedicationRequest/1"}}, ("MedicationRequest/1",)),
        ({"basedOn": [{"reference": "MedicationRequest/2"}, {}]}, ("MedicationRequest/2",)),
        ({"basedOn": {"reference": "MedicationRequest/2"}}, ("MedicationRequest/2",)),
    ],
    ids=str,
)
def test_which_order_it_replaces(given: dict[str, Any], replaced: tuple[str, ...]) -> None:
    order = medication_request(NALTREXONE, status="draft", **given)
    assert chart(orders=(order,)).orders[0].replaces == replaced


@pytest.mark.parametrize(
    ("given", "mg"),
    [
        ({"renderedDosageInstruction": "4.5 mg nightly"}, 4.5),
        ({"dosageInstruction": [{"patientInstruction": "4.5 mg nightly"}]}, 4.5),
        ({"dosageInstruction": [{"text": "3 mg nightly", "patientInstruction": "4.5 mg nightly"}]}, 3.0),
        (
            {
                "renderedDosageInstruction": "4.5 mg nightly",
                "dosageInstruction": [{"text": "3 mg nightly"}],
            },
            3.0,
        ),
    ],
    ids=["rendered", "patient's", "text before patient's", "text before rendered"],
)
def test_which_words_give_the_dose(given: dict[str, Any], mg: float) -> None:
    order = medication_request(NALTREXONE, status="draft", **given)
    assert chart(orders=(order,)).orders[0].dose.mg_per_day == mg


def service(**elements: Any) -> dict[str, Any]:
    return {"resourceType": "ServiceRequest", "id": "s1", "status": "draft", "intent": "order", **elements}


def needed(order: dict[str, Any], selected: bool = True) -> Concern:
    path = "$.context.draftOrders.entry[0].resource"
    raw = msgspec.Raw(msgspec.json.encode(order))
    given = DraftOrder(
        raw=raw, content=order, resource_type=order["resourceType"], id="1", path=path, selected=selected
    )
    return concern(read_drafts((given,)), CLINICAL)


@pytest.mark.parametrize(
    ("order", "expected"),
    [
        (medication_request(NALTREXONE), Concern.EVERYTHING),
        (medication_request(None, medicationReference={"reference": "Medication/1"}), Concern.EVERYTHING),
        (medication_request(None), Concern.NONE),
        (medication_request(OXYCODONE), Concern.MEDICATIONS),
        (medication_request({"text": "loperamide 2 mg"}), Concern.MEDICATIONS),
        (medication_request({"text": "kratom"}), Concern.MEDICATIONS),
        (medication_request({"text": "ibuprofen 400 mg"}), Concern.NONE),
        (medication_request(NALTREXONE, status="cancelled"), Concern.NONE),
        (medication_request(NALTREXONE, doNotPerform=True), Concern.NONE),
        (service(code={"text": "Appendectomy"}), Concern.MEDICATIONS),
        (service(code={"text": "Appendectomy"}, doNotPerform=True), Concern.NONE),
        (service(code={"text": "Chest X-ray"}), Concern.NONE),
    ],
)
def test_how_much_of_the_record_an_order_needs(order: dict[str, Any], expected: Concern) -> None:
    assert needed(order) is expected
    assert needed(order, selected=False) is Concern.NONE


@pytest.mark.parametrize(
    ("given", "has_reason"),
    [
        ({}, False),
        ({"reasonCode": [{"text": "Hailey-Hailey disease"}]}, True),
        ({"reasonReference": [{"reference": "Condition/1"}]}, True),
        ({"reason": [{"concept": {"text": "pruritus"}}]}, True),
    ],
)
def test_a_reason_counts_though_it_is_not_understood(given: dict[str, Any], has_reason: bool) -> None:
    order = medication_request(NALTREXONE, status="draft", **given)
    assert chart(orders=(order,)).orders[0].has_reason is has_reason


@pytest.mark.parametrize(
    ("name", "kind"),
    [
        ("Extraction of wisdom teeth", "surgery"),
        ("Tooth extraction, surgical", "surgery"),
        ("Total knee arthroplasty", "surgery"),
        ("Colonoscopy", "other"),
        ("DNA extraction", "other"),
    ],
)
def test_which_services_are_surgery(name: str, kind: str) -> None:
    service = {"resourceType": "ServiceRequest", "id": "s1", "status": "draft", "intent": "order"}
    assert chart(orders=({**service, "code": {"text": name}},)).orders[0].kind == kind
