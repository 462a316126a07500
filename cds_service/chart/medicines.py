"""The medicine of an order or a list entry, by every means its resource offers."""

from __future__ import annotations

from dataclasses import replace

from cds_service.chart.times import dosages_of
from cds_service.fhir.datatypes import Quantity
from cds_service.fhir.records import Gap, GapReason, PatientRecord
from cds_service.fhir.references import MedicationSource, medication_of
from cds_service.fhir.resources import MedicationRecord
from cds_service.knowledge import is_placeholder, name_in_directions, names_nothing, recognise
from cds_service.knowledge.concepts import Medicine, Role

_MG = {"mg": 1.0, "mcg": 0.001, "ug": 0.001, "g": 1000.0}


def medicine_of(resource: MedicationRecord, record: PatientRecord) -> tuple[Medicine, Gap | None]:
    """What ``resource`` is about, and the gap when that cannot be told."""
    found = medication_of(resource, None, record)
    if not found.ingredients:
        medicine = recognise(found.codings, found.texts)
        if not medicine.ingredients and is_placeholder(found.codings, found.texts):
            medicine = _named_in_directions(resource, medicine)
        return medicine, found.gap or _unknown(resource, medicine, found)
    texts = found.texts
    for ingredient in found.ingredients:
        texts += ingredient.texts
    medicine = recognise(found.codings, texts, found.ingredient_codings)
    if medicine.has(Role.NALTREXONE) and medicine.naltrexone_mg is None:
        medicine = _with_strength(medicine, found)
    return medicine, found.gap


def _named_in_directions(resource: MedicationRecord, placeholder: Medicine) -> Medicine:
    """A compounded medicine is on no list: its own name stands in the directions."""
    told = [
        text for dosage in dosages_of(resource) for text in (dosage.text, dosage.patient_instruction) if text
    ]
    named = recognise((), [name_in_directions(text) for text in told])
    return replace(named, in_directions=True) if named.ingredients else placeholder


def _unknown(resource: MedicationRecord, medicine: Medicine, found: MedicationSource) -> Gap | None:
    """A code of the hospital's own without a word: it may be an opioid."""
    if medicine.ingredients or not names_nothing(found.codings, found.texts):
        return None
    kind = type(resource).__name__
    return Gap(kind, GapReason.UNRESOLVED, "a code that is not known, without a name", covers_list=False)


def _with_strength(medicine: Medicine, found: MedicationSource) -> Medicine:
    """The strength of a single coded ingredient (Medication.ingredient.strength), mg per unit or per mL."""
    strengths = [ingredient.strength for ingredient in found.ingredients if ingredient.strength]
    if len(strengths) != 1 or len(medicine.ingredients) != 1:
        return medicine
    mg, per = _milligrams(strengths[0].numerator), strengths[0].denominator
    if mg is None:
        return medicine
    count = per.value if per and per.value else 1.0
    unit = ((per.code or per.unit or "") if per else "").lower()
    return replace(medicine, naltrexone_mg=mg / count, per_ml=unit == "ml")


def _milligrams(quantity: Quantity | None) -> float | None:
    if quantity is None or quantity.value is None:
        return None
    factor = _MG.get((quantity.code or quantity.unit or "").lower())
    return quantity.value * factor if factor else None
