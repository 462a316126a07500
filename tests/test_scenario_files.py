"""Scenarios as they are read from their files, and what is made of them: records, requests, a command."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import pytest

from cds_service.scenarios import Scenario, ScenarioError, all_names, load
from tests.cli.running import run
from tests.every_scenario import NAMES, NOW

OXYCODONE = Path(__file__).parent.parent / "fhir_fixtures/scenarios/oxycodone-active.json"


def test_dates_are_counted_from_the_moment_of_decision(tmp_path: Path) -> None:
    tokens = (
        "{{today}}",
        "{{today-6d}}",
        "{{today-1y}}",
        "{{today+5m}}",
        "{{now-2h}}",
        "{{month-1m}}",
        "{{year}}",
    )
    scenario = _write(tmp_path, note=" ".join(tokens))
    here = timezone(timedelta(hours=2))
    filled = scenario.transaction(datetime(2028, 2, 29, 1, 30, tzinfo=here))
    assert filled["note"].split() == [
        "2028-02-29", "2028-02-23", "2027-02-28", "2028-07-29",
        "2028-02-28T23:30:00+02:00", "2028-01", "2028",
    ]  # fmt: skip
    assert scenario.record["note"] == " ".join(tokens)


def _write(folder: Path, **record: Any) -> Scenario:
    """A scenario file of its own, read back."""
    content = {
        **json.loads(OXYCODONE.read_text("utf-8")),
        "record": {"resourceType": "Bundle", "entry": [], **record},
    }
    (folder / "scenarios").mkdir()
    (folder / "scenarios" / "mine.json").write_text(json.dumps(content), "utf-8")
    return load("mine", folder)


def test_request_has_the_context_of_its_hook() -> None:
    scenario = load("oxycodone-in-the-same-basket")
    request = scenario.request("order-select", NOW)
    assert request["context"]["selections"] == ["MedicationRequest/draft-2"]
    assert len(request["context"]["draftOrders"]["entry"]) == 2
    prescribed = load("oxycodone-active").request("medication-prescribe", NOW)["context"]
    assert {"userId", "patientId", "medications"} == prescribed.keys()


def test_request_has_a_list_for_every_key() -> None:
    prefetch = load("oxycodone-active").request("order-sign", NOW)["prefetch"]
    assert prefetch["patient"]["id"] == "ldn-oxycodone-active"
    assert len(prefetch["medicationRequests"]["entry"]) == 1
    empty = prefetch["medicationStatements"]
    assert empty["link"][0]["url"].endswith("/MedicationStatement?patient=ldn-oxycodone-active")
    assert empty["total"] == 0 and "entry" not in empty
    assert "medicationDispenses" in load("codeine-cough-syrup").request("order-sign", NOW)["prefetch"]


def test_medications_come_along_with_the_orders_that_name_them() -> None:
    orders = load("oxycodone-behind-a-reference").request("order-sign", NOW)["prefetch"]["medicationRequests"]
    assert [entry["search"]["mode"] for entry in orders["entry"]] == ["include", "match"]


def test_request_can_leave_reading_to_the_server() -> None:
    request = load("oxycodone-active").request(
        "order-sign", NOW, fhir_server="https://fhir.example.org/r4", prefetch=False
    )
    assert request["fhirServer"] == "https://fhir.example.org/r4" and "prefetch" not in request


def test_two_requests_are_two_hook_instances() -> None:
    scenario = load("oxycodone-active")
    first, second = (scenario.request("order-sign", NOW)["hookInstance"] for _ in range(2))
    assert first != second


def test_unknown_scenario_is_named_with_its_neighbours() -> None:
    with pytest.raises(ScenarioError, match="oxycodone-active"):
        load("oxycodone-activ")
    with pytest.raises(ScenarioError):
        load("../scenarios/oxycodone-active")


def test_missing_folder_is_a_clear_error(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CDS_FIXTURES", str(tmp_path))
    with pytest.raises(ScenarioError, match="CDS_FIXTURES"):
        all_names()


def test_broken_file_is_named(tmp_path: Path) -> None:
    (tmp_path / "scenarios").mkdir()
    (tmp_path / "scenarios" / "mine.json").write_text('{"title": 1}', "utf-8")
    with pytest.raises(ScenarioError, match=r"mine\.json"):
        load("mine", tmp_path)


def test_command_line() -> None:
    listed = run("scenarios").output
    assert len(listed.splitlines()) == len(NAMES) and "LDN for fibromyalgia" in listed
    for arguments, key in (
        (["oxycodone-active"], "expected"),
        (["oxycodone-active", "--transaction"], "entry"),
        (["oxycodone-active", "--request", "order-sign"], "prefetch"),
    ):
        assert key in json.loads(run("scenarios", *arguments).output)
    missing = run("scenarios", "no-such-scenario")
    assert missing.exit_code == 1
    assert "no-such-scenario" in missing.stderr
