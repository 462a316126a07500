"""Whose resource is it?

Every resource must be about the patient of the request
(https://hl7.org/fhir/references.html); anything else is passed over.
"""

from __future__ import annotations

from collections.abc import Collection

from cds_service.fhir.datatypes import Reference, View
from cds_service.fhir.resources import Medication, Patient


def patient_key(patient_id: str) -> str:
    """The bare id: real clients send ``Patient/123``, and ``123/_history/4``."""
    return without_version(patient_id.strip()).rsplit("/", 1)[-1]


def without_version(reference: str) -> str:
    """A reference without its ``/_history/n``."""
    return reference.split("/_history/", 1)[0]


def is_about(resource: View, patient_id: str, aliases: Collection[str] = ()) -> bool:
    """Whether a resource belongs to the patient, or to nobody in particular.

    ``patient_id`` is a bare id, ``aliases`` are the full URLs of that
    patient's own entry. A Medication has no subject; a Patient is matched by
    id; a subject that holds no reference says nothing and is accepted.
    """
    if isinstance(resource, Patient):
        return resource.id is None or patient_key(resource.id) == patient_id
    if isinstance(resource, Medication):
        return True
    subject, patient = getattr(resource, "subject", None), getattr(resource, "patient", None)
    return _refers_to(subject, patient_id, aliases) and _refers_to(patient, patient_id, aliases)


def _refers_to(subject: Reference | None, patient_id: str, aliases: Collection[str]) -> bool:
    written = subject.reference.strip() if subject is not None and subject.reference else ""
    if not written or written == f"Patient/{patient_id}":
        return True
    target = without_version(written)
    if target in aliases or target == patient_id:
        return True
    kind, _, identity = target.rpartition("/")
    return identity == patient_id and kind.rsplit("/", 1)[-1] == "Patient"
