"""What a rule answers: findings, and what may be offered with them."""

from __future__ import annotations

from datetime import date
from enum import StrEnum
from typing import Literal

from msgspec import Struct

from cds_service.chart import Evidence, Order
from cds_service.knowledge import Schedule


class Topic(StrEnum):
    """The topic codes (``card.source.topic.code``); dashboards and EHR settings rely on them."""

    OPIOID_COPRESCRIPTION = "opioid-coprescription"
    OPIOID_WASHOUT = "opioid-washout"
    OPIOID_SIGNAL = "opioid-signal"
    OPIOID_ORDERED = "opioid-ordered-on-naltrexone"
    PERIPHERAL_OPIOID = "peripheral-opioid"
    NALTREXONE_DUPLICATE = "naltrexone-duplicate"
    PREGNANCY = "pregnancy"
    BREASTFEEDING = "breastfeeding"
    PREGNANCY_UNCLEAR = "pregnancy-unclear"
    STARTING_DOSE = "starting-dose"
    DOSE_CHECK = "dose-check"
    PRODUCT_CHECK = "product-check"
    HYPERSENSITIVITY = "hypersensitivity"
    LIVER = "liver"
    KIDNEY = "kidney"
    INTERACTION = "interaction"
    SURGERY = "surgery"
    AGE = "age"
    NOT_CHECKED = "not-checked"


class Indicator(StrEnum):
    """How urgent, in the words of CDS Hooks; ``critical`` only for what can hurt today."""

    CRITICAL = "critical"
    WARNING = "warning"
    INFO = "info"

    @property
    def rank(self) -> int:
        """0 for the most urgent."""
        return _RANKS[self]


_RANKS = {indicator: rank for rank, indicator in enumerate(Indicator)}


def worst(*indicators: Indicator) -> Indicator:
    """The most urgent of ``indicators``."""
    return min(indicators, key=_RANKS.__getitem__)


class Remove(Struct, frozen=True, gc=False):
    """Take the order out of the basket."""

    order: Order


class StartLater(Struct, frozen=True, gc=False):
    """Keep the order as it is, to start on ``not_before`` at the earliest."""

    order: Order
    not_before: date


AS_ORDERED = "same dose"
"""Name of the schedule that an order has already: another product is to deliver it."""


class Prescribe(Struct, frozen=True, gc=False):
    """Replace the dosage by ``schedule``; the product too when it cannot deliver every step.

    ``compounded`` asks for compounded naltrexone whatever the draft's product is.
    """

    order: Order
    schedule: Schedule
    recommended: bool = False
    compounded: bool = False


class DraftTest(Struct, frozen=True, gc=False):
    """Add the order of a test to the basket."""

    test: Literal["opioid-screen", "pregnancy-test", "liver-tests"]


Proposal = Remove | StartLater | Prescribe | DraftTest


class Finding(Struct, frozen=True, gc=False):
    """One thing to tell the prescriber.

    ``summary`` stands alone in under 140 characters; ``found`` is the evidence;
    ``lines`` are markdown of our own, in the order they are read; ``basis`` names
    the source of the claim. ``withholds_start`` says that no start or titration
    may be offered beside this finding.
    """

    topic: Topic
    indicator: Indicator
    summary: str
    found: tuple[Evidence, ...] = ()
    lines: tuple[str, ...] = ()
    basis: str = ""
    proposals: tuple[Proposal, ...] = ()
    withholds_start: bool = False
    exclusive: bool = False
    """At most one of the proposals is to be taken."""
    rule: str = ""
    """The name of the rule that found it; :func:`cds_service.rules.decide` fills it in."""


Findings = list[Finding] | str
"""What a rule found, else in words why it is silent (read by :mod:`verdicts` alone)."""


def spoken(said: Findings) -> list[Finding]:
    """What a rule found; nothing when it is silent."""
    return [] if isinstance(said, str) else said


NO_NALTREXONE = "no order to judge holds naltrexone"
NO_LDN = "no order to judge is a low dose of naltrexone, or naltrexone of an unknown dose"
