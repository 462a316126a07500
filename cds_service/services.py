"""The CDS services offered: one per hook, with distinct ids (clients collapse equal ones)."""

from __future__ import annotations

from cds_service.cds_hooks import MEDICATION_PRESCRIBE, ORDER_SELECT, ORDER_SIGN, Handler, Hook, Service
from cds_service.sources import OBSERVATION_SEARCH

TITLE = "Low dose naltrexone check"
_WHEN = {
    MEDICATION_PRESCRIBE: "when a medication is prescribed",
    ORDER_SELECT: "while an order is chosen",
    ORDER_SIGN: "when orders are signed",
}
DESCRIPTION = (
    "Checks an order of naltrexone, above all low dose naltrexone (LDN), {when}: "
    "opioids on the lists or in the basket and how long ago they ended, pregnancy and breast-feeding, "
    "dose and product slips, liver, kidney, allergy, duplicates, planned surgery; "
    "offers a start and titration as a change of the order. "
    "Also warns when an opioid is ordered for a patient on naltrexone."
)
USAGE = (
    "Needs the patient's medications, conditions, allergies, results and demographics, by prefetch or with "
    "a token for patient/MedicationRequest.rs, patient/MedicationStatement.rs, patient/Condition.rs, "
    "patient/AllergyIntolerance.rs, patient/Observation.rs and patient/Patient.rs (SMART v1: .read). "
    "Give complete lists, stopped medications included: opioid-free intervals are counted from them. "
    "Writing is by suggestion only; nothing is changed without the prescriber. "
    "Labels: US (default) or EU, by configuration. Not for emergencies, not for patients without a "
    "prescriber, not a substitute for the PDMP; LDN is off-label everywhere."
)

PREFETCH = {
    "patient": "Patient/{{context.patientId}}",
    "medicationStatements": "MedicationStatement?patient={{context.patientId}}",
    "medicationRequests": "MedicationRequest?patient={{context.patientId}}",
    "conditions": "Condition?patient={{context.patientId}}",
    "allergies": "AllergyIntolerance?patient={{context.patientId}}",
    "observations": "Observation?patient={{context.patientId}}" + OBSERVATION_SEARCH,
}


def make_services(handler: Handler) -> list[Service]:
    """The three services, all answered by ``handler``."""
    return [_service(hook, handler) for hook in (MEDICATION_PRESCRIBE, ORDER_SELECT, ORDER_SIGN)]


def id_of(hook: Hook) -> str:
    """The id of the service that answers ``hook``."""
    return f"ldn-{hook.name}"


def _service(hook: Hook, handler: Handler) -> Service:
    return Service(
        id=id_of(hook),
        hook=hook,
        title=TITLE,
        description=DESCRIPTION.format(when=_WHEN[hook]),
        handler=handler,
        usage_requirements=USAGE,
        prefetch=PREFETCH,
    )
