"""Our R4 scenarios in the shapes of DSTU2, STU3 and R5.

Only what the scenarios use is converted; what a version cannot express raises
:class:`CannotExpress` with the reason. Sources: the "differences" pages of
https://hl7.org/fhir/R5/diff.html, https://hl7.org/fhir/STU3/ and https://hl7.org/fhir/DSTU2/.
"""

from __future__ import annotations

from collections.abc import Callable
from copy import deepcopy
from typing import Any

import msgspec

from cds_service.scenarios import Scenario

Json = dict[str, Any]
Converter = Callable[[Json], Json]

VERSIONS = ("DSTU2", "STU3", "R5")
_ADHERENCE = "http://hl7.org/fhir/CodeSystem/medication-statement-adherence"
_CLINICAL = "http://terminology.hl7.org/CodeSystem/condition-clinical"
_ALLERGY_TYPE = "http://hl7.org/fhir/allergy-intolerance-type"
_SYSTEMS_BEFORE_R4 = {
    "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation": "http://hl7.org/fhir/v2/0078",
    "http://terminology.hl7.org/CodeSystem/data-absent-reason": "http://hl7.org/fhir/data-absent-reason",
}


class CannotExpress(Exception):
    """The version has no element for it."""


def convert(scenario: Scenario, version: str) -> Scenario:
    """``scenario``, written in R4, in ``version``."""
    assert scenario.fhir_version == "R4"
    prefetch = {key: _prefetched(value, version) for key, value in scenario.prefetch.items()}
    entries = [_entry(convert_resource(resource, version)) for resource in scenario.resources()]
    return msgspec.structs.replace(
        scenario,
        fhir_version=version,
        record={**scenario.record, "entry": entries},
        orders=[convert_resource(order, version) for order in scenario.orders],
        selected=[_renamed(reference, version) for reference in scenario.selected],
        prefetch=prefetch,
    )


def _prefetched(value: Any, version: str) -> Any:
    """A Bundle of prefetch with its resources and links in ``version``; anything else as it is."""
    if not isinstance(value, dict) or value["resourceType"] != "Bundle":
        return value
    bundle = deepcopy(value)
    for link in bundle.get("link", []):
        link["url"] = link["url"].replace("MedicationRequest?", f"{_order_type(version)}?")
    for entry in bundle.get("entry", []):
        entry["resource"] = convert_resource(entry["resource"], version)
    return bundle


def _order_type(version: str) -> str:
    return "MedicationOrder" if version == "DSTU2" else "MedicationRequest"


def convert_resource(resource: Json, version: str) -> Json:
    """One resource, its references included."""
    converter = _CONVERTERS[version].get(resource["resourceType"], deepcopy)
    converted: Json = _translated(converter(deepcopy(resource)), version)
    if "contained" in resource:
        converted["contained"] = [convert_resource(inner, version) for inner in resource["contained"]]
    return converted


def _entry(resource: Json) -> Json:
    url = f"{resource['resourceType']}/{resource['id']}"
    return {"resource": resource, "request": {"method": "PUT", "url": url}}


def _translated(value: Any, version: str) -> Any:
    """References and code systems by the names they have in ``version``."""
    if isinstance(value, list):
        return [_translated(item, version) for item in value]
    if not isinstance(value, dict):
        return value
    return {key: _translated_member(key, member, version) for key, member in value.items()}


def _translated_member(key: str, member: Any, version: str) -> Any:
    if key == "reference" and isinstance(member, str):
        return _renamed(member, version)
    if key == "system" and version != "R5":
        return _SYSTEMS_BEFORE_R4.get(member, member)
    return _translated(member, version)


def _renamed(reference: str, version: str) -> str:
    if version == "DSTU2":
        reference = reference.replace("MedicationRequest/", f"{_order_type(version)}/")
    return reference if version == "R5" else reference.replace("ServiceRequest/", "ProcedureRequest/")


def _move(resource: Json, old: str, new: str) -> None:
    if old in resource:
        resource[new] = resource.pop(old)


def _first(resource: Json, old: str, new: str) -> None:
    """A list becomes its only item."""
    if old in resource:
        values = resource.pop(old)
        if not isinstance(values, list):
            raise CannotExpress(f"{old} is bent already")
        if len(values) > 1:
            raise CannotExpress(f"more than one {old}")
        resource[new] = values[0]


def _code(resource: Json, name: str, changes: dict[str, str] | None = None) -> None:
    """A status CodeableConcept becomes its code."""
    if name in resource:
        code = resource[name]["coding"][0]["code"]
        resource[name] = (changes or {}).get(code, code)


def _each(resource: Json, name: str, change: Callable[[Json], None]) -> None:
    for item in resource.get(name, []):
        change(item)


# --- STU3 ------------------------------------------------------------------


def _plain_dose(dosage: Json) -> None:
    for dose in dosage.pop("doseAndRate", []):
        dosage.update(dose)


def _stu3_order(order: Json) -> Json:
    if "doNotPerform" in order:
        raise CannotExpress("no doNotPerform")
    _each(order, "dosageInstruction", _plain_dose)
    _first(order, "category", "category")
    if order.get("intent") not in (None, "proposal", "plan", "order", "instance-order"):
        raise CannotExpress(f"no intent {order['intent']}")
    return order


def _stu3_statement(statement: Json) -> Json:
    taken = {"not-taken": "n", "active": "y", "completed": "y", "stopped": "y", "intended": "unk"}
    status = statement["status"]
    statement["taken"] = taken.get(status, "unk")
    statement["status"] = "active" if status == "not-taken" else status
    _each(statement, "dosage", _plain_dose)
    return statement


def _stu3_dispense(dispense: Json) -> Json:
    _each(dispense, "dosageInstruction", _plain_dose)
    return dispense


def _stu3_administration(administration: Json) -> Json:
    if administration["status"] == "not-done":
        administration.update(status="completed", notGiven=True)
    return administration


def _stu3_condition(condition: Json) -> Json:
    _code(condition, "clinicalStatus")
    _code(condition, "verificationStatus", {"unconfirmed": "provisional"})
    _move(condition, "recordedDate", "assertedDate")
    return condition


def _stu3_allergy(allergy: Json) -> Json:
    _code(allergy, "clinicalStatus")
    _code(allergy, "verificationStatus")
    allergy.setdefault("verificationStatus", "unconfirmed")
    _move(allergy, "recordedDate", "assertedDate")
    return allergy


def _stu3_observation(observation: Json) -> Json:
    _first(observation, "interpretation", "interpretation")
    return observation


def _stu3_service(service: Json) -> Json:
    return {**service, "resourceType": "ProcedureRequest"}


# --- R5 --------------------------------------------------------------------


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
    _move(dosage, "asNeededBoolean", "asNeeded")
    if "asNeededCodeableConcept" in dosage:
        dosage["asNeededFor"] = [dosage.pop("asNeededCodeableConcept")]
    if "maxDosePerPeriod" in dosage:
        dosage["maxDosePerPeriod"] = [dosage["maxDosePerPeriod"]]


def _r5_order(order: Json) -> Json:
    _r5_medicine(order)
    _r5_reason(order)
    _move(order, "reportedBoolean", "reported")
    _each(order, "dosageInstruction", _r5_dosage)
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
    _each(statement, "dosage", _r5_dosage)
    return statement


def _r5_dispense(dispense: Json) -> Json:
    _r5_medicine(dispense)
    _each(dispense, "dosageInstruction", _r5_dosage)
    return dispense


def _r5_administration(administration: Json) -> Json:
    _r5_medicine(administration)
    _move(administration, "effectiveDateTime", "occurenceDateTime")
    _move(administration, "effectivePeriod", "occurencePeriod")
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
    _move(medication, "form", "doseForm")
    for ingredient in medication.get("ingredient", []):
        concept, reference = (
            ingredient.pop("itemCodeableConcept", None),
            ingredient.pop("itemReference", None),
        )
        ingredient["item"] = {"concept": concept} if concept else {"reference": reference}
        _move(ingredient, "strength", "strengthRatio")
    return medication


def _r5_service(service: Json) -> Json:
    service["code"] = {"concept": service["code"]}
    _r5_reason(service)
    return service


def _r5_procedure(procedure: Json) -> Json:
    _move(procedure, "performedDateTime", "occurrenceDateTime")
    return procedure


# --- DSTU2 -----------------------------------------------------------------


def _dstu2_timing(dosage: Json) -> None:
    repeat = dosage.get("timing", {}).get("repeat", {})
    _move(repeat, "periodUnit", "periodUnits")
    _move(repeat, "boundsDuration", "boundsQuantity")
    _first(repeat, "when", "when")


def _dstu2_dosage(dosage: Json) -> None:
    _plain_dose(dosage)
    _dstu2_timing(dosage)
    dosage.pop("sequence", None)
    if "patientInstruction" in dosage:
        dosage["text"] = dosage.pop("patientInstruction")
    _first(dosage, "additionalInstruction", "additionalInstructions")


def _dstu2_statement_dosage(dosage: Json) -> None:
    _dstu2_dosage(dosage)
    _move(dosage, "doseQuantity", "quantityQuantity")
    _move(dosage, "doseRange", "quantityRange")


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
    _move(order, "subject", "patient")
    _move(order, "authoredOn", "dateWritten")
    _first(order, "reasonCode", "reasonCodeableConcept")
    _first(order, "reasonReference", "reasonReference")
    _each(order, "dosageInstruction", _dstu2_dosage)
    _one_note(order)
    return order


def _dstu2_statement(statement: Json) -> Json:
    status = statement["status"]
    if status in ("on-hold", "unknown"):
        raise CannotExpress(f"no {status} statements")
    if status == "not-taken":
        statement["wasNotTaken"] = True
    statement["status"] = {"not-taken": "active", "stopped": "completed"}.get(status, status)
    _move(statement, "subject", "patient")
    _first(statement, "reasonCode", "reasonForUseCodeableConcept")
    _each(statement, "dosage", _dstu2_statement_dosage)
    _one_note(statement)
    return statement


def _dstu2_dispense(dispense: Json) -> Json:
    _move(dispense, "subject", "patient")
    _each(dispense, "dosageInstruction", _dstu2_dosage)
    return dispense


def _dstu2_administration(administration: Json) -> Json:
    if administration["status"] == "not-done":
        administration.update(status="completed", wasNotGiven=True)
    _move(administration, "subject", "patient")
    _move(administration, "effectiveDateTime", "effectiveTimeDateTime")
    _move(administration, "effectivePeriod", "effectiveTimePeriod")
    if "dosage" in administration:
        _move(administration["dosage"], "dose", "quantity")
    return administration


def _dstu2_condition(condition: Json) -> Json:
    _code(condition, "clinicalStatus", {"inactive": "resolved", "recurrence": "relapse"})
    _code(condition, "verificationStatus", {"unconfirmed": "provisional"})
    condition.setdefault("verificationStatus", "unknown")
    _move(condition, "subject", "patient")
    _move(condition, "recordedDate", "dateRecorded")
    _first(condition, "category", "category")
    return condition


def _dstu2_allergy(allergy: Json) -> Json:
    verified, clinical = dict(allergy), dict(allergy)
    _code(verified, "verificationStatus")
    _code(clinical, "clinicalStatus")
    doubt = verified.get("verificationStatus") in ("refuted", "entered-in-error", "unconfirmed")
    status = verified["verificationStatus"] if doubt else clinical.get("clinicalStatus", "active")
    for name in ("verificationStatus", "clinicalStatus"):
        allergy.pop(name, None)
    allergy["status"] = status
    _move(allergy, "code", "substance")
    _first(allergy, "category", "category")
    if "criticality" in allergy:
        allergy["criticality"] = {"low": "CRITL", "high": "CRITH"}.get(allergy["criticality"], "CRITU")
    return allergy


def _dstu2_observation(observation: Json) -> Json:
    if "valueBoolean" in observation or "valueInteger" in observation:
        raise CannotExpress("no such type of value")
    _first(observation, "interpretation", "interpretation")
    _first(observation, "category", "category")
    return observation


def _dstu2_medication(medication: Json) -> Json:
    product = {name: medication.pop(name) for name in ("form", "ingredient") if name in medication}
    for ingredient in product.get("ingredient", []):
        if "itemReference" not in ingredient:
            raise CannotExpress("an ingredient is a reference")
        _move(ingredient, "itemReference", "item")
        _move(ingredient, "strength", "amount")
    return {**medication, "product": product} if product else medication


def _dstu2_service(service: Json) -> Json:
    service["resourceType"] = "ProcedureRequest"
    service["status"] = {"active": "accepted", "draft": "draft"}.get(service["status"], "requested")
    for name in ("intent", "category"):
        service.pop(name, None)
    _move(service, "occurrenceDateTime", "scheduledDateTime")
    _move(service, "authoredOn", "orderedOn")
    return service


def _dstu2_procedure(procedure: Json) -> Json:
    if procedure["status"] in ("preparation", "not-done", "unknown"):
        raise CannotExpress(f"no {procedure['status']} procedures")
    return procedure


_CONVERTERS: dict[str, dict[str, Converter]] = {
    "STU3": {
        "MedicationRequest": _stu3_order,
        "MedicationStatement": _stu3_statement,
        "MedicationDispense": _stu3_dispense,
        "MedicationAdministration": _stu3_administration,
        "Condition": _stu3_condition,
        "AllergyIntolerance": _stu3_allergy,
        "Observation": _stu3_observation,
        "ServiceRequest": _stu3_service,
    },
    "R5": {
        "MedicationRequest": _r5_order,
        "MedicationStatement": _r5_statement,
        "MedicationDispense": _r5_dispense,
        "MedicationAdministration": _r5_administration,
        "Medication": _r5_medication,
        "Condition": _r5_condition,
        "AllergyIntolerance": _r5_allergy,
        "ServiceRequest": _r5_service,
        "Procedure": _r5_procedure,
    },
    "DSTU2": {
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
    },
}
