"""Feedback on cards: what the user did with them (conformance section 7)."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any, Literal, TypeGuard, get_args

import msgspec

from cds_service.cds_hooks.discovery import CallContext, Service
from cds_service.cds_hooks.envelope import Members, read_document, read_object
from cds_service.cds_hooks.response import Coding
from cds_service.errors import InvalidRequest, MissingField, PayloadTooLarge

Outcome = Literal["accepted", "overridden"]
_OUTCOMES: tuple[str, ...] = get_args(Outcome)
EPIC_OVERRIDE_REASON = "com.epic.cdshooks.feedback.overrideReason"
_TIMESTAMP = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d:\d\d(\.\d+)?([Zz]|[+-]\d\d:\d\d)")


@dataclass(frozen=True, slots=True)
class FeedbackItem:
    """One item; ``outcome_timestamp`` is in UTC. ``index`` and ``path`` are its place in the body."""

    index: int
    path: str
    card: str
    outcome: Outcome
    outcome_timestamp: datetime
    accepted_suggestions: tuple[str, ...] = ()
    override_reason: Coding | None = None
    user_comment: str | None = None


@dataclass(frozen=True, slots=True)
class RefusedItem:
    """An item that was not taken, its neighbours notwithstanding; ``reason`` holds no patient data.

    ``code`` is the FHIR issue type: ``not-found`` for a card or suggestion that this client was not served.
    """

    index: int
    path: str
    reason: str
    code: str = "invalid"


FeedbackSink = Callable[[Service, Sequence[FeedbackItem], CallContext], Sequence[RefusedItem]]
"""Takes the readable items of one call; returns those it refuses.

A card of another client is refused like one that never was (F9). It may raise a
:class:`~cds_service.errors.ServiceError` to refuse the call: ``Unavailable`` without a store.
It must be idempotent on (card, outcome, outcomeTimestamp, suggestion) (F5).
"""


def acknowledge(service: Service, items: Sequence[FeedbackItem], call: CallContext) -> Sequence[RefusedItem]:
    """A sink that keeps nothing."""
    return ()


def parse_feedback(body: bytes, most: int) -> list[FeedbackItem | RefusedItem]:
    """The items of a feedback body in order, each read on its own (F1 to F5).

    Raises :class:`~cds_service.errors.InvalidRequest` if there is no array of items,
    :class:`~cds_service.errors.PayloadTooLarge` if there are more than ``most``.
    """
    document = read_document(body)
    raws = document.array("feedback")
    if not raws:
        raise MissingField("feedback is required, with at least one item", path="$.feedback")
    if len(raws) > most:
        raise PayloadTooLarge(f"More than {most} items")
    return [_read_item(raw, index) for index, raw in enumerate(raws)]


def refusal_outcome(refused: Sequence[RefusedItem]) -> dict[str, Any]:
    """An OperationOutcome that lists the refused items."""
    return {
        "resourceType": "OperationOutcome",
        "issue": [
            {"severity": "error", "code": item.code, "diagnostics": item.reason, "expression": [item.path]}
            for item in refused
        ],
    }


def _read_item(raw: msgspec.Raw, index: int) -> FeedbackItem | RefusedItem:
    path = f"$.feedback[{index}]"
    try:
        return _item(read_object(bytes(raw), path), index)
    except InvalidRequest as error:
        return RefusedItem(index, error.path or path, error.diagnostics)


def _item(members: Members, index: int) -> FeedbackItem:
    outcome = members.required_text("outcome")
    if not _is_outcome(outcome):
        raise InvalidRequest("cds-fb-1: Expected accepted or overridden", path=members.path_of("outcome"))
    accepted = _accepted_suggestions(members)
    if outcome == "accepted" and not accepted:
        raise MissingField(
            "cds-fb-2: acceptedSuggestions is required", path=members.path_of("acceptedSuggestions")
        )
    reason, comment = _override(members)
    return FeedbackItem(
        index=index,
        path=members.path,
        card=members.required_text("card"),
        outcome=outcome,
        outcome_timestamp=_timestamp(members),
        accepted_suggestions=accepted,
        override_reason=reason,
        user_comment=comment,
    )


def _is_outcome(value: str) -> TypeGuard[Outcome]:
    return value in _OUTCOMES


def _timestamp(members: Members) -> datetime:
    """RFC 3339 (F2); any offset is taken and turned into UTC."""
    value, path = members.required_text("outcomeTimestamp"), members.path_of("outcomeTimestamp")
    if not _TIMESTAMP.fullmatch(value):
        raise InvalidRequest("Expected an RFC 3339 date-time", path=path)
    try:
        return datetime.fromisoformat(value.upper()).astimezone(UTC)
    except (ValueError, OverflowError) as error:
        raise InvalidRequest("Expected an RFC 3339 date-time", path=path) from error


def _accepted_suggestions(members: Members) -> tuple[str, ...]:
    path = members.path_of("acceptedSuggestions")
    ids = (
        read_object(bytes(raw), f"{path}[{index}]").required_text("id")
        for index, raw in enumerate(members.array("acceptedSuggestions"))
    )
    return tuple(dict.fromkeys(ids))  # one named twice is accepted once


def _override(members: Members) -> tuple[Coding | None, str | None]:
    """The reason and the comment of ``overrideReason``, also under Epic's plural name (F4, F7)."""
    given = members.object("overrideReason") or _plural(members)
    if given is None:
        return None, None
    reason = _coding(given.object("reason")) or _epic_reason(given.object("extension"))
    comment = given.text("userComment")
    if reason is None and comment is None:
        raise MissingField("cds-fb-3: reason or userComment is required", path=given.path)
    return reason, comment


def _plural(members: Members) -> Members | None:
    """Epic's ``overrideReasons``: an object in spite of its name; of an array the first is taken (F7)."""
    raw, path = members.raw("overrideReasons"), members.path_of("overrideReasons")
    if raw is None:
        return None
    if not bytes(raw).startswith(b"["):
        return read_object(bytes(raw), path)
    items = members.array("overrideReasons")
    return read_object(bytes(items[0]), f"{path}[0]") if items else None


def _coding(members: Members | None) -> Coding | None:
    """A Coding as it comes back: ``display`` is not needed (F4), a lacking ``system`` is empty."""
    if members is None:
        return None
    code, display = members.required_text("code"), members.text("display")
    return Coding(code=code, system=members.text("system") or "", display=display)


def _epic_reason(extension: Members | None) -> Coding | None:
    """Epic's own override reason, for which it has no Coding (F7)."""
    if extension is None:
        return None
    category = extension.text(f"{EPIC_OVERRIDE_REASON}.reasonCategory")
    display = extension.text(f"{EPIC_OVERRIDE_REASON}.reasonDisplay")
    title = extension.text(f"{EPIC_OVERRIDE_REASON}.reasonTitle")
    code = category or title or display
    return Coding(code=code, system=EPIC_OVERRIDE_REASON, display=display or title) if code else None
