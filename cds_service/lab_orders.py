"""The tests a card can draft, as new orders in the client's FHIR version."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date

from cds_service.drafts import Draft, Version


@dataclass(frozen=True, slots=True)
class LabTest:
    """A test to draft: LOINC code, its display, and what to call it."""

    code: str
    display: str
    text: str


def lab_order(test: LabTest, patient_id: str, version: Version, today: date) -> Draft:
    """A new draft of ``test`` in the client's version; without an id, as CDS Hooks asks of a create."""
    concept = {
        "coding": [{"system": "http://loinc.org", "code": test.code, "display": test.display}],
        "text": test.text,
    }
    subject = {"reference": f"Patient/{patient_id}"}
    if version is Version.DSTU2:
        return {
            "resourceType": "DiagnosticOrder",
            "status": "proposed",
            "subject": subject,
            "item": [{"code": concept}],
        }
    kind = "ProcedureRequest" if version is Version.STU3 else "ServiceRequest"
    code = {"concept": concept} if version is Version.R5 else concept
    return {
        "resourceType": kind,
        "status": "draft",
        "intent": "proposal",
        "code": code,
        "subject": subject,
        "authoredOn": today.isoformat(),
    }


# An opiate immunoassay alone misses most synthetic opioids.
_OPIOID_SCREEN = "Urine opioid screen, to include oxycodone, fentanyl, methadone and buprenorphine"
# LOINC names as the shipped loinc.csv gives them.
TESTS: Mapping[str, tuple[LabTest, ...]] = {
    "opioid-screen": (LabTest("19295-5", "Opiates Screen Ql (U)", _OPIOID_SCREEN),),
    "pregnancy-test": (
        LabTest("2106-3", "Choriogonadotropin (pregnancy test) [Presence] in Urine", "Urine pregnancy test"),
    ),
    "liver-tests": (
        LabTest("1742-6", "Alanine aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "ALT"),
        LabTest("1920-8", "Aspartate aminotransferase [Enzymatic activity/volume] in Serum or Plasma", "AST"),
    ),
}  # fmt: skip
LABELS: Mapping[str, str] = {
    "opioid-screen": "Draft a urine opioid screen",
    "pregnancy-test": "Draft a pregnancy test",
    "liver-tests": "Draft liver tests (ALT, AST)",
}
