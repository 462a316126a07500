"""A finding on its way to the prescriber, and what was said of findings before."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum

from msgspec import Struct

from cds_service.rules import Finding, Indicator
from cds_service.store.served import Mode


class Hush(StrEnum):
    """Why a finding is not shown as the rule found it (``cards.suppressed`` in the store)."""

    NOTED = "noted"
    """Critical: shown as it is, with a line on the override."""
    REPEAT = "repeat"
    """Shown as information, with the reason given before."""
    REPEAT_OMITTED = "repeat-omitted"
    """Left out: overridden before in this order."""
    SNOOZED = "snooze"
    """Left out: the topic is snoozed for this patient."""


LEFT_OUT = (Hush.REPEAT_OMITTED, Hush.SNOOZED)


class Alert(Struct, frozen=True, gc=False):
    """``finding`` as it will be shown, or not.

    ``order`` and ``fingerprint`` are keyed hashes, by which an override of this one is found again.
    """

    finding: Finding
    order: str | None = None
    fingerprint: str | None = None
    hush: Hush | None = None
    mode: Mode = "live"

    @property
    def is_shown(self) -> bool:
        """Whether the prescriber sees it."""
        return self.mode == "live" and self.hush not in LEFT_OUT


@dataclass(frozen=True, slots=True)
class Override:
    """A card of this patient that was overridden with a reason.

    ``indicator`` is the one it was shown with; ``shown`` when the answer went out, ``at`` when the
    prescriber decided (by the EHR's clock). ``reason`` is the code of the reason, None for a comment alone.
    ``lifted``: it snoozes nothing any more.
    """

    card: str
    topic: str
    indicator: Indicator
    order: str | None
    fingerprint: str | None
    shown: datetime
    at: datetime
    reason: str | None = None
    lifted: bool = False
