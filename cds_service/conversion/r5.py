"""From R4 to R5."""

from __future__ import annotations

from cds_service.conversion.shapes import CannotExpress, Converter, Json, each, move

_ADHERENCE = "http://hl7.org/fhir/CodeSystem/medication-statement-adherence"
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_ALLERGY_TYPE = "http://hl7.org/fhir/allergy-intolerance-type"


def _r5_medicine(resource: Json) -> None:
    concept = resource.pop("medicationCodeableConcept", None)
    reference = resource.pop("medicationReference", None)
    if concept or reference:
        resource["medication"] = {"concept": concept} if concept else {"reference": reference}


def _r5_reason(resource: Json) -> None:
    reasons = [{"concept": concept} for concept in resource.pop("reasonCode", [])]
    reasons += [{"reference": reference} for reference in resource.pop("reasonReference", [])]
    if reasons:
        resource["reason"] = reasons


def _r5_dosage(dosage: Json) -> None:
    move(dosage, "asNeededBoolean", "asNeeded")
    if "asNeededCodeableConcept" in dosage:
        dosage["asNeededFor"] = [dosage.pop("asNeededCodeableConcept")]
    if "maxDosePerPeriod" in dosage:
        dosage["maxDosePerPeriod"] = [dosage["maxDosePerPeriod"]]


def _r5_order(order: Json) -> Json:
    _r5_medicine(order)
    _r5_reason(order)
    move(order, "reportedBoolean", "reported")
    each(order, "dosageInstruction", _r5_dosage)
    return order


def _r5_statement(statement: Json) -> Json:
    adherence = {"active": "taking", "completed": "stopped", "stopped": "stopped", "on-hold": "on-hold",
                 "not-taken": "not-taking", "unknown": "unknown"}  # fmt: skip
    status = statement["status"]
    if status == "intended":
        raise CannotExpress("no intended statements")
    if status in adherence:
        statement["status"] = "recorded"
        statement["adherence"] = {"code": {"coding": [{"system": _ADHERENCE, "code": adherence[status]}]}}
    _r5_medicine(statement)
    _r5_reason(statement)
    each(statement, "dosage", _r5_dosage)
    return statement


def _r5_dispense(dispense: Json) -> Json:
    _r5_medicine(dispense)
    each(dispense, "dosageInstruction", _r5_dosage)
    return dispense


def _r5_administration(administration: Json) -> Json:
    _r5_medicine(administration)
    move(administration, "effectiveDateTime", "occurenceDateTime")
    move(administration, "effectivePeriod", "occurencePeriod")
    return administration


def _r5_condition(condition: Json) -> Json:
    condition.setdefault("clinicalStatus", {"coding": [{"system": _CLINICAL, "code": "unknown"}]})
    return condition


def _r5_allergy(allergy: Json) -> Json:
    if "type" in allergy:
        allergy["type"] = {"coding": [{"system": _ALLERGY_TYPE, "code": allergy["type"]}]}
    for reaction in allergy.get("reaction", []):
        reaction["manifestation"] = [{"concept": concept} for concept in reaction["manifestation"]]
    return allergy


def _r5_medication(medication: Json) -> Json:
    move(medication, "form", "doseForm")
    for ingredient in medication.get("ingredient", []):
        concept, reference = (
            ingredient.pop("itemCodeableConcept", None),
            ingredient.pop("itemReference", None),
        )
        ingredient["item"] = {"concept": concept} if concept else {"reference": reference}
        move(ingredient, "strength", "strengthRatio")
    return medication


def _r5_service(service: Json) -> Json:
    service["code"] = {"concept": service["code"]}
    _r5_reason(service)
    return service


def _r5_procedure(procedure: Json) -> Json:
    move(procedure, "performedDateTime", "occurrenceDateTime")
    return procedure


CONVERTERS: dict[str, Converter] = {
    "MedicationRequest": _r5_order,
    "MedicationStatement": _r5_statement,
    "MedicationDispense": _r5_dispense,
    "MedicationAdministration": _r5_administration,
    "Medication": _r5_medication,
    "Condition": _r5_condition,
    "AllergyIntolerance": _r5_allergy,
    "ServiceRequest": _r5_service,
    "Procedure": _r5_procedure,
}
"""By resource type; others have the same shape in both."""
