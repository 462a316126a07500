"""Hooks: their context fields and what a prefetch token may name (conformance section 9).

https://cds-hooks.org/hooks/ is the register of hooks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook: its ``hookVersion`` (D12) and the shape of its context (R9).

    A hook whose context holds nothing but ids is ``Hook("patient-view", "1.0")``.
    """

    name: str
    version: str
    orders_field: str = ""
    """The field with the Bundle of what is being ordered, booked or prescribed; empty if there is none."""
    selects: bool = False
    """Whether the context names the orders in focus (order-select)."""
    required: tuple[str, ...] = ()
    """Further fields without which a request is refused; ``patientId`` and ``orders_field`` always are."""
    prefetch_tokens: frozenset[str] = frozenset({"userId", "patientId", "encounterId"})
    """The fields marked *Prefetch Token: Yes* (D7)."""


MEDICATION_PRESCRIBE = Hook("medication-prescribe", "1.0", "medications")
ORDER_SELECT = Hook("order-select", "1.0", "draftOrders", selects=True)
ORDER_SIGN = Hook("order-sign", "1.0", "draftOrders")

HOOKS: Mapping[str, Hook] = MappingProxyType(
    {hook.name: hook for hook in (MEDICATION_PRESCRIBE, ORDER_SELECT, ORDER_SIGN)}
)
