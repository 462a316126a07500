"""``ldn-cds try`` against a FHIR server on a real socket, and ``check --fhir-server``."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from cds_service.cli.try_it import _parts
from cds_service.scenarios import load
from tests.cli.running import run
from tests.fhir.server import Answer, FhirServer

TOKEN = "secret-token-of-the-sandbox"


def capability(version: str, kind: str = "CapabilityStatement", kinds: tuple[str, ...] = ()) -> Answer:
    rest = [{"mode": "server", "resource": [{"type": name} for name in kinds]}]
    software = {"name": "Made-up EHR"}
    return Answer({"resourceType": kind, "fhirVersion": version, "software": software, "rest": rest})


@pytest.fixture
def ehr() -> Iterator[FhirServer]:
    """The record of a scenario, searchable by type."""
    server = FhirServer()
    record = load("oxycodone-active").transaction(datetime.now(UTC))
    held = [entry["resource"] for entry in record["entry"]]

    def search(path: str) -> Answer:
        kind = urlsplit(path).path.rsplit("/", 1)[-1]
        assert parse_qs(urlsplit(path).query)["patient"] == ["ldn-oxycodone-active"]
        entries = [{"resource": resource} for resource in held if resource["resourceType"] == kind]
        return Answer(
            {"resourceType": "Bundle", "type": "searchset", "total": len(entries), "entry": entries}
        )

    for kind in (
        "MedicationRequest",
        "MedicationStatement",
        "Condition",
        "AllergyIntolerance",
        "Observation",
    ):
        server.routes[kind] = search
    patient = next(resource for resource in held if resource["resourceType"] == "Patient")
    server.routes["Patient/ldn-oxycodone-active"] = Answer(patient)
    server.routes["metadata"] = capability("4.0.1", kinds=("Patient", "Condition", "MedicationRequest"))
    yield server
    server.close()


def try_order(ehr: FhirServer, *more: str, order: str = "naltrexone 4.5 mg nightly") -> Any:
    return run("try", "--fhir-server", ehr.base, "--patient", "ldn-oxycodone-active", "--order", order, *more)


def test_an_order_in_words_and_its_cards(ehr: FhirServer) -> None:
    result = try_order(ehr)
    assert result.exit_code == 0
    assert "200: 1 card" in result.output
    assert "CRITICAL  opioid-coprescription" in result.output
    assert "MedicationRequest" in ehr.kinds_asked()


def test_why_and_as_json(ehr: FhirServer) -> None:
    assert "MedicationRequest: 1 from server" in try_order(ehr, "--why").output
    found = json.loads(try_order(ehr, "--json").output)
    assert found["trace"]["orders"][0]["dose"]["read"] == "4.5 mg a day"


def test_directions_behind_a_comma(ehr: FhirServer) -> None:
    found = json.loads(try_order(ehr, "--json", order="naltrexone 50 mg tablet, 1 tablet daily").output)
    order = found["trace"]["orders"][0]
    assert order["drug"]["name"] == "naltrexone 50 mg tablet"
    assert order["dose"]["read"] == "50 mg a day"


def test_the_token_goes_to_the_server_and_nowhere_else(ehr: FhirServer, tmp_path: Path) -> None:
    (tmp_path / "token").write_text(f"{TOKEN}\n")
    result = try_order(ehr, "--token-file", str(tmp_path / "token"), "--json")
    sent = [h.get("authorization") or h.get("Authorization") for h in ehr.headers]
    assert f"Bearer {TOKEN}" in sent
    assert TOKEN not in result.output


@pytest.mark.parametrize(
    ("version", "order"), [("1.0.2", "MedicationOrder/draft-1"), ("5.0.0", "MedicationRequest/draft-1")]
)
def test_the_draft_is_of_the_servers_version(ehr: FhirServer, version: str, order: str) -> None:
    ehr.routes["metadata"] = capability(
        version, "Conformance" if version[0] == "1" else "CapabilityStatement"
    )
    ehr.routes["MedicationOrder"] = Answer({"resourceType": "Bundle", "type": "searchset"})
    found = json.loads(try_order(ehr, "--json").output)
    assert found["trace"]["orders"][0]["reference"] == order


def test_a_server_that_is_not_there_ends_with_three() -> None:
    arguments = ["--fhir-server", "http://127.0.0.1:1/fhir", "--patient", "1", "--order", "naltrexone"]
    result = run("try", *arguments)
    assert result.exit_code == 3
    assert "http://127.0.0.1:1/fhir: " in result.stderr


def test_check_reads_the_capability_statement(
    ehr: FhirServer, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("CDS_ENVIRONMENT", "development")
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/test.sqlite3")
    result = run("check", "--fhir-server", ehr.base)
    assert result.exit_code == 0
    assert f"ok     {ehr.base}: Made-up EHR, FHIR 4.0.1" in result.output
    assert "does not say that it keeps MedicationStatement, AllergyIntolerance, Observation" in result.output
    ehr.routes["metadata"] = Answer({"resourceType": "Patient"})
    failed = run("check", "--fhir-server", ehr.base, "--json")
    assert failed.exit_code == 3  # as for every other command that needs this server
    assert {"level": "error", "words": f"{ehr.base}: /metadata is no capability statement"} in json.loads(
        failed.output
    )


@pytest.mark.parametrize(
    ("line", "medicine", "directions"),
    [
        ("naltrexone 50 mg tablet, 1/2 tablet daily", "naltrexone 50 mg tablet", "1/2 tablet daily"),
        ("naltrexone 50 mg 1/2 tablet daily", "naltrexone 50 mg", "1/2 tablet daily"),
        ("naltrexone 50 mg tablet half a tablet daily", "naltrexone 50 mg tablet", "half a tablet daily"),
        ("naltrexone 50 mg ½ tab daily", "naltrexone 50 mg", "½ tab daily"),
        ("naltrexone 4.5 mg 2 capsules nightly", "naltrexone 4.5 mg", "2 capsules nightly"),
        ("naltrexone 3 mg capsule take one at bedtime", "naltrexone 3 mg capsule", "take one at bedtime"),
        ("naltrexone 4.5 mg nightly", "naltrexone 4.5 mg nightly", "naltrexone 4.5 mg nightly"),
        ("LDN 4.5 mg capsule nightly", "LDN 4.5 mg capsule nightly", "LDN 4.5 mg capsule nightly"),
    ],
)  # fmt: skip
def test_a_line_is_medicine_and_directions(line: str, medicine: str, directions: str) -> None:
    assert _parts(line) == (medicine, directions)


@pytest.mark.parametrize(
    ("line", "read"),
    [
        ("naltrexone 50 mg tablet, take 1/2 tablet daily", "25 mg a day"),
        ("naltrexone 50 mg 1/2 tablet daily", "25 mg a day"),
        ("naltrexone 1.5 mg 2 capsules nightly", "3 mg a day"),
    ],
)
def test_a_count_is_of_the_strength(ehr: FhirServer, line: str, read: str) -> None:
    found = json.loads(try_order(ehr, "--json", order=line).output)
    assert found["trace"]["orders"][0]["dose"]["read"] == read


def test_a_count_without_a_strength_is_no_dose(ehr: FhirServer) -> None:
    found = json.loads(try_order(ehr, "--json", order="naltrexone, take 1/2 tablet nightly").output)
    assert found["trace"]["orders"][0]["dose"]["read"].startswith("not read")
