"""What a glance passes over, and what it must never pass over."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from cds_service.chart.relevance import Relevance
from cds_service.fhir.sketches import AnySketch
from cds_service.knowledge import load_clinical
from cds_service.knowledge.memory import Memory
from cds_service.scenarios import all_names, load

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
SNOMED = "http://snomed.info/sct"
LOINC = "http://loinc.org"
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


@pytest.fixture(scope="module")
def needed() -> Relevance:
    return Relevance(load_clinical(None))


def concept(text: str | None, *codings: tuple[str, str, str]) -> dict[str, Any]:
    coded = [{"system": system, "code": code, "display": display} for system, code, display in codings]
    return {"coding": coded} | ({"text": text} if text else {})


def is_needed(needed: Relevance, kind: str, **elements: Any) -> bool:
    return judged(needed, {"resourceType": kind, **elements})


def judged(needed: Relevance, resource: dict[str, Any]) -> bool:
    sketch = msgspec.json.decode(json.dumps(resource), type=AnySketch)
    judge = needed.judges.get(type(sketch))
    return judge is None or judge(sketch)


LISINOPRIL = concept("lisinopril 10 mg tablet", (RXNORM, "9000001", "lisinopril 10 MG Oral Tablet"))
OXYCODONE = concept(None, (RXNORM, "1049621", "oxycodone hydrochloride 5 MG Oral Tablet"))


@pytest.mark.parametrize(
    ("kind", "elements"),
    [
        ("MedicationRequest", {"medicationCodeableConcept": LISINOPRIL}),
        ("MedicationStatement", {"medicationCodeableConcept": concept("ibuprofen")}),
        ("Condition", {"code": concept("Essential hypertension")}),
        (
            "Observation",
            {"code": concept(None, (LOINC, "2951-2", "Sodium [Moles/volume] in Serum or Plasma"))},
        ),
        ("AllergyIntolerance", {"code": concept("Penicillin G")}),
    ],
)
def test_passed_over(needed: Relevance, kind: str, elements: dict[str, Any]) -> None:
    assert not is_needed(needed, kind, **elements)
    assert not is_needed(needed, kind, **elements), "remembered"


@pytest.mark.parametrize(
    ("kind", "elements"),
    [
        ("MedicationRequest", {"medicationCodeableConcept": OXYCODONE}),
        ("MedicationRequest", {"medicationCodeableConcept": concept("Oxycontin 20 mg")}),
        (
            "MedicationRequest",
            {"medicationCodeableConcept": LISINOPRIL, "medicationReference": {"reference": "#m"}},
        ),
        ("MedicationRequest", {"medication": {"concept": LISINOPRIL}}),
        ("MedicationRequest", {"medicationCodeableConcept": {"coding": {"code": "a list was due"}}}),
        ("MedicationRequest", {"medicationCodeableConcept": {}}),
        ("MedicationRequest", {"medicationCodeableConcept": concept(None, ("urn:own", "12345", None))}),
        ("MedicationRequest", {}),
        ("MedicationRequest", {"medicationCodeableConcept": concept("COMPOUNDED MEDICATION")}),
        ("MedicationStatement", {"medicationCodeableConcept": concept("loperamide 2 mg")}),
        ("Condition", {"code": concept("Pregnancy")}),
        ("Condition", {"code": 7}),
        ("Condition", {}),
        ("Observation", {"code": concept(None, (LOINC, "1742-6", "ALT"))}),
        ("Observation", {"code": concept("Vital signs"), "component": [{"code": concept("Opiates urine")}]}),
        ("AllergyIntolerance", {"code": concept("naltrexone")}),
        ("AllergyIntolerance", {"code": concept("Lactose")}),
        ("AllergyIntolerance", {"code": concept("Drug"), "reaction": [{"substance": concept("naltrexone")}]}),
        ("AllergyIntolerance", {"substance": concept("Penicillin G")}),
        ("AllergyIntolerance", {"code": concept("Penicillin G"), "substance": concept("naltrexone")}),
        ("Procedure", {"status": "preparation"}),
        ("Patient", {}),
        ("Medication", {"code": LISINOPRIL}),
    ],
)
def test_never_passed_over(needed: Relevance, kind: str, elements: dict[str, Any]) -> None:
    assert is_needed(needed, kind, **elements)


def everyone() -> Iterator[Any]:
    for name in all_names():
        yield from load(name).transaction(NOW)["entry"]


def test_names_of_the_scenarios_are_remembered_without_their_words(needed: Relevance) -> None:
    """The memory holds numbers and our own answers, nothing that was sent."""
    for entry in everyone():
        if entry["resource"]["resourceType"] in {"MedicationRequest", "Condition", "Observation"}:
            judged(needed, entry["resource"])
    memories = (needed._medicine, needed._problem, needed._measure)
    assert all(len(memory) > 5 for memory in memories)
    for memory in memories:
        assert all(type(key) is int and type(kept) is bool for key, kept in memory._answers.items())


def test_a_memory_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("cds_service.knowledge.memory.MOST_REMEMBERED", 10)
    memory: Memory[int] = Memory()
    for number in range(100):
        assert memory.ask(f"name {number}", lambda number=number: number) == number
        assert len(memory) <= 10


def test_a_memory_works_out_once() -> None:
    memory: Memory[bool] = Memory()
    asked: list[str] = []
    for _ in range(3):
        assert memory.ask("pregnant", lambda: bool(asked.append("pregnant")) or True)
    assert asked == ["pregnant"]
    memory.forget()
    memory.ask("pregnant", lambda: bool(asked.append("again")) or True)
    assert asked == ["pregnant", "again"]
