"""Which medicine an order, a statement or a dispense is about.

A medication is named by a concept, or by a reference that is resolved in turn
within the resource (``contained``), among the entries read from prefetch and
server, or by a read of its own that :mod:`cds_service.fhir.gather` has made
before (https://hl7.org/fhir/references.html#contained). If all fail, the
reference's ``display`` is still a name.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from enum import StrEnum
from typing import Any

from msgspec import Struct

from cds_service.fhir.codes import Code, clean, codes_of, text_of
from cds_service.fhir.datatypes import CodeableConcept, Ratio, Reference
from cds_service.fhir.patients import without_version
from cds_service.fhir.reading import read_object
from cds_service.fhir.records import Gap, GapReason, PatientRecord
from cds_service.fhir.resources import Medication, MedicationIngredient, MedicationRecord


class ResolvedBy(StrEnum):
    """Where a medication's identity came from."""

    CONCEPT = "concept"
    CONTAINED = "contained"
    RECORD = "record"
    """Another entry of the prefetch or basket, or a read from the server."""
    DISPLAY = "display"
    NOTHING = "nothing"


class Ingredient(Struct, frozen=True, gc=False):
    """One ingredient of a Medication, with its strength when it is given as a ratio."""

    codings: tuple[Code, ...] = ()
    texts: tuple[str, ...] = ()
    strength: Ratio | None = None


class MedicationSource(Struct, frozen=True, gc=False):
    """Everything a resource says about its medicine, best first.

    ``texts`` are free-text names (concept text, Medication.code text,
    reference display); displays of codings stay with their coding.
    """

    codings: tuple[Code, ...] = ()
    texts: tuple[str, ...] = ()
    ingredients: tuple[Ingredient, ...] = ()
    form: CodeableConcept | None = None
    medication: Medication | None = None
    resolved_by: ResolvedBy = ResolvedBy.NOTHING
    gap: Gap | None = None

    @property
    def ingredient_codings(self) -> tuple[Code, ...]:
        """The codings of all ingredients."""
        return tuple(code for ingredient in self.ingredients for code in ingredient.codings)


def medication_of(
    record: MedicationRecord,
    contained: Sequence[Mapping[str, Any]] | None,
    patient_record: PatientRecord,
) -> MedicationSource:
    """The medicine of a medication resource; ``contained`` defaults to the resource's own."""
    concept, reference = _own_concept(record), reference_of(record)
    codings, text = codes_of(concept), text_of(concept)
    texts: tuple[str, ...] = (text,) if text else ()
    if reference is None and (codings or texts):
        return MedicationSource(codings, texts, resolved_by=ResolvedBy.CONCEPT)
    inner = record.contained if contained is None else contained
    medication, how = _resolve(reference, inner, patient_record)
    if codings or texts:
        how = ResolvedBy.CONCEPT
    if medication is not None:
        inner = (*inner, *medication.contained)
        codings = tuple(dict.fromkeys((*codings, *codes_of(medication.code))))
    display = clean(reference.display) if reference is not None else None
    texts = _texts(*texts, text_of(medication.code) if medication else None, display)
    ingredients = tuple(_ingredients(medication, inner)) if medication else ()
    known = codings or texts or any(i.codings or i.texts for i in ingredients)
    if how is ResolvedBy.NOTHING and texts:
        how = ResolvedBy.DISPLAY
    return MedicationSource(
        codings=codings,
        texts=texts,
        ingredients=ingredients,
        form=_form(medication),
        medication=medication,
        resolved_by=how if known else ResolvedBy.NOTHING,
        gap=None if known else _unresolved(record, reference),
    )


def reference_of(record: MedicationRecord) -> Reference | None:
    """The Medication reference, under R5's name or the older one."""
    if record.medication is not None and record.medication.reference is not None:
        return record.medication.reference
    return record.medication_reference


def names_itself(record: MedicationRecord) -> bool:
    """Whether the resource carries its own concept, so that no reference is needed."""
    concept = _own_concept(record)
    return bool(text_of(concept) or codes_of(concept))


def names_of(reference: str) -> tuple[str, ...]:
    """The names a resolved Medication may be filed under for this reference, most exact first."""
    plain = without_version(reference.strip())
    identity = medication_id(plain)
    return tuple(dict.fromkeys((plain, f"Medication/{identity}"))) if identity else (plain,)


def medication_id(reference: str) -> str | None:
    """The id in ``Medication/id``, relative or absolute."""
    kind, _, identity = without_version(reference.strip()).rpartition("/")
    return identity if identity and kind.rsplit("/", 1)[-1] == "Medication" else None


def needs_reading(record: MedicationRecord, patient_record: PatientRecord) -> str | None:
    """The reference that only the server can resolve, if there is one."""
    reference = reference_of(record)
    if reference is None or not reference.reference or codes_of(_own_concept(record)):
        return None
    if reference.reference.startswith(("#", "urn:")):
        return None
    medication, _ = _resolve(reference, record.contained, patient_record)
    return reference.reference if medication is None else None


def _own_concept(record: MedicationRecord) -> CodeableConcept | None:
    if record.medication is not None and record.medication.concept is not None:
        return record.medication.concept
    return record.medication_codeable_concept


def _resolve(
    reference: Reference | None, contained: Sequence[Mapping[str, Any]], patient_record: PatientRecord
) -> tuple[Medication | None, ResolvedBy]:
    target = clean(reference.reference) if reference is not None else None
    if target is None:
        return None, ResolvedBy.NOTHING
    if target.startswith("#"):
        medication = _contained(target, contained)
        return medication, ResolvedBy.CONTAINED if medication else ResolvedBy.NOTHING
    for name in names_of(target):
        if name in patient_record.medications:
            return patient_record.medications[name], ResolvedBy.RECORD
    return None, ResolvedBy.NOTHING


def _contained(target: str, contained: Sequence[Mapping[str, Any]]) -> Medication | None:
    wanted = _plain_id(target)
    candidates = [item for item in contained if item.get("resourceType") == "Medication"]
    for item in candidates:
        if _plain_id(item.get("id")) == wanted:
            resource = read_object(item, "$.contained").resource
            return resource if isinstance(resource, Medication) else None
    return None


def _ingredients(medication: Medication, contained: Sequence[Mapping[str, Any]]) -> Iterator[Ingredient]:
    inside = medication.product.ingredient if medication.product is not None else []
    by_id = {_plain_id(item.get("id")): item for item in reversed(contained)}  # the first of an id counts
    for ingredient in (*medication.ingredient, *inside):
        yield _ingredient(ingredient, by_id)


def _ingredient(given: MedicationIngredient, contained: Mapping[str, Mapping[str, Any]]) -> Ingredient:
    item = given.item
    concept = given.item_codeable_concept or (item and (item.concept or item))
    reference = given.item_reference
    if reference is None and item is not None and isinstance(item.reference, Reference):
        reference = item.reference
    display = reference.display if reference is not None else (item.display if item is not None else None)
    target = reference.reference if reference is not None else (item.reference if item is not None else None)
    codings, texts = codes_of(concept), _texts(text_of(concept), display)
    if isinstance(target, str) and target.startswith("#") and not codings:
        inner = _code_of(contained.get(_plain_id(target), {}))
        codings, texts = codes_of(inner), _texts(*texts, text_of(inner))
    return Ingredient(codings, texts, given.strength or given.strength_ratio)


def _plain_id(given: object) -> str:
    """Some servers write a contained resource's id with its "#"."""
    return str(given or "").lstrip("#")


def _code_of(item: Mapping[str, Any]) -> CodeableConcept | None:
    """The code of a contained Substance or Medication, whose other elements may name this very one again."""
    read = read_object({"resourceType": "Medication", "code": item.get("code")}, "$.contained").resource
    return read.code if isinstance(read, Medication) else None


def _form(medication: Medication | None) -> CodeableConcept | None:
    if medication is None:
        return None
    in_product = medication.product.form if medication.product is not None else None
    return medication.form or medication.dose_form or in_product


def _texts(*texts: str | None) -> tuple[str, ...]:
    """The texts that say something, each once."""
    return tuple(dict.fromkeys(text for text in map(clean, texts) if text))


def _unresolved(record: MedicationRecord, reference: Reference | None) -> Gap:
    detail = "Medication reference not resolved" if reference is not None else "names no medication"
    return Gap(type(record).__name__, GapReason.UNRESOLVED, detail, covers_list=False)
