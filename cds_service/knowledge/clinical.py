"""The figures the rules decide with, from ``clinical.toml`` and a site's own file.

Days are whole days, doses mg of naltrexone hydrochloride per day.
"""

from __future__ import annotations

import tomllib
from collections.abc import Iterator
from functools import cache
from importlib import resources
from pathlib import Path
from typing import Any, Literal

import msgspec
from msgspec import Struct

from cds_service.knowledge.wording import override_reasons, titles

Region = Literal["US", "EU"]
Level = Literal["info", "warning", "critical"]
LEVELS: tuple[Level, ...] = ("info", "warning", "critical")


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
    """What counts as a low and as a standard dose; mg per day or per dose."""

    low_mg: float
    high_mg: float
    upper_edge_mg: float
    microgram_mg: float
    source: str
    standard_start_mg: tuple[float, ...]
    standard_mg: tuple[float, ...]
    standard_source: str
    full_dose_mg: float


USUAL, SLOW = "usual", "slow"
"""Names of the schedules that every site has."""


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
    oldest_age: int
    """Years of age from which a recorded pregnancy is doubted."""
    source: str


class Liver(Section, frozen=True):
    """Transaminases: multiple of the upper limit, and how old a result may be."""

    acute_days: int
    """How long hepatitis that is recorded as acute can be so."""
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


class Indicators(Section, frozen=True):
    """How loudly a site wants a topic to speak."""

    accept_lower: bool
    level: dict[str, Level]

    def shown(self, topic: str, found: Level) -> Level:
        """The level a finding of ``topic`` is shown with, when the rule says ``found``.

        The site's level raises; it lowers only when ``accept_lower`` says so.
        """
        wanted = self.level.get(topic, found)
        return wanted if self.accept_lower else max(wanted, found, key=LEVELS.index)


class Alerts(Section, frozen=True):
    """What becomes of a finding that was overridden with a reason; which topics are only recorded."""

    repeat: Literal["info", "omit"]
    repeat_hours: int
    snooze_days: dict[str, int]
    snooze_up_to: Literal["info", "warning"]
    shadow: tuple[str, ...]
    source: str

    @property
    def longest_snooze(self) -> int:
        """Days; 0 when no reason snoozes."""
        return max(self.snooze_days.values(), default=0)


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
    indicator: Indicators
    alerts: Alerts

    @property
    def unseen(self) -> frozenset[str]:
        """Topics of which no card is shown: nothing else may be left to them to say."""
        return frozenset((*self.rules.off, *self.alerts.shadow))


def load_clinical(site_file: Path | None = None) -> Clinical:
    """The shipped figures, with those of ``site_file`` (same sections) laid over them.

    Raises ``ValueError`` that names file and element when the site's file does not fit.
    """
    figures = shipped_figures()
    named = "clinical.toml"
    if site_file is not None:
        figures, named = _overlay(figures, site_figures(site_file)), str(site_file)
    try:
        clinical = msgspec.convert(figures, Clinical)
    except msgspec.ValidationError as error:
        raise ValueError(f"{named}: {error}") from error
    if found := list(contradictions(clinical)):
        raise ValueError("\n".join(f"{named}: {problem}" for problem in found))
    return clinical


@cache
def shipped() -> Clinical:
    """The shipped figures, without a site's."""
    return load_clinical()


def shipped_figures() -> dict[str, Any]:
    """``clinical.toml`` as it stands."""
    return tomllib.loads(
        resources.files("cds_service.knowledge").joinpath("clinical.toml").read_text("utf-8")
    )


def site_figures(site_file: Path) -> dict[str, Any]:
    """What a site's file says, unchecked. Raises ``ValueError`` when it is no TOML."""
    try:
        return tomllib.loads(site_file.read_text("utf-8"))
    except tomllib.TOMLDecodeError as error:
        raise ValueError(f"{site_file}: {error}") from error


def _overlay(base: dict[str, Any], site: dict[str, Any]) -> dict[str, Any]:
    merged = dict(base)
    for key, value in site.items():
        below = merged.get(key)
        merged[key] = _overlay(below, value) if isinstance(below, dict) and isinstance(value, dict) else value
    return merged


# --- figures that do not fit together ------------------------------------------------------------

CAN_BE_CRITICAL = frozenset(
    {"opioid-coprescription", "opioid-washout", "opioid-signal", "opioid-ordered-on-naltrexone"}
    | {"hypersensitivity", "liver", "kidney"}
)
"""Topics whose rule can answer ``critical``: made quieter only on purpose."""

_SCHEDULES = (USUAL, SLOW)


def contradictions(clinical: Clinical) -> Iterator[str]:
    """What is wrong with figures that each fit alone, each as ``section.element: words``."""
    dose = clinical.dose
    if not 0 < dose.microgram_mg <= dose.low_mg < dose.high_mg <= dose.upper_edge_mg < dose.full_dose_mg:
        yield "dose: microgram_mg <= low_mg < high_mg <= upper_edge_mg < full_dose_mg does not hold"
    yield from _titration_problems(clinical.titration, dose.upper_edge_mg)
    for name, value in msgspec.structs.asdict(clinical.opioid_free).items():
        if isinstance(value, int) and value < 0:
            yield f"opioid_free.{name}: {value} days"
    if clinical.opioid_free.short < clinical.opioid_free.short_label_minimum:
        yield "opioid_free.short: below the label minimum"
    yield from _topic_problems(clinical)
    yield from _alert_problems(clinical.alerts)


def _titration_problems(titration: Titration, highest_mg: float) -> Iterator[str]:
    missing = set(_SCHEDULES) - {schedule.name for schedule in titration.schedules}
    if missing:
        yield f"titration.schedules: {' and '.join(sorted(missing))} missing"
    for schedule in titration.schedules:
        doses = [mg for mg, _ in schedule.steps]
        days = [days for _, days in schedule.steps]
        if not doses or days[-1] != 0 or any(d < 1 for d in days[:-1]):
            yield f"titration.schedules.{schedule.name}: every step needs days, the last one 0"
        if doses != sorted(doses) or any(not 0 < mg <= highest_mg for mg in doses):
            yield f"titration.schedules.{schedule.name}: doses must rise and stay within {highest_mg:g} mg"


def _topic_problems(clinical: Clinical) -> Iterator[str]:
    known = titles()
    for topic in clinical.rules.off:
        if topic not in known:
            yield f"rules.off: unknown topic {topic!r}"
    lowering = clinical.indicator.accept_lower
    for topic, level in clinical.indicator.level.items():
        if topic not in known:
            yield f"indicator.level: unknown topic {topic!r}"
        elif not lowering and level == "info":
            yield f"indicator.level.{topic}: info lowers; that needs accept_lower = true"
        elif not lowering and topic in CAN_BE_CRITICAL and level != "critical":
            yield f"indicator.level.{topic}: can be critical; another level needs accept_lower = true"


_LONGEST_SNOOZE = 365
_ALWAYS_SAID = "not-checked"


def _alert_problems(alerts: Alerts) -> Iterator[str]:
    known = titles().keys()
    for topic in alerts.shadow:
        if topic not in known:
            yield f"alerts.shadow: unknown topic {topic!r}"
        elif topic == _ALWAYS_SAID:
            yield f"alerts.shadow: {topic} is always shown: what could not be read may hold anything"
    if not 0 <= alerts.repeat_hours <= 24 * 7:
        yield f"alerts.repeat_hours: {alerts.repeat_hours} is not between 0 and 168"
    reasons = {code for topic in known for code, _ in override_reasons(topic)}
    for reason, days in alerts.snooze_days.items():
        if reason not in reasons:
            yield f"alerts.snooze_days: no card offers the reason {reason!r}"
        if not 0 <= days <= _LONGEST_SNOOZE:
            yield f"alerts.snooze_days.{reason}: {days} is not between 0 and {_LONGEST_SNOOZE}"
