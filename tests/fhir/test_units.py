"""Units by their codes and by the words people write."""

from __future__ import annotations

import pytest

from cds_service.fhir.datatypes import Quantity
from cds_service.fhir.units import Unit, days_in, days_of, read_unit


@pytest.mark.parametrize(
    ("code", "unit", "read"),
    [
        ("mg", None, Unit("mg")),
        ("258684004", "milligram", Unit("mg")),
        ("ug", None, Unit("mcg")),
        (None, "μg", Unit("mcg")),
        (None, "µg", Unit("mcg")),
        (None, "ng", Unit("ng")),
        (None, "Milliliter(s)", Unit("mL")),
        (None, "l", Unit("L")),
        ("{tbl}", "tablet", Unit("tablet")),
        ("TAB", None, Unit("tablet")),
        ("CAP", "caps.", Unit("capsule")),
        (None, "1", Unit("unit")),
        (None, "[IU]", Unit("IU")),
        (None, "transdermal patch", Unit("patch")),
        (None, "mEq", Unit("mEq")),
        (None, "suppository", Unit("suppository")),
        (None, " Schuss ", Unit("Schuss")),
        ("xyz", "mg", Unit("mg")),
        ("xyz", None, Unit("xyz")),
        (None, None, Unit(None)),
        ("mg", "mcg", Unit("mg", "mcg")),
        ("mcg", "mg", Unit("mcg", "mg")),
        ("mg", "tablet", Unit("mg", "tablet")),
        ("TAB", "mg", Unit("tablet", "mg")),
        ("g", "mg", Unit("g", "mg")),
        ("TAB", "capsule", Unit("tablet")),
        ("mg", "per night", Unit("mg")),
    ],
)
def test_the_code_counts_and_a_mass_that_differs_is_a_conflict(
    code: str | None, unit: str | None, read: Unit
) -> None:
    assert read_unit(Quantity(value=1, code=code, unit=unit)) == read


def test_no_quantity_has_no_unit() -> None:
    assert (read_unit(None), days_of(None)) == (Unit(None), None)


@pytest.mark.parametrize(
    ("value", "unit", "days"),
    [
        (43_200, "s", 0.5),
        (720, "min", 0.5),
        (12, "hrs.", 0.5),
        (3, "d", 3),
        (3, "258703001", 3),
        (2, " Weeks ", 14),
        (2, "w", 14),
        (1, "mo", 30),
        (1, "yr", 365),
        (1, "fortnight", None),
        (1, "", None),
        (None, "d", None),
    ],
)
def test_lengths_of_time_in_days(value: float | None, unit: str, days: float | None) -> None:
    assert days_in(value, unit) == days


def test_a_duration_is_read_by_its_code_else_by_its_text() -> None:
    assert days_of(Quantity(value=2, code="wk", unit="days")) == 14
    assert days_of(Quantity(value=2, code="xyz", unit="days")) == 2
