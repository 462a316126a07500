"""What a service does with feedback (F)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any
from uuid import uuid4

from cds_service.conformance.calls import Tried
from cds_service.conformance.results import Seen, expect, failed, not_applicable, untestable
from cds_service.conformance.target import Exchange, Target

Json = dict[str, Any]
_ROWS = ("F1", "F2", "F3", "F4", "F5", "F7", "F8", "F9")
_REASON = {
    "code": "patient-refuses",
    "system": "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes",
}


def feedback(target: Target, tried: Tried) -> Iterator[Seen]:
    """Every rule on feedback, with a card that the service has just served."""
    card = _served(target.post(tried.path, tried.again()))
    if card is None:
        for row in _ROWS:
            yield untestable(row, "no card with a uuid was served")
        return
    path = f"{tried.path}/feedback"
    first = target.post(path, _body(_overridden(card["uuid"])))
    if first.status in (404, 405, 501):
        for row in _ROWS:
            yield not_applicable(row, f"feedback is not supported ({first.status})")
        return
    yield expect("F1", first.status < 300, f"feedback on a card: {first.status}")
    yield from _refusals(target, path, card["uuid"])
    yield from _taken(target, path, card)
    yield from _audience(target, tried, path, card["uuid"])


def _served(exchange: Exchange) -> Json | None:
    cards = exchange.document.get("cards") if isinstance(exchange.document, dict) else None
    with_uuid = [card for card in cards or () if isinstance(card, dict) and isinstance(card.get("uuid"), str)]
    return next((card for card in with_uuid if card.get("suggestions")), next(iter(with_uuid), None))


def _overridden(card: str, **members: Any) -> Json:
    """One correct item, changed; ``...`` takes a member away."""
    item: Json = {
        "card": card,
        "outcome": "overridden",
        "overrideReason": {"reason": _REASON},
        "outcomeTimestamp": datetime.now(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
    }
    return {name: value for name, value in {**item, **members}.items() if value is not ...}


def _body(*items: Json) -> Json:
    return {"feedback": list(items)}


def _refusals(target: Target, path: str, card: str) -> Iterator[Seen]:
    nothing = {"extension": {"com.example.nothing": 1}}
    bad: list[tuple[str, str, Any]] = [
        ("F1", "no array", {"feedback": _overridden(card)}),
        ("F1", "nothing", {}),
        ("F2", "the outcome ignored", _body(_overridden(card, outcome="ignored"))),
        ("F2", "no outcome", _body(_overridden(card, outcome=...))),
        ("F2", "no time", _body(_overridden(card, outcomeTimestamp=...))),
        ("F2", "a time that is none", _body(_overridden(card, outcomeTimestamp="yesterday"))),
        ("F3", "accepted without suggestions", _body(_overridden(card, outcome="accepted"))),
        ("F4", "an empty overrideReason", _body(_overridden(card, overrideReason=nothing))),
        ("F9", "a card that nobody served", _body(_overridden(str(uuid4())))),
    ]  # fmt: skip
    for row, words, body in bad:
        answer = target.post(path, body)
        yield expect(row, answer.refused, f"feedback with {words}: {answer.status}, expected 4xx")


def _taken(target: Target, path: str, card: Json) -> Iterator[Seen]:
    item = _overridden(card["uuid"])
    epic = _overridden(card["uuid"], overrideReason=..., overrideReasons={"reason": _REASON})
    good = [
        ("F5", "two items", _body(item, _overridden(card["uuid"]))),
        ("F5", "the same again", _body(item)),
        ("F7", "Epic's overrideReasons", _body(epic)),
        (
            "F4",
            "a comment alone",
            _body(_overridden(card["uuid"], overrideReason={"userComment": "not now"})),
        ),
    ]
    suggestions = card.get("suggestions")
    identity = suggestions[0].get("uuid") if isinstance(suggestions, list) and suggestions else None
    if isinstance(identity, str):
        accepted = _overridden(
            card["uuid"], outcome="accepted", overrideReason=..., acceptedSuggestions=[{"id": identity}]
        )
        good.append(("F3", "an accepted suggestion", _body(accepted)))
    elif suggestions:
        yield failed("F3", "a suggestion without uuid can never be reported as accepted")
    for row, words, body in good:
        answer = target.post(path, body)
        yield expect(row, answer.status < 300, f"feedback with {words}: {answer.status}")


def _audience(target: Target, tried: Tried, path: str, card: str) -> Iterator[Seen]:
    if target.signer is None:
        yield not_applicable("F8", "feedback is taken without a token")
        return
    if target.signer.audience:
        yield not_applicable("F8", "an audience was agreed on (--audience)")
        return
    token = target.signer.token(target.url(tried.path))
    answer = target.post(path, _body(_overridden(card)), token=token)
    yield expect("F8", answer.status == 401, f"a token for the service's URL: {answer.status}, expected 401")
