"""Typed, tolerant views of the FHIR resources the service reads, every version in one.

Made of :mod:`cds_service.fhir.datatypes`, which says how the versions are brought together.
"""

from __future__ import annotations

from typing import Any

from cds_service.fhir.datatypes import (
    Annotation,
    CodeableConcept,
    CodeableReference,
    ConceptOrReference,
    Dosage,
    Period,
    Quantity,
    Ratio,
    Reference,
    Text,
    View,
    Whole,
)


class DispenseRequest(View):
    """MedicationRequest.dispenseRequest, MedicationOrder.dispenseRequest"""

    validity_period: Period | None = None
    number_of_repeats_allowed: Whole | None = None
    quantity: Quantity | None = None
    expected_supply_duration: Quantity | None = None


class MedicationIngredient(View):
    """Medication.ingredient (DSTU2: Medication.product.ingredient)"""

    item: ConceptOrReference | None = None
    item_codeable_concept: CodeableConcept | None = None
    item_reference: Reference | None = None
    strength: Ratio | None = None
    strength_ratio: Ratio | None = None  # R5
    strength_quantity: Quantity | None = None  # R5


class MedicationProduct(View):
    """DSTU2 Medication.product"""

    form: CodeableConcept | None = None
    ingredient: list[MedicationIngredient] = []


class Resource(View, tag_field="resourceType"):
    """What every resource has."""

    id: str | None = None


class Medication(Resource, tag="Medication"):
    """https://hl7.org/fhir/medication.html"""

    contained: list[dict[str, Any]] = []
    code: CodeableConcept | None = None
    form: CodeableConcept | None = None
    dose_form: CodeableConcept | None = None  # R5
    ingredient: list[MedicationIngredient] = []
    product: MedicationProduct | None = None


class MedicationRecord(Resource):
    """What the five medication resources share."""

    contained: list[dict[str, Any]] = []
    status: str | None = None
    status_reason: list[CodeableConcept] | CodeableConcept | None = None
    subject: Reference | None = None
    patient: Reference | None = None  # DSTU2
    medication: CodeableReference | None = None  # R5
    medication_codeable_concept: CodeableConcept | None = None
    medication_reference: Reference | None = None
    note: list[Annotation] | Annotation | str | None = None
    # the reason for use, under each version's names
    reason: list[CodeableReference] = []  # R5
    reason_code: list[CodeableConcept] = []
    reason_codeable_concept: CodeableConcept | None = None  # DSTU2
    reason_reference: list[Reference] | Reference | None = None
    reason_for_use_codeable_concept: CodeableConcept | None = None  # DSTU2 statement
    reason_for_use_reference: Reference | None = None  # DSTU2 statement


class MedicationRequest(MedicationRecord, tag="MedicationRequest"):
    """https://hl7.org/fhir/medicationrequest.html"""

    intent: str | None = None
    do_not_perform: bool | None = None
    reported_boolean: bool | None = None
    authored_on: str | None = None
    prior_prescription: Reference | None = None
    based_on: list[Reference] | Reference | None = None
    dosage_instruction: list[Dosage] = []
    dispense_request: DispenseRequest | None = None
    rendered_dosage_instruction: Text | None = None  # R5
    effective_dose_period: Period | None = None  # R5
    status_changed: str | None = None  # R5


class MedicationOrder(MedicationRecord, tag="MedicationOrder"):
    """DSTU2: https://hl7.org/fhir/DSTU2/medicationorder.html"""

    date_written: str | None = None
    date_ended: str | None = None
    prior_prescription: Reference | None = None
    dosage_instruction: list[Dosage] = []
    dispense_request: DispenseRequest | None = None


class Adherence(View):
    """R5 MedicationStatement.adherence"""

    code: CodeableConcept | None = None


class MedicationStatement(MedicationRecord, tag="MedicationStatement"):
    """https://hl7.org/fhir/medicationstatement.html (DSTU2 to R5)"""

    effective_date_time: str | None = None
    effective_period: Period | None = None
    date_asserted: str | None = None
    was_not_taken: bool | None = None  # DSTU2
    taken: str | None = None  # STU3: y, n, unk, na
    adherence: Adherence | None = None  # R5
    based_on: list[Reference] | Reference | None = None
    dosage: list[Dosage] = []
    rendered_dosage_instruction: Text | None = None  # R5


class MedicationDispense(MedicationRecord, tag="MedicationDispense"):
    """https://hl7.org/fhir/medicationdispense.html"""

    authorizing_prescription: list[Reference] = []
    when_prepared: str | None = None
    when_handed_over: str | None = None
    recorded: str | None = None  # R5
    days_supply: Quantity | None = None
    quantity: Quantity | None = None
    dosage_instruction: list[Dosage] = []


class MedicationAdministration(MedicationRecord, tag="MedicationAdministration"):
    """https://hl7.org/fhir/medicationadministration.html"""

    was_not_given: bool | None = None  # DSTU2
    not_given: bool | None = None  # STU3
    effective_date_time: str | None = None
    effective_period: Period | None = None
    effective_time_date_time: str | None = None  # DSTU2
    effective_time_period: Period | None = None  # DSTU2
    occurence_date_time: str | None = None  # R5 spells it so
    occurence_period: Period | None = None
    dosage: Dosage | None = None


class Condition(Resource, tag="Condition"):
    """https://hl7.org/fhir/condition.html"""

    subject: Reference | None = None
    patient: Reference | None = None  # DSTU2
    code: CodeableConcept | None = None
    clinical_status: CodeableConcept | str | None = None
    verification_status: CodeableConcept | str | None = None
    onset_date_time: str | None = None
    onset_period: Period | None = None
    abatement_boolean: bool | None = None
    abatement_date: str | None = None  # DSTU2
    abatement_date_time: str | None = None
    abatement_period: Period | None = None
    abatement_string: str | None = None
    recorded_date: str | None = None
    asserted_date: str | None = None  # STU3
    date_recorded: str | None = None  # DSTU2


class AllergyReaction(View):
    """AllergyIntolerance.reaction"""

    substance: CodeableConcept | None = None
    manifestation: list[ConceptOrReference] = []
    description: Text | None = None
    severity: str | None = None


class AllergyIntolerance(Resource, tag="AllergyIntolerance"):
    """https://hl7.org/fhir/allergyintolerance.html"""

    patient: Reference | None = None
    subject: Reference | None = None
    code: CodeableConcept | None = None
    substance: CodeableConcept | None = None  # DSTU2
    status: str | None = None  # DSTU2
    clinical_status: CodeableConcept | str | None = None
    verification_status: CodeableConcept | str | None = None
    type: CodeableConcept | str | None = None
    criticality: str | None = None
    recorded_date: str | None = None
    asserted_date: str | None = None
    onset: str | None = None
    onset_date_time: str | None = None
    reaction: list[AllergyReaction] = []


class ReferenceRange(View):
    """Observation.referenceRange"""

    low: Quantity | None = None
    high: Quantity | None = None
    text: Text | None = None


class ObservationComponent(View):
    """Observation.component"""

    code: CodeableConcept | None = None
    value_quantity: Quantity | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_string: Text | None = None
    value_boolean: bool | None = None
    value_date_time: str | None = None
    data_absent_reason: CodeableConcept | None = None
    interpretation: list[CodeableConcept] | CodeableConcept | None = None


class Observation(Resource, tag="Observation"):
    """https://hl7.org/fhir/observation.html"""

    status: str | None = None
    subject: Reference | None = None
    code: CodeableConcept | None = None
    effective_date_time: str | None = None
    effective_period: Period | None = None
    effective_instant: str | None = None
    issued: str | None = None
    value_quantity: Quantity | None = None
    value_codeable_concept: CodeableConcept | None = None
    value_string: Text | None = None
    value_boolean: bool | None = None
    value_integer: Whole | None = None
    value_date_time: str | None = None
    value_period: Period | None = None
    data_absent_reason: CodeableConcept | None = None
    interpretation: list[CodeableConcept] | CodeableConcept | None = None
    reference_range: list[ReferenceRange] = []
    component: list[ObservationComponent] = []


class Patient(Resource, tag="Patient"):
    """https://hl7.org/fhir/patient.html; names and addresses are never read."""

    gender: str | None = None
    birth_date: str | None = None
    deceased_boolean: bool | None = None
    deceased_date_time: str | None = None


class ServiceRequest(Resource, tag="ServiceRequest"):
    """A planned service; in rules, surgery (also STU3 ProcedureRequest)."""

    status: str | None = None
    intent: str | None = None
    do_not_perform: bool | None = None
    subject: Reference | None = None
    category: list[CodeableConcept] | CodeableConcept | None = None
    code: ConceptOrReference | None = None
    occurrence_date_time: str | None = None
    occurrence_period: Period | None = None
    scheduled_date_time: str | None = None  # DSTU2 ProcedureRequest
    authored_on: str | None = None
    ordered_on: str | None = None  # DSTU2 ProcedureRequest


class ProcedureRequest(ServiceRequest, tag="ProcedureRequest"):
    """DSTU2 and STU3 name of ServiceRequest."""


class Procedure(Resource, tag="Procedure"):
    """https://hl7.org/fhir/procedure.html; status ``preparation`` is planned surgery."""

    status: str | None = None
    subject: Reference | None = None
    category: list[CodeableConcept] | CodeableConcept | None = None
    code: CodeableConcept | None = None
    performed_date_time: str | None = None
    performed_period: Period | None = None
    occurrence_date_time: str | None = None  # R5
    occurrence_period: Period | None = None


class OutcomeIssue(View):
    """OperationOutcome.issue"""

    severity: str | None = None
    code: Text | None = None
    diagnostics: str | None = None
    details: CodeableConcept | None = None


class OperationOutcome(Resource, tag="OperationOutcome"):
    """https://hl7.org/fhir/operationoutcome.html"""

    issue: list[OutcomeIssue] = []


MEDICATION_RECORDS = (
    MedicationRequest,
    MedicationOrder,
    MedicationStatement,
    MedicationDispense,
    MedicationAdministration,
)
