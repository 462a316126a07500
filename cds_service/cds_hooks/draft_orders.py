"""The orders in a request's Bundle, each kept as it was sent (S7 asks for the whole resource back)."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from cds_service.cds_hooks.envelope import Members
from cds_service.errors import InvalidRequest


class DraftOrder(msgspec.Struct, frozen=True):
    """One order of the draft.

    ``raw`` is the resource's JSON exactly as sent, ``content`` the same decoded;
    ``path`` its place in the request, such as
    ``$.context.draftOrders.entry[0].resource``. ``selected``
    is true for an order in focus: one named by ``context.selections`` of
    order-select, and every order of the other hooks.
    """

    raw: msgspec.Raw
    content: Mapping[str, Any]
    resource_type: str
    id: str | None
    path: str
    selected: bool = True
    full_url: str | None = None

    @property
    def reference(self) -> str | None:
        """``Type/id``, by which an action names this order (S8); none without an id."""
        return f"{self.resource_type}/{self.id}" if self.id else None


class _Entry(msgspec.Struct, gc=False):
    """An entry; published requests also put the resource itself in its place."""

    resource: msgspec.Raw = msgspec.Raw(b"")
    fullUrl: Any = None


_entry = msgspec.json.Decoder(_Entry)


def read_orders(bundle: Members) -> tuple[list[DraftOrder], list[str]]:
    """The orders of a Bundle, and the JSON paths of entries that cannot be read.

    A Bundle without ``type`` (the sandbox), ``entry`` or ``resourceType`` is
    tolerated; an entry that cannot be read never costs its neighbours.
    """
    if bundle.text("resourceType") not in (None, "Bundle"):
        raise InvalidRequest("Expected a Bundle", path=bundle.path_of("resourceType"))
    orders: list[DraftOrder] = []
    unreadable: list[str] = []
    entries = bundle.path_of("entry")
    for index, raw in enumerate(bundle.array("entry")):
        path = f"{entries}[{index}]"
        order = _read_entry(raw, path)
        if order is None:
            unreadable.append(path)
        else:
            orders.append(order)
    return orders, unreadable


def select(orders: list[DraftOrder], selections: Iterable[str]) -> tuple[list[DraftOrder], bool]:
    """Mark the orders that ``selections`` name; also whether each selection names one.

    A missing list, or one that names nothing in the Bundle, says nothing about
    the focus: then every order is in focus, because a check left out is the
    worse error.
    """
    wanted = {_local(selection) for selection in selections}
    names = [_names(order) for order in orders]
    known = set[str]().union(*names)
    if not wanted & known:
        return orders, not wanted
    marked = [
        order if own & wanted else msgspec.structs.replace(order, selected=False)
        for order, own in zip(orders, names, strict=True)
    ]
    return marked, wanted <= known


def _read_entry(raw: msgspec.Raw, path: str) -> DraftOrder | None:
    try:
        entry = _entry.decode(raw)
        resource, path = (entry.resource, f"{path}.resource") if len(entry.resource) else (raw, path)
        order = _read_once(resource)
    except (msgspec.DecodeError, ValueError, RecursionError):
        return None
    kind = _text(order.get("resourceType")) if isinstance(order, dict) else None
    if kind is None:
        return None
    return DraftOrder(
        raw=resource,
        content=order,
        resource_type=kind,
        id=_text(order.get("id")),
        path=path,
        full_url=_text(entry.fullUrl),
    )


def _text(value: object) -> str | None:
    return value if isinstance(value, str) and value else None


def _read_once(raw: msgspec.Raw) -> Any:
    """An order's JSON. One whose dose stands there twice is two orders: it counts as unreadable.

    What reads back as it was written repeats nothing. Where spaces or numbers are written otherwise,
    the standard library's reader alone shows repeated keys at every depth. Drafts are few and small;
    the large part of a request, prefetch, is not read here.
    """
    text = bytes(raw)
    order = msgspec.json.decode(text)
    if msgspec.json.encode(order) != text:
        json.loads(text, object_pairs_hook=_unique, parse_int=str, parse_float=str)
    return order


def _unique(pairs: list[tuple[str, Any]]) -> None:
    if len({name for name, _ in pairs}) != len(pairs):
        raise ValueError("repeated key")


def _names(order: DraftOrder) -> set[str]:
    """All that a selection may call this order by."""
    names = set[str]()
    if order.id:
        names |= {order.id, f"{order.resource_type}/{order.id}"}
    if order.full_url:
        own = _local(order.full_url)
        names |= {own, f"{order.resource_type}/{own}"}
    return names


def _local(reference: str) -> str:
    """``Type/id`` of an absolute URL, the uuid of a ``urn:uuid:``, else the reference as it is."""
    if reference.startswith("urn:uuid:"):
        return reference.removeprefix("urn:uuid:")
    path = reference.split("/_history/", 1)[0].rstrip("/")
    return "/".join(path.split("/")[-2:]) if "://" in path else path
