"""Rules of form, checked on the discovery document and on every answer that came (T, D, C, S, I)."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from typing import Any

from cds_service.cds_hooks import HOOKS, HookRequest, parse_request
from cds_service.cds_hooks.validation import Violation, validate_discovery, validate_response
from cds_service.conformance.results import Seen, failed, not_applicable, passed, untestable
from cds_service.conformance.target import Exchange
from cds_service.errors import ServiceError

Json = dict[str, Any]

_INFERNO = {
    "I4": ("C1",),
    "I5": ("C3", "C4", "C5"),
    "I6": ("C8", "C9", "T4"),
    "I7": ("C10", "C11"),
    "I8": ("C13",),
    "I9": ("C14", "C15"),
    "I10": ("S1", "S3"),
    "I11": ("S4", "S5", "S6", "S8"),
}
"""What Inferno asks, by the rules that say the same."""


def on_discovery(document: Any) -> Iterator[Seen]:
    """D2 to D13, T4 and T5 of the discovery document."""
    violations = validate_discovery(document)
    services = document.get("services", []) if isinstance(document, dict) else []
    yield from _broken(violations, "discovery")
    shown: dict[str, bool] = {
        "D2": True,
        "D3": bool(services),
        "D4": bool(services),
        "D5": _any(services, "prefetch"),
        "D6": _any(services, "prefetch"),
        "D7": _any(services, "prefetch"),
        "D8": _any(services, "prefetch"),
        "D9": _any(services, "prefetch"),
        "D11": _any(services, "version"),
        "D12": _any(services, "hookVersion"),
        "D13": len(services) > 1,
    }
    yield from _clean(shown, violations)
    if _any(services, "usageRequirements"):
        yield passed("D10")
    else:
        yield not_applicable("D10", "none given")


def _any(services: Iterable[Any], name: str) -> bool:
    return any(isinstance(service, dict) and name in service for service in services)


def on_answers(answers: Sequence[tuple[Json, Exchange]]) -> Iterator[Seen]:
    """C*, S*, T2, T4, T5 and I* over all 200 answers, each with the request it answers."""
    violations: list[Violation] = []
    documents = []
    for body, exchange in answers:
        documents.append(exchange.document)
        violations += validate_response(exchange.document, _request(body))
    if not documents:
        return
    yield from _broken(violations, "answer")
    shown = {row: is_there(documents) for row, is_there in _SHOWN.items()}
    yield from _clean(shown, violations)
    broken = {violation.rule for violation in violations}
    for row, rules in _INFERNO.items():
        if broken & set(rules):
            yield failed(row, f"see {', '.join(sorted(broken & set(rules)))}")
        elif any(shown.get(rule) for rule in rules):
            yield passed(row)
        else:
            yield not_applicable(row, "none seen")
    yield from _matched(violations, shown)


def _matched(violations: Sequence[Violation], shown: dict[str, bool]) -> Iterator[Seen]:
    """I12: what an action names is in the draft."""
    strays = [v for v in violations if "I12" in v.message]
    if strays:
        yield from (failed("I12", f"{v.path}: {v.message}") for v in strays)
    elif shown["S7"] or shown["S8"]:
        yield passed("I12")
    else:
        yield not_applicable("I12", "no update or delete seen")


def _request(body: Json) -> HookRequest | None:
    hook = HOOKS.get(str(body.get("hook")))
    if hook is None:
        return None
    try:
        return parse_request(json.dumps(body).encode(), hook)
    except ServiceError:
        return None


def _broken(violations: Iterable[Violation], where: str) -> Iterator[Seen]:
    for violation in violations:
        yield failed(violation.rule, f"{where}, {violation.path}: {violation.message}")


def _clean(shown: dict[str, bool], violations: Iterable[Violation]) -> Iterator[Seen]:
    broken = {violation.rule for violation in violations}
    for row, is_there in shown.items():
        if is_there and row not in broken:
            yield passed(row)
        elif row not in broken:
            yield not_applicable(row, "none seen")


# --- what there was to check -------------------------------------------------

Documents = Sequence[Any]


def _cards(documents: Documents) -> Iterator[Json]:
    for document in documents:
        cards = document.get("cards") if isinstance(document, dict) else None
        yield from (card for card in cards or () if isinstance(card, dict))


def _inside(name: str) -> Callable[[Documents], bool]:
    return lambda documents: any(card.get(name) for card in _cards(documents))


def _suggestions(documents: Documents) -> Iterator[Json]:
    for card in _cards(documents):
        found = card.get("suggestions")
        yield from (one for one in found or () if isinstance(one, dict))


def _actions(documents: Documents) -> Iterator[Json]:
    for suggestion in _suggestions(documents):
        found = suggestion.get("actions")
        yield from (one for one in found or () if isinstance(one, dict))
    for document in documents:
        found = document.get("systemActions") if isinstance(document, dict) else None
        yield from (one for one in found or () if isinstance(one, dict))


def _action(kind: str) -> Callable[[Documents], bool]:
    return lambda documents: any(action.get("type") == kind for action in _actions(documents))


def _any_action(documents: Documents) -> bool:
    return any(True for _ in _actions(documents))


def _any_card(documents: Documents) -> bool:
    return any(True for _ in _cards(documents))


def _sources(name: str) -> Callable[[Documents], bool]:
    return lambda documents: any(
        isinstance(card.get("source"), dict) and name in card["source"] for card in _cards(documents)
    )


def _has(name: str, things: Callable[[Documents], Iterator[Json]]) -> Callable[[Documents], bool]:
    return lambda documents: any(name in thing for thing in things(documents))


def _always(documents: Documents) -> bool:
    return True


_SHOWN: dict[str, Callable[[Documents], bool]] = {
    "T2": lambda documents: any("resource" in action for action in _actions(documents)),
    "T4": _always,
    "T5": _always,
    "C1": _always,
    "C2": lambda documents: any("systemActions" in d for d in documents if isinstance(d, dict)),
    "C3": _any_card,
    "C4": _any_card,
    "C5": _any_card,
    "C6": lambda documents: _sources("url")(documents) or _sources("icon")(documents),
    "C7": _sources("topic"),
    "C8": _any_card,
    "C9": _inside("detail"),
    "C10": _inside("suggestions"),
    "C11": _inside("selectionBehavior"),
    "C12": _inside("suggestions"),
    "C13": _inside("overrideReasons"),
    "C14": _inside("links"),
    "C15": _inside("links"),
    "C16": _inside("links"),
    "S1": _inside("suggestions"),
    "S2": _has("isRecommended", _suggestions),
    "S3": _any_action,
    "S4": _any_action,
    "S5": _any_action,
    "S6": _action("create"),
    "S7": _action("update"),
    "S8": _action("delete"),
    "S9": _inside("suggestions"),
    "S10": lambda documents: any("resource" in action for action in _actions(documents)),
}


def beyond_reach() -> Iterator[Seen]:
    """Rules that nobody can see from outside."""
    for row in ("R6", "I13"):
        yield not_applicable(row, "a rule for clients")
    yield not_applicable("S11", "an agreement, not a message")
    yield untestable("F6", "not visible from outside")
