"""Cards as a client can show them, where it shows less than the specification allows.

Epic takes one action a suggestion, to create or delete a MedicationRequest, and
``any`` as the only selection behaviour (Epic on FHIR, CDS Hooks; docs/clients.md). What
its user cannot take with one click stands in the text of the card instead.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from cds_service.cards import escape
from cds_service.cds_hooks import Card, Suggestion
from cds_service.cds_hooks.authentication import Client

_TYPE = "MedicationRequest"
_LONGEST = 400


def for_client(cards: Sequence[Card], client: Client | None) -> Sequence[Card]:
    """``cards`` in the dialect of ``client``; nobody in particular gets them as they are."""
    if client is None or client.dialect == "standard":
        return cards
    return [_for_epic(card) for card in cards]


def _for_epic(card: Card) -> Card:
    kept = [suggestion for suggestion in card.suggestions if _epic_takes(suggestion)]
    by_hand = [suggestion for suggestion in card.suggestions if not _epic_takes(suggestion)]
    detail = "\n\n".join(part for part in (card.detail, _by_hand(by_hand)) if part)
    return msgspec.structs.replace(
        card, suggestions=kept, selection_behavior="any" if kept else None, detail=detail or None
    )


def _epic_takes(suggestion: Suggestion) -> bool:
    if len(suggestion.actions) != 1:
        return False
    (action,) = suggestion.actions
    if action.type == "delete":
        return (action.resource_id or "").startswith(f"{_TYPE}/")
    resource = action.resource
    return action.type == "create" and isinstance(resource, dict) and resource.get("resourceType") == _TYPE


def _by_hand(suggestions: Sequence[Suggestion]) -> str:
    if not suggestions:
        return ""
    lines = [f"- {_in_words(suggestion)}" for suggestion in suggestions]
    return "\n".join(["**To enter by hand**", "", *lines])


def _in_words(suggestion: Suggestion) -> str:
    described = "; ".join(action.description for action in suggestion.actions if action.description)
    words = suggestion.label if described in ("", suggestion.label) else f"{suggestion.label}: {described}"
    return escape(words, _LONGEST)
