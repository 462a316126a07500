"""The figures the rules decide with, from ``clinical.toml`` and a site's own file.

Days are whole days, doses mg of naltrexone hydrochloride per day.
"""

from __future__ import annotations

import tomllib
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

Region = Literal["US", "EU"]


class Section(Struct, frozen=True, forbid_unknown_fields=True):
    """One table of ``clinical.toml``."""


class Review(Section, frozen=True):
    """Who signed the figures."""

    reviewer: str
    date: str


class Label(Section, frozen=True):
    """Which naltrexone label applies."""

    region: Region
    source: str


class Dose(Section, frozen=True):
    """What counts as a low dose, a standard dose and a slip; mg per day or per dose."""

    low_mg: float
    high_mg: float
    upper_edge_mg: float
    microgram_mg: float
    source: str
    standard_start_mg: tuple[float, ...]
    standard_mg: tuple[float, ...]
    standard_source: str
    tenfold_low_mg: float
    tenfold_high_mg: float
    full_dose_mg: float


class Schedule(Section, frozen=True):
    """A titration: (mg per day, days); 0 days is "from then on"."""

    name: str
    steps: tuple[tuple[float, int], ...]


class Titration(Section, frozen=True):
    """The schedules a start can be offered with, the recommended first."""

    source: str
    final_fill_days: int
    review_weeks: int
    slow_first_from_age: int
    schedules: tuple[Schedule, ...]

    def schedule(self, name: str) -> Schedule:
        """The schedule called ``name``."""
        return next(schedule for schedule in self.schedules if schedule.name == name)


class OpioidFree(Section, frozen=True):
    """Opioid-free intervals before naltrexone, days."""

    short: int
    short_label_minimum: int
    methadone_buprenorphine: int
    long: int
    brief_supply_days: int
    depot_buprenorphine_look_back: int
    naltrexone_25mg_after_short: int
    source: str


class ExposureTimes(Section, frozen=True):
    """How long an entry of a list is believed, and how long a product works; days."""

    stale_short: int
    stale_long: int
    assumed_supply: int
    patch_wear: dict[str, int]
    depot_days: dict[str, int]
    implant_days: dict[str, int]
    source: str


class NaltrexoneBlock(Section, frozen=True):
    """Days after the last naltrexone in which an ordered opioid is warned about."""

    injection: int
    oral: int
    low_dose: int
    source: str


class Signal(Section, frozen=True):
    """Look-back windows of indirect signs of opioid use, days."""

    withdrawal_days: int
    assay_days: int
    overdose_days: int
    opioid_sign_days: int
    source: str


class PregnancyTimes(Section, frozen=True):
    """How long a record of pregnancy or breast-feeding is believed, days."""

    duration_days: int
    after_due_days: int
    lactation_days: int
    source: str


class Liver(Section, frozen=True):
    """Transaminases: multiple of the upper limit, and how old a result may be."""

    enzyme_multiple: float
    enzyme_days: int
    default_upper_limit: dict[str, float]
    source: str


class Kidney(Section, frozen=True):
    """eGFR in mL/min/1.73 m2, and how old a result may be."""

    egfr: float
    egfr_days: int
    source: str


class Surgery(Section, frozen=True):
    """How far ahead surgery is looked for, and how long naltrexone is held before it."""

    planned_days: int
    hold: dict[str, str]
    category_codes: tuple[str, ...]
    words: tuple[str, ...]
    phrases: tuple[str, ...]
    suffixes: tuple[str, ...]
    not_words: tuple[str, ...]
    source: str


class Age(Section, frozen=True):
    """Years."""

    adult: int
    child: int
    source: str


class OpioidOnNaltrexone(Section, frozen=True):
    """How loudly an opioid ordered on LDN is warned about."""

    low_dose_indicator: Literal["warning", "critical"]
    source: str


class PeripheralOpioid(Section, frozen=True):
    """Daily dose above which a peripheral opioid is warned about, mg."""

    loperamide_high_mg: float
    source: str


class Compounding(Section, frozen=True):
    """Words of allergies that matter for a compounded product."""

    excipients: tuple[str, ...]
    source: str


class Rules(Section, frozen=True):
    """Topics a site has switched off."""

    off: tuple[str, ...]


class Clinical(Section, frozen=True):
    """All of it."""

    review: Review
    label: Label
    dose: Dose
    titration: Titration
    opioid_free: OpioidFree
    exposure: ExposureTimes
    naltrexone_block: NaltrexoneBlock
    signal: Signal
    pregnancy: PregnancyTimes
    liver: Liver
    kidney: Kidney
    surgery: Surgery
    age: Age
    opioid_on_naltrexone: OpioidOnNaltrexone
    peripheral_opioid: PeripheralOpioid
    compounding: Compounding
    rules: Rules


def load_clinical(site_file: Path | None = None) -> Clinical:
    """The shipped figures, with those of ``site_file`` (same sections) laid over them.

    Raises ``ValueError`` that names the element when the site's file does not fit.
    """
    shipped = resources.files("cds_service.knowledge").joinpath("clinical.toml").read_text("utf-8")
    figures = tomllib.loads(shipped)
    if site_file is not None:
        figures = _overlay(figures, tomllib.loads(site_file.read_text("utf-8")))
    try:
        return msgspec.convert(figures, Clinical)
    except msgspec.ValidationError as error:
        raise ValueError(f"clinical figures: {error}") from error


def _overlay(base: dict[str, Any], site: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in site.items():
        below = merged.get(key)
        merged[key] = _overlay(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged
