"""The order form: what it shows of a draft, and that a draft keeps everything the form did not change."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest
from msgspec.structs import replace

from cds_service.conversion import CannotExpress, convert
from cds_service.drafts import version_told
from cds_service.scenarios import all_names, load
from cds_service.workbench.orders import OrderForm, blank, read, write

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
FORM = OrderForm(
    drug="naltrexone 4.5 mg capsule",
    dose="4.5 mg",
    route="oral",
    frequency="bedtime",
    sig="one at bedtime",
    quantity="30 capsules",
    refills="2",
    reason="fibromyalgia",
)


def drafts(version: str) -> list[dict[str, Any]]:
    found = []
    for name in all_names():
        scenario = load(name)
        try:
            scenario = scenario if scenario.fhir_version == version else convert(scenario, version)
        except CannotExpress:
            continue
        context = scenario.request(scenario.hooks[0], NOW)["context"]
        bundle = context.get("draftOrders") or context["medications"]
        found += [entry["resource"] for entry in bundle["entry"]]
    return found


@pytest.mark.parametrize("version", ["DSTU2", "STU3", "R4", "R5"])
def test_a_draft_that_is_not_changed_stays_as_it_was(version: str) -> None:
    found = drafts(version)
    assert len(found) > 50
    for draft in found:
        assert write(draft, read(draft), version) is draft


@pytest.mark.parametrize("version", ["DSTU2", "STU3", "R4", "R5"])
def test_what_was_written_is_read_again(version: str) -> None:
    draft = write(blank(1, "p1", NOW.isoformat(), version), FORM, version)
    assert read(draft) == FORM
    assert draft["resourceType"] == ("MedicationOrder" if version == "DSTU2" else "MedicationRequest")
    assert version_told(draft) == version


def test_one_field_changes_its_own_group_alone() -> None:
    draft = load("fibromyalgia-nothing-else").request("order-sign", NOW)["context"]["draftOrders"]["entry"][
        0
    ]["resource"]
    form = replace(read(draft), refills="5")
    changed = write({**draft, "extension": [{"url": "https://ehr.example.org/x"}]}, form, "R4")
    assert changed["dispenseRequest"]["numberOfRepeatsAllowed"] == 5
    assert changed["extension"] == [{"url": "https://ehr.example.org/x"}]
    for name in ("medicationCodeableConcept", "dosageInstruction", "reasonCode", "id", "authoredOn"):
        assert changed[name] == draft[name]


def test_another_drug_does_not_keep_the_old_code() -> None:
    draft = write(blank(1, "p1", NOW.isoformat(), "R4"), FORM, "R4")
    draft["medicationCodeableConcept"]["coding"] = [
        {"system": "http://www.nlm.nih.gov/research/umls/rxnorm", "code": "7243"}
    ]
    changed = write(draft, replace(read(draft), drug="oxycodone 5 mg tablet"), "R4")
    assert changed["medicationCodeableConcept"] == {"text": "oxycodone 5 mg tablet"}


@pytest.mark.parametrize(
    ("dose", "quantity"),
    [
        ("4.5 mg", {"value": 4.5, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}),
        ("4,5mg", {"value": 4.5, "unit": "mg", "system": "http://unitsofmeasure.org", "code": "mg"}),
        (
            "2 patches",
            {"value": 2, "unit": "patches", "system": "http://unitsofmeasure.org", "code": "{patch}"},
        ),
        ("2 troches", {"value": 2, "unit": "troches"}),
    ],
)
def test_a_dose_with_a_unit_is_coded(dose: str, quantity: dict[str, Any]) -> None:
    (dosage,) = write(blank(1, "p1", "", "R4"), OrderForm(dose=dose), "R4")["dosageInstruction"]
    assert dosage["doseAndRate"] == [{"doseQuantity": quantity}]


def test_a_dose_in_other_words_stays_words() -> None:
    (dosage,) = write(blank(1, "p1", "", "R4"), OrderForm(dose="1-2 tablets", sig="as needed"), "R4")[
        "dosageInstruction"
    ]
    assert dosage == {"text": "1-2 tablets as needed"}
