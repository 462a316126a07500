"""Every scenario gives exactly its cards: through HTTP, for each hook, in every FHIR version."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta, timezone
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest
from flask.testing import FlaskClient
from pydantic import ValidationError

from cds_service import create_app
from cds_service.cds_hooks import HOOKS, parse_request
from cds_service.cds_hooks.validation import validate_request, validate_response
from cds_service.conversion import VERSIONS, CannotExpress, convert
from cds_service.rules import Topic
from cds_service.scenarios import Scenario, ScenarioError, all_names, load, main
from cds_service.settings import Settings

Json = dict[str, Any]

NOW = datetime(2026, 10, 14, 9, 30, tzinfo=UTC)
OTHER_MOMENTS = (
    datetime(2028, 2, 29, 23, 55, tzinfo=UTC),
    datetime(2027, 1, 1, 0, 5, tzinfo=UTC),
    datetime(2031, 3, 31, 12, 0, tzinfo=UTC),
)
NAMES = all_names()
URGENCY = ("critical", "warning", "info")
MODELS = {"R4": "fhir.resources.R4B", "STU3": "fhir.resources.STU3", "R5": "fhir.resources"}
# What a version has no element for; everything else runs in all four.
NOT_EXPRESSED = {
    ("plans-mistakes-and-drafts-are-no-use", "DSTU2"): "a MedicationOrder is no plan or proposal",
    ("a-client-that-bends-the-shapes", "STU3"): "the bent category is what STU3 asks for",
    ("order-not-to-give-naltrexone", "DSTU2"): "no doNotPerform",
    ("order-not-to-give-naltrexone", "STU3"): "no doNotPerform",
}
NO_VALID_DRAFT = {"draft-without-a-drug-yet"}


class Service:
    """The application in development, its clock set by the test."""

    def __init__(self, folder: Path) -> None:
        self.now = NOW
        settings = Settings(cds_environment="development", database_url=f"sqlite:///{folder}/cds.sqlite3")
        self.client: FlaskClient = create_app(settings, now=lambda: self.now).test_client()

    def cards(self, scenario: Scenario, hook: str, now: datetime = NOW) -> list[Json]:
        """The cards for one request; the request and the answer break no rule of the specification."""
        self.now = now
        body = scenario.request(hook, now)
        assert validate_request(body) == []
        response = self.client.post(f"/cds-services/ldn-{hook}", json=body)
        assert response.status_code == 200, response.text
        request = parse_request(json.dumps(body).encode(), HOOKS[hook])
        assert validate_response(response.get_json(), request) == []
        cards: list[Json] = response.get_json()["cards"]
        return cards


@pytest.fixture(scope="module")
def service(tmp_path_factory: pytest.TempPathFactory) -> Service:
    return Service(tmp_path_factory.mktemp("scenarios"))


def _summed_up(cards: list[Json]) -> list[tuple[str, str]]:
    return [(card["source"]["topic"]["code"], card["indicator"]) for card in cards]


def _expected(scenario: Scenario) -> list[tuple[str, str]]:
    return sorted((card.topic, card.indicator) for card in scenario.expected)


def _converted() -> Iterator[tuple[str, str]]:
    """(name, version) of every R4 scenario in every other version that can express it."""
    natives = (name for name in NAMES if load(name).fhir_version == "R4")
    return ((name, v) for name in natives for v in VERSIONS if (name, v) not in NOT_EXPRESSED)


CONVERTED = list(_converted())


# --- the cards ---------------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_scenario_gives_its_cards(service: Service, name: str) -> None:
    scenario = load(name)
    for hook in scenario.hooks:
        found = _summed_up(service.cards(scenario, hook))
        assert sorted(found) == _expected(scenario), hook
        assert [urgency for _, urgency in found] == sorted((u for _, u in found), key=URGENCY.index)


@pytest.mark.parametrize(("name", "version"), CONVERTED)
def test_r4_scenario_gives_its_cards_in_other_versions(service: Service, name: str, version: str) -> None:
    scenario = convert(load(name), version)
    for hook in scenario.hooks:
        assert sorted(_summed_up(service.cards(scenario, hook))) == _expected(scenario), hook


@pytest.mark.parametrize(("name", "version"), NOT_EXPRESSED)
def test_what_a_version_cannot_express_is_named(name: str, version: str) -> None:
    with pytest.raises(CannotExpress):
        convert(load(name), version)


@pytest.mark.parametrize("name", NAMES)
def test_scenario_does_not_age(service: Service, name: str) -> None:
    scenario = load(name)
    for now in OTHER_MOMENTS:
        found = service.cards(scenario, scenario.hooks[0], now)
        assert sorted(_summed_up(found)) == _expected(scenario), now


def test_every_topic_fires_and_is_silent() -> None:
    scenarios = [load(name) for name in NAMES]
    on_naltrexone = [s for s in scenarios if "naltrexone" in json.dumps(s.orders).lower()]
    for topic in Topic:
        assert any(topic in {card.topic for card in s.expected} for s in scenarios), topic
        assert any(topic not in {card.topic for card in s.expected} for s in on_naltrexone), topic


def test_every_version_and_hook_occurs() -> None:
    scenarios = [load(name) for name in NAMES]
    assert {s.fhir_version for s in scenarios} == {"DSTU2", "STU3", "R4", "R5"}
    for version in ("DSTU2", "STU3", "R4", "R5"):
        assert sum(s.fhir_version == version for s in scenarios) >= 20
    assert {hook for s in scenarios for hook in s.hooks} == set(HOOKS)


# --- what suggestions add ------------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_suggested_resources_are_valid(service: Service, name: str) -> None:
    _check_suggestions(service, load(name))


@pytest.mark.parametrize(("name", "version"), CONVERTED)
def test_suggested_resources_are_valid_in_other_versions(service: Service, name: str, version: str) -> None:
    _check_suggestions(service, convert(load(name), version))


def _check_suggestions(service: Service, scenario: Scenario) -> None:
    for card in service.cards(scenario, scenario.hooks[0]):
        for suggestion in card.get("suggestions", []):
            for action in suggestion["actions"]:
                if action["type"] != "delete":
                    _check_resource(action["resource"], scenario.fhir_version)


def _check_resource(resource: Json, version: str) -> None:
    """By the model of the version; DSTU2, which has none, by the names of its elements."""
    if version == "DSTU2":
        assert list(_foreign_to_dstu2(resource)) == []
        return
    model = import_module(MODELS[version]).get_fhir_model_class(resource["resourceType"])
    model.model_validate(resource)


_DSTU2_ORDER = {
    "resourceType", "id", "meta", "contained", "extension", "identifier", "dateWritten", "status",
    "dateEnded", "reasonEnded", "patient", "prescriber", "encounter", "reasonCodeableConcept",
    "reasonReference", "note", "medicationCodeableConcept", "medicationReference", "dosageInstruction",
    "dispenseRequest",
    "substitution", "priorPrescription",
}  # fmt: skip
_DSTU2_TEST = {
    "resourceType", "id", "subject", "orderer", "identifier", "encounter", "reason", "supportingInformation",
    "specimen", "status", "priority", "event", "item", "note",
}  # fmt: skip
_DSTU2_DOSAGE = {
    "text", "additionalInstructions", "timing", "asNeededBoolean", "asNeededCodeableConcept",
    "siteCodeableConcept", "siteReference", "route", "method", "doseRange", "doseQuantity", "rateRatio",
    "rateRange", "maxDosePerPeriod",
}  # fmt: skip
_DSTU2_REPEAT = {
    "boundsQuantity", "boundsRange", "boundsPeriod", "count", "duration", "durationMax", "durationUnits",
    "frequency", "frequencyMax", "period", "periodMax", "periodUnits", "when",
}  # fmt: skip
_ELEMENTS = {"MedicationOrder": _DSTU2_ORDER, "DiagnosticOrder": _DSTU2_TEST}


def _foreign_to_dstu2(resource: Json) -> Iterator[str]:
    """Elements of an order that DSTU2 does not have (https://hl7.org/fhir/DSTU2/medicationorder.html)."""
    yield from resource.keys() - _ELEMENTS[resource["resourceType"]]
    for dosage in resource.get("dosageInstruction", []):
        repeat = dosage.get("timing", {}).get("repeat", {})
        yield from dosage.keys() - _DSTU2_DOSAGE
        yield from repeat.keys() - _DSTU2_REPEAT
        if not isinstance(repeat.get("when", ""), str):
            yield "when as a list"


# --- the fixtures themselves -----------------------------------------------------


@pytest.mark.parametrize("name", NAMES)
def test_record_and_drafts_are_valid(name: str) -> None:
    _check_fixture(load(name))


@pytest.mark.parametrize(("name", "version"), CONVERTED)
def test_converted_record_and_drafts_are_valid(name: str, version: str) -> None:
    _check_fixture(convert(load(name), version))


def _check_fixture(scenario: Scenario) -> None:
    filled = scenario.transaction(NOW)
    assert filled["type"] == "transaction"
    bundle = scenario.request(scenario.hooks[0], NOW)["context"]
    orders = next(value for key, value in bundle.items() if key in ("medications", "draftOrders"))
    checked = [entry["resource"] for entry in filled["entry"]]
    if scenario.name not in NO_VALID_DRAFT:
        checked += [entry["resource"] for entry in orders["entry"]]
    for resource in checked:
        if scenario.fhir_version != "DSTU2" or resource["resourceType"] in _ELEMENTS:
            _check_resource(resource, scenario.fhir_version)


def test_a_draft_without_a_drug_is_no_valid_order() -> None:
    with pytest.raises(ValidationError):
        _check_resource(load("draft-without-a-drug-yet").orders[0], "R4")


def test_ids_are_unique_and_ours() -> None:
    seen = set[str]()
    for name in NAMES:
        scenario = load(name)
        assert scenario.patient_id.removeprefix("Patient/") == f"ldn-{name}"
        for entry in scenario.record["entry"]:
            resource = entry["resource"]
            assert entry["request"]["url"] == f"{resource['resourceType']}/{resource['id']}"
            assert re.fullmatch(r"ldn-[a-z0-9.-]{1,60}", resource["id"])
            assert entry["request"]["url"] not in seen
            seen.add(entry["request"]["url"])


@pytest.mark.parametrize("name", NAMES)
def test_no_date_is_absolute(name: str) -> None:
    strings = list(_strings(_as_json(name)))
    assert [s for s in strings if re.search(r"\b(19|20)\d\d-\d\d\b|^(19|20)\d\d$", s)] == []


def _as_json(name: str) -> Json:
    folder = Path(__file__).parent.parent / "fhir_fixtures" / "scenarios"
    content: Json = json.loads((folder / f"{name}.json").read_text("utf-8"))
    return content


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, dict):
        for member in value.values():
            yield from _strings(member)
    elif isinstance(value, list):
        for item in value:
            yield from _strings(item)


def test_codes_are_those_of_the_knowledge_tables() -> None:
    known = _known_codes()
    for name in NAMES:
        for coding in _codings(_as_json(name)):
            if coding.get("system") in known:
                assert coding["code"] in known[coding["system"]], (name, coding)


def _known_codes() -> dict[str, set[str]]:
    tables = Path(__file__).parent.parent / "cds_service" / "knowledge" / "tables"

    def column(table: str, column: str = "code") -> set[str]:
        with (tables / f"{table}.csv").open(encoding="utf-8", newline="") as file:
            return {row[column] for row in csv.DictReader(file)}

    answers = column("answers")
    return {
        "http://www.nlm.nih.gov/research/umls/rxnorm": column("rxnorm_products", "rxcui"),
        "http://snomed.info/sct": column("snomed") | answers,
        "http://hl7.org/fhir/sid/icd-10-cm": column("icd10cm"),
        "http://loinc.org": column("loinc") | answers,
    }


def _codings(value: Any) -> Iterator[dict[str, str]]:
    if isinstance(value, dict):
        yield from value.get("coding", []) if isinstance(value.get("coding"), list) else []
        for member in value.values():
            yield from _codings(member)
    elif isinstance(value, list):
        for item in value:
            yield from _codings(item)


# --- reading scenarios --------------------------------------------------------------


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
    content = {**_as_json("oxycodone-active"), "record": {"resourceType": "Bundle", "entry": [], **record}}
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


def test_command_line(capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    assert main([]) == 0
    listed = capsys.readouterr().out
    assert len(listed.splitlines()) == len(NAMES) and "LDN for fibromyalgia" in listed
    for arguments, key in (
        (["oxycodone-active"], "expected"),
        (["oxycodone-active", "--transaction"], "entry"),
        (["oxycodone-active", "--request", "order-sign"], "prefetch"),
    ):
        assert main(arguments) == 0
        assert key in json.loads(capsys.readouterr().out)
    assert main(["no-such-scenario"]) == 1
    assert "no-such-scenario" in capsys.readouterr().err
