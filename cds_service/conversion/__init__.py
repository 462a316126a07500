"""R4 resources in the shapes of DSTU2, STU3 and R5: of our scenarios, of the pages, of drafts that are tried.

Only what those use is converted; what a version cannot express raises
:class:`CannotExpress` with the reason. Sources: the "differences" pages of
https://hl7.org/fhir/R5/diff.html, https://hl7.org/fhir/STU3/ and https://hl7.org/fhir/DSTU2/.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

import msgspec

from cds_service.conversion import dstu2, r5, stu3
from cds_service.conversion.shapes import CannotExpress, Json
from cds_service.scenarios import Scenario

__all__ = ["VERSIONS", "CannotExpress", "convert", "convert_resource"]

VERSIONS = ("DSTU2", "STU3", "R5")
_SYSTEMS_BEFORE_R4 = {
    "http://terminology.hl7.org/CodeSystem/v3-ObservationInterpretation": "http://hl7.org/fhir/v2/0078",
    "http://terminology.hl7.org/CodeSystem/data-absent-reason": "http://hl7.org/fhir/data-absent-reason",
}


def convert(scenario: Scenario, version: str) -> Scenario:
    """``scenario``, written in R4, in ``version``. Raises :class:`CannotExpress`."""
    if scenario.fhir_version != "R4":
        raise CannotExpress(f"it is written in {scenario.fhir_version}")
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
    """One R4 resource in ``version``, its references included. Raises :class:`CannotExpress`."""
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


_CONVERTERS = {"STU3": stu3.CONVERTERS, "R5": r5.CONVERTERS, "DSTU2": dstu2.CONVERTERS}
