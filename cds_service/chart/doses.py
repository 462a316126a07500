"""How much naltrexone an order means, in mg of the salt per day."""

from __future__ import annotations

from collections.abc import Iterable

from cds_service.chart.directions import read_directions
from cds_service.chart.model import DailyStep, DoseProblem, NaltrexoneDose
from cds_service.fhir.dosage import DoseStep
from cds_service.knowledge.concepts import Medicine

_MG_IN = {"mg": 1.0, "mcg": 0.001, "g": 1000.0}
_ML_IN = {"mL": 1.0, "teaspoon": 5.0, "tablespoon": 15.0}
_LOW_STRENGTH_MG = 6.0  # a 50 mg tablet without a dose may be meant to be cut: not known
_PIECES = {"unit", "tablet", "capsule", "film", "lozenge", "injection", "vial", "syringe"}


def naltrexone_dose(
    structured: Iterable[DoseStep], texts: Iterable[str], medicine: Medicine
) -> NaltrexoneDose:
    """The dose of ``medicine``: from the coded dosage, else from the directions, else unknown.

    ``texts`` are the directions as written (Dosage.text and its kin). A single
    strength in the medicine's name ("naltrexone 4.5 mg capsule") counts as one
    unit a day when nothing else names an amount.
    """
    coded = [step for step in structured if step.value is not None]
    written = [step for text in texts for step in read_directions(text)]
    coded_steps, coded_problem = _daily(coded, medicine)
    text_steps, _ = _daily(written, medicine)
    chosen, steps, problem = (coded, coded_steps, coded_problem)
    if not steps and text_steps:
        chosen, steps, problem = (written, text_steps, None)
    if not steps and problem is DoseProblem.NONE_GIVEN:
        steps, problem = _from_strength(medicine)
    highest = _highest(chosen, medicine)
    return NaltrexoneDose(
        steps=tuple(steps),
        per_dose_mg=highest[0] if highest else (steps[0].mg if steps else None),
        every_days=highest[1] if highest else 1.0,
        structured_mg=max((s.mg for s in coded_steps), default=None),
        text_mg=max((s.mg for s in text_steps), default=None),
        problem=problem,
        frequency_assumed=any(step.per_day is None for step in chosen),
    )


def milligrams(step: DoseStep, medicine: Medicine) -> tuple[float | None, DoseProblem | None]:
    """mg of naltrexone in one dose of ``step``, or why it is not known.

    Of an ordered range the high end counts. A coded mg amount among several
    (Epic sends ordered, calculated and administered) is preferred by the reader.
    """
    value = step.value_high if step.value_high is not None else step.value
    if value is None:
        return None, DoseProblem.NONE_GIVEN
    if step.unit_conflict:
        return None, DoseProblem.UNIT_CONFLICT
    if step.unit in _MG_IN:
        return value * _MG_IN[step.unit], None
    if step.unit in _ML_IN:
        if medicine.naltrexone_mg and medicine.per_ml:
            return value * _ML_IN[step.unit] * medicine.naltrexone_mg, None
        return None, DoseProblem.VOLUME_WITHOUT_STRENGTH
    if step.unit in _PIECES or step.unit is None:
        if medicine.naltrexone_mg and not medicine.per_ml:
            return value * medicine.naltrexone_mg, None
        return None, DoseProblem.PIECES_WITHOUT_STRENGTH
    return None, DoseProblem.UNIT_UNKNOWN


def _daily(steps: list[DoseStep], medicine: Medicine) -> tuple[list[DailyStep], DoseProblem | None]:
    daily: list[DailyStep] = []
    problem: DoseProblem | None = None if steps else DoseProblem.NONE_GIVEN
    for group in _concurrent(steps):
        total = 0.0
        for step in group:
            amount, why = milligrams(step, medicine)
            problem = problem or why
            total += (amount or 0.0) * (step.per_day or 1.0)
        if total > 0:
            daily.append(DailyStep(round(total, 6), group[-1].lasts_days))
    return ([], problem) if problem else (daily, None)


def _concurrent(steps: list[DoseStep]) -> list[list[DoseStep]]:
    """Dosages taken together (1.5 mg at noon and 3 mg at night) against steps in sequence."""
    groups: list[list[DoseStep]] = []
    for step in steps:
        together = groups and _same_time(groups[-1][-1], step)
        if together:
            groups[-1].append(step)
        else:
            groups.append([step])
    return groups


def _same_time(before: DoseStep, step: DoseStep) -> bool:
    """One step after the other unless nothing says so: no bounds, no sequence numbers that differ."""
    if before.lasts_days is not None or before.starts_after_days != step.starts_after_days:
        return False
    if before.as_needed != step.as_needed:
        return False
    return before.sequence == step.sequence or not before.sequence or not step.sequence


def _highest(steps: list[DoseStep], medicine: Medicine) -> tuple[float, float] | None:
    """(mg per dose, days between doses) of the step with the largest dose."""
    doses = [
        (amount, max(1.0, 1 / step.per_day) if step.per_day else 1.0)
        for step in steps
        if (amount := milligrams(step, medicine)[0])
    ]
    return max(doses, default=None)


def _from_strength(medicine: Medicine) -> tuple[list[DailyStep], DoseProblem | None]:
    """A capsule's own strength, when the order says nothing but "naltrexone 4.5 mg capsule"."""
    strength = medicine.naltrexone_mg
    if strength and strength <= _LOW_STRENGTH_MG and not medicine.per_ml and len(medicine.ingredients) == 1:
        return [DailyStep(strength)], None
    return [], DoseProblem.NONE_GIVEN
