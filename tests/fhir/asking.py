"""One patient's record, asked of a test's server."""

from __future__ import annotations

from typing import Any

import msgspec

from cds_service.fhir import (
    Deadline,
    FhirClient,
    GatherOptions,
    PatientRecord,
    Query,
    gather,
    standard_queries,
)
from cds_service.fhir.resources import Medication, MedicationRequest, Resource
from cds_service.outbound import ANYWHERE, Reach
from tests.fhir.bodies import (
    PATIENT_ID,
    raws,
)
from tests.fhir.server import FhirServer

TOKEN = "secret-token-1"
ALL = standard_queries()
REQUESTS = tuple(query for query in ALL if query.resource_type == "MedicationRequest")
CONDITIONS = tuple(query for query in ALL if query.resource_type == "Condition")


class Ask:
    """Gathers with the test's server."""

    def __init__(self, client: FhirClient, server: FhirServer, reach: Reach = ANYWHERE) -> None:
        self.client = client
        self.server = server
        self.reach = reach

    def __call__(
        self,
        *wanted: Query,
        prefetch: dict[str, Any] | None = None,
        orders: tuple[Resource, ...] = (),
        seconds: float = 5,
        token: str | None = TOKEN,
        options: GatherOptions | None = None,
        patient_id: str = PATIENT_ID,
        named: dict[str, Medication] | None = None,
    ) -> PatientRecord:
        return gather(
            patient_id,
            raws(prefetch or {}),
            orders,
            server=self.client.access(self.server.base, token, self.reach),
            wanted=wanted,
            deadline=Deadline(seconds),
            options=options,
            named=named,
        )


def draft(**elements: Any) -> MedicationRequest:
    return msgspec.convert({"resourceType": "MedicationRequest", "id": "d", **elements}, MedicationRequest)
