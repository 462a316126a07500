"""How real EHRs write: each dialect through the whole service, from prefetch or from a server.

The payloads are invented, in the shapes those systems send. In each the patient
takes oxycodone, and naltrexone is being signed.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.settings import Settings
from tests.fhir.bodies import bundle
from tests.fhir.server import Answer, FhirServer

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
RXNORM_OID = "urn:oid:2.16.840.1.113883.6.88"
GPI_OID = "urn:oid:2.16.840.1.113883.6.68"
OXYCODONE_5_MG = "1049621"
NALTREXONE_50_MG = "1483744"
CONFLICT = ["opioid-coprescription"]
Body = dict[str, Any]


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    return app(tmp_path)


def app(tmp_path: Path, **values: Any) -> FlaskClient:
    database = f"sqlite:///{tmp_path}/test.sqlite3"
    development = {"cds_environment": "development", "database_url": database, "time_budget_ms": 10_000}
    return create_app(Settings(**{**development, **values}), now=lambda: NOW).test_client()


@pytest.fixture
def ehr() -> Iterator[FhirServer]:
    running = FhirServer()
    running.routes["Patient/"] = Answer(patient())
    yield running
    running.close()


def patient() -> Body:
    return {"resourceType": "Patient", "id": "p1", "gender": "male", "birthDate": "1980-02-01"}


def draft(**elements: Any) -> Body:
    """Naltrexone, as plain as R4 has it; ``medication…`` elements take the place of its text."""
    plain = {"medicationCodeableConcept": {"text": "naltrexone 4.5 mg compounded capsule"}}
    return {
        "resourceType": "MedicationRequest",
        "id": "draft-1",
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/p1"},
        **({} if any(name.startswith("medication") for name in elements) else plain),
        "dosageInstruction": [{"text": "1 capsule at bedtime"}],
        **elements,
    }


def order(**elements: Any) -> Body:
    """An active order of two weeks ago."""
    return draft(**{"id": "m1", "status": "active", "authoredOn": "2026-11-10", **elements})


def rest(**lists: Any) -> Body:
    """Prefetch that is complete apart from ``lists``."""
    names = ("medicationStatements", "medicationRequests", "conditions", "allergies", "observations")
    return {"patient": patient(), **dict.fromkeys(names, bundle()), **lists}


def signing(*orders: Body, hook: str = "order-sign", **members: Any) -> Body:
    entries = [{"resource": resource} for resource in orders or (draft(),)]
    return {
        "hook": hook,
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {
            "userId": "Practitioner/1",
            "patientId": "p1",
            "draftOrders": {"resourceType": "Bundle", "entry": entries},
        },
        **members,
    }


def topics(client: FlaskClient, request: Body) -> list[str]:
    answer = client.post(f"/cds-services/ldn-{request['hook']}", json=request)
    assert answer.status_code == 200, answer.json
    return [card["source"]["topic"]["code"] for card in answer.json["cards"]]  # type: ignore[index]


def detail(client: FlaskClient, request: Body, topic: str) -> str:
    answer: Any = client.post(f"/cds-services/ldn-{request['hook']}", json=request).json
    (card,) = [card for card in answer["cards"] if card["source"]["topic"]["code"] == topic]
    return f"{card['summary']}\n{card.get('detail', '')}"


def codings(*pairs: tuple[str, str]) -> Body:
    """A concept of codes alone, as several EHRs send it."""
    return {"coding": [{"system": system, "code": code} for system, code in pairs]}


# --- Epic -----------------------------------------------------------------------------


def not_supported(code: str = "not-supported") -> Body:
    issue = {
        "severity": "fatal",
        "code": code,
        "details": {"coding": [{"system": "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369", "code": "59008"}]},
    }
    return {"resourceType": "OperationOutcome", "issue": [issue]}


def no_results() -> Body:
    """What Epic adds to a search that found nothing."""
    code = {"system": "urn:oid:1.2.840.114350.1.13.0.1.7.2.657369", "code": "4101", "display": "No results."}
    issue = {"severity": "warning", "code": "processing", "details": {"coding": [code]}}
    entry = {"fullUrl": "urn:uuid:00000004-d2c4-ab65-0b19-32d1dc7d5d01", "search": {"mode": "outcome"}}
    outcome = {"resourceType": "OperationOutcome", "issue": [issue]}
    return {**bundle(total=0), "entry": [{**entry, "resource": outcome}]}


def epic_order(base: str, **elements: Any) -> Body:
    return order(
        id="eOrder1",
        identifier=[{"system": "urn:oid:1.2.840.114350.1.13.0.1.7.2.798268", "value": "1066563"}],
        category=[{"coding": [{"code": "outpatient"}], "text": "Outpatient"}],
        subject={"reference": f"{base}/Patient/p1", "display": "Doe, Jane"},
        encounter={"reference": f"{base}/Encounter/eEnc1", "display": "Office Visit"},
        **elements,
    )


def epic_medications(base: str, *entries: Body) -> Body:
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


@pytest.mark.parametrize(
    ("status", "issue"),
    [(404, "not-found"), (404, "not-supported"), (400, "not-supported"), (403, "not-supported")],
)
def test_epic_keeps_no_medication_statements(
    client: FlaskClient, ehr: FhirServer, status: int, issue: str
) -> None:
    display = {"reference": "Medication/eMed1", "display": "oxyCODONE (ROXICODONE) 5 mg tablet"}
    ehr.routes |= {
        "": Answer(no_results()),
        "MedicationStatement": Answer(not_supported(issue), status=status),
        "MedicationRequest": Answer(
            epic_medications(ehr.base, epic_order(ehr.base, medicationReference=display))
        ),
    }
    assert topics(client, signing(fhirServer=ehr.base)) == CONFLICT


def test_epic_empty_lists_are_empty(client: FlaskClient, ehr: FhirServer) -> None:
    ehr.routes |= {"": Answer(no_results()), "MedicationStatement": Answer(not_supported(), status=404)}
    found = topics(client, signing(fhirServer=ehr.base))
    assert "starting-dose" in found
    assert "not-checked" not in found


def test_epic_refusing_the_orders_too_is_no_empty_list(client: FlaskClient, ehr: FhirServer) -> None:
    ehr.routes |= {"": Answer(no_results()), "Medication": Answer(not_supported(), status=403)}
    assert client.post("/cds-services/ldn-order-sign", json=signing(fhirServer=ehr.base)).status_code == 412


@pytest.mark.parametrize("absolute", [True, False])
@pytest.mark.parametrize("where", ["beside", "server", "single"])
def test_epic_medications_by_reference(
    client: FlaskClient, ehr: FhirServer, where: str, absolute: bool
) -> None:
    reference = f"{ehr.base}/Medication/eMed1" if absolute else "Medication/eMed1"
    ordered = epic_order(ehr.base, medicationReference={"reference": reference})
    beside = [epic_medication()] if where == "beside" else []
    search = epic_medications(ehr.base, epic_medication())
    ehr.routes |= {
        "": Answer(no_results()),
        "MedicationRequest": Answer(epic_medications(ehr.base, ordered, *beside)),
        "Medication?": Answer(
            search if where == "server" else not_supported(), 200 if where == "server" else 400
        ),
        "Medication/eMed1": Answer(epic_medication()),
    }
    assert topics(client, signing(fhirServer=ehr.base)) == CONFLICT
    assert ("Medication/eMed1" in ehr.kinds_asked()) is (where != "beside")


def test_epic_prefetch_has_keys_of_the_sites_own(client: FlaskClient) -> None:
    base = "https://epic.example.org/api/FHIR/R4"
    ordered = epic_order(base, medicationReference={"reference": "Medication/eMed1"})

    def empty(kind: str) -> Body:
        return {**no_results(), "link": [{"relation": "self", "url": f"{base}/{kind}?patient=p1"}]}

    prefetch = {
        "pt": patient(),
        "OutpatientMeds": epic_medications(base, epic_medication(), ordered),
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


def test_epic_draft(client: FlaskClient) -> None:
    opioid = order(medicationCodeableConcept=codings((GPI_OID, "x"), (RXNORM_OID, OXYCODONE_5_MG)))
    assert topics(client, signing(epic_draft(), prefetch=rest(medicationRequests=bundle(opioid)))) == CONFLICT
    assert "4.5 mg" in detail(client, signing(epic_draft(), prefetch=rest()), "starting-dose")


# --- Oracle Health ----------------------------------------------------------------------

CERNER = "https://fhir.cerner.example/ec2458f3/codeSet/72"
ABSENT = {"url": "http://hl7.org/fhir/StructureDefinition/data-absent-reason", "valueCode": "unknown"}


@pytest.mark.parametrize(
    "system",
    [RXNORM, RXNORM.replace("www.", ""), RXNORM.replace("http:", "https:"), f"{RXNORM}/", RXNORM_OID],
)
@pytest.mark.parametrize("contained", [True, False])
def test_oracle_orders(client: FlaskClient, system: str, contained: bool) -> None:
    """The hospital's own code comes first, a Medication often within, and what is unknown says so."""
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
    assert topics(client, signing(prefetch=rest(medicationRequests=bundle(ordered)))) == CONFLICT


def test_oracle_order_without_any_drug_is_said(client: FlaskClient) -> None:
    ordered = order(medicationReference={"extension": [ABSENT]})
    found = topics(client, signing(prefetch=rest(medicationRequests=bundle(ordered))))
    assert "not-checked" in found


# --- text only, STU3 within R4, R5 --------------------------------------------------------


@pytest.mark.parametrize(
    "text",
    ["OXYCODONE HCL 5MG TAB", "oxyCODONE 5 mg oral tablet [Roxicodone]", "Percocet 5-325 1 tab q6h prn"],
)
def test_text_only_orders(client: FlaskClient, text: str) -> None:
    ordered = order(medicationCodeableConcept={"text": text}, dosageInstruction=[{"text": "PRN PAIN"}])
    plain = draft(medicationCodeableConcept={"text": "NALTREXONE 4.5MG CAP (COMPOUND)"})
    assert topics(client, signing(plain, prefetch=rest(medicationRequests=bundle(ordered)))) == CONFLICT


def test_a_dosage_of_stu3_within_r4(client: FlaskClient) -> None:
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
    assert topics(client, signing(stu3, prefetch=rest(medicationRequests=bundle(ordered))))[0] == CONFLICT[0]


@pytest.mark.parametrize("how", ["concept", "contained", "entry"])
def test_r5_medications(client: FlaskClient, how: str) -> None:
    code = codings((RXNORM, OXYCODONE_5_MG))
    medication = {"resourceType": "Medication", "id": "med1", "code": code}
    forms: dict[str, Body] = {
        "concept": {"medication": {"concept": code}},
        "contained": {"medication": {"reference": {"reference": "#med1"}}, "contained": [medication]},
        "entry": {"medication": {"reference": {"reference": "Medication/med1"}}},
    }
    entries = [order(**forms[how]), *([medication] if how == "entry" else [])]
    new = draft(medication={"concept": {"text": "naltrexone 4.5 mg compounded capsule"}})
    assert topics(client, signing(new, prefetch=rest(medicationRequests=bundle(*entries)))) == CONFLICT


# --- DSTU2 and CDS Hooks before 1.0 ---------------------------------------------------------


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
def test_dstu2_prefetch(client: FlaskClient, lists: Body) -> None:
    assert topics(client, signing(DSTU2_DRAFT, prefetch=rest(**lists))) == CONFLICT


def test_a_dstu2_statement_of_what_was_not_taken(client: FlaskClient) -> None:
    denied = bundle({**DSTU2_STATEMENT, "wasNotTaken": True})
    assert CONFLICT[0] not in topics(client, signing(DSTU2_DRAFT, prefetch=rest(medicationStatements=denied)))


def test_dstu2_server(client: FlaskClient, ehr: FhirServer) -> None:
    ehr.routes |= {
        "MedicationRequest": Answer(not_supported(), status=404),
        "MedicationOrder": Answer(bundle(DSTU2_ORDER)),
    }
    assert topics(client, signing(DSTU2_DRAFT, fhirServer=ehr.base)) == CONFLICT


def before_1_0(value: Any) -> Body:
    return {"response": {"status": "200 OK"}, "resource": value}


def test_a_request_from_before_1_0(client: FlaskClient) -> None:
    """The patient and the user stand at the top, each prefetch value within its response."""
    prefetch = {key: before_1_0(value) for key, value in rest().items()}
    prefetch["medicationRequests"] = before_1_0(bundle(DSTU2_ORDER))
    entries = {"resourceType": "Bundle", "entry": [{"resource": DSTU2_DRAFT}]}
    request = {
        "hook": "medication-prescribe",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "patient": "p1",
        "user": "Practitioner/1",
        "context": {"medications": entries},
        "prefetch": prefetch,
    }
    assert topics(client, request) == CONFLICT
    prefetch["medicationRequests"] = {"response": {"status": "500 Internal Server Error"}}
    assert "not-checked" in topics(client, request)


# --- the CDS Hooks sandbox ----------------------------------------------------------------------


def sandbox_order(**elements: Any) -> Body:
    """What the sandbox's form holds before a drug is chosen: nothing to decide on."""
    return {
        "resourceType": "MedicationRequest",
        "id": "request-123",
        "status": "draft",
        "subject": {"reference": "Patient/p1"},
        "authoredOn": "2026-11-22",
        **elements,
    }


def sandbox_request(ordered: Body, hook: str, **members: Any) -> Body:
    request = signing(ordered, hook=hook, **members)
    if hook == "order-select":
        request["context"]["selections"] = ["MedicationRequest/request-123"]
    return request


CHOSEN: Body = {
    "intent": "order",
    "category": {"coding": [{"code": "outpatient"}]},
    "medicationCodeableConcept": {
        "text": "Naltrexone hydrochloride 50 MG Oral Tablet",
        "coding": [{"system": RXNORM, "code": NALTREXONE_50_MG, "display": "Naltrexone 50 MG Oral Tablet"}],
    },
    "dosageInstruction": [
        {
            "timing": {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}},
            "doseAndRate": [
                {"doseQuantity": {"value": 1, "system": "http://unitsofmeasure.org", "code": "{pill}"}}
            ],
        }
    ],
}


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_the_sandbox_before_a_drug_is_chosen(client: FlaskClient, ehr: FhirServer, hook: str) -> None:
    assert topics(client, sandbox_request(sandbox_order(), hook, fhirServer=ehr.base)) == []
    assert ehr.asked == []


@pytest.mark.parametrize("hook", ["order-select", "order-sign"])
def test_the_sandbox_after(client: FlaskClient, hook: str) -> None:
    """A Bundle without a type, ``category`` as an object, and prefetch under names of its own."""
    opioid = order(medicationCodeableConcept={"text": "oxycodone 5 mg tablet"})
    lists = {f"item{number}": value for number, value in enumerate(rest().values(), start=1)}
    base = "https://launch.smarthealthit.example/v/r4/fhir"
    kinds = ("MedicationStatement", "MedicationRequest", "Condition", "AllergyIntolerance", "Observation")
    for number, kind in enumerate(kinds, start=2):
        lists[f"item{number}"] = bundle(self_link=f"{base}/{kind}?patient=p1")
    lists["item3"] = {key: value for key, value in bundle(opioid).items() if key != "type"}
    request = sandbox_request(sandbox_order(**CHOSEN), hook, prefetch=lists)
    assert topics(client, request)[0] == CONFLICT[0]
    assert "not-checked" not in topics(client, request)
