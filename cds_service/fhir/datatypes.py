"""FHIR's data types, as far as the service reads them: what its resources are made of.

One set of views serves DSTU2, STU3, R4, R4B and R5: each struct is the union
of the shapes those versions use, names only the elements a rule needs and
ignores every other. Element names are FHIR's in snake case
(``medicationCodeableConcept`` is ``medication_codeable_concept``). Dates stay
strings, since partial dates are legal FHIR; :mod:`cds_service.fhir.dates`
reads them.
"""

from __future__ import annotations

from typing import Annotated, Final

from msgspec import Meta, Struct

LONGEST_TEXT: Final = 2000
"""Characters. To search words for names, doses and answers takes time with the square of their number.
Longer ones are read up to here, and said to be incomplete; those of the samples we have stay below 300.
"""

Text = Annotated[str, Meta(max_length=LONGEST_TEXT)]
"""Words that somebody wrote, or a code in their place."""

Whole = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]
"""https://hl7.org/fhir/datatypes.html#integer"""

Number = Annotated[float, Meta(ge=-1e15, le=1e15)]
"""Beyond any amount, count or interval; what is reckoned from such numbers stays finite."""


class View(Struct, rename="camel", gc=False, kw_only=True, omit_defaults=True):
    """Base of all views: unknown elements ignored, absent elements ``None`` or empty."""


class Coding(View):
    """https://hl7.org/fhir/datatypes.html#Coding"""

    system: str | None = None
    code: Text | None = None
    display: Text | None = None


class CodeableConcept(View):
    """https://hl7.org/fhir/datatypes.html#CodeableConcept"""

    coding: list[Coding] = []
    text: Text | None = None


class Quantity(View):
    """https://hl7.org/fhir/datatypes.html#Quantity, also Duration and SimpleQuantity."""

    value: Number | None = None
    comparator: str | None = None
    unit: Text | None = None
    system: str | None = None
    code: Text | None = None


class Range(View):
    """https://hl7.org/fhir/datatypes.html#Range"""

    low: Quantity | None = None
    high: Quantity | None = None


class Ratio(View):
    """https://hl7.org/fhir/datatypes.html#Ratio"""

    numerator: Quantity | None = None
    denominator: Quantity | None = None


class Reference(View):
    """https://hl7.org/fhir/references.html"""

    reference: str | None = None
    display: Text | None = None


class CodeableReference(View):
    """R5: https://hl7.org/fhir/R5/references.html#CodeableReference"""

    concept: CodeableConcept | None = None
    reference: Reference | None = None


class ConceptOrReference(View):
    """A CodeableConcept (DSTU2 to R4B) that became a CodeableReference (R5), or a Reference.

    Use ``concept or self`` for the concept: both carry ``coding`` and ``text``.
    """

    coding: list[Coding] = []
    text: Text | None = None
    concept: CodeableConcept | None = None
    reference: Reference | str | None = None
    display: Text | None = None


class Period(View):
    """https://hl7.org/fhir/datatypes.html#Period"""

    start: str | None = None
    end: str | None = None


class Annotation(View):
    """https://hl7.org/fhir/datatypes.html#Annotation"""

    text: str | None = None


class Repeat(View):
    """Timing.repeat of every version (DSTU2 names the unit ``periodUnits``)."""

    bounds_duration: Quantity | None = None
    bounds_quantity: Quantity | None = None  # DSTU2
    bounds_range: Range | None = None
    bounds_period: Period | None = None
    count: Whole | None = None
    count_max: Whole | None = None
    duration: Number | None = None
    duration_unit: str | None = None
    frequency: Whole | None = None
    frequency_max: Whole | None = None
    period: Number | None = None
    period_max: Number | None = None
    period_unit: str | None = None
    period_units: str | None = None  # DSTU2
    day_of_week: list[str] = []
    time_of_day: list[str] = []
    when: list[str] | str | None = None  # DSTU2 and STU3 drafts: one code


class Timing(View):
    """https://hl7.org/fhir/datatypes.html#Timing"""

    event: list[str] = []
    repeat: Repeat | None = None
    code: CodeableConcept | None = None


class DoseAndRate(View):
    """R4 and later: Dosage.doseAndRate"""

    type: CodeableConcept | None = None
    dose_quantity: Quantity | None = None
    dose_range: Range | None = None


class Dosage(View):
    """Dosage of every version, DSTU2's two inline shapes included."""

    sequence: Whole | None = None
    text: Text | None = None
    patient_instruction: Text | None = None
    additional_instruction: list[CodeableConcept] | CodeableConcept | None = None
    additional_instructions: CodeableConcept | None = None  # DSTU2
    timing: Timing | None = None
    as_needed: bool | None = None  # R5
    as_needed_boolean: bool | None = None
    as_needed_codeable_concept: CodeableConcept | None = None
    as_needed_for: list[CodeableConcept] = []  # R5
    route: CodeableConcept | None = None
    dose_and_rate: list[DoseAndRate] = []  # R4, R5
    dose_quantity: Quantity | None = None  # DSTU2, STU3
    dose_range: Range | None = None  # DSTU2, STU3
    quantity_quantity: Quantity | None = None  # DSTU2 MedicationStatement
    quantity_range: Range | None = None  # DSTU2 MedicationStatement
    dose: Quantity | None = None  # MedicationAdministration, STU3 and later
    quantity: Quantity | None = None  # DSTU2 MedicationAdministration
    max_dose_per_period: Ratio | list[Ratio] | None = None
