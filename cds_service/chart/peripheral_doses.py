"""How much of an opioid of the gut a dosage means a day: a high dose of loperamide acts beyond it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cds_service.fhir.dosage import DoseStep
from cds_service.knowledge.concepts import Medicine

_STRENGTH = re.compile(
    r"(\d+(?:\.\d+)?) ?mg\b(?: ?(?:/|per|in) ?(\d+(?:\.\d+)?)? ?(?:ml|millilitres?|milliliters?)\b)?",
    re.IGNORECASE,
)
_PIECES = frozenset({"tablet", "capsule", "unit"})


def daily_mg(steps: Sequence[DoseStep], medicine: Medicine) -> float | None:
    """mg a day at most, pieces and mL counted at the strength in the medicine's name; None when not told.

    Steps that follow each other count by the highest, others together.
    """
    doses = [_daily(step, medicine) for step in steps]
    starts = [step.starts_after_days for step in steps]
    follow = None not in starts and len(set(starts)) == len(starts)
    return (max(doses) if follow else sum(doses)) or None if doses else None


def _daily(step: DoseStep, medicine: Medicine) -> float:
    amount = (step.value_high or step.value or 0.0) * (step.per_day_high or step.per_day or 1.0)
    if step.unit == "mg":
        return amount
    strength = _STRENGTH.search(medicine.name)
    if strength is None:
        return 0.0
    mg, volume, liquid = float(strength[1]), float(strength[2] or 1), "ml" in strength[0].lower()
    if step.unit == "mL":
        return amount * mg / volume if liquid else 0.0
    return amount * mg if step.unit in _PIECES and not liquid else 0.0
