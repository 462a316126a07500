"""Other versions of FHIR, and one within another: STU3 in R4, R5, DSTU2, CDS Hooks before 1.0."""

from __future__ import annotations

from typing import Any

import pytest
from flask.testing import FlaskClient

from tests.dialects.shapes import (
    CONFLICT,
    NALTREXONE_50_MG,
    OXYCODONE_5_MG,
    RXNORM,
    Body,
    Ehr,
    codings,
    draft,
    order,
    signing,
    topics,
)
from tests.fhir.bodies import bundle
from tests.fhir.server import Answer

# --- STU3 within R4, R5 ---------------------------------------------------------------------


def test_a_dosage_of_stu3_within_r4(client: FlaskClient, ehr: Ehr) -> None:
    """The dose stands in the dosage itself, where R4 has ``doseAndRate``."""
    dosage = {"timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}}
    dosage["doseQuantity"] = {"value": 50, "unit": "mg"}
    tablet = {"text": "naltrexone 50 mg tablet", **codings((RXNORM, NALTREXONE_50_MG))}
    stu3 = draft(medicationCodeableConcept=tablet, dosageInstruction=[dosage])
    ordered = order(
        medicationCodeableConcept={"text": "oxycodone 5 mg tablet"},
        dosageInstruction=[{"doseQuantity": {"value": 1, "unit": "tablet"}, "asNeededBoolean": True}],
        requester={"agent": {"reference": "Practitioner/1"}},
    )
    assert topics(client, signing(stu3, **ehr.gives(medicationRequests=bundle(ordered))))[:1] == CONFLICT


@pytest.mark.parametrize("how", ["concept", "contained", "entry", "read"])
def test_r5_medications(client: FlaskClient, ehr: Ehr, how: str) -> None:
    code = codings((RXNORM, OXYCODONE_5_MG))
    medication = {"resourceType": "Medication", "id": "med1", "code": code}
    by_reference: Body = {"medication": {"reference": {"reference": "Medication/med1"}}}
    forms: dict[str, Body] = {
        "concept": {"medication": {"concept": code}},
        "contained": {"medication": {"reference": {"reference": "#med1"}}, "contained": [medication]},
        "entry": by_reference,
        "read": by_reference,
    }
    entries = [order(**forms[how]), *([medication] if how == "entry" else [])]
    new = draft(medication={"concept": {"text": "naltrexone 4.5 mg compounded capsule"}})
    ehr.server.routes["Medication/med1"] = Answer(medication)
    given = ehr.gives(medicationRequests=bundle(*entries))
    assert topics(client, signing(new, **{"fhirServer": ehr.base, **given})) == CONFLICT


# --- DSTU2 -------------------------------------------------------------------------------------


def dstu2(kind: str, identity: str, **elements: Any) -> Body:
    return {"resourceType": kind, "id": identity, "patient": {"reference": "Patient/p1"}, **elements}


OXYCODONE = {"medicationCodeableConcept": codings((RXNORM, OXYCODONE_5_MG))}
DSTU2_ORDER = dstu2("MedicationOrder", "o1", status="active", dateWritten="2026-11-10", **OXYCODONE)
DSTU2_STATEMENT = dstu2(
    "MedicationStatement",
    "s1",
    status="active",
    wasNotTaken=False,
    effectivePeriod={"start": "2026-11-01"},
    dosage=[{"quantityQuantity": {"value": 1, "unit": "tablet"}}],
    **OXYCODONE,
)
DSTU2_DRAFT = dstu2(
    "MedicationOrder",
    "draft-1",
    status="draft",
    dateWritten="2026-11-22",
    medicationCodeableConcept={"text": "naltrexone 4.5 mg compounded capsule"},
    dosageInstruction=[{"text": "1 capsule at bedtime"}],
)


@pytest.mark.parametrize(
    "lists",
    [{"medicationRequests": bundle(DSTU2_ORDER)}, {"medicationStatements": bundle(DSTU2_STATEMENT)}],
    ids=lambda lists: next(iter(lists)),
)
def test_dstu2(client: FlaskClient, ehr: Ehr, lists: Body) -> None:
    """A DSTU2 server knows no MedicationRequest, and is not asked for one."""
    ehr.server.routes["MedicationRequest"] = Answer({}, status=404)
    asked = signing(DSTU2_DRAFT, **ehr.gives(orders="MedicationOrder", **lists))
    assert topics(client, asked) == CONFLICT
    assert "MedicationRequest" not in ehr.server.kinds_asked()


def test_a_dstu2_statement_of_what_was_not_taken(client: FlaskClient, ehr: Ehr) -> None:
    denied = bundle({**DSTU2_STATEMENT, "wasNotTaken": True})
    given = ehr.gives(orders="MedicationOrder", medicationStatements=denied)
    assert CONFLICT[0] not in topics(client, signing(DSTU2_DRAFT, **given))


# --- CDS Hooks before 1.0 ------------------------------------------------------------------------


def before_1_0(value: Any) -> Body:
    return {"response": {"status": "200 OK"}, "resource": value}


def early(ehr: Ehr, **lists: Any) -> Body:
    """The patient and the user stand at the top, each prefetch value within its response."""
    given = ehr.gives(orders="MedicationOrder", **lists)
    given["prefetch"] = {key: before_1_0(value) for key, value in given.get("prefetch", {}).items()}
    return {
        "hook": "medication-prescribe",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "patient": "p1",
        "user": "Practitioner/1",
        "context": {"medications": {"resourceType": "Bundle", "entry": [{"resource": DSTU2_DRAFT}]}},
        **given,
    }


def test_a_request_from_before_1_0(client: FlaskClient, ehr: Ehr) -> None:
    assert topics(client, early(ehr, medicationRequests=bundle(DSTU2_ORDER))) == CONFLICT


def test_a_list_that_failed_before_1_0_is_said(client: FlaskClient, ehr: Ehr) -> None:
    request = early(ehr, medicationRequests=Answer({}, status=500))
    if "medicationRequests" in request["prefetch"]:
        request["prefetch"]["medicationRequests"] = {"response": {"status": "500 Internal Server Error"}}
    assert "not-checked" in topics(client, request)
