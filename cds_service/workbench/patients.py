"""The patient on the screen: one of our scenarios, or a Bundle that was pasted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import cache
from typing import Any

from cds_service.conversion import CannotExpress, convert
from cds_service.errors import InvalidJSON, InvalidRequest, NotFound
from cds_service.scenarios import Scenario, ScenarioError, all_names, load, prefetch_of
from cds_service.workbench.orders import as_list, as_object, concept_in_words, medicine_name

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Chosen:
    """A patient with the record as prefetch, and the orders that come along."""

    patient_id: str
    version: str
    prefetch: Json
    orders: list[Json]
    selected: int = 0
    title: str = ""
    shows: str = ""
    hooks: tuple[str, ...] = ()


@cache
def scenario_groups() -> dict[str, list[tuple[str, str]]]:
    """(name, title) of all scenarios, by the first card that is due."""
    groups: dict[str, list[tuple[str, str]]] = {}
    for each in (load(name) for name in all_names()):
        due = each.expected[0].topic if each.expected else "no card"
        groups.setdefault(due, []).append((each.name, each.title))
    return dict(sorted(groups.items()))


@cache
def examples(topic: str) -> list[tuple[str, str, str]]:
    """(name, title, indicator) of the scenarios with a card of ``topic``; none where none are installed."""
    try:
        scenarios = [load(name) for name in all_names()]
    except ScenarioError:
        return []
    due = ((each, card) for each in scenarios for card in each.expected if card.topic == topic)
    return [(each.name, each.title, card.indicator) for each, card in due]


def of_scenario(name: str, version: str | None, now: datetime) -> Chosen:
    """The patient of a scenario, in ``version`` when that is named.

    Raises ``NotFound`` without such a scenario, ``InvalidRequest`` when the version cannot say it.
    """
    try:
        scenario = load(name)
    except ScenarioError as error:
        raise NotFound("There is no such scenario") from error
    try:
        if version and version != scenario.fhir_version:
            scenario = convert(scenario, version)
    except CannotExpress as reason:
        raise InvalidRequest(f"This patient cannot be written in {version}: {reason}") from reason
    return _chosen(scenario, now)


def _chosen(scenario: Scenario, now: datetime) -> Chosen:
    request = scenario.request(scenario.hooks[0], now)
    context = request["context"]
    orders = [e["resource"] for e in (context.get("draftOrders") or context["medications"])["entry"]]
    names = [f"{order['resourceType']}/{order['id']}" for order in orders]
    wanted = [i for i, each in enumerate(names) if each in scenario.selected]
    return Chosen(
        patient_id=scenario.patient_id,
        version=scenario.fhir_version,
        prefetch=request["prefetch"],
        orders=orders,
        selected=wanted[0] if wanted else 0,
        title=scenario.title,
        shows=scenario.shows,
        hooks=tuple(scenario.hooks),
    )


def of_bundle(text: str, version: str | None) -> Chosen:
    """The patient of a pasted Bundle. Raises ``InvalidRequest`` that says what is wrong, and where."""
    bundle = _bundle(text)
    resources = [r for r in _resources({"record": bundle}) if r is not bundle]
    patients = [r for r in resources if r["resourceType"] == "Patient"]
    if len(patients) != 1:
        count = "no Patient" if not patients else f"{len(patients)} Patients"
        raise InvalidRequest(f"The Bundle holds {count}; paste the record of one patient")
    patient_id = str(patients[0].get("id") or "")
    if not patient_id:
        raise InvalidRequest("The Patient of the Bundle has no id", path="$.entry[*].resource.id")
    for index, resource in enumerate(resources):
        resource.setdefault("id", f"pasted-{index + 1}")
    told = version or _version_told(resources)
    return Chosen(patient_id, told, prefetch_of(resources, patient_id, told), orders=[])


def _bundle(text: str) -> Json:
    try:
        bundle = json.loads(text)
    except json.JSONDecodeError as error:
        where = f"line {error.lineno}, column {error.colno}"
        raise InvalidJSON(f"This is not JSON: {error.msg} at {where}") from error
    except RecursionError as error:
        raise InvalidJSON("This is not JSON that can be read: nested too deeply") from error
    kind = bundle.get("resourceType") if isinstance(bundle, dict) else None
    if kind != "Bundle":
        found = f"a {kind}" if isinstance(kind, str) else "no FHIR resource"
        raise InvalidRequest(f"Expected a Bundle with one patient's record; this is {found}")
    if not isinstance(bundle.get("entry", []), list):
        raise InvalidRequest("The Bundle's entry is no list", path="$.entry")
    return dict(bundle)


def _version_told(resources: list[Json]) -> str:
    """The version whose shapes the record has; R4 where they tell nothing."""
    for resource in resources:
        kind = resource["resourceType"]
        if kind == "MedicationOrder" or "wasNotTaken" in resource:
            return "DSTU2"
        if "medication" in resource or "adherence" in resource:
            return "R5"
        if kind == "MedicationStatement" and "taken" in resource:
            return "STU3"
        if kind == "Condition" and isinstance(resource.get("clinicalStatus"), str):
            return "DSTU2" if "patient" in resource else "STU3"
    return "R4"


# --- what the screen shows of the record ----------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Banner:
    """The head of the screen: who it is, and what the record lists."""

    name: str
    facts: str
    medications: list[tuple[str, str]]
    problems: list[str]
    allergies: list[str]


def banner(chosen: Chosen) -> Banner:
    """In the words of the record; nothing is judged here."""
    resources = list(_resources(chosen.prefetch))
    patient = next((r for r in resources if r["resourceType"] == "Patient"), {})
    return Banner(
        name=_patient_name(patient),
        facts=" · ".join(str(patient[key]) for key in ("gender", "birthDate") if patient.get(key)),
        medications=[
            (_name(r, resources), _status(r)) for r in resources if r["resourceType"] in _MEDICATIONS
        ],
        problems=[_concept(r.get("code")) for r in resources if r["resourceType"] == "Condition"],
        allergies=[
            _concept(r.get("code") or r.get("substance"))
            for r in resources
            if r["resourceType"] == "AllergyIntolerance"
        ],
    )


_MEDICATIONS = (
    "MedicationRequest", "MedicationOrder", "MedicationStatement", "MedicationDispense",
    "MedicationAdministration",
)  # fmt: skip


def _resources(prefetch: Json) -> Iterator[Json]:
    for value in prefetch.values():
        found = [value, *(entry.get("resource") for entry in as_list(as_object(value).get("entry")))]
        yield from (r for r in found if isinstance(r, dict) and isinstance(r.get("resourceType"), str))


def _name(resource: Json, resources: list[Json]) -> str:
    if name := medicine_name(resource):
        return name
    medication = as_object(resource.get("medication"))
    reference = as_object(resource.get("medicationReference")) or as_object(medication.get("reference"))
    wanted = str(reference.get("reference", ""))
    named = (r for r in resources if f"{r['resourceType']}/{r.get('id')}" == wanted)
    return next((_concept(r.get("code")) for r in named), "medicine not named")


def _status(resource: Json) -> str:
    """Its status and the date it speaks of."""
    period = as_object(resource.get("effectivePeriod"))
    dates = [
        resource.get(key) for key in ("authoredOn", "dateWritten", "effectiveDateTime", "whenHandedOver")
    ]
    when = next((str(date)[:10] for date in (*dates, period.get("end"), period.get("start")) if date), "")
    return ", ".join(part for part in (str(resource.get("status") or ""), when) if part)


def _patient_name(patient: Json) -> str:
    first = next(iter(as_list(patient.get("name"))), {})
    given, family = first.get("given"), first.get("family")
    names = [str(part) for part in (*_several(given), *_several(family)) if part]
    return str(first.get("text") or " ".join(names) or "Patient without a name")


def _several(value: object) -> list[object]:
    return value if isinstance(value, list) else [value]


def _concept(value: object) -> str:
    concept = as_object(value)
    return concept_in_words(as_object(concept.get("concept")) or concept) or "not named"
