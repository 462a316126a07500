"""Which FHIR version a client speaks, where its drafts alone do not tell."""

from __future__ import annotations

from typing import Literal

from cds_service.fhir.records import PatientRecord
from cds_service.fhir.resources import Condition, MedicationRequest, MedicationStatement

FhirVersion = Literal["DSTU2", "STU3", "R4", "R5"]


def version_of_record(record: PatientRecord) -> FhirVersion | None:
    """The version by the shapes of the record; None when they fit several.

    R5: ``medication`` and ``adherence``. STU3: ``taken``, and a ``clinicalStatus``
    that is a code (https://hl7.org/fhir/R4/condition.html made it a concept).
    DSTU2 has that code too, and names the patient ``patient``.
    """
    for request, _ in record.of_type(MedicationRequest):
        if request.medication is not None:
            return "R5"
    for statement, _ in record.of_type(MedicationStatement):
        if statement.medication is not None or statement.adherence is not None:
            return "R5"
        if statement.taken is not None:
            return "STU3"
    for condition, _ in record.of_type(Condition):
        if isinstance(condition.clinical_status, str):
            return "DSTU2" if condition.patient is not None else "STU3"
        if condition.clinical_status is not None:
            return "R4"
    return None
