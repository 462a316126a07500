"""From R4 to DSTU2."""

from __future__ import annotations

from cds_service.conversion.shapes import CannotExpress, Converter, Json, code, each, move, only, plain_dose


def _dstu2_timing(dosage: Json) -> None:
    repeat = dosage.get("timing", {}).get("repeat", {})
    move(repeat, "periodUnit", "periodUnits")
    move(repeat, "boundsDuration", "boundsQuantity")
    only(repeat, "when", "when")


def _dstu2_dosage(dosage: Json) -> None:
    plain_dose(dosage)
    _dstu2_timing(dosage)
    dosage.pop("sequence", None)
    if "patientInstruction" in dosage:
        dosage["text"] = dosage.pop("patientInstruction")
    only(dosage, "additionalInstruction", "additionalInstructions")


def _dstu2_statement_dosage(dosage: Json) -> None:
    _dstu2_dosage(dosage)
    move(dosage, "doseQuantity", "quantityQuantity")
    move(dosage, "doseRange", "quantityRange")


def _one_note(resource: Json) -> None:
    if "note" in resource:
        resource["note"] = " ".join(note["text"] for note in resource["note"])


def _dstu2_order(order: Json) -> Json:
    if order.pop("intent", "order") not in ("order", "original-order", "instance-order"):
        raise CannotExpress("a MedicationOrder is no plan or proposal")
    if "doNotPerform" in order:
        raise CannotExpress("no doNotPerform")
    if order["status"] in ("cancelled", "unknown"):
        raise CannotExpress(f"no status {order['status']}")
    order["resourceType"] = "MedicationOrder"
    for name in ("category", "reportedBoolean", "requester", "statusReason"):
        order.pop(name, None)
    move(order, "subject", "patient")
    move(order, "authoredOn", "dateWritten")
    only(order, "reasonCode", "reasonCodeableConcept")
    only(order, "reasonReference", "reasonReference")
    each(order, "dosageInstruction", _dstu2_dosage)
    _one_note(order)
    return order


def _dstu2_statement(statement: Json) -> Json:
    status = statement["status"]
    if status in ("on-hold", "unknown"):
        raise CannotExpress(f"no {status} statements")
    if status == "not-taken":
        statement["wasNotTaken"] = True
    statement["status"] = {"not-taken": "active", "stopped": "completed"}.get(status, status)
    move(statement, "subject", "patient")
    only(statement, "reasonCode", "reasonForUseCodeableConcept")
    each(statement, "dosage", _dstu2_statement_dosage)
    _one_note(statement)
    return statement


def _dstu2_dispense(dispense: Json) -> Json:
    move(dispense, "subject", "patient")
    each(dispense, "dosageInstruction", _dstu2_dosage)
    return dispense


def _dstu2_administration(administration: Json) -> Json:
    if administration["status"] == "not-done":
        administration.update(status="completed", wasNotGiven=True)
    move(administration, "subject", "patient")
    move(administration, "effectiveDateTime", "effectiveTimeDateTime")
    move(administration, "effectivePeriod", "effectiveTimePeriod")
    if "dosage" in administration:
        move(administration["dosage"], "dose", "quantity")
    return administration


def _dstu2_condition(condition: Json) -> Json:
    code(condition, "clinicalStatus", {"inactive": "resolved", "recurrence": "relapse"})
    code(condition, "verificationStatus", {"unconfirmed": "provisional"})
    condition.setdefault("verificationStatus", "unknown")
    move(condition, "subject", "patient")
    move(condition, "recordedDate", "dateRecorded")
    only(condition, "category", "category")
    return condition


def _dstu2_allergy(allergy: Json) -> Json:
    verified, clinical = dict(allergy), dict(allergy)
    code(verified, "verificationStatus")
    code(clinical, "clinicalStatus")
    doubt = verified.get("verificationStatus") in ("refuted", "entered-in-error", "unconfirmed")
    status = verified["verificationStatus"] if doubt else clinical.get("clinicalStatus", "active")
    for name in ("verificationStatus", "clinicalStatus"):
        allergy.pop(name, None)
    allergy["status"] = status
    move(allergy, "code", "substance")
    only(allergy, "category", "category")
    if "criticality" in allergy:
        allergy["criticality"] = {"low": "CRITL", "high": "CRITH"}.get(allergy["criticality"], "CRITU")
    return allergy


def _dstu2_observation(observation: Json) -> Json:
    if "valueBoolean" in observation or "valueInteger" in observation:
        raise CannotExpress("no such type of value")
    only(observation, "interpretation", "interpretation")
    only(observation, "category", "category")
    return observation


def _dstu2_medication(medication: Json) -> Json:
    product = {name: medication.pop(name) for name in ("form", "ingredient") if name in medication}
    for ingredient in product.get("ingredient", []):
        if "itemReference" not in ingredient:
            raise CannotExpress("an ingredient is a reference")
        move(ingredient, "itemReference", "item")
        move(ingredient, "strength", "amount")
    return {**medication, "product": product} if product else medication


def _dstu2_service(service: Json) -> Json:
    service["resourceType"] = "ProcedureRequest"
    service["status"] = {"active": "accepted", "draft": "draft"}.get(service["status"], "requested")
    for name in ("intent", "category"):
        service.pop(name, None)
    move(service, "occurrenceDateTime", "scheduledDateTime")
    move(service, "authoredOn", "orderedOn")
    return service


def _dstu2_procedure(procedure: Json) -> Json:
    if procedure["status"] in ("preparation", "not-done", "unknown"):
        raise CannotExpress(f"no {procedure['status']} procedures")
    return procedure


CONVERTERS: dict[str, Converter] = {
    "MedicationRequest": _dstu2_order,
    "MedicationStatement": _dstu2_statement,
    "MedicationDispense": _dstu2_dispense,
    "MedicationAdministration": _dstu2_administration,
    "Medication": _dstu2_medication,
    "Condition": _dstu2_condition,
    "AllergyIntolerance": _dstu2_allergy,
    "Observation": _dstu2_observation,
    "ServiceRequest": _dstu2_service,
    "Procedure": _dstu2_procedure,
}
"""By resource type; others have the same shape in both."""
