"""What is asked of a FHIR server when prefetch does not hold it."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from typing import Final
from urllib.parse import quote

from cds_service.fhir.resources import MedicationOrder, Resource

PATIENT_TOKEN: Final = "{{context.patientId}}"


@dataclass(frozen=True, slots=True)
class Query:
    """One list to be had: from prefetch, or else with ``search`` from the server.

    ``search`` is a CDS Hooks prefetch template
    (https://cds-hooks.hl7.org/2.0/#prefetch-template) that uses no token but
    ``{{context.patientId}}``. A list that is not ``needed`` is asked for when
    there is a server, and is no gap when there is none.
    """

    key: str
    resource_type: str
    search: str
    needed: bool = True

    def url_for(self, patient_id: str) -> str:
        """The search with the patient's id in place."""
        return self.search.replace(PATIENT_TOKEN, quote(patient_id, safe=""))


@lru_cache(maxsize=16)
def standard_queries(version: str = "R4", observations: str = "") -> tuple[Query, ...]:
    """The six lists of our prefetch keys, in the terms of the client's FHIR version.

    :param version: ``DSTU2`` clients hold MedicationOrder, all others MedicationRequest.
    :param observations: further search parameters, such as ``&category=laboratory``.
    """
    requests = "MedicationOrder" if version == "DSTU2" else "MedicationRequest"
    of_patient = f"?patient={PATIENT_TOKEN}"
    return (
        Query("patient", "Patient", f"Patient/{PATIENT_TOKEN}"),
        Query("medicationStatements", "MedicationStatement", f"MedicationStatement{of_patient}"),
        Query("medicationRequests", requests, f"{requests}{of_patient}"),
        Query("conditions", "Condition", f"Condition{of_patient}"),
        Query("allergies", "AllergyIntolerance", f"AllergyIntolerance{of_patient}"),
        Query("observations", "Observation", f"Observation{of_patient}{observations}"),
    )


def version_of(orders: list[Resource]) -> str:
    """``DSTU2`` when the basket holds a MedicationOrder, else ``R4``."""
    return "DSTU2" if any(isinstance(order, MedicationOrder) for order in orders) else "R4"
