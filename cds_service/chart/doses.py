"""How much naltrexone an order means, in mg of the salt per day."""

from __future__ import annotations

from collections.abc import Iterable

from msgspec import Struct

from cds_service.chart.directions import read_directions
from cds_service.chart.model import DailyStep, DoseProblem, NaltrexoneDose
from cds_service.fhir.dosage import DoseStep
from cds_service.knowledge.concepts import Medicine, Role

DOSED = (Role.NALTREXONE, Role.PERIPHERAL_OPIOID)
"""Whose dose matters; of any other medicine it is not read."""
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
    coded = _read([step for step in structured if step.value is not None], medicine)
    texts = tuple(texts)
    written = _read([step for text in texts for step in read_directions(text)], medicine)
    chosen = coded if coded.daily or (coded.doses and not written.daily) else written
    steps, problem = chosen.daily, chosen.problem
    if not steps and problem is DoseProblem.NONE_GIVEN:
        steps, problem = _from_strength(medicine)
    if problem is DoseProblem.NONE_GIVEN and any(map(_names_an_amount, texts)):
        problem = DoseProblem.NOT_UNDERSTOOD
    mg, every_days = _highest(chosen.doses) or (steps[0].mg if steps else None, 1.0)
    return NaltrexoneDose(
        steps=tuple(steps),
        per_dose_mg=mg,
        every_days=every_days,
        structured_mg=max([step.mg for step in coded.daily], default=None),
        text_mg=max([step.mg for step in written.daily], default=None),
        problem=problem,
        frequency_assumed=any([step.per_day is None for step, _ in chosen.doses]),
    )


def _names_an_amount(text: str) -> bool:
    """A number stands in it: "5 drops"; "as directed" gives no dose."""
    return any(map(str.isdigit, text))


_Dose = tuple[DoseStep, float | None]
"""A step, and the mg in one dose of it."""


class _Reading(Struct, frozen=True):
    """What the coded dosage, or the directions, say; ``daily`` is empty when there is a problem."""

    doses: list[_Dose]
    daily: list[DailyStep]
    problem: DoseProblem | None


def _read(steps: list[DoseStep], medicine: Medicine) -> _Reading:
    problem = None if steps else DoseProblem.NONE_GIVEN
    doses = []
    for step in steps:
        mg, why = milligrams(step, medicine)
        doses.append((step, mg))
        problem = problem or why
    return _Reading(doses, [] if problem else _daily(doses), problem)


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


def _daily(doses: list[_Dose]) -> list[DailyStep]:
    daily: list[DailyStep] = []
    for group in _concurrent(doses):
        total = sum([(mg or 0.0) * (step.per_day or 1.0) for step, mg in group])
        if total > 0:
            daily.append(DailyStep(round(total, 6), group[-1][0].lasts_days))
    return daily


def _concurrent(doses: list[_Dose]) -> list[list[_Dose]]:
    """Dosages taken together (1.5 mg at noon and 3 mg at night) against steps in sequence."""
    groups: list[list[_Dose]] = []
    for dose in doses:
        if groups and _same_time(groups[-1][-1][0], dose[0]):
            groups[-1].append(dose)
        else:
            groups.append([dose])
    return groups


def _same_time(before: DoseStep, step: DoseStep) -> bool:
    """One step after the other unless nothing says so: no bounds, no sequence numbers that differ."""
    if before.lasts_days is not None or before.starts_after_days != step.starts_after_days:
        return False
    if before.as_needed != step.as_needed:
        return False
    return before.sequence == step.sequence or not before.sequence or not step.sequence


def _highest(doses: list[_Dose]) -> tuple[float, float] | None:
    """(mg per dose, days between doses) of the step with the largest dose."""
    known = [(mg, max(1.0, 1 / step.per_day) if step.per_day else 1.0) for step, mg in doses if mg]
    return max(known, default=None)


def _from_strength(medicine: Medicine) -> tuple[list[DailyStep], DoseProblem | None]:
    """A capsule's own strength, when the order says nothing but "naltrexone 4.5 mg capsule"."""
    strength = medicine.naltrexone_mg
    if strength and strength <= _LOW_STRENGTH_MG and not medicine.per_ml and len(medicine.ingredients) == 1:
        return [DailyStep(strength)], None
    return [], DoseProblem.NONE_GIVEN
