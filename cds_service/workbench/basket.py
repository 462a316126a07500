"""Orders that are tried: the request made of them, and what taking a suggestion does to them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any
from uuid import uuid4

from msgspec.structs import asdict

from cds_service.cds_hooks.hooks import Hook
from cds_service.workbench.orders import OrderForm, medicine_name, read

Json = dict[str, Any]


@dataclass(frozen=True, slots=True)
class Taken:
    """The basket after a suggestion: which order is in the form, and which of its fields changed."""

    basket: list[Json]
    editing: int
    changed: tuple[str, ...]


def reference(resource: Json) -> str:
    """``Type/id``."""
    return f"{resource.get('resourceType')}/{resource.get('id')}"


def request_of(hook: Hook, patient_id: str, drafts: Sequence[Json], selected: Sequence[Json]) -> Json:
    """A CDS Hooks request for ``drafts``, without prefetch; ``selected`` are those in focus."""
    bundle = {"resourceType": "Bundle", "type": "collection", "entry": [{"resource": d} for d in drafts]}
    context: Json = {
        "userId": "Practitioner/ldn-prescriber",
        "patientId": patient_id,
        hook.orders_field: bundle,
    }
    if hook.selects and selected:
        context["selections"] = [reference(draft) for draft in selected]
    return {"hook": hook.name, "hookInstance": str(uuid4()), "context": context}


def take(basket: Sequence[Json], editing: int, actions: Sequence[Json]) -> Taken:
    """``basket`` after all ``actions`` of a suggestion: update, create, delete by ``Type/id``."""
    before = basket[editing] if editing < len(basket) else {}
    orders = list(basket)
    for action in actions:
        orders = _applied(orders, action)
    kept = next((i for i, order in enumerate(orders) if reference(order) == reference(before)), None)
    shown = kept if kept is not None else max(0, min(editing, len(orders) - 1))
    after = orders[shown] if orders else {}
    return Taken(orders, shown, _differences(read(before), read(after)) if kept is not None else ())


def _applied(orders: list[Json], action: Json) -> list[Json]:
    resource = action.get("resource") or {}
    if action.get("type") == "delete":
        gone = action.get("resourceId") or reference(resource)
        gone = gone[0] if isinstance(gone, list) else gone
        return [order for order in orders if reference(order) != gone]
    if action.get("type") == "update":
        return [resource if reference(order) == reference(resource) else order for order in orders]
    return [*orders, resource] if action.get("type") == "create" else orders


def _differences(before: OrderForm, after: OrderForm) -> tuple[str, ...]:
    new = asdict(after)
    return tuple(field for field, value in asdict(before).items() if new[field] != value)


def name(resource: Json) -> str:
    """What an order is called in the list of the basket: a medicine, or the test a suggestion added."""
    code = resource.get("code") or {}
    code = code.get("concept") or code
    display = next((c.get("display") for c in code.get("coding", []) if c.get("display")), None)
    return medicine_name(resource) or code.get("text") or display or "order without a drug"
