"""Allergies as a card shows them."""

from __future__ import annotations

from typing import Any

import pytest

from tests.chart.builders import PATIENT, chart


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
