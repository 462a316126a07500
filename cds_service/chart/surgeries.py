"""Surgery that is planned: in the basket, as a service request, a procedure, or on the problem list."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence

from cds_service.chart.clock import Clock
from cds_service.chart.model import Evidence, PlannedSurgery, Problem
from cds_service.chart.problems import name_of, triples
from cds_service.chart.showing import day
from cds_service.fhir.datatypes import CodeableConcept, ConceptOrReference
from cds_service.fhir.records import PatientRecord
from cds_service.fhir.resources import Procedure, ProcedureRequest, ServiceRequest
from cds_service.knowledge import condition_meanings
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Meaning

_SERVICES: tuple[type[ServiceRequest | Procedure], ...] = (ServiceRequest, ProcedureRequest, Procedure)
_PLANNED = {
    "ServiceRequest": {"draft", "active", "on-hold"},
    "ProcedureRequest": {"draft", "active", "on-hold", "proposed", "requested", "accepted", "suspended"},
    "Procedure": {"preparation"},
}


def is_surgery(resource: ServiceRequest | Procedure, clinical: Clinical) -> bool:
    """By category, by code, or by the words of its name."""
    if isinstance(resource, ServiceRequest) and resource.do_not_perform:
        return False
    categories = resource.category if isinstance(resource.category, list) else [resource.category]
    codes = {coding.code for category in categories if category for coding in category.coding}
    if codes & set(clinical.surgery.category_codes):
        return True
    code = resource.code
    concept = (code.concept or code) if isinstance(code, ConceptOrReference) else code
    if concept is None:
        return False
    if Meaning.PLANNED_SURGERY in condition_meanings(triples(concept.coding), concept.text):
        return True
    return _named(concept, clinical)


def _named(concept: CodeableConcept | ConceptOrReference, clinical: Clinical) -> bool:
    names = " ".join([concept.text or "", *(coding.display or "" for coding in concept.coding)]).lower()
    words = re.findall(r"[a-z]+", names)
    if set(words) & set(clinical.surgery.not_words):
        return False
    if any(phrase in names for phrase in clinical.surgery.phrases):
        return True
    return any(w in clinical.surgery.words or w.endswith(clinical.surgery.suffixes) for w in words)


def planned_surgeries(
    record: PatientRecord, problems: Sequence[Problem], clock: Clock, clinical: Clinical
) -> Iterator[PlannedSurgery]:
    """Recorded as planned, from service requests, procedures and the problem list."""
    for resource in _services(record):
        if resource.status in _PLANNED[type(resource).__name__] and is_surgery(resource, clinical):
            yield _planned(resource, clock)
    for problem in problems:
        recent = problem.dated and (clock.today - problem.dated).days <= clinical.surgery.planned_days
        if Meaning.PLANNED_SURGERY in problem.meanings and problem.active and recent:
            yield PlannedSurgery(problem.evidence)


def _services(record: PatientRecord) -> list[ServiceRequest | Procedure]:
    return [resource for view in _SERVICES for resource, _ in record.of_type(view)]


def _planned(resource: ServiceRequest | Procedure, clock: Clock) -> PlannedSurgery:
    scheduled = (
        resource.scheduled_date_time if isinstance(resource, ServiceRequest) else resource.performed_date_time
    )
    period = resource.occurrence_period
    when = clock.earliest(resource.occurrence_date_time, scheduled, period.start if period else None)
    code = resource.code
    concept = (code.concept or code) if isinstance(code, ConceptOrReference) else code
    facts = (f"planned for {day(when)}",) if when else ("planned, no date",)
    return PlannedSurgery(Evidence(name_of(concept, "surgery"), facts, "planned procedure"), when)
