"""Names of medicines as the summary of a card has room for them."""

from __future__ import annotations

from collections.abc import Sequence

from cds_service.chart import listed
from cds_service.knowledge.concepts import Medicine, Role

_ROOM_FOR_NAMES = 26


def short_names(medicines: Sequence[Medicine]) -> str:
    """``oxycodone``, ``oxycodone and codeine``, ``oxycodone and 2 more``."""
    return shortened(opioid_names(medicines))


def shortened(names: Sequence[str]) -> str:
    """Two short names, else the first and how many more: what a summary has room for."""
    told = listed(list(names))
    if len(names) < 2 or (len(names) == 2 and len(told) <= _ROOM_FOR_NAMES):
        return told
    return listed([names[0], f"{len(names) - 1} more"])


def opioid_names(medicines: Sequence[Medicine]) -> list[str]:
    return list(dict.fromkeys([name for m in medicines for name in m.named(Role.OPIOID, Role.OPIOID_LIKE)]))
