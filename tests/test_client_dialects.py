"""Cards as a client can show them: what it cannot apply stands in the text, nothing is lost."""

from __future__ import annotations

import pytest

from cds_service.cds_hooks import Action, Card, Source, Suggestion
from cds_service.cds_hooks.authentication import Client
from cds_service.dialects import for_client

EPIC = Client(id="general", iss="i", jwks_url="https://ehr.example.org", dialect="epic")
STANDARD = Client(id="other", iss="o", jwks_url="https://ehr.example.org")
REMOVE = Action(type="delete", description="Remove the order", resource_id="MedicationRequest/1")
UPDATE = Action(
    type="update", description="1.5 mg at bedtime", resource={"resourceType": "MedicationRequest"}
)
TEST = Action(type="create", description="Draft: hCG *urine*", resource={"resourceType": "ServiceRequest"})
ORDER = Action(type="create", description="New order", resource={"resourceType": "MedicationRequest"})


def card(*suggestions: Suggestion) -> Card:
    return Card(
        summary="s",
        indicator="info",
        source=Source(label="l"),
        detail="First line",
        suggestions=suggestions,
        selection_behavior="at-most-one" if suggestions else None,
    )


def suggestion(label: str, *actions: Action) -> Suggestion:
    return Suggestion(label=label, uuid="u", actions=actions)


@pytest.mark.parametrize("client", [None, STANDARD])
def test_others_get_the_cards_as_they_are(client: Client | None) -> None:
    cards = [card(suggestion("Start", UPDATE))]
    assert for_client(cards, client) is cards


@pytest.mark.parametrize("action", [REMOVE, ORDER])
def test_epic_keeps_what_it_can_apply(action: Action) -> None:
    (shown,) = for_client([card(suggestion("Do it", action))], EPIC)
    assert [s.label for s in shown.suggestions] == ["Do it"]
    assert shown.selection_behavior == "any"
    assert shown.detail == "First line"


@pytest.mark.parametrize("actions", [(UPDATE,), (TEST,), (REMOVE, ORDER)])
def test_what_epic_cannot_apply_is_for_the_hand(actions: tuple[Action, ...]) -> None:
    (shown,) = for_client([card(suggestion("Do it", *actions), suggestion("Remove", REMOVE))], EPIC)
    assert [s.label for s in shown.suggestions] == ["Remove"]
    assert shown.detail is not None
    assert shown.detail.startswith("First line\n\n**To enter by hand**\n\n- Do it: ")


def test_the_words_are_escaped() -> None:
    (shown,) = for_client([card(suggestion("Test", TEST))], EPIC)
    assert not shown.suggestions
    assert shown.selection_behavior is None
    assert shown.detail == "First line\n\n**To enter by hand**\n\n- Test: Draft: hCG \\*urine\\*"


def test_a_card_without_suggestions_stays() -> None:
    assert for_client([card()], EPIC) == [card()]
