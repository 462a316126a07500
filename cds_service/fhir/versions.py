"""Which FHIR version a client speaks, where its drafts alone do not tell."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import islice
from typing import Literal, TypeVar

from cds_service.fhir.records import PatientRecord
from cds_service.fhir.resources import (
    Condition,
    MedicationRequest,
    MedicationStatement,
    Resource,
)
from cds_service.fhir.sketches import SOME, in_full

R = TypeVar("R", bound=Resource)
FhirVersion = Literal["DSTU2", "STU3", "R4", "R5"]


def version_of_record(record: PatientRecord) -> FhirVersion | None:
    """The version by the shapes of the record; None when they fit several.

    R5: ``medication`` and ``adherence``. STU3: ``taken``, and a ``clinicalStatus``
    that is a code (https://hl7.org/fhir/R4/condition.html made it a concept).
    DSTU2 has that code too, and names the patient ``patient``.
    """
    for request in _some_of(record, MedicationRequest):
        if request.medication is not None:
            return "R5"
    for statement in _some_of(record, MedicationStatement):
        if statement.medication is not None or statement.adherence is not None:
            return "R5"
        if statement.taken is not None:
            return "STU3"
    for condition in _some_of(record, Condition):
        if isinstance(condition.clinical_status, str):
            return "DSTU2" if condition.patient is not None else "STU3"
        if condition.clinical_status is not None:
            return "R4"
    return None


def _some_of(record: PatientRecord, view: type[R]) -> Iterator[R]:
    """The resources read, and a few of those passed over: one server writes them all alike."""
    yield from (resource for resource, _ in record.of_type(view))
    passed = (sketch for alike in record.passed_over.get(view.__name__, ()) for sketch in alike.some)
    for sketch in islice(passed, SOME):
        resource = in_full(sketch, "").resource
        if isinstance(resource, view):
            yield resource
