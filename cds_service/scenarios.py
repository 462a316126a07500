"""Our own patients and drafts, each with the cards it must give.

A scenario is one JSON file of ``fhir_fixtures/scenarios``: a record that any
FHIR server of its version can load, the orders in the basket, and the expected
topics. Its dates are tokens relative to the moment of decision
(``{{today-6d}}``, ``{{now-2h}}``, ``{{month}}``), so that none goes stale.

``python -m cds_service.scenarios`` lists them; with a name, it prints one.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from difflib import get_close_matches
from pathlib import Path
from typing import Any
from uuid import uuid4

import msgspec
from msgspec import Struct

from cds_service.cds_hooks import HOOKS

Json = dict[str, Any]

FOLDER_SETTING = "CDS_FIXTURES"
_BASE = "https://ehr.example.org/fhir"
_PRACTITIONER = "Practitioner/ldn-prescriber"
_KEYS = {
    "MedicationStatement": "medicationStatements",
    "MedicationRequest": "medicationRequests",
    "Condition": "conditions",
    "AllergyIntolerance": "allergies",
    "Observation": "observations",
}
"""The lists every request brings, by what they hold; other types come along under their own plural."""
_ORDER_TYPES = ("MedicationRequest", "MedicationOrder")


class ScenarioError(LookupError):
    """No such folder or scenario, or a file that is none."""


class Expected(Struct, frozen=True, forbid_unknown_fields=True):
    """One card a scenario must give."""

    topic: str
    indicator: str


class Scenario(Struct, frozen=True, forbid_unknown_fields=True, rename="camel", omit_defaults=True):
    """One patient, one basket, and the cards that are due.

    ``record`` is a transaction Bundle and ``orders`` the drafts, with date
    tokens still in them. ``prefetch`` replaces what the record gives under a
    key, as a real EHR might send it; ``without`` names keys that are left out;
    ``keys`` gives lists other names.
    """

    title: str
    shows: str
    fhir_version: str
    hooks: list[str]
    patient_id: str
    record: Json
    orders: list[Json]
    expected: list[Expected]
    selected: list[str] = []
    prefetch: Json = {}
    without: list[str] = []
    keys: dict[str, str] = {}
    name: str = ""

    def request(
        self, hook: str, now: datetime, *, fhir_server: str | None = None, prefetch: bool = True
    ) -> Json:
        """A CDS Hooks request of ``hook`` at the moment ``now``.

        With ``prefetch=False`` the service has to ask ``fhir_server``.
        """
        body: Json = {"hook": hook, "hookInstance": str(uuid4()), "context": self._context(hook)}
        if fhir_server:
            body["fhirServer"] = fhir_server
        if prefetch:
            body["prefetch"] = self._prefetch(fhir_server or _BASE)
        filled: Json = _filled(body, now)
        return filled

    def transaction(self, now: datetime) -> Json:
        """The record as a transaction Bundle, its dates counted from ``now``."""
        filled: Json = _filled(self.record, now)
        return filled

    def resources(self) -> Iterator[Json]:
        """The resources of the record, date tokens included."""
        return (entry["resource"] for entry in self.record["entry"])

    def _context(self, hook: str) -> Json:
        point = HOOKS[hook]
        entries = [{"resource": order} for order in self.orders]
        context: Json = {
            "userId": _PRACTITIONER,
            "patientId": self.patient_id,
            point.orders_field: {"resourceType": "Bundle", "type": "collection", "entry": entries},
        }
        if point.selects:
            context["selections"] = self.selected or [_reference(order) for order in self.orders]
        return context

    def _prefetch(self, base: str) -> Json:
        brought = prefetch_of(list(self.resources()), self.patient_id, self.fhir_version, base)
        values = {**brought, **self.prefetch}
        return {self.keys.get(key, key): value for key, value in values.items() if key not in self.without}


def load(name: str, folder: Path | None = None) -> Scenario:
    """The scenario called ``name``. Raises :class:`ScenarioError`."""
    names = all_names(folder)
    if name not in names:
        close = get_close_matches(name, names)
        raise ScenarioError(f"No scenario {name!r}" + (f"; like it: {', '.join(close)}" if close else ""))
    path = _scenario_folder(folder) / f"{name}.json"
    try:
        scenario = msgspec.json.decode(path.read_bytes(), type=Scenario)
    except msgspec.DecodeError as error:
        raise ScenarioError(f"{path}: {error}") from error
    return msgspec.structs.replace(scenario, name=name)


def all_names(folder: Path | None = None) -> list[str]:
    """The names of all scenarios, sorted. Raises :class:`ScenarioError` when there is no such folder."""
    return sorted(path.stem for path in _scenario_folder(folder).glob("*.json"))


def _scenario_folder(folder: Path | None) -> Path:
    folder = folder or Path(os.environ.get(FOLDER_SETTING) or Path(__file__).parent.parent / "fhir_fixtures")
    scenarios = folder / "scenarios"
    if not scenarios.is_dir():
        raise ScenarioError(f"{scenarios} is missing: name the folder of the scenarios in {FOLDER_SETTING}")
    return scenarios


def prefetch_of(resources: Sequence[Json], patient_id: str, version: str, base: str = _BASE) -> Json:
    """A record as a client sends it in prefetch: the patient, and each list as the result of its search."""
    patient = next((r for r in resources if r["resourceType"] == "Patient"), None)
    lists = {
        key: _searchset(kind, patient_id, found, base) for kind, key, found in _lists(resources, version)
    }
    return {"patient": patient, **lists}


def _lists(found: Sequence[Json], version: str) -> Iterator[tuple[str, str, list[Json]]]:
    """(type, prefetch key, resources) of every list; Medications go with the orders that name them."""
    present = {str(r["resourceType"]) for r in found} - {"Patient", "Medication", *_ORDER_TYPES}
    order_type = "MedicationOrder" if version == "DSTU2" else "MedicationRequest"
    for kind in (*_KEYS, *sorted(present - set(_KEYS))):
        wanted = (order_type, "Medication") if kind == "MedicationRequest" else (kind,)
        matching = [r for r in found if r["resourceType"] in wanted]
        yield wanted[0], _KEYS.get(kind, f"{kind[0].lower()}{kind[1:]}s"), matching


# --- bundles ---------------------------------------------------------------


def _searchset(kind: str, patient_id: str, resources: Sequence[Json], base: str) -> Json:
    """What a search for ``kind`` brought; Medications are included, not matched."""
    bundle: Json = {
        "resourceType": "Bundle",
        "type": "searchset",
        "total": sum(r["resourceType"] == kind for r in resources),
        "link": [{"relation": "self", "url": f"{base}/{kind}?patient={patient_id.rsplit('/', 1)[-1]}"}],
    }
    entries = [
        {
            "fullUrl": f"{base}/{_reference(resource)}",
            "resource": resource,
            "search": {"mode": "match" if resource["resourceType"] == kind else "include"},
        }
        for resource in resources
    ]
    return {**bundle, "entry": entries} if entries else bundle


def _reference(resource: Mapping[str, Any]) -> str:
    return f"{resource['resourceType']}/{resource['id']}"


# --- dates -----------------------------------------------------------------

_TOKEN = re.compile(r"\{\{(today|now|month|year)(?:([+-])(\d+)(h|d|m|y))?\}\}")


def _filled(value: Any, now: datetime) -> Any:
    """``value`` with every date token in its strings replaced."""
    if isinstance(value, str):
        return _TOKEN.sub(lambda token: _moment(token, now), value)
    if isinstance(value, dict):
        return {key: _filled(member, now) for key, member in value.items()}
    if isinstance(value, list):
        return [_filled(item, now) for item in value]
    return value


def _moment(token: re.Match[str], now: datetime) -> str:
    base, sign, number, unit = token.groups()
    moment = _moved(now, int(f"{sign}{number}"), unit) if number else now
    if base == "now":
        return moment.isoformat(timespec="seconds")
    day = moment.date().isoformat()
    return {"today": day, "month": day[:7], "year": day[:4]}[base]


def _moved(moment: datetime, number: int, unit: str) -> datetime:
    if unit in "hd":
        return moment + timedelta(hours=number if unit == "h" else number * 24)
    months = moment.year * 12 + moment.month - 1 + (number if unit == "m" else number * 12)
    first = date(months // 12, months % 12 + 1, 1)
    last = (first.replace(day=28) + timedelta(days=4)).replace(day=1) - timedelta(days=1)
    return moment.replace(year=first.year, month=first.month, day=min(moment.day, last.day))


# --- command line ----------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """List the scenarios, or print one as it is, as a transaction or as a request."""
    parser = argparse.ArgumentParser(prog="python -m cds_service.scenarios", description=main.__doc__)
    parser.add_argument("name", nargs="?", help="the scenario to print")
    form = parser.add_mutually_exclusive_group()
    form.add_argument(
        "--transaction", action="store_true", help="the record, to be loaded into a FHIR server"
    )
    form.add_argument("--request", metavar="HOOK", choices=sorted(HOOKS), help="a CDS Hooks request")
    given = parser.parse_args(arguments)
    try:
        for line in _output(given.name, given.transaction, given.request):
            print(line)
    except ScenarioError as error:
        print(error, file=sys.stderr)
        return 1
    return 0


def _output(name: str | None, transaction: bool, hook: str | None) -> Iterator[str]:
    if name is None:
        loaded = [load(each) for each in all_names()]
        yield from (f"{each.name:60} {each.fhir_version:6} {each.title}" for each in loaded)
        return
    scenario, now = load(name), datetime.now(UTC)
    if transaction:
        shown: Any = scenario.transaction(now)
    elif hook:
        shown = scenario.request(hook, now)
    else:
        shown = msgspec.to_builtins(scenario)
    yield json.dumps(shown, indent=2, ensure_ascii=False)


if __name__ == "__main__":
    sys.exit(main())
