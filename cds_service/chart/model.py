"""What is known of a patient at the moment of decision, and what is not.

Pure values: no FHIR, no Flask, no clock. The rules read these and nothing else.
Most are msgspec structs, which are made in a fifth of the time of a frozen dataclass.
"""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Literal

from msgspec import Struct

from cds_service.fhir.records import Gap
from cds_service.knowledge.concepts import Meaning, Measure, Medicine, Role


class Evidence(Struct, frozen=True, gc=False):
    """One entry of the record as a card shows it.

    ``name`` may be text of the EHR (escaped when it is shown); ``facts`` and
    ``listed_as`` are our own words.
    """

    name: str
    facts: tuple[str, ...] = ()
    listed_as: str = ""


class Presence(StrEnum):
    """Whether the patient is exposed to a medicine now."""

    ACTIVE = "active"
    STALE = "stale"
    """Listed as active, but long past its supply."""
    ENDED = "ended"


_ANY = tuple(Presence)


class DailyStep(Struct, frozen=True, gc=False):
    """``mg`` of naltrexone per day for ``days`` (None: from then on)."""

    mg: float
    days: float | None = None


class DoseProblem(StrEnum):
    """Why a daily dose is not known."""

    NONE_GIVEN = "no dose given"
    NOT_UNDERSTOOD = "directions that are not understood"
    VOLUME_WITHOUT_STRENGTH = "a volume without a strength"
    PIECES_WITHOUT_STRENGTH = "a number of units without a strength"
    UNIT_UNKNOWN = "a unit that is not understood"
    UNIT_CONFLICT = "the unit's code and text disagree"


@dataclass(frozen=True, slots=True)
class NaltrexoneDose:
    """How much naltrexone an order means.

    ``steps`` in mg/day; ``per_dose_mg`` and ``every_days`` of the highest step
    (50 mg every 1 day, 380 mg every 28). ``structured_mg`` and ``text_mg`` are
    what the coded dosage and the directions say on their own (mg/day, None when
    silent). ``problem`` is set when no dose could be read.
    """

    steps: tuple[DailyStep, ...] = ()
    per_dose_mg: float | None = None
    every_days: float = 1.0
    structured_mg: float | None = None
    text_mg: float | None = None
    problem: DoseProblem | None = None
    frequency_assumed: bool = False
    mg_per_day: float | None = field(init=False, repr=False, compare=False)
    """The highest daily dose of all steps, mg."""

    def __post_init__(self) -> None:
        """Told once: a rule asks a dozen times."""
        highest = max([step.mg for step in self.steps], default=None)
        object.__setattr__(self, "mg_per_day", highest)

    @property
    def is_stepwise(self) -> bool:
        """Already a titration: more than one distinct daily dose."""
        return len(self.steps) > 1 and len({round(step.mg, 4) for step in self.steps}) > 1

    @property
    def sources_disagree(self) -> bool:
        """Coded dosage and directions name different daily doses."""
        if self.structured_mg is None or self.text_mg is None:
            return False
        return abs(self.structured_mg - self.text_mg) > 0.02 * max(self.structured_mg, self.text_mg)


class Exposure(Struct, frozen=True, gc=False):
    """One entry of a medication list, judged.

    ``ended`` is the last day of use, at the latest (None with ENDED: not
    recorded). ``contradicted`` is set when another entry says the patient does
    not take it. ``brief`` means a single administered dose or a supply of at
    most five days; ``end_documented`` that ``ended`` was recorded, not reckoned
    from a supply. ``daily_mg`` is the daily dose of a peripheral opioid, mg.
    """

    medicine: Medicine
    presence: Presence
    evidence: Evidence
    kind: str
    id: str | None = None
    first: date | None = None
    last_known: date | None = None
    supply_until: date | None = None
    ended: date | None = None
    as_needed: bool = False
    brief: bool = False
    end_documented: bool = False
    dose: NaltrexoneDose | None = None
    daily_mg: float | None = None
    reasons: frozenset[Meaning] = frozenset()
    contradicted: Evidence | None = None

    @property
    def is_current(self) -> bool:
        """Active or stale: on the list as something the patient takes."""
        return self.presence is not Presence.ENDED


class Basket(StrEnum):
    """What else an order of the basket is."""

    MEDICATION = "medication"
    SURGERY = "surgery"
    OTHER = "other"


class Order(Struct, frozen=True, gc=False):
    """One draft of the basket.

    ``path`` is its JSON path in the request and names it for the cards;
    ``selected`` says whether it is to be judged or only context. ``route_oral``
    is False when a route other than the mouth is named.
    """

    path: str
    resource_type: str
    id: str | None
    medicine: Medicine
    selected: bool = True
    kind: Basket = Basket.MEDICATION
    dose: NaltrexoneDose = NaltrexoneDose()
    route_oral: bool = True
    reasons: frozenset[Meaning] = frozenset()
    has_reason: bool = False
    """Whether the order gives a reason, understood or not."""
    replaces: tuple[str, ...] = ()
    starts: date | None = None
    until: date | None = None
    as_needed: bool = False
    daily_mg: float | None = None
    """Of a peripheral opioid, mg a day."""
    evidence: Evidence = Evidence("order")

    @property
    def reference(self) -> str | None:
        """``Type/id``, or None for a draft without an id."""
        return f"{self.resource_type}/{self.id}" if self.id else None


class Problem(Struct, frozen=True, gc=False):
    """A condition with what it means to the rules.

    ``active`` is False for resolved, inactive and remission; refuted and
    mistaken entries are not on the chart. ``confirmed`` is False for
    unconfirmed, provisional and differential.
    """

    meanings: frozenset[Meaning]
    evidence: Evidence
    active: bool = True
    confirmed: bool = True
    began: date | None = None
    recorded: date | None = None
    abated: date | None = None

    @property
    def dated(self) -> date | None:
        """The newest date the entry carries."""
        return max((d for d in (self.recorded, self.began) if d), default=None)


class Measurement(Struct, frozen=True, gc=False):
    """An observation that a rule may need."""

    measures: frozenset[Measure]
    evidence: Evidence
    day: date | None = None
    positive: bool | None = None
    value: float | None = None
    multiple: float | None = None
    """Of the upper limit of normal."""


class Allergy(Struct, frozen=True, gc=False):
    """An allergy or intolerance; ``intolerance`` for side effects such as nausea."""

    medicine: Medicine
    evidence: Evidence
    intolerance: bool = False


PregnancyState = Literal["pregnant", "unclear", "none"]


class Pregnancy(Struct, frozen=True, gc=False):
    """What the record says of pregnancy and breast-feeding now."""

    state: PregnancyState = "none"
    evidence: tuple[Evidence, ...] = ()
    why_unclear: str = ""
    likely: bool = False
    """Unclear, and yet a test was positive."""
    breastfeeding: tuple[Evidence, ...] = ()


class Person(Struct, frozen=True, gc=False):
    """Age in whole years at the moment of decision (None: birth date unknown), and sex."""

    age: int | None = None
    sex: str | None = None


class PlannedSurgery(Struct, frozen=True, gc=False):
    """Surgery in the basket or recorded as planned."""

    evidence: Evidence
    day: date | None = None


@dataclass(frozen=True, slots=True)
class PatientChart:
    """The whole of it. ``today`` is the site's date at the moment of decision."""

    today: date
    person: Person = Person()
    orders: tuple[Order, ...] = ()
    exposures: tuple[Exposure, ...] = ()
    problems: tuple[Problem, ...] = ()
    measurements: tuple[Measurement, ...] = ()
    allergies: tuple[Allergy, ...] = ()
    other_allergies: tuple[Evidence, ...] = ()
    surgeries: tuple[PlannedSurgery, ...] = ()
    pregnancy: Pregnancy = Pregnancy()
    gaps: tuple[Gap, ...] = ()
    unreadable_orders: tuple[str, ...] = ()
    naltrexone_in_basket: tuple[Order, ...] = field(init=False, repr=False, compare=False)
    """Orders that hold naltrexone and no opioid, to judge or not."""
    naltrexone_orders: tuple[Order, ...] = field(init=False, repr=False, compare=False)
    """Those of them that are to be judged."""
    roles_listed: frozenset[Role] = field(init=False, repr=False, compare=False)
    """Of all that is on the medication lists."""
    roles: frozenset[Role] = field(init=False, repr=False, compare=False)
    """Of all that is on them or in the basket."""

    def __post_init__(self) -> None:
        """Told once: nearly every rule asks."""
        basket = tuple([order for order in self.orders if order.medicine.is_naltrexone])
        object.__setattr__(self, "naltrexone_in_basket", basket)
        object.__setattr__(self, "naltrexone_orders", tuple([order for order in basket if order.selected]))
        listed = frozenset().union(*[exposure.medicine.roles for exposure in self.exposures])
        object.__setattr__(self, "roles_listed", listed)
        object.__setattr__(self, "roles", listed.union(*[order.medicine.roles for order in self.orders]))

    def judged(self) -> list[Order]:
        """The orders to judge."""
        return [order for order in self.orders if order.selected]

    def exposed(self, *roles: Role, presence: Collection[Presence] = _ANY) -> tuple[Exposure, ...]:
        """Entries of the lists with an ingredient of ``roles`` and one of ``presence``."""
        if self.roles_listed.isdisjoint(roles):
            return ()
        found = [e for e in self.exposures if not e.medicine.roles.isdisjoint(roles)]
        return tuple([e for e in found if e.presence in presence])

    def taking_naltrexone(self) -> list[Exposure]:
        """Entries of the lists that hold naltrexone and no opioid, and say that the patient takes it."""
        return [e for e in self.exposed(Role.NALTREXONE) if e.is_current and e.medicine.is_naltrexone]

    def with_meaning(self, *meanings: Meaning, active: bool | None = True) -> tuple[Problem, ...]:
        """Problems that mean any of ``meanings`` (``active=None``: whatever their status)."""
        if not self.problems:
            return ()
        wanted = frozenset(meanings)
        found = [p for p in self.problems if not p.meanings.isdisjoint(wanted)]
        return tuple([p for p in found if active in (None, p.active)])

    def measured(self, measure: Measure) -> tuple[Measurement, ...]:
        """Results of ``measure``, newest first; undated ones last."""
        if not self.measurements:
            return ()
        found = [m for m in self.measurements if measure in m.measures]
        return tuple(sorted(found, key=lambda m: m.day or date.min, reverse=True))
