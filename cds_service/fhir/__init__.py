"""Reading FHIR: prefetch and server, DSTU2 to R5, into one :class:`PatientRecord`.

:func:`gather` is the way in. Nothing here knows a drug or a disease.
"""

from cds_service.fhir.breaker import CircuitBreaker
from cds_service.fhir.client import ClientOptions, FhirAccess, FhirClient
from cds_service.fhir.codes import Code, codes_of, text_of
from cds_service.fhir.dates import Span, read_date
from cds_service.fhir.deadline import Deadline
from cds_service.fhir.dosage import Dose, DoseStep, read_dosages
from cds_service.fhir.gather import GatherOptions, gather
from cds_service.fhir.queries import Query, standard_queries, version_of
from cds_service.fhir.reading import Read, read_resource
from cds_service.fhir.records import Gap, GapReason, PatientRecord, Source
from cds_service.fhir.references import Ingredient, MedicationSource, ResolvedBy, medication_of

__all__ = [
    "CircuitBreaker",
    "ClientOptions",
    "Code",
    "Deadline",
    "Dose",
    "DoseStep",
    "FhirAccess",
    "FhirClient",
    "Gap",
    "GapReason",
    "GatherOptions",
    "Ingredient",
    "MedicationSource",
    "PatientRecord",
    "Query",
    "Read",
    "ResolvedBy",
    "Source",
    "Span",
    "codes_of",
    "gather",
    "medication_of",
    "read_date",
    "read_dosages",
    "read_resource",
    "standard_queries",
    "text_of",
    "version_of",
]
