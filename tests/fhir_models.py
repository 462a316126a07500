"""Is a resource valid in its version of FHIR?"""

from __future__ import annotations

from collections.abc import Iterator
from importlib import import_module
from typing import Any

Json = dict[str, Any]

_MODELS = {"R4": "fhir.resources.R4B", "STU3": "fhir.resources.STU3", "R5": "fhir.resources"}


def check_resource(resource: Json, version: str) -> None:
    """By the model of the version; DSTU2, which has none, by the names of its elements."""
    if version == "DSTU2":
        assert list(_foreign_to_dstu2(resource)) == []
        return
    model = import_module(_MODELS[version]).get_fhir_model_class(resource["resourceType"])
    model.model_validate(resource)


_DSTU2_ORDER = {
    "resourceType", "id", "meta", "contained", "extension", "identifier", "dateWritten", "status",
    "dateEnded", "reasonEnded", "patient", "prescriber", "encounter", "reasonCodeableConcept",
    "reasonReference", "note", "medicationCodeableConcept", "medicationReference", "dosageInstruction",
    "dispenseRequest", "substitution", "priorPrescription",
}  # fmt: skip
_DSTU2_TEST = {
    "resourceType", "id", "subject", "orderer", "identifier", "encounter", "reason", "supportingInformation",
    "specimen", "status", "priority", "event", "item", "note",
}  # fmt: skip
_DSTU2_DOSAGE = {
    "text", "additionalInstructions", "timing", "asNeededBoolean", "asNeededCodeableConcept",
    "siteCodeableConcept", "siteReference", "route", "method", "doseRange", "doseQuantity", "rateRatio",
    "rateRange", "maxDosePerPeriod",
}  # fmt: skip
_DSTU2_REPEAT = {
    "boundsQuantity", "boundsRange", "boundsPeriod", "count", "duration", "durationMax", "durationUnits",
    "frequency", "frequencyMax", "period", "periodMax", "periodUnits", "when",
}  # fmt: skip
DSTU2_ELEMENTS = {"MedicationOrder": _DSTU2_ORDER, "DiagnosticOrder": _DSTU2_TEST}
"""By the resource types of DSTU2 that we write ourselves."""


def _foreign_to_dstu2(resource: Json) -> Iterator[str]:
    """Elements of an order that DSTU2 does not have (https://hl7.org/fhir/DSTU2/medicationorder.html)."""
    yield from resource.keys() - DSTU2_ELEMENTS[resource["resourceType"]]
    for dosage in resource.get("dosageInstruction", []):
        repeat = dosage.get("timing", {}).get("repeat", {})
        yield from dosage.keys() - _DSTU2_DOSAGE
        yield from repeat.keys() - _DSTU2_REPEAT
        if not isinstance(repeat.get("when", ""), str):
            yield "when as a list"
