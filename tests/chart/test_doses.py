"""Naltrexone in mg a day, from every shape a dose comes in."""

from __future__ import annotations

from typing import Any

import pytest

from cds_service.chart import DoseProblem, NaltrexoneDose
from tests.chart.builders import NALTREXONE, RXNORM, TABLET_50, chart, medication_request

DAILY = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}


def dose(
    medication: dict[str, Any] = NALTREXONE, dosage: dict[str, Any] | None = None, **elements: Any
) -> NaltrexoneDose:
    instructions = [dosage] if dosage is not None else []
    order = medication_request(medication, status="draft", dosageInstruction=instructions, **elements)
    (only,) = chart(orders=(order,)).orders
    return only.dose


def quantity(value: float, unit: str, **timing: Any) -> dict[str, Any]:
    coded = {"value": value, "code": unit, "system": "http://unitsofmeasure.org"}
    return {"timing": timing or DAILY, "doseAndRate": [{"doseQuantity": coded}]}


RANGE = {"low": {"value": 3, "unit": "mg"}, "high": {"value": 4.5, "unit": "mg"}}
LIQUID = {"text": "naltrexone 1 mg/mL oral suspension"}
CAPSULE = {"text": "naltrexone 1.5 mg compounded capsule"}


@pytest.mark.parametrize(
    ("medication", "dosage", "mg"),
    [
        (NALTREXONE, quantity(4.5, "mg"), 4.5),
        (NALTREXONE, quantity(4500, "ug"), 4.5),
        (NALTREXONE, quantity(45, "mg"), 45),
        (TABLET_50, quantity(1, "{pill}"), 50),
        (TABLET_50, quantity(0.5, "{tbl}"), 25),
        (TABLET_50, quantity(4.5, "mg"), 4.5),
        (CAPSULE, quantity(3, "{capsule}"), 4.5),
        (CAPSULE, quantity(2, "CAP"), 3),
        (LIQUID, quantity(4.5, "mL"), 4.5),
        (NALTREXONE, {"timing": DAILY, "doseQuantity": {"value": 3, "unit": "mg"}}, 3),
        (NALTREXONE, {"timing": DAILY, "doseAndRate": [{"doseRange": RANGE}]}, 4.5),
        (NALTREXONE, {"text": "4.5 mg at bedtime"}, 4.5),
        (CAPSULE, {"text": "1 cap qhs"}, 1.5),
        (CAPSULE, None, 1.5),
        (TABLET_50, {"text": "half a tablet daily"}, 25),
        (TABLET_50, {"text": "dissolve 1 tablet in 50 ml, take 1.5 ml nightly"}, 1.5),
        (NALTREXONE, quantity(1.5, "mg", repeat={"frequency": 2, "period": 1, "periodUnit": "d"}), 3),
    ],
)  # fmt: skip
def test_mg_a_day(medication: dict[str, Any], dosage: dict[str, Any] | None, mg: float) -> None:
    assert dose(medication, dosage).mg_per_day == pytest.approx(mg)


@pytest.mark.parametrize(
    ("medication", "dosage", "problem"),
    [
        (NALTREXONE, quantity(2, "mL"), DoseProblem.VOLUME_WITHOUT_STRENGTH),
        (NALTREXONE, quantity(1, "{capsule}"), DoseProblem.PIECES_WITHOUT_STRENGTH),
        (NALTREXONE, quantity(3, "{drop}"), DoseProblem.UNIT_UNKNOWN),
        (NALTREXONE, {"text": "take 1/2 tablet nightly"}, DoseProblem.PIECES_WITHOUT_STRENGTH),
        (NALTREXONE, {"text": "5 drops nightly"}, DoseProblem.NOT_UNDERSTOOD),
        (NALTREXONE, {"text": "take as directed"}, DoseProblem.NONE_GIVEN),
        (NALTREXONE, None, DoseProblem.NONE_GIVEN),
        (TABLET_50, None, DoseProblem.NONE_GIVEN),
    ],
)
def test_why_a_dose_is_not_known(
    medication: dict[str, Any], dosage: dict[str, Any] | None, problem: DoseProblem
) -> None:
    found = dose(medication, dosage)
    assert (found.mg_per_day, found.problem) == (None, problem)


def test_steps_in_sequence_are_a_schedule() -> None:
    def step(number: int, mg: float, days: int | None) -> dict[str, Any]:
        bounds = {"boundsDuration": {"value": days, "code": "d"}} if days else {}
        return {"sequence": number, **quantity(mg, "mg", repeat={**DAILY["repeat"], **bounds})}

    order = medication_request(
        NALTREXONE, status="draft", dosageInstruction=[step(1, 1.5, 14), step(2, 3, 14), step(3, 4.5, None)]
    )
    found = chart(orders=(order,)).orders[0].dose
    assert [step.mg for step in found.steps] == [1.5, 3, 4.5]
    assert found.is_stepwise
    assert found.mg_per_day == 4.5


def test_dosages_without_sequence_are_taken_together() -> None:
    order = medication_request(
        NALTREXONE, status="draft", dosageInstruction=[quantity(1.5, "mg"), quantity(3, "mg")]
    )
    assert chart(orders=(order,)).orders[0].dose.mg_per_day == 4.5


def test_coded_dose_and_directions_that_disagree() -> None:
    found = dose(NALTREXONE, {**quantity(45, "mg"), "text": "4.5 mg at bedtime"})
    assert (found.structured_mg, found.text_mg, found.sources_disagree) == (45, 4.5, True)


def test_strength_of_a_contained_medication() -> None:
    medication = {
        "resourceType": "Medication",
        "id": "med",
        "ingredient": [
            {
                "itemCodeableConcept": {"coding": [{"system": RXNORM, "code": "7243"}]},
                "strength": {
                    "numerator": {"value": 3, "unit": "mg"},
                    "denominator": {"value": 1, "unit": "capsule"},
                },
            }
        ],
    }
    order = medication_request(
        status="draft", contained=[medication], dosageInstruction=[quantity(1, "{capsule}")]
    )
    del order["medicationCodeableConcept"]
    order["medicationReference"] = {"reference": "#med"}
    assert chart(orders=(order,)).orders[0].dose.mg_per_day == 3
