"""Discovery: rows D1 to D15."""

from __future__ import annotations

import json

import pytest

from cds_service.cds_hooks import HOOKS, ORDER_SELECT, Service, cds_hooks_blueprint, discovery_document
from cds_service.cds_hooks.validation import validate_discovery
from cds_service.errors import Unauthenticated


def service(**changes):
    given = {"id": "s", "hook": ORDER_SELECT, "title": "T", "description": "D", "handler": None} | changes
    return Service(**given)


@pytest.mark.parametrize("path", ["/cds-services", "/cds-services/"])
def test_D1_D2_discovery(client, path):
    response = client.get(path)
    assert (response.status_code, response.content_type) == (200, "application/json")
    assert [found["id"] for found in response.get_json()["services"]] == list(HOOKS)
    assert validate_discovery(response.get_json()) == []


def test_D1_head(client):
    response = client.head("/cds-services")
    assert (response.status_code, response.data) == (200, b"")
    assert response.content_length == len(client.get("/cds-services").data)


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE"])
def test_D1_other_methods(client, method):
    response = client.open("/cds-services", method=method)
    assert response.status_code == 405
    assert set(response.headers["Allow"].split(", ")) == {"GET", "HEAD", "OPTIONS"}
    assert response.get_json()["resourceType"] == "OperationOutcome"


def test_D2_no_services():
    assert discovery_document([]) == b'{"services":[]}'


def test_D3_D4_D5_D10_D11_D12_members():
    described = service(usage_requirements="U", prefetch={"p": "Patient/{{context.patientId}}"})
    assert json.loads(discovery_document([described])) == {
        "services": [
            {
                "hook": "order-select",
                "title": "T",
                "description": "D",
                "id": "s",
                "prefetch": {"p": "Patient/{{context.patientId}}"},
                "usageRequirements": "U",
                "version": "3.0.0",
                "hookVersion": "1.0",
            }
        ]
    }


def test_D11_version_can_be_set():
    (found,) = json.loads(discovery_document([service()], version="2.0.1"))["services"]
    assert found["version"] == "2.0.1"


def test_T4_nothing_empty():
    (found,) = json.loads(discovery_document([service()]))["services"]
    assert "prefetch" not in found
    assert "usageRequirements" not in found


@pytest.mark.parametrize(
    "changes",
    [
        pytest.param({"id": ""}, id="D3-id"),
        pytest.param({"id": "a/b"}, id="D3-id-slash"),
        pytest.param({"description": ""}, id="D3-description"),
        pytest.param({"title": ""}, id="D4"),
        pytest.param({"prefetch": {"p": "Patient"}}, id="D6"),
    ],
)
def test_service_is_checked_when_made(changes):
    with pytest.raises(ValueError, match=r"\(D\d"):
        service(**changes)


PORTABLE = {
    "read": "Patient/{{context.patientId}}",
    "read-spaced": "Patient/{{ context.patientId }}",
    "read-token": "{{context.userId}}",
    "read-user": "PractitionerRole/{{userPractitionerRoleId}}",
    "search": "Condition?patient={{context.patientId}}",
    "tokens": "Observation?patient={{context.patientId}}&code=http://loinc.org|4548-4,http://loinc.org|2160-0",
    "in": "Condition?patient={{context.patientId}}&code:in=http://example.org/vs",
    "date": "Observation?patient={{context.patientId}}&date=ge2020-01-01&date=lt2021-01-01",
    "control": "Observation?patient={{context.patientId}}&_count=20&_sort=-date&_maxresults=5",
    "status": "MedicationRequest?patient={{context.patientId}}&status=active,negative",
}


@pytest.mark.parametrize("template", PORTABLE.values(), ids=PORTABLE)
def test_D6_D7_portable(template):
    assert service(prefetch={"k": template}).prefetch == {"k": template}


REFUSED = {
    "D6-type-only": ("Patient", "D6"),
    "D6-operation": ("Patient/{{context.patientId}}/$everything", "D6"),
    "D6-system-search": ("?_type=Patient", "D6"),
    "D6-absolute": ("https://ehr.example/Patient/1", "D6"),
    "D6-compartment": ("Patient/{{context.patientId}}/Condition?code=x", "D6"),
    "D6-no-value": ("Condition?patient=", "D6"),
    "D6-include": (
        "MedicationRequest?patient={{context.patientId}}&_include=MedicationRequest:medication",
        "D6",
    ),
    "D6-has": ("Patient?_has:Observation:patient:code=1", "D6"),
    "D6-modifier": ("Condition?code:text=pain", "D6"),
    "D6-chain": ("Condition?patient.name=x", "D6"),
    "D6-prefix-ne": ("Observation?date=ne2020-01-01", "D6"),
    "D6-prefix-sa": ("Observation?date=sa2020", "D6"),
    "D7-not-a-token": ("Condition?patient={{context.selections}}", "D7"),
    "D7-unknown": ("Patient/{{context.patient}}", "D7"),
    "D7-bare": ("Patient/{{patientId}}", "D7"),
    "D7-unbalanced": ("Patient/{{context.patientId}", "D7"),
    "D7-unbalanced-end": ("Patient/context.patientId}}", "D7"),
    "D8-today": ("Observation?patient={{context.patientId}}&date=ge{{today() - 90 days}}", "D7"),
    "D8-path": ("Medication?_id={{context.draftOrders.entry.resource.id}}", "D7"),
    "D9-key": ("Practitioner/{{%p.generalPractitioner.resolve().id}}", "D7"),
}


@pytest.mark.parametrize(("template", "rule"), REFUSED.values(), ids=REFUSED)
def test_D6_to_D9_not_portable(template, rule):
    with pytest.raises(ValueError, match=rf"\({rule}\)"):
        service(prefetch={"p": "Patient/{{context.patientId}}", "k": template})


TODAY = "Observation?patient={{context.patientId}}&date=ge{{today() - 90 days}}"
AFTER_P = "Practitioner?_id={{%p.generalPractitioner.resolve().id}}"


def test_D8_D9_only_as_an_opt_in():
    prefetch = {"p": "Patient/{{context.patientId}}", "today": TODAY, "key": AFTER_P}
    assert service(prefetch=prefetch, trial_use_prefetch=True)
    with pytest.raises(ValueError, match="D7"):
        service(prefetch=prefetch)


@pytest.mark.parametrize(
    "prefetch",
    [
        {"key": AFTER_P, "p": "Patient/{{context.patientId}}"},
        {"p": "Condition?patient={{context.patientId}}", "key": AFTER_P},
        {"p": AFTER_P},
        {"p": "Patient/{{patientId}}"},
    ],
    ids=["not-yet-listed", "a-search", "itself", "no-key"],
)
def test_D9_only_earlier_reads(prefetch):
    with pytest.raises(ValueError, match="D7"):
        service(prefetch=prefetch, trial_use_prefetch=True)


def test_D13_one_service_for_each_id():
    with pytest.raises(ValueError, match="D13"):
        cds_hooks_blueprint([service(), service()])


def test_D14_discovery_can_be_protected(make_app):
    def refuse(request):
        raise Unauthenticated

    assert make_app(authenticate=refuse).test_client().get("/cds-services").status_code == 200
    client = make_app(authenticate=refuse, protect_discovery=True).test_client()
    assert client.get("/cds-services").status_code == 401


def test_D15_etag(client):
    first = client.get("/cds-services")
    tag = first.headers["ETag"]
    assert not tag.startswith("W/")
    assert first.headers["Cache-Control"] == "no-cache"
    again = client.get("/cds-services", headers={"If-None-Match": tag})
    assert (again.status_code, again.data, again.headers["ETag"]) == (304, b"", tag)
    assert client.get("/cds-services", headers={"If-None-Match": '"other"'}).status_code == 200
