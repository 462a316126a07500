"""Suggestions and actions (S1 to S10, I10 to I12, cds-resp-2, -5, -7)."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from typing import Any

import msgspec

from cds_service.cds_hooks.draft_orders import DraftOrder
from cds_service.cds_hooks.validation import checks
from cds_service.cds_hooks.validation.checks import Violation

_TYPES = ("create", "update", "delete")
_ORDER = {"delete": 0, "create": 1, "update": 2}
_BEHAVIORS = ("all", "any", "at-most-one")
_REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}")
_FIRST_WORD = re.compile(r"_?[a-z0-9]+")
# One thing under two names: which of them a client speaks depends on its FHIR version.
_RENAMED = (
    {"MedicationOrder", "MedicationRequest"},
    {"DiagnosticOrder", "ProcedureRequest", "ServiceRequest"},
)


class Draft:
    """The orders an action may name."""

    def __init__(self, orders: Iterable[DraftOrder]) -> None:
        self._orders = {order.reference: order for order in orders if order.reference}
        self._types = {order.resource_type for order in orders}

    def __contains__(self, reference: object) -> bool:
        return reference in self._orders

    def members(self, reference: str) -> set[str]:
        return set(msgspec.json.decode(self._orders[reference].raw, type=dict[str, msgspec.Raw]))

    def speaks_otherwise(self, resource_type: object) -> bool:
        """Whether the draft uses another FHIR version's name for this type (S10)."""
        return any(
            resource_type in names and resource_type not in self._types and names & self._types
            for names in _RENAMED
        )


def suggestion_violations(
    suggestion: dict[str, Any], path: str, draft: Draft | None, trial_use: bool
) -> Iterator[Violation]:
    for name in ("label", "uuid"):
        yield from checks.text(suggestion, name, path, "S1")
    yield from checks.optional_flag(suggestion, "isRecommended", path, "S2")
    yield from _action_selection(suggestion, path, trial_use)
    yield from checks.array(suggestion, "actions", path, "S3")
    actions = checks.items(suggestion, "actions", path)
    ranks = [_ORDER.get(str(action.get("type")), 0) for _, action in actions]
    if ranks != sorted(ranks):
        yield Violation("S3", f"{path}.actions", "Expected the order delete, create, update")
    for action_path, action in actions:
        yield from action_violations(action, action_path, draft)
    yield from checks.extension(suggestion, path)


def action_violations(action: dict[str, Any], path: str, draft: Draft | None) -> Iterator[Violation]:
    """One action of a suggestion or one system action; both need a description (S5, I11)."""
    yield from checks.text(action, "description", path, "S5", invariant="cds-resp-5: ")
    yield from checks.one_of(action, "type", _TYPES, path, "S4")
    if action.get("type") == "create":
        yield from _create(action, path, draft)
    elif action.get("type") == "update":
        yield from _update(action, path, draft)
    elif action.get("type") == "delete":
        yield from _delete(action, path, draft)
    yield from checks.extension(action, path)


def _action_selection(suggestion: dict[str, Any], path: str, trial_use: bool) -> Iterator[Violation]:
    if "actionSelectionBehavior" not in suggestion:
        return
    if not trial_use:
        yield Violation("S9", f"{path}.actionSelectionBehavior", "Not to be sent to this client")
    for found in checks.one_of(suggestion, "actionSelectionBehavior", _BEHAVIORS, path, "S9"):
        yield Violation(found.rule, found.path, f"cds-resp-7: {found.message}")


def _create(action: dict[str, Any], path: str, draft: Draft | None) -> Iterator[Violation]:
    yield from _resource(action, path, "S6")
    resource = action.get("resource")
    if draft is None or not isinstance(resource, dict):
        return
    if _reference(resource) in draft:
        yield Violation("S6", f"{path}.resource.id", "Creates a resource of the draft anew")
    if draft.speaks_otherwise(resource.get("resourceType")):
        yield Violation("S10", f"{path}.resource.resourceType", "The draft is of another FHIR version")


def _update(action: dict[str, Any], path: str, draft: Draft | None) -> Iterator[Violation]:
    yield from _resource(action, path, "S7")
    resource = action.get("resource")
    if not isinstance(resource, dict):
        return
    yield from checks.text(resource, "id", f"{path}.resource", "S7")
    reference = _reference(resource)
    if draft is None or reference is None:
        return
    if reference not in draft:
        yield Violation("S7", f"{path}.resource", "Names no resource of the draft (I12)")
    elif _lost(draft.members(reference), set(resource)) - _orphaned(resource):
        yield Violation("S7", f"{path}.resource", "Lacks members of the draft: send the whole resource")


def _delete(action: dict[str, Any], path: str, draft: Draft | None) -> Iterator[Violation]:
    reference = action.get("resourceId")
    if not isinstance(reference, str) or not _REFERENCE.fullmatch(reference):
        yield Violation("S8", f"{path}.resourceId", "cds-resp-2: Expected Type/id")
    elif draft is not None and reference not in draft:
        yield Violation("S8", f"{path}.resourceId", "Names no resource of the draft (I12)")
    if "resource" in action:
        yield Violation("S8", f"{path}.resource", "cds-resp-2: a delete has no resource")


def _resource(action: dict[str, Any], path: str, rule: str) -> Iterator[Violation]:
    resource = action.get("resource")
    if not isinstance(resource, dict):
        yield Violation(rule, f"{path}.resource", "Expected a resource")
        return
    yield from checks.text(resource, "resourceType", f"{path}.resource", rule)


def _reference(resource: dict[str, Any]) -> str | None:
    kind, identity = resource.get("resourceType"), resource.get("id")
    return f"{kind}/{identity}" if isinstance(kind, str) and isinstance(identity, str) else None


def _lost(before: set[str], after: set[str]) -> set[str]:
    """Members gone, but for those that became another type of a choice such as ``medication[x]``."""
    kept = {_first_word(name) for name in after}
    return {name for name in before - after if _first_word(name) not in kept}


def _orphaned(resource: dict[str, Any]) -> set[str]:
    """``contained`` may go when nothing refers into it any more (FHIR dom-3 forbids it to stay)."""
    return set() if any(r.startswith("#") for r in _references(resource)) else {"contained"}


def _references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("reference"), str):
            yield value["reference"]
        value = list(value.values())
    for item in value if isinstance(value, list) else ():
        yield from _references(item)


def _first_word(name: str) -> str:
    found = _FIRST_WORD.match(name)
    return found.group() if found else name
