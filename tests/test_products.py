"""The product that doses are counted in: the draft's own where it can deliver them, else compounded."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import pytest

from cds_service.chart.doses import naltrexone_dose
from cds_service.drafts import (
    Version,
    counted_in_pieces,
    with_schedule,
)
from cds_service.knowledge.clinical import Schedule
from cds_service.knowledge.concepts import Form, Medicine
from cds_service.products import in_words, product_for, supply_in_words
from tests.draft_builders import (
    ONE,
    SLOW,
    UCUM,
    USUAL,
    Json,
    changed,
    doses,
    draft,
    own,
    quantity,
)
from tests.rules.builders import CONTRAVE, LIQUID, NALTREXONE, TABLET_50, VIVITROL, capsule


def liquid(mg_per_ml: float) -> Medicine:
    return replace(LIQUID, naltrexone_mg=mg_per_ml)


@pytest.mark.parametrize(
    ("medicine", "schedule", "total", "days", "unit"),
    [
        (capsule(1.5), USUAL, 132, 58, "capsule"),
        (capsule(0.5), USUAL, 396, 58, "capsule"),
        (capsule(0.5), SLOW, 438, 86, "capsule"),
        (capsule(4.5), ONE, 30, 30, "capsule"),
        (LIQUID, USUAL, 198, 58, "mL"),
        (LIQUID, SLOW, 219, 86, "mL"),
        (
            liquid(5 / 5),
            ONE,
            135,
            30,
            "mL",
        ),
        (
            liquid(5 / 15),
            ONE,
            405,
            30,
            "mL",
        ),
        (replace(capsule(1.5), form=Form.TABLET), USUAL, 132, 58, "tablet"),
    ],
)
def test_the_drafts_own_product_is_counted(
    medicine: Medicine, schedule: Schedule, total: int, days: int, unit: str
) -> None:
    product = own(medicine, schedule)
    after = with_schedule(draft(Version.R4), Version.R4, schedule, product, 30)
    assert product.compounded is None
    assert after["dispenseRequest"]["quantity"]["value"] == total
    assert after["dispenseRequest"]["quantity"]["unit"] == unit
    assert after["dispenseRequest"]["expectedSupplyDuration"]["value"] == days
    noun = unit if unit == "mL" else f"{unit}s"
    assert supply_in_words(schedule, product, 30) == f"{total} {noun} for {days} days"
    assert "medicationCodeableConcept" in after


@pytest.mark.parametrize(
    ("medicine", "schedule", "strength"),
    [
        (capsule(3.0), USUAL, "1.5 mg"),
        (capsule(1.5), SLOW, "0.5 mg"),
        (capsule(4.5), USUAL, "1.5 mg"),
        (capsule(0.25), USUAL, "1.5 mg"),
        (TABLET_50, SLOW, "0.5 mg"),
        (CONTRAVE, USUAL, "1.5 mg"),
        (VIVITROL, ONE, "4.5 mg"),
        (NALTREXONE, USUAL, "1.5 mg"),
        (
            liquid(50.0),
            SLOW,
            "0.5 mg",
        ),
    ],
)
def test_else_it_is_compounded(medicine: Medicine, schedule: Schedule, strength: str) -> None:
    assert own(medicine, schedule).compounded == f"naltrexone, compounded {strength} capsule"


def test_compounding_can_be_asked_for() -> None:
    product = product_for(capsule(1.5), USUAL, pieces=True, compounded=True)
    assert product.compounded and not product.doses_in_pieces


@pytest.mark.parametrize(
    ("dose", "pieces"),
    [
        ({"value": 3, "system": UCUM, "code": "{pill}"}, True),
        ({"value": 1, "unit": "capsule"}, True),
        ({"value": 1}, True),
        (quantity(), False),
        ({"value": 4500, "unit": "mcg"}, False),
    ],
)
def test_a_dose_in_pieces_stays_in_pieces(dose: Json, pieces: bool) -> None:
    assert counted_in_pieces(draft(Version.R4, dose=dose)) is pieces
    after = changed(Version.R4, medicine=capsule(1.5), dose=dose)
    expected = [(1, "capsule"), (2, "capsule"), (3, "capsule")]
    expected = expected if pieces else [(Decimal("1.5"), "mg"), (3, "mg"), (Decimal("4.5"), "mg")]
    assert [(q["value"], q["unit"]) for q in doses(after)] == expected


def test_a_liquid_is_dosed_in_millilitres() -> None:
    after = changed(Version.R4, medicine=LIQUID)
    assert [(q["value"], q["unit"]) for q in doses(after)] == [
        (Decimal("1.5"), "mL"), (3, "mL"), (Decimal("4.5"), "mL"),
    ]  # fmt: skip
    assert "1.5 mg (1.5 mL) by mouth at bedtime for 14 days" in after["dosageInstruction"][0]["text"]


@pytest.mark.parametrize("schedule", [USUAL, SLOW, ONE], ids=lambda s: s.name)
@pytest.mark.parametrize("medicine", [capsule(0.5), LIQUID, TABLET_50], ids=lambda m: str(m.form))
@pytest.mark.parametrize("version", Version)
def test_words_and_numbers_agree(version: Version, medicine: Medicine, schedule: Schedule) -> None:
    """Our own reader finds in the words the doses that the structure says."""
    after, product = changed(version, schedule, medicine), own(medicine, schedule)
    ordered = NALTREXONE if product.compounded else medicine
    texts = [dosage["text"] for dosage in after["dosageInstruction"]]
    for (mg, days), words in zip(schedule.steps, texts, strict=True):
        assert words.startswith(f"{mg:g} mg (")
        assert (f"for {days} days" in words) is bool(days)
    for said in (texts, [in_words(schedule, product)]):
        read = naltrexone_dose((), said, ordered).steps
        assert [step.mg for step in read] == [mg for mg, _ in schedule.steps]


@pytest.mark.parametrize(
    ("medicine", "name"),
    [
        (capsule(1.5), "naltrexone, compounded 1.5 mg capsule"),
        (liquid(1.0), "naltrexone, compounded 1 mg/mL liquid"),
    ],
)
def test_a_product_that_only_the_directions_name_is_named_when_they_change(
    medicine: Medicine, name: str
) -> None:
    """The new directions would leave "compounded medication" without a name."""
    assert own(replace(medicine, in_directions=True)).compounded == name
    assert own(medicine).compounded is None
