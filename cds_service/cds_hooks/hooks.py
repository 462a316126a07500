"""The hooks served: their context fields and what a prefetch token may name (conformance section 9).

https://cds-hooks.org/hooks/ is the register of hooks.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType


@dataclass(frozen=True, slots=True)
class Hook:
    """One hook: its ``hookVersion`` (D12) and the shape of its context (R9).

    ``selects`` says that the context names the orders in focus (order-select);
    ``prefetch_tokens`` are the context fields marked *Prefetch Token: Yes* (D7).
    """

    name: str
    version: str
    orders_field: str
    selects: bool = False
    prefetch_tokens: frozenset[str] = frozenset({"userId", "patientId", "encounterId"})


MEDICATION_PRESCRIBE = Hook("medication-prescribe", "1.0", "medications")
ORDER_SELECT = Hook("order-select", "1.0", "draftOrders", selects=True)
ORDER_SIGN = Hook("order-sign", "1.0", "draftOrders")

HOOKS: Mapping[str, Hook] = MappingProxyType(
    {hook.name: hook for hook in (MEDICATION_PRESCRIBE, ORDER_SELECT, ORDER_SIGN)}
)
