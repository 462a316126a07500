"""Which medicine a resource is about, however it is named."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from cds_service.fhir import Code, GapReason, PatientRecord, ResolvedBy, medication_of
from cds_service.fhir.references import medication_id, needs_reading
from cds_service.fhir.resources import (
    Medication,
    MedicationRecord,
    MedicationRequest,
    MedicationStatement,
)

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
TRAMADOL = {"coding": [{"system": RXNORM, "code": "10689", "display": "tramadol"}], "text": "Tramadol 50 mg"}
BASE = "https://ehr.example/fhir"


def request(view: type[MedicationRecord] = MedicationRequest, **elements: Any) -> MedicationRecord:
    return msgspec.convert({"resourceType": view.__name__, "id": "m1", **elements}, view)


def record() -> PatientRecord:
    return PatientRecord("p1")


def filed(name: str, **elements: Any) -> PatientRecord:
    return PatientRecord(
        "p1", medications={name: msgspec.convert({"resourceType": "Medication", **elements}, Medication)}
    )


@pytest.mark.parametrize(
    "elements",
    [{"medicationCodeableConcept": TRAMADOL}, {"medication": {"concept": TRAMADOL}}],
    ids=["R4", "R5"],
)
def test_its_own_concept(elements: dict[str, Any]) -> None:
    found = medication_of(request(**elements), None, record())
    assert found.codings == (Code(RXNORM, "10689", "tramadol"),)
    assert found.texts == ("Tramadol 50 mg",)
    assert (found.resolved_by, found.gap) == (ResolvedBy.CONCEPT, None)


@pytest.mark.parametrize("view", [MedicationRequest, MedicationStatement])
@pytest.mark.parametrize("identity", ["a", "#a"])
def test_a_contained_medication_is_found_by_its_id(view: type[MedicationRecord], identity: str) -> None:
    inner = [
        {"resourceType": "Practitioner", "id": "a"},
        {"resourceType": "Medication", "id": identity, "code": TRAMADOL},
    ]
    found = medication_of(
        request(view, contained=inner, medicationReference={"reference": "#a"}), None, record()
    )
    assert found.codings == (Code(RXNORM, "10689", "tramadol"),)
    assert found.resolved_by is ResolvedBy.CONTAINED


@pytest.mark.parametrize(
    ("reference", "name"),
    [
        ("Medication/a", "Medication/a"),
        ("Medication/a/_history/4", "Medication/a"),
        (f"{BASE}/Medication/a", f"{BASE}/Medication/a"),
        (f"{BASE}/Medication/a", "Medication/a"),
        (f"{BASE}/Medication/a/_history/4", f"{BASE}/Medication/a"),
        ("urn:uuid:5", "urn:uuid:5"),
    ],
)
@pytest.mark.parametrize("r5", [False, True])
def test_another_entry_by_any_name(reference: str, name: str, r5: bool) -> None:
    pointer = {"reference": reference, "display": "Ultram"}
    elements = {"medication": {"reference": pointer}} if r5 else {"medicationReference": pointer}
    found = medication_of(request(**elements), None, filed(name, code=TRAMADOL, form={"text": "tablet"}))
    assert found.codings == (Code(RXNORM, "10689", "tramadol"),)
    assert found.texts == ("Tramadol 50 mg", "Ultram")
    assert found.form is not None
    assert (found.resolved_by, found.gap) == (ResolvedBy.RECORD, None)


def test_the_display_is_the_last_resort() -> None:
    found = medication_of(
        request(medicationReference={"reference": "Medication/x", "display": " Tramadol "}), None, record()
    )
    assert (found.texts, found.resolved_by, found.gap) == (("Tramadol",), ResolvedBy.DISPLAY, None)


@pytest.mark.parametrize(
    "elements",
    [
        {},
        {"medicationReference": {"reference": "Medication/x"}},
        {"medicationReference": {"reference": "#x"}},
        {"medicationCodeableConcept": {"coding": [{"system": RXNORM}], "text": "  "}},
        {"medication": {}},
    ],
)
def test_nothing_to_go_by_is_a_gap(elements: dict[str, Any]) -> None:
    found = medication_of(request(**elements), None, record())
    assert found.gap is not None
    assert (found.gap.kind, found.gap.reason) == ("MedicationRequest", GapReason.UNRESOLVED)
    assert not found.gap.covers_list
    assert found.resolved_by is ResolvedBy.NOTHING


def test_an_empty_medication_is_unresolved_too() -> None:
    found = medication_of(
        request(medicationReference={"reference": "Medication/x"}), None, filed("Medication/x")
    )
    assert found.gap is not None


@pytest.mark.parametrize(
    "ingredient",
    [
        {"itemCodeableConcept": TRAMADOL},
        {"item": TRAMADOL},
        {"item": {"concept": TRAMADOL}},
    ],
    ids=["R4", "STU3", "R5"],
)
def test_ingredients_with_their_strength(ingredient: dict[str, Any]) -> None:
    strength = {"numerator": {"value": 4.5, "code": "mg"}, "denominator": {"value": 1, "unit": "mL"}}
    compound = {"ingredient": [{**ingredient, "strength": strength}]}
    found = medication_of(
        request(medicationReference={"reference": "Medication/x"}), None, filed("Medication/x", **compound)
    )
    assert found.ingredient_codings == (Code(RXNORM, "10689", "tramadol"),)
    assert found.ingredients[0].texts == ("Tramadol 50 mg",)
    given = found.ingredients[0].strength
    assert given is not None
    assert given.numerator is not None
    assert given.numerator.value == 4.5
    assert found.gap is None


def test_a_dstu2_product() -> None:
    product = {
        "form": {"text": "capsule"},
        "ingredient": [{"item": {"reference": "#s", "display": "Tramadol"}}],
    }
    found = medication_of(
        request(medicationReference={"reference": "Medication/x"}),
        None,
        filed("Medication/x", product=product),
    )
    assert found.ingredients[0].texts == ("Tramadol",)
    assert found.form is not None
    assert found.form.text == "capsule"


def test_an_ingredient_within_the_medication() -> None:
    inner = [{"resourceType": "Substance", "id": "s", "code": TRAMADOL}]
    medication = {"contained": inner, "ingredient": [{"itemReference": {"reference": "#s"}}]}
    found = medication_of(
        request(medicationReference={"reference": "Medication/x"}), None, filed("Medication/x", **medication)
    )
    assert found.ingredient_codings == (Code(RXNORM, "10689", "tramadol"),)


def test_concept_and_reference_are_put_together() -> None:
    given = request(
        medicationCodeableConcept={"text": "LDN"}, medicationReference={"reference": "Medication/x"}
    )
    found = medication_of(given, None, filed("Medication/x", code=TRAMADOL))
    assert found.codings == (Code(RXNORM, "10689", "tramadol"),)
    assert found.texts == ("LDN", "Tramadol 50 mg")


@pytest.mark.parametrize(
    ("elements", "wanted"),
    [
        ({"medicationReference": {"reference": "Medication/x"}}, "Medication/x"),
        ({"medicationReference": {"reference": "Medication/x", "display": "d"}}, "Medication/x"),
        ({"medicationCodeableConcept": {"text": "t"}, "medicationReference": {"reference": "Medication/x"}},
         "Medication/x"),
        ({"medicationCodeableConcept": TRAMADOL, "medicationReference": {"reference": "Medication/x"}}, None),
        ({"medicationReference": {"reference": "#x"}}, None),
        ({"medicationReference": {"reference": "urn:uuid:1"}}, None),
        ({"medicationReference": {"reference": "Medication/known"}}, None),
        ({}, None),
    ],
)  # fmt: skip
def test_what_only_the_server_can_resolve(elements: dict[str, Any], wanted: str | None) -> None:
    assert needs_reading(request(**elements), filed("Medication/known", code=TRAMADOL)) == wanted


@pytest.mark.parametrize(
    ("reference", "identity"),
    [
        ("Medication/m1", "m1"),
        (f" {BASE}/Medication/m1/_history/2", "m1"),
        ("Substance/m1", None),
        (f"{BASE}/Device/m1", None),
        ("Medication/", None),
        ("m1", None),
    ],
)
def test_the_id_of_a_medication_alone(reference: str, identity: str | None) -> None:
    assert medication_id(reference) == identity


def test_a_medication_of_many_ingredients_that_name_it_is_read_once() -> None:
    """Each was read with all that it is made of: twenty thousand held a process for hours."""
    ingredients = [{"itemReference": {"reference": "#a"}}] * 20_000
    inner = {"resourceType": "Medication", "id": "a", "code": TRAMADOL, "ingredient": ingredients}
    found = medication_of(request(contained=[inner], medicationReference={"reference": "#a"}), None, record())
    assert found.texts == ("Tramadol 50 mg",)
    assert {ingredient.texts for ingredient in found.ingredients} == {("Tramadol 50 mg",)}
