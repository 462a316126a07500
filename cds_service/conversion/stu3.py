"""From R4 to STU3."""

from __future__ import annotations

from cds_service.conversion.shapes import CannotExpress, Converter, Json, code, each, move, only, plain_dose


def _stu3_order(order: Json) -> Json:
    if "doNotPerform" in order:
        raise CannotExpress("no doNotPerform")
    each(order, "dosageInstruction", plain_dose)
    only(order, "category", "category")
    if order.get("intent") not in (None, "proposal", "plan", "order", "instance-order"):
        raise CannotExpress(f"no intent {order['intent']}")
    return order


def _stu3_statement(statement: Json) -> Json:
    taken = {"not-taken": "n", "active": "y", "completed": "y", "stopped": "y", "intended": "unk"}
    status = statement["status"]
    statement["taken"] = taken.get(status, "unk")
    statement["status"] = "active" if status == "not-taken" else status
    each(statement, "dosage", plain_dose)
    return statement


def _stu3_dispense(dispense: Json) -> Json:
    each(dispense, "dosageInstruction", plain_dose)
    return dispense


def _stu3_administration(administration: Json) -> Json:
    if administration["status"] == "not-done":
        administration.update(status="completed", notGiven=True)
    return administration


def _stu3_condition(condition: Json) -> Json:
    code(condition, "clinicalStatus")
    code(condition, "verificationStatus", {"unconfirmed": "provisional"})
    move(condition, "recordedDate", "assertedDate")
    return condition


def _stu3_allergy(allergy: Json) -> Json:
    code(allergy, "clinicalStatus")
    code(allergy, "verificationStatus")
    allergy.setdefault("verificationStatus", "unconfirmed")
    move(allergy, "recordedDate", "assertedDate")
    return allergy


def _stu3_observation(observation: Json) -> Json:
    only(observation, "interpretation", "interpretation")
    return observation


def _stu3_service(service: Json) -> Json:
    return {**service, "resourceType": "ProcedureRequest"}


CONVERTERS: dict[str, Converter] = {
    "MedicationRequest": _stu3_order,
    "MedicationStatement": _stu3_statement,
    "MedicationDispense": _stu3_dispense,
    "MedicationAdministration": _stu3_administration,
    "Condition": _stu3_condition,
    "AllergyIntolerance": _stu3_allergy,
    "Observation": _stu3_observation,
    "ServiceRequest": _stu3_service,
}
"""By resource type; others have the same shape in both."""
