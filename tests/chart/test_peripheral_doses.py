"""Daily doses of opioids of the gut."""

import pytest

from cds_service.chart.peripheral_doses import daily_mg
from cds_service.fhir.dosage import DoseStep
from cds_service.knowledge import recognise

CAPSULE = recognise([], ["loperamide 2 mg capsule"])
LIQUID = recognise([], ["loperamide 1 mg/5 mL oral solution"])


def step(value, unit, per_day=None, **more):
    return DoseStep(value=value, unit=unit, per_day=per_day, **more)


@pytest.mark.parametrize(
    ("steps", "medicine", "mg"),
    [
        ([step(3, "capsule", 4)], CAPSULE, 24.0),
        ([step(4, "mg", 4)], CAPSULE, 16.0),
        ([step(2, "capsule", 2, value_high=4, per_day_high=3)], CAPSULE, 24.0),
        ([step(20, "mL", 4)], LIQUID, 16.0),
        ([step(4, "tablet", 4)], LIQUID, None),
        ([step(4, "mL", 1)], recognise([], ["loperamide 2 mg per mL oral solution"]), 8.0),
        ([step(4, "mg")], CAPSULE, 4.0),
        ([step(4, "mg", 1, starts_after_days=0), step(4, "mg", 1, starts_after_days=None)], CAPSULE, 8.0),
        ([step(1, "mg", 1), step(2, "mg", 2)], CAPSULE, 5.0),
        ([step(16, "mg", 1, starts_after_days=0), step(4, "mg", 1, starts_after_days=2)], CAPSULE, 16.0),
        ([step(20, "mL", 4)], CAPSULE, None),
        ([step(3, "capsule", 4)], recognise([], ["loperamide"]), None),
        ([], CAPSULE, None),
    ],
)
def test_daily_dose(steps, medicine, mg):
    assert daily_mg(steps, (), medicine) == mg


@pytest.mark.parametrize(
    ("directions", "mg"),
    [
        ("8 mg qid", 32.0),
        ("10 capsules twice daily", 40.0),
        ("2 mg prn, up to 16 mg/day", None),
        ("4 mg then 2 mg after each loose stool, max 16 mg daily", None),
        ("2 mg four times a day if needed", None),
        ("2 mg four times a day as required", None),
        ("2 mg with each loose stool, daily", None),
        ("2 mg twice daily after meals", None),
        ("up to 8 mg daily", None),
        ("as directed", None),
    ],
)
def test_daily_dose_in_words(directions, mg):
    assert daily_mg((), (directions,), CAPSULE) == mg


def test_a_coded_dose_is_believed_before_the_directions():
    assert daily_mg([step(2, "mg", 2)], ("8 mg qid",), CAPSULE) == 4.0
