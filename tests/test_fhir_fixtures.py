"""The fixtures themselves: valid FHIR, ids of their own, no date that ages, no code that nobody knows."""

from __future__ import annotations

import csv
import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

from cds_service.conversion import convert
from cds_service.scenarios import Scenario, load
from tests.every_scenario import CONVERTED, NAMES, NOW
from tests.fhir_models import DSTU2_ELEMENTS, check_resource

Json = dict[str, Any]

ROOT = Path(__file__).parent.parent
NO_VALID_DRAFT = {"draft-without-a-drug-yet"}


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
        if scenario.fhir_version != "DSTU2" or resource["resourceType"] in DSTU2_ELEMENTS:
            check_resource(resource, scenario.fhir_version)


def test_a_draft_without_a_drug_is_no_valid_order() -> None:
    with pytest.raises(ValidationError):
        check_resource(load("draft-without-a-drug-yet").orders[0], "R4")


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
    folder = ROOT / "fhir_fixtures" / "scenarios"
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
    known, seen = _known_codes(), set()
    for name in NAMES:
        for coding in _codings(_as_json(name)):
            if coding.get("system") in known:
                seen.add(coding["system"])
                assert coding["code"] in known[coding["system"]], (name, coding)
    assert seen == known.keys()


def _known_codes() -> dict[str, set[str]]:
    tables = ROOT / "cds_service" / "knowledge" / "tables"

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
