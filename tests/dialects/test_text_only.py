"""EHRs that send names and nothing else, as Meditech and Medhost do."""

from __future__ import annotations

import pytest
from flask.testing import FlaskClient

from tests.dialects.shapes import CONFLICT, Ehr, draft, order, signing, topics
from tests.fhir.bodies import bundle


@pytest.mark.parametrize(
    "text",
    ["OXYCODONE HCL 5MG TAB", "oxyCODONE 5 mg oral tablet [Roxicodone]", "Percocet 5-325 1 tab q6h prn"],
)
def test_an_opioid_named_in_text_alone_is_found(client: FlaskClient, ehr: Ehr, text: str) -> None:
    ordered = order(medicationCodeableConcept={"text": text}, dosageInstruction=[{"text": "PRN PAIN"}])
    plain = draft(medicationCodeableConcept={"text": "NALTREXONE 4.5MG CAP (COMPOUND)"})
    assert topics(client, signing(plain, **ehr.gives(medicationRequests=bundle(ordered)))) == CONFLICT


def test_a_name_in_the_display_of_a_coding_without_a_code(client: FlaskClient, ehr: Ehr) -> None:
    named = {"coding": [{"display": "OXYCODONE HCL 5MG TAB"}]}
    ordered = order(medicationCodeableConcept=named, dosageInstruction=[])
    assert topics(client, signing(**ehr.gives(medicationRequests=bundle(ordered)))) == CONFLICT
