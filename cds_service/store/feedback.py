"""What prescribers did with the cards: kept once, for the cards of the client that says so.

Whether a card was served to this client its uuid tells by itself (:mod:`cds_service.store.card_ids`),
so that feedback may come before its card is loaded, on any replica. One that does not tell
may be of a time with another key: then the table of cards is asked.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import Connection, select

from cds_service.cds_hooks import CallContext, FeedbackItem, RefusedItem, Service
from cds_service.database import insert_missing
from cds_service.store.card_ids import CardIds
from cds_service.store.schema import cards, feedback

NOT_A_CARD = "Not a card that was served to this client"
NOT_A_SUGGESTION = "Not a suggestion of this card"
_AT_A_TIME = 500
_LONGEST = 200
_GONE = str.maketrans({"\0": None})  # PostgreSQL takes none in text

Served = Mapping[str, Sequence[str]]
"""Cards that were looked up, with their suggestions."""


def refusals(
    connection: Connection, ids: CardIds, items: Sequence[FeedbackItem], call: CallContext
) -> list[RefusedItem]:
    """Those of ``items`` whose card, or one of whose suggestions, was not served to this client.

    A card of another client is refused in the same words as one that never was.
    """
    client, tenant = call.client or "", call.tenant or ""
    doubtful = {item.card for item in items if not ids.is_card_of(item.card, client, tenant)}
    # what no card's id can be is not asked for: PostgreSQL fails at a NUL, and all items with it
    served = _looked_up(connection, sorted(filter(ids.is_uuid, doubtful)), client, tenant)
    found = (_refusal(item, ids, item.card in doubtful, served) for item in items)
    return [refused for refused in found if refused is not None]


def _refusal(item: FeedbackItem, ids: CardIds, doubtful: bool, served: Served) -> RefusedItem | None:
    if doubtful and item.card not in served:
        return RefusedItem(item.index, f"{item.path}.card", NOT_A_CARD, "not-found")
    for number, suggestion in enumerate(item.accepted_suggestions):
        if suggestion not in served.get(item.card, ()) and not ids.is_suggestion_of(suggestion, item.card):
            path = f"{item.path}.acceptedSuggestions[{number}].id"
            return RefusedItem(item.index, path, NOT_A_SUGGESTION, "not-found")
    return None


def _looked_up(connection: Connection, wanted: Sequence[str], client: str, tenant: str) -> Served:
    served: dict[str, Sequence[str]] = {}
    for first in range(0, len(wanted), _AT_A_TIME):
        query = select(cards.c.card, cards.c.suggestions).where(
            cards.c.card.in_(wanted[first : first + _AT_A_TIME]),
            cards.c.client == client,
            cards.c.tenant == tenant,
        )
        served |= {row.card: row.suggestions for row in connection.execute(query)}
    return served


def keep(
    connection: Connection,
    service: Service,
    items: Sequence[FeedbackItem],
    call: CallContext,
    of_comment: Callable[[str], str | None],
) -> None:
    """Insert ``items``, a row for each suggestion taken; what is there already stays as it is (F5)."""
    received = datetime.now(UTC)
    shared = {
        "service": service.id,
        "client": call.client or "",
        "tenant": call.tenant or "",
        "received": received,
    }
    rows = [shared | row for item in items for row in _rows(item, of_comment)]
    insert_missing(connection, feedback, rows)


def _rows(item: FeedbackItem, of_comment: Callable[[str], str | None]) -> Iterator[dict[str, Any]]:
    reason = item.override_reason
    row = {
        "card": item.card,
        "outcome": item.outcome,
        "outcome_timestamp": item.outcome_timestamp,
        "reason_system": _text(reason.system) if reason else None,
        "reason_code": _text(reason.code) if reason else None,
        "comment": of_comment(item.user_comment) if item.user_comment else None,
        "commented": bool(item.user_comment),
    }
    for suggestion in item.accepted_suggestions or ("",):
        yield row | {"suggestion": suggestion}


def _text(value: str) -> str:
    return value.translate(_GONE)[:_LONGEST]
