"""Oracle Health: the hospital's own codes first, Medications within, and ``data-absent-reason``."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.dialects.shapes import (
    CONFLICT,
    OXYCODONE_5_MG,
    RXNORM,
    RXNORM_OID,
    Body,
    Ehr,
    codings,
    order,
    signing,
    topics,
)
from tests.fhir.bodies import bundle

CERNER = "https://fhir.cerner.example/ec2458f3/codeSet/72"
ABSENT = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}


@pytest.mark.parametrize(
    "system",
    [RXNORM, RXNORM.replace("www.", ""), RXNORM.replace("http:", "https:"), f"{RXNORM}/", RXNORM_OID],
)
@pytest.mark.parametrize("contained", [True, False])
def test_an_opioid_behind_proprietary_codings_is_found(
    client: FlaskClient, ehr: Ehr, system: str, contained: bool
) -> None:
    concept = codings((CERNER, "2752871"), (system, OXYCODONE_5_MG))
    concept["coding"][0]["userSelected"] = True
    elements: Body = {
        "dosageInstruction": [{"timing": {"extension": [ABSENT]}, "doseAndRate": [{"extension": [ABSENT]}]}],
        "_authoredOn": {"extension": [ABSENT]},
        "reportedBoolean": False,
    }
    if contained:
        medication = {"resourceType": "Medication", "id": "4287719", "code": concept}
        elements |= {"contained": [medication], "medicationReference": {"reference": "#4287719"}}
    else:
        elements["medicationCodeableConcept"] = concept
    ordered = order(**elements)
    del ordered["authoredOn"]
    assert topics(client, signing(**ehr.gives(medicationRequests=bundle(ordered)))) == CONFLICT


def test_an_order_without_any_drug_is_said(client: FlaskClient, ehr: Ehr) -> None:
    ordered = order(medicationReference={"extension": [ABSENT]})
    assert "not-checked" in topics(client, signing(**ehr.gives(medicationRequests=bundle(ordered))))


def test_a_patient_of_whom_the_birthday_is_absent(client: FlaskClient, ehr: Ehr) -> None:
    """What is absent with a reason is not known; it spoils nothing else."""
    opioid = order(medicationCodeableConcept=codings((RXNORM, OXYCODONE_5_MG)))
    person = {
        "resourceType": "Patient",
        "id": "p1",
        "_birthDate": {"extension": [ABSENT]},
        "_gender": {"extension": [ABSENT]},
    }
    given = ehr.gives(patient=person, medicationRequests=bundle(opioid))
    assert topics(client, signing(**given)) == CONFLICT
