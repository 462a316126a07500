"""Epic: no statements, Medications by reference, codes without names, outcomes in empty lists."""

from __future__ import annotations

from pathlib import Path

import pytest
from flask.testing import FlaskClient

from tests.dialects.shapes import (
    CONFLICT,
    GPI_OID,
    OXYCODONE_5_MG,
    RXNORM_OID,
    Body,
    Ehr,
    app,
    codings,
    detail,
    draft,
    order,
    patient,
    signing,
    topics,
)
from tests.fhir.bodies import bundle
from tests.fhir.server import Answer, FhirServer

VENDOR = "urn:oid:1.2.840.114350.1.13.0.1.7.2"
NOT_KEPT = "This EHR keeps no medication statements; its orders were read."


def not_supported(code: str = "not-supported") -> Body:
    issue = {
        "severity": "fatal",
        "code": code,
        "details": {"coding": [{"system": f"{VENDOR}.657369", "code": "59008"}]},
    }
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def no_results() -> Body:
    """What Epic adds to a search that found nothing."""
    code = {"system": f"{VENDOR}.657369", "code": "4101", "display": "No results."}
    issue = {"severity": "warning", "code": "processing", "details": {"coding": [code]}}
    entry = {"fullUrl": "urn:uuid:00000004-d2c4-ab65-0b19-32d1dc7d5d01", "search": {"mode": "outcome"}}
    outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
    return {**bundle(total=0), "entry": [{**entry, "resource": outcome}]}


def epic_order(base: str, **elements: object) -> Body:
    return order(
        id="eOrder1",
        identifier=[{"system": f"{VENDOR}.798268", "value": "1066563"}],
        category=[{"coding": [{"code": "outpatient"}], "text": "Outpatient"}],
        subject={"reference": f"{base}/Patient/p1", "display": "Doe, Jane"},
        encounter={"reference": f"{base}/Encounter/eEnc1", "display": "Office Visit"},
        **elements,
    )


def searchset(base: str, *entries: Body) -> Body:
    """A searchset with absolute names, Medications as includes."""
    listed = [
        {
            "link": [{"relation": "self", "url": f"{base}/{e['resourceType']}/{e['id']}"}],
            "fullUrl": f"{base}/{e['resourceType']}/{e['id']}",
            "resource": e,
            "search": {"mode": "include" if e["resourceType"] == "Medication" else "match"},
        }
        for e in entries
    ]
    return {**bundle(total=sum(e["resourceType"] != "Medication" for e in entries)), "entry": listed}


def epic_medication(identity: str = "eMed1") -> Body:
    """Codes of several vendors in no order of use, and no display on any."""
    code = codings((GPI_OID, "65100075100310"), ("urn:oid:2.16.840.1.113883.6.253", "27462"))
    code["coding"].append({"system": RXNORM_OID, "code": OXYCODONE_5_MG})
    return {"resourceType": "Medication", "id": identity, "code": code}


def epic_list(ehr: Ehr, *entries: Body, status: int = 403) -> Body:
    """What Epic gives of a patient with ``entries`` as orders: statements never, other lists empty."""
    statements = Answer(not_supported(), status=status)
    orders = searchset(ehr.base, *entries) if entries else no_results()
    return ehr.gives(empty=no_results(), medicationStatements=statements, medicationRequests=orders)


@pytest.mark.parametrize("status", [400, 403, 404, 405])
def test_no_medication_statements(client: FlaskClient, ehr: Ehr, status: int) -> None:
    display = {"reference": "Medication/eMed1", "display": "oxyCODONE (ROXICODONE) 5 mg tablet"}
    asked = signing(**epic_list(ehr, epic_order(ehr.base, medicationReference=display), status=status))
    assert topics(client, asked) == CONFLICT
    assert NOT_KEPT in detail(client, asked, CONFLICT[0])


def test_no_medication_statements_and_no_reason_why(client: FlaskClient, server: FhirServer) -> None:
    server.routes |= {"": Answer(no_results()), "MedicationStatement": Answer(b"", status=404)}
    asked = signing(fhirServer=server.base)
    assert NOT_KEPT in detail(client, asked, "starting-dose")
    assert "not-checked" not in topics(client, asked)


def test_empty_lists_are_empty(client: FlaskClient, ehr: Ehr) -> None:
    found = topics(client, signing(**epic_list(ehr)))
    assert "starting-dose" in found
    assert "not-checked" not in found


def test_refusing_the_orders_too_is_no_empty_list(client: FlaskClient, server: FhirServer) -> None:
    server.routes |= {"": Answer(no_results()), "Medication": Answer(not_supported(), status=403)}
    asked = signing(fhirServer=server.base)
    assert client.post("/cds-services/ldn-order-sign", json=asked).status_code == 412


@pytest.mark.parametrize("absolute", [True, False])
def test_medications_beside_the_orders(client: FlaskClient, ehr: Ehr, absolute: bool) -> None:
    reference = f"{ehr.base}/Medication/eMed1" if absolute else "Medication/eMed1"
    ordered = epic_order(ehr.base, medicationReference={"reference": reference})
    assert topics(client, signing(**epic_list(ehr, epic_medication(), ordered))) == CONFLICT
    assert "Medication/eMed1" not in ehr.server.kinds_asked()


@pytest.mark.parametrize("absolute", [True, False])
@pytest.mark.parametrize("by_search", [True, False])
def test_medications_to_be_read(client: FlaskClient, ehr: Ehr, absolute: bool, by_search: bool) -> None:
    """Two of them are searched for by their ids, where the server can; else each is read."""
    names = ("eMed1", "eMed2")
    root = f"{ehr.base}/" if absolute else ""
    orders = [
        {**epic_order(ehr.base, medicationReference={"reference": f"{root}Medication/{name}"}), "id": name}
        for name in names
    ]
    ehr.server.routes |= {f"Medication/{name}": Answer(epic_medication(name)) for name in names}
    found = searchset(ehr.base, *map(epic_medication, names))
    ehr.server.routes["Medication?"] = Answer(found) if by_search else Answer(not_supported(), status=400)
    given = epic_list(ehr, *orders)
    assert topics(client, signing(**{**given, "fhirServer": ehr.base})) == CONFLICT
    assert ("Medication/eMed1" in ehr.server.kinds_asked()) is not by_search


def test_medications_that_nobody_can_name_are_said(client: FlaskClient, ehr: Ehr) -> None:
    ordered = epic_order(ehr.base, medicationReference={"reference": "Medication/eMed1"})
    ehr.server.routes["Medication/"] = Answer(not_supported("not-found"), status=404)
    asked = signing(**epic_list(ehr, ordered))
    assert "1 entry could not be identified" in detail(client, asked, "not-checked")


def test_prefetch_has_keys_of_the_sites_own(client: FlaskClient) -> None:
    base = "https://epic.example.org/api/FHIR/R4"
    ordered = epic_order(base, medicationReference={"reference": "Medication/eMed1"})

    def empty(kind: str) -> Body:
        return {**no_results(), "link": [{"relation": "self", "url": f"{base}/{kind}?patient=p1"}]}

    prefetch = {
        "pt": patient(),
        "OutpatientMeds": searchset(base, epic_medication(), ordered),
        "hx": empty("MedicationStatement"),
        "probs": empty("Condition"),
        "alg": empty("AllergyIntolerance"),
        "labs": empty("Observation"),
    }
    assert topics(client, signing(prefetch=prefetch)) == CONFLICT


def test_a_site_can_name_its_keys(tmp_path: Path) -> None:
    keys = {"probs": "Condition", "alg": "AllergyIntolerance", "labs": "Observation"}
    prefetch = {**dict.fromkeys(keys, bundle()), "pt": patient(), "meds": bundle(order())}
    prefetch["meds"]["entry"][0]["resource"]["medicationCodeableConcept"] = {"text": "oxycodone 5 mg tablet"}
    asked = signing(prefetch=prefetch)
    unnamed, named = tmp_path / "a", tmp_path / "b"
    unnamed.mkdir()
    named.mkdir()
    assert "problem list" in detail(app(unnamed), asked, "not-checked").lower()
    assert "problem list" not in detail(app(named, prefetch_keys=keys), asked, "not-checked").lower()


def epic_draft() -> Body:
    """The dose three times, as ordered, as calculated and as handed out; a drug by reference and display."""

    def kind(code: str, value: float, unit: str) -> Body:
        typed = {"coding": [{"system": "https://open.epic.example/FHIR/dose-rate-type", "code": code}]}
        return {"type": typed, "doseQuantity": {"value": value, "unit": unit}}

    rates = [kind("ordered", 4.5, "mg"), kind("calculated", 4.5, "mg"), kind("admin-amount", 1, "capsule")]
    repeat = {"frequency": 1, "period": 1, "periodUnit": "d", "timeOfDay": ["21:00:00"]}
    return draft(
        medicationReference={"reference": "Medication/eLdn", "display": "naltrexone 4.5 mg capsule"},
        dosageInstruction=[{"timing": {"repeat": repeat}, "doseAndRate": rates}],
    )


def test_the_draft(client: FlaskClient, ehr: Ehr) -> None:
    opioid = order(medicationCodeableConcept=codings((GPI_OID, "x"), (RXNORM_OID, OXYCODONE_5_MG)))
    ehr.server.routes["Medication/eLdn"] = Answer(
        {"resourceType": "Medication", "id": "eLdn", "code": {"text": "naltrexone 4.5 mg capsule"}}
    )
    asked = signing(epic_draft(), **ehr.gives(medicationRequests=bundle(opioid)))
    assert topics(client, asked) == CONFLICT
    assert "4.5 mg" in detail(client, signing(epic_draft(), **ehr.gives()), "starting-dose")
