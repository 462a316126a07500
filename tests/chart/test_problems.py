"""Problems and allergies as a card shows them."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from tests.chart.builders import OXYCODONE, PATIENT, TODAY, ago, chart, condition


def allergy(*manifestations: str, **elements: Any) -> dict[str, Any]:
    """An R4 allergy to naltrexone."""
    return {
        "resourceType": "AllergyIntolerance",
        "id": "a1",
        "patient": PATIENT,
        "code": {"text": "naltrexone"},
        "reaction": [{"manifestation": [{"text": text} for text in manifestations]}],
        **elements,
    }


@pytest.mark.parametrize(
    ("manifestations", "facts", "intolerance"),
    [
        (("Nausea",), ("reaction: nausea",), True),
        (("Vivid dreams", "Rash"), ("reaction: dreams", "reaction: rash"), False),
        (("Anaphylactic shock",), ("reaction: anaphylactic",), False),
        (("Told by Jane that it was bad",), ("reaction: other",), False),
    ],
)
def test_every_reaction_is_told_in_known_words(
    manifestations: tuple[str, ...], facts: tuple[str, ...], intolerance: bool
) -> None:
    (found,) = chart(allergy(*manifestations)).allergies
    assert (found.evidence.facts, found.intolerance) == (facts, intolerance)


@pytest.mark.parametrize(
    ("elements", "intolerance"),
    [
        ({}, True),
        ({"type": "intolerance", "criticality": "high"}, True),
        ({"type": {"coding": [{"code": "intolerance"}]}}, True),
        ({"type": "allergy"}, False),
        ({"criticality": "high"}, False),
        ({"criticality": "CRITH"}, False),
        ({"criticality": "low"}, True),
        ({"reaction": [{"severity": "severe", "manifestation": [{"text": "Nausea"}]}]}, False),
        ({"reaction": [{"manifestation": [{}, {"text": "Nausea"}]}]}, True),
        ({"reaction": [{"description": "could not sleep"}]}, True),
        ({"reaction": []}, False),
        ({"reaction": [{"manifestation": [{}]}]}, False),
    ],
    ids=str,
)
def test_only_what_names_nothing_but_side_effects_is_an_intolerance(
    elements: dict[str, Any], intolerance: bool
) -> None:
    (found,) = chart(allergy("Nausea", **elements)).allergies
    assert found.intolerance is intolerance


@pytest.mark.parametrize(
    "elements",
    [
        {"code": {"text": "penicillin"}},
        {"code": OXYCODONE},
        {"code": {"text": "buprenorphine and naloxone"}},
        {"clinicalStatus": {"coding": [{"code": "resolved"}]}},
        {"verificationStatus": {"coding": [{"code": "refuted"}]}},
        {"status": "entered-in-error"},
    ],
    ids=str,
)
def test_no_allergy_to_naltrexone(elements: dict[str, Any]) -> None:
    assert chart(allergy("Rash", **elements)).allergies == ()


@pytest.mark.parametrize(
    "elements",
    [
        {"code": None, "substance": {"text": "naltrexone"}},
        {"code": None, "reaction": [{"substance": {"text": "naloxone"}}]},
    ],
    ids=["before R4", "in the reaction"],
)
def test_wherever_the_substance_stands(elements: dict[str, Any]) -> None:
    assert len(chart(allergy("Rash", **elements)).allergies) == 1


# --- problems ------------------------------------------------------------------

FIBROMYALGIA = ("http://hl7.org/fhir/sid/icd-10-cm", "M79.7")


@pytest.mark.parametrize(
    ("elements", "active", "facts"),
    [
        ({}, True, ()),
        ({"onsetDateTime": ago(50), "recordedDate": ago(9)}, True, ("since 3 Oct 2026",)),
        ({"onsetPeriod": {"start": ago(50)}}, True, ("since 3 Oct 2026",)),
        ({"recordedDate": ago(9)}, True, ("recorded 13 Nov 2026",)),
        ({"clinicalStatus": "remission"}, False, ("no longer active",)),
        ({"clinicalStatus": {"text": "Resolved"}}, False, ("no longer active",)),
        ({"abatementDateTime": ago(0)}, False, ("no longer active",)),
        ({"abatementDateTime": ago(-1)}, True, ()),
        ({"abatementPeriod": {"start": ago(9), "end": ago(3)}}, False, ("no longer active",)),
        ({"abatementBoolean": True}, False, ("no longer active",)),
        ({"abatementBoolean": False}, True, ()),
        ({"abatementString": "last year"}, False, ("no longer active",)),
        ({"verificationStatus": "provisional"}, True, ("not confirmed",)),
    ],
    ids=str,
)
def test_whether_a_problem_holds_and_since_when(
    elements: dict[str, Any], active: bool, facts: tuple[str, ...]
) -> None:
    (found,) = chart(condition(FIBROMYALGIA, **elements)).problems
    assert (found.active, found.evidence.facts) == (active, facts)


def test_a_period_ends_a_problem_on_its_last_day() -> None:
    (found,) = chart(condition(FIBROMYALGIA, abatementPeriod={"start": ago(9), "end": ago(3)})).problems
    assert found.abated == TODAY - timedelta(days=3)


def test_a_problem_is_named_by_its_text_else_by_its_code() -> None:
    named = chart(condition(FIBROMYALGIA, text="My fibromyalgia"), {**condition(FIBROMYALGIA), "id": "c2"})
    assert [problem.evidence.name for problem in named.problems] == ["My fibromyalgia", "M79.7"]
