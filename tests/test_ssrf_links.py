"""Where the EHR's FHIR server may send the service on: nowhere but below the base that is registered.

It does so by redirects, next links and references. Every name resolves to this machine, which may
be called, so that the address alone refuses nothing; a canary listens, and every connection is noted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import requests.adapters
from flask.testing import FlaskClient

from cds_service.scenarios import load
from tests.canary import Canary, ask, connections_made, listening, resolver, service
from tests.cds_hooks.authentication.signing import NOW
from tests.fhir.bodies import Body, bundle, medication, order
from tests.fhir.faults import certificate
from tests.fhir.server import Answer, FhirServer

HOST = "ehr.example.org"
PATIENT = load("oxycodone-active").request("order-sign", NOW)["context"]["patientId"]

Way = Callable[[FhirServer, str], dict[str, Any]]
"""Makes the server send the service to a target; returns the prefetch that the EHR gives."""


@pytest.fixture
def canary() -> Iterator[Canary]:
    with listening() as made:
        yield made


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("links")


@pytest.fixture(scope="module")
def tls_server(folder: Path) -> Iterator[FhirServer]:
    """The registered FHIR server: it speaks TLS, under its own name."""
    server = FhirServer(certificate(folder, HOST))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(requests.adapters, "DEFAULT_CA_BUNDLE_PATH", str(folder / "self-signed.pem"))
        resolver(patch, lambda name: ["127.0.0.1"])
        yield server
    server.close()


@pytest.fixture
def ehr(tls_server: FhirServer) -> FhirServer:
    tls_server.routes.clear()
    tls_server.asked.clear()
    return tls_server


@pytest.fixture(scope="module")
def cds(folder: Path, tls_server: FhirServer) -> FlaskClient:
    return service(folder, base_of(tls_server), networks=("127.0.0.0/8", "::1/128"))


def base_of(ehr: FhirServer) -> str:
    return f"https://{HOST}:{ehr.port}/fhir"


def ordered(identity: str, **elements: Any) -> Body:
    return order(identity, subject={"reference": f"Patient/{PATIENT}"}, authoredOn="2026-11-10", **elements)


def redirect(ehr: FhirServer, target: str, status: int) -> dict[str, Any]:
    ehr.routes["MedicationRequest"] = Answer(status=status, headers={"Location": target})
    return {}


def next_link(ehr: FhirServer, target: str) -> dict[str, Any]:
    ehr.routes["MedicationRequest"] = Answer(bundle(next_link=target))
    return {}


def next_link_of_prefetch(ehr: FhirServer, target: str) -> dict[str, Any]:
    lisinopril = ordered("m1", medicationCodeableConcept={"text": "Lisinopril 10 mg tablet"})
    return {"medicationRequests": bundle(lisinopril, next_link=target)}


def reference(ehr: FhirServer, target: str) -> dict[str, Any]:
    points = {"reference": f"{target}/Medication/t1"}
    ehr.routes["MedicationRequest"] = Answer(bundle(ordered("m2", medicationReference=points)))
    return {}


WAYS: dict[str, Way] = {
    **{f"redirect {status}": partial(redirect, status=status) for status in (301, 302, 303, 307, 308)},
    "next link": next_link,
    "next link of prefetch": next_link_of_prefetch,
    "reference": reference,
}

OUTSIDE = [
    # another server
    "https://evil.example:{canary}/fhir",
    "https://ehr.example.org.evil.example:{canary}/fhir",
    "https://ehr.example.org.:{canary}/fhir",
    "https://ehr.example.org:{canary}/fhir",
    "http://ehr.example.org:{canary}/fhir",
    "http://ehr.example.org:{ehr}/fhir",
    "https://ehr.example.org:{ehr}@evil.example:{canary}/fhir",
    "https://ehr.example.org:{ehr}\\@evil.example:{canary}/fhir",
    "https://evil.example:{canary}#@ehr.example.org:{ehr}/fhir",
    "//evil.example:{canary}/fhir",
    "/\\evil.example:{canary}/fhir",
    "\\\\evil.example:{canary}/fhir",
    "https:\\\\evil.example:{canary}/fhir",
    # addresses
    "https://127.0.0.1:{ehr}/fhir",
    "https://127.0.0.1:{canary}/fhir",
    "https://2130706433:{canary}/fhir",
    "https://0x7f.1:{canary}/fhir",
    "https://[::ffff:127.0.0.1]:{canary}/fhir",
    "http://169.254.169.254/latest/meta-data",
    "https://metadata.google.internal/computeMetadata/v1",
    # no HTTP
    "file:///etc/passwd",
    "gopher://127.0.0.1:{canary}/_fhir",
    "ftp://evil.example:{canary}/fhir",
    "data:application/json,fhir",
    # the same server, beside the base
    "/",
    "/admin",
    "/fhirevil",
    "../../admin",
    "/fhir/../admin",
    "/fhir/%2e%2e/admin",
    "/fhir/.%2E/admin",
    "/fhir/..%2fadmin",
    "/fhir/%252e%252e/admin",
    "/fhir/..;/admin",
    "/fhir/..%5cadmin",
    "https://ehr.example.org:{ehr}/admin",
    "https://ehr.example.org:{ehr}/fhir/../admin",
    "https://ehr.example.org:{ehr}/fhir/%2e%2e/admin",
    "https://ehr.example.org:{ehr}/admin?/fhir",
]
TABLE = [
    pytest.param(way, target, id=f"{name} to {target}")
    for name, way in WAYS.items()
    for target in (OUTSIDE if name in {"redirect 302", "next link", "reference"} else OUTSIDE[::6])
]


@pytest.mark.parametrize(("way", "target"), TABLE)
def test_a_way_out_is_not_taken(
    cds: FlaskClient,
    ehr: FhirServer,
    canary: Canary,
    monkeypatch: pytest.MonkeyPatch,
    way: Way,
    target: str,
) -> None:
    prefetch = way(ehr, target.replace("{canary}", str(canary.port)).replace("{ehr}", str(ehr.port)))
    connected = connections_made(monkeypatch)
    answer = ask(cds, base_of(ehr), prefetch=prefetch)
    assert canary.connections == 0
    assert set(connected) <= {("127.0.0.1", ehr.port)}  # none is new where one is kept open
    assert ehr.asked and all(path.startswith("/fhir/") and "admin" not in path for path in ehr.asked)
    # and it is said that something is missing, without saying where it would have been
    assert "not-checked" in topics(answer)
    assert "evil" not in answer.text and "admin" not in answer.text


@pytest.mark.parametrize("way", WAYS.values(), ids=WAYS.keys())
@pytest.mark.parametrize(
    "start", ["https://ehr.example.org:{ehr}/fhir", "https://EHR.example.org:{ehr}/fhir"]
)
def test_a_way_below_the_base_is_taken(cds: FlaskClient, ehr: FhirServer, way: Way, start: str) -> None:
    """The control: the same ways, and tramadol at the end of each."""
    ehr.routes["more/Medication/t1"] = Answer(medication("t1"))
    prefetch = way(ehr, start.replace("{ehr}", str(ehr.port)) + "/more")
    if way is not reference:
        ehr.routes["more"] = Answer(
            bundle(ordered("m2", medicationCodeableConcept={"text": "Tramadol 50 mg"}))
        )
    answer = ask(cds, base_of(ehr), prefetch=prefetch)
    assert any(path.startswith("/fhir/more") for path in ehr.asked)
    assert topics(answer)["opioid-coprescription"] == "critical"


def test_a_server_with_the_certificate_of_another_is_not_read(tmp_path: Path, ehr: FhirServer) -> None:
    """The address was looked up beforehand; the certificate is still checked against the name."""
    base = f"https://other.example.org:{ehr.port}/fhir"
    answer = ask(service(tmp_path, base, networks=("127.0.0.0/8",)), base)
    assert answer.status_code == 412
    assert ehr.asked == []


def topics(answer: Any) -> dict[str, str]:
    """The topic of each card with its indicator."""
    assert answer.status_code == 200, answer.text
    return {card["source"]["topic"]["code"]: card["indicator"] for card in answer.json["cards"]}
