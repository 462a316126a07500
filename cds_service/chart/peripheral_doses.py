"""How much of an opioid of the gut a dosage means a day: a high dose of loperamide acts beyond it."""

from __future__ import annotations

import re
from collections.abc import Sequence

from cds_service.chart.directions import read_directions
from cds_service.fhir.dosage import DoseStep
from cds_service.knowledge.concepts import Medicine

_STRENGTH = re.compile(
    r"(\d+(?:\.\d+)?) ?mg\b(?: ?(?:/|per|in) ?(\d+(?:\.\d+)?)? ?(?:ml|millilitres?|milliliters?)\b)?",
    re.IGNORECASE,
)
_PIECES = frozenset({"tablet", "capsule", "unit"})


def daily_mg(steps: Sequence[DoseStep], texts: Sequence[str], medicine: Medicine) -> float | None:
    """mg a day at most, pieces and mL counted at the strength in the medicine's name; None when not told.

    The coded steps, else those written in ``texts``. Steps that follow each other count by the highest,
    others together; directions that leave open how often count for nothing.
    """
    coded = [step for step in steps if step.value is not None or step.value_high is not None]
    told = [coded] if coded else [_written(text) for text in texts]
    return sum([_at_most(each, medicine) for each in told]) or None


_OPEN = re.compile(r"\bprn\b|needed|required|\bafter\b|\beach\b|\bmax|up to", re.IGNORECASE)
"""How often is not told: "2 mg after each loose stool"."""


def _written(text: str) -> Sequence[DoseStep]:
    return () if _OPEN.search(text) else [step for step in read_directions(text) if step.per_day]


def _at_most(steps: Sequence[DoseStep], medicine: Medicine) -> float:
    doses = [_daily(step, medicine) for step in steps]
    starts = [step.starts_after_days for step in steps]
    follow = None not in starts and len(set(starts)) == len(starts)
    return (max(doses) if follow else sum(doses)) if doses else 0.0


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
