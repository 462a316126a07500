"""From what was read to the chart: basket, lists, problems, results, gaps."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

from cds_service.chart.baskets import Draft, read_basket, unidentified
from cds_service.chart.clock import Clock
from cds_service.chart.entries import Entry
from cds_service.chart.exposures import exposures
from cds_service.chart.medicines import medicine_of
from cds_service.chart.model import Basket, Order, PatientChart, Person, PlannedSurgery
from cds_service.chart.pregnancy import pregnancy
from cds_service.chart.problems import (
    allergies_that_hold,
    excipient_allergies,
    naltrexone_allergies,
    read_problems,
    triples,
)
from cds_service.chart.relevance import OF_CONCERN
from cds_service.chart.results import read_measurements, read_results, read_status_answers
from cds_service.chart.surgeries import planned_surgeries
from cds_service.fhir.records import Gap, GapReason, PatientRecord
from cds_service.fhir.resources import (
    MEDICATION_RECORDS,
    Condition,
    MedicationRecord,
    Patient,
)
from cds_service.knowledge import condition_meanings
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Meaning


def read_chart(
    drafts: Sequence[Draft],
    record: PatientRecord,
    clock: Clock,
    clinical: Clinical,
    unreadable_orders: tuple[str, ...] = (),
) -> PatientChart:
    """The chart on ``clock.today``; ``unreadable_orders`` are the JSON paths of orders without a resource."""
    reasons = _Reasons(record)
    gaps = [gap for gap in record.gaps if gap.reason is not GapReason.UNRESOLVED]
    entries = _entries(drafts, record, reasons, gaps)
    problems, weeks = read_problems(record, clock)
    person = _person(record, clock)
    orders = read_basket(drafts, record, reasons.of, clock, clinical, gaps)
    results = read_results(record)
    answers = read_status_answers(results, clock)
    allergies = allergies_that_hold(record)
    return PatientChart(
        today=clock.today,
        person=person,
        orders=orders,
        exposures=exposures(entries, clock, clinical),
        problems=problems,
        measurements=read_measurements(results, clock, clinical),
        allergies=naltrexone_allergies(allergies),
        other_allergies=excipient_allergies(allergies, clinical),
        surgeries=(*_ordered_surgeries(orders), *planned_surgeries(record, problems, clock, clinical)),
        pregnancy=pregnancy(problems, answers, weeks, person, clock.today, clinical),
        gaps=tuple(gaps),
        unreadable_orders=(*unreadable_orders, *unidentified(drafts, record)),
    )


def _entries(
    drafts: Sequence[Draft], record: PatientRecord, reasons: _Reasons, gaps: list[Gap]
) -> list[Entry]:
    """The lists without the orders that stand in the basket (a re-signed order is on both).

    Entries whose medicine is not known are counted in ``gaps``, unless they are there as malformed.
    """
    entries: list[Entry] = []
    unknown: dict[str, int] = {}
    in_basket = {(d.resource_type, d.id) for d in drafts if d.id}
    for view in MEDICATION_RECORDS:
        for resource, source in record.of_type(view):
            if (view.__name__, resource.id) in in_basket:
                continue
            medicine, gap = medicine_of(resource, record)
            if gap and not _is_said(source.path, record):
                unknown[gap.kind] = unknown.get(gap.kind, 0) + 1
            if not medicine.roles.isdisjoint(OF_CONCERN):
                entries.append(Entry(resource, medicine, reasons.of(resource)))
    for kind, count in unknown.items():
        gaps.append(Gap(kind, GapReason.UNRESOLVED, "medicine not known", count, covers_list=False))
    return entries


def _is_said(path: str, record: PatientRecord) -> bool:
    """Whether the resource at ``path`` is already named as one that could not be read."""
    return any(gap.reason is GapReason.MALFORMED and (gap.path or "").startswith(path) for gap in record.gaps)


_NO_REASON: frozenset[Meaning] = frozenset()


class _Reasons:
    """What an order's own reason means, references to recorded conditions included."""

    def __init__(self, record: PatientRecord) -> None:
        self._record = record

    def of(self, resource: MedicationRecord) -> frozenset[Meaning]:
        """Meanings of every reason given, under each version's names."""
        if not _gives_reason(resource):
            return _NO_REASON
        concepts = [resource.reason_codeable_concept, resource.reason_for_use_codeable_concept]
        concepts += [*resource.reason_code, *[reason.concept for reason in resource.reason]]
        given = resource.reason_reference
        references = [resource.reason_for_use_reference, *(given if isinstance(given, list) else [given])]
        references += [reason.reference for reason in resource.reason]
        coded = [condition_meanings(triples(x.coding), x.text) for x in concepts if x]
        named = [self._referred(r.reference, r.display) for r in references if r]
        return _NO_REASON.union(*coded, *named)

    def _referred(self, reference: str | None, display: str | None) -> frozenset[Meaning]:
        local = "/".join((reference or "").split("/_history/")[0].split("/")[-2:])
        referred = (c for c, _ in self._record.of_type(Condition) if c.id and local == f"Condition/{c.id}")
        condition = next(referred, None)
        return (condition and meanings_of(condition)) or condition_meanings((), display)


def _gives_reason(resource: MedicationRecord) -> bool:
    coded = (
        resource.reason_code or resource.reason_codeable_concept or resource.reason_for_use_codeable_concept
    )
    return bool(coded or resource.reason or resource.reason_reference or resource.reason_for_use_reference)


def meanings_of(condition: Condition) -> frozenset[Meaning]:
    """What a condition's code means to the rules."""
    code = condition.code
    return condition_meanings(triples(code.coding), code.text) if code else _NO_REASON


def _person(record: PatientRecord, clock: Clock) -> Person:
    for patient, _ in record.of_type(Patient):
        born = clock.latest(patient.birth_date)
        return Person(age=_years(born, clock.today) if born else None, sex=patient.gender)
    return Person()


def _years(born: date, today: date) -> int | None:
    years = today.year - born.year - ((today.month, today.day) < (born.month, born.day))
    return years if 0 <= years < 130 else None


def _ordered_surgeries(orders: Sequence[Order]) -> list[PlannedSurgery]:
    return [PlannedSurgery(order.evidence, order.starts) for order in orders if order.kind is Basket.SURGERY]
