"""Answers: cards and what stands on them (C1 to C16, I4 to I9, cds-resp-*)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cds_service.cds_hooks.request import HookRequest
from cds_service.cds_hooks.validation import checks
from cds_service.cds_hooks.validation.actions import Draft, action_violations, suggestion_violations
from cds_service.cds_hooks.validation.checks import Violation

SUMMARY_LIMIT = 140
_INDICATORS = ("info", "warning", "critical")
_CODE = re.compile(r"```.*?```|`[^`\n]*`", re.DOTALL)
_HTML = re.compile(r"(?<!\\)<(?:/?[A-Za-z][A-Za-z0-9-]*(?:\s[^<>]*|/)?>|!--|\?|![A-Z])")


def validate_response(
    response: object, request: HookRequest | None = None, *, trial_use: bool = False
) -> list[Violation]:
    """Every rule of C*, S*, cds-resp-*, T4 and I4 to I12 that a machine can check.

    With the request, actions are matched with its draft, if its hook has one (S6, S7, S8, S10, I12).
    ``trial_use`` says that the client announced ``actionSelectionBehavior`` (S9).
    """
    if not isinstance(response, dict):
        return [Violation("C1", "$", "Expected an object")]
    draft = Draft(request.orders) if request and request.hook.orders_field else None
    violations = list(
        checks.no_empty_values(response, "$", ("$.cards",) if response.get("cards") == [] else ())
    )
    violations += checks.extension(response, "$")
    violations += _cards(response, draft, trial_use)
    violations += _system_actions(response, draft)
    return violations


def _cards(response: dict[str, Any], draft: Draft | None, trial_use: bool) -> Iterator[Violation]:
    cards = response.get("cards")
    if not isinstance(cards, list):
        yield Violation("C1", "$.cards", "Expected an array")
        return
    if cards:
        yield from checks.array(response, "cards", "$", "C1")
    for path, card in checks.items(response, "cards", "$"):
        yield from _card(card, path)
        for suggestion_path, suggestion in checks.items(card, "suggestions", path):
            yield from suggestion_violations(suggestion, suggestion_path, draft, trial_use)
    yield from _unique_uuids(response)


def _system_actions(response: dict[str, Any], draft: Draft | None) -> Iterator[Violation]:
    extension = response.get("extension")
    if isinstance(extension, dict) and "systemActions" in extension:
        yield Violation("C2", "$.extension.systemActions", "systemActions stand at the top level")
    yield from checks.array(response, "systemActions", "$", "C2")
    for path, action in checks.items(response, "systemActions", "$"):
        yield from action_violations(action, path, draft)


def _card(card: dict[str, Any], path: str) -> Iterator[Violation]:
    yield from _summary(card, path)
    yield from _detail(card, path)
    yield from checks.one_of(card, "indicator", _INDICATORS, path, "C4")
    yield from _source(card, path)
    yield from checks.text(card, "uuid", path, "C8")
    yield from _selection(card, path)
    yield from checks.array(card, "overrideReasons", path, "C13")
    for reason_path, reason in checks.items(card, "overrideReasons", path):
        for name in ("code", "system"):
            yield from checks.text(reason, name, reason_path, "C13")
        yield from checks.text(reason, "display", reason_path, "C13", invariant="cds-resp-4: ")
    yield from checks.array(card, "links", path, "C14")
    for link_path, link in checks.items(card, "links", path):
        yield from _link(link, link_path)
    yield from checks.extension(card, path)


def _summary(card: dict[str, Any], path: str) -> Iterator[Violation]:
    yield from checks.text(card, "summary", path, "C3")
    summary = card.get("summary")
    if not isinstance(summary, str):
        return
    if len(summary) >= SUMMARY_LIMIT:
        yield Violation(
            "C3", f"{path}.summary", f"{len(summary)} characters; fewer than {SUMMARY_LIMIT} allowed"
        )
    if len(summary.splitlines()) > 1:
        yield Violation("C3", f"{path}.summary", "More than one line")


def _detail(card: dict[str, Any], path: str) -> Iterator[Violation]:
    yield from checks.optional_text(card, "detail", path, "C9")
    detail = card.get("detail")
    if isinstance(detail, str) and _HTML.search(_CODE.sub("", detail)):
        yield Violation("C9", f"{path}.detail", "HTML in the markdown: some clients render it as it is")


def _source(card: dict[str, Any], path: str) -> Iterator[Violation]:
    source, path = card.get("source"), f"{path}.source"
    if not isinstance(source, dict):
        yield Violation("C5", path, "Expected an object")
        return
    yield from checks.text(source, "label", path, "C5")
    for name in ("url", "icon"):
        if name in source:
            yield from checks.url(source, name, path, "C6")
    if "topic" not in source:
        return
    topic = source["topic"]
    for name in ("code", "system"):
        yield from checks.text(topic if isinstance(topic, dict) else {}, name, f"{path}.topic", "C7")


def _selection(card: dict[str, Any], path: str) -> Iterator[Violation]:
    """Suggestions as a group: C10 to C12 and S2."""
    yield from checks.array(card, "suggestions", path, "S1")
    suggestions = [suggestion for _, suggestion in checks.items(card, "suggestions", path)]
    behavior = card.get("selectionBehavior")
    if suggestions and behavior is None:
        yield Violation("C10", f"{path}.selectionBehavior", "cds-resp-6: required with suggestions")
    if behavior is not None:
        yield from checks.one_of(card, "selectionBehavior", ("at-most-one", "any"), path, "C11")
    recommended = sum(suggestion.get("isRecommended") is True for suggestion in suggestions)
    if behavior == "at-most-one" and recommended > 1:
        yield Violation("C12", f"{path}.suggestions", "cds-resp-1: more than one is recommended")
    if recommended and len(suggestions) == 1:
        yield Violation("S2", f"{path}.suggestions", "Recommended among one")


def _link(link: dict[str, Any], path: str) -> Iterator[Violation]:
    yield from checks.text(link, "label", path, "C14")
    yield from checks.url(link, "url", path, "C14")
    yield from checks.one_of(link, "type", ("absolute", "smart"), path, "C14")
    yield from checks.optional_text(link, "appContext", path, "C15")
    if "appContext" in link and link.get("type") != "smart":
        yield Violation("C15", f"{path}.appContext", "cds-resp-3: on SMART links only")
    if "autolaunchable" in link and link["autolaunchable"] is not False:
        yield Violation("C16", f"{path}.autolaunchable", "The card might stay unseen")


def _unique_uuids(response: dict[str, Any]) -> Iterator[Violation]:
    """C8, S1: feedback names cards and suggestions by nothing else."""
    seen = set[str]()
    for path, holder in _holders_of_uuids(response):
        value = holder.get("uuid")
        if isinstance(value, str) and value in seen:
            yield Violation("C8", f"{path}.uuid", "Not unique")
        elif isinstance(value, str):
            seen.add(value)


def _holders_of_uuids(response: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any]]]:
    for path, card in checks.items(response, "cards", "$"):
        yield path, card
        yield from checks.items(card, "suggestions", path)
