"""Observations: laboratory results, pregnancy status, due dates."""

from __future__ import annotations

import re
from collections.abc import Sequence
from datetime import date

from cds_service.chart.clock import Clock
from cds_service.chart.model import Evidence, Measurement
from cds_service.chart.pregnancy import StatusAnswer
from cds_service.chart.problems import name_of, triples
from cds_service.chart.showing import day, milligrams
from cds_service.fhir.datatypes import CodeableConcept, Period
from cds_service.fhir.records import PatientRecord
from cds_service.fhir.resources import Observation, ObservationComponent
from cds_service.knowledge import observation_measures, read_answer
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Answer, Measure

_NO_PERIOD = Period()
_NOT_A_RESULT = {"entered-in-error", "cancelled"}
_STATUS = frozenset(
    {
        Measure.PREGNANCY_STATUS,
        Measure.BREASTFEEDING_STATUS,
        Measure.DUE_DATE,
        Measure.GESTATIONAL_AGE,
        Measure.PREGNANCY_TEST,
    }
)
_ENZYMES = frozenset({Measure.ALT, Measure.AST})
_MICROKATAL = 60.0  # U/L in 1 µkat/L
_WEEKS = re.compile(r"\s*(\d{1,2})\s*(?:w|\+|$)", re.IGNORECASE)

Value = Observation | ObservationComponent
Result = tuple[Observation, Value, frozenset[Measure]]
"""An observation, it or one component of it, and what that measures."""


def read_measurements(results: Sequence[Result], clock: Clock, clinical: Clinical) -> tuple[Measurement, ...]:
    """Results that a rule may need: opioid screens, liver enzymes, eGFR."""
    return tuple(
        [
            _measurement(observation, value, measures - _STATUS, clock, clinical)
            for observation, value, measures in results
            if measures - _STATUS
        ]
    )


def read_status_answers(results: Sequence[Result], clock: Clock) -> tuple[StatusAnswer, ...]:
    """Pregnancy and breast-feeding observations; those without a value say nothing."""
    return tuple(
        [
            _status(observation, value, measure, clock)
            for observation, value, measures in results
            for measure in measures & _STATUS
        ]
    )


def read_results(record: PatientRecord) -> list[Result]:
    """Each observation and each component of one, with what it measures; only what a rule may need."""
    found = []
    for observation, _ in record.of_type(Observation):
        if observation.status in _NOT_A_RESULT:
            continue
        values: list[Value] = [observation, *observation.component]
        for value in values:
            if value.code is None:
                continue
            measures = observation_measures(triples(value.code.coding), value.code.text)
            if measures:
                found.append((observation, value, measures))
    return found


def _day(observation: Observation, clock: Clock) -> date | None:
    period = observation.effective_period or _NO_PERIOD
    taken = clock.latest(
        observation.effective_date_time, observation.effective_instant, period.end, period.start
    )
    return clock.not_after_today(taken or clock.latest(observation.issued))


def _measurement(
    observation: Observation, value: Value, measures: frozenset[Measure], clock: Clock, clinical: Clinical
) -> Measurement:
    when = _day(observation, clock)
    number, limit, factor = _number(value), None, 1.0
    if number is None and not measures.isdisjoint(_WRITTEN):
        number = _written(value)
    if measures & _ENZYMES:
        factor = _factor(value)
        limit = _upper_limit(observation, value, next(iter(measures & _ENZYMES)), factor, clinical)
    answer = _answer(next(iter(measures)), value)
    positive = _SAYS.get(answer) if answer else _positive(value, _cut_off(observation, value))
    said = _said(number, limit, positive, value)
    facts = tuple(fact for fact in (said, day(when) if when else "no date") if fact)
    return Measurement(
        measures=measures,
        evidence=Evidence(_name(value, measures), facts, "result"),
        day=when,
        positive=positive,
        value=number * factor if number is not None else None,
        multiple=number / limit if number and limit else None,
    )


_SAYS = {Answer.POSITIVE: True, Answer.NEGATIVE: False}
_NAMES = {Measure.ALT: "ALT", Measure.AST: "AST", Measure.EGFR: "eGFR"}


def _name(value: Value, measures: frozenset[Measure]) -> str:
    """The EHR's own text, else the usual abbreviation rather than LOINC's long name."""
    text = value.code.text if value.code else None
    return text or next((_NAMES[m] for m in measures if m in _NAMES), None) or name_of(value.code, "result")


def _said(number: float | None, limit: float | None, positive: bool | None, value: Value) -> str:
    """The value as reported, in its own unit."""
    if number is not None:
        unit = (value.value_quantity.unit or value.value_quantity.code or "") if value.value_quantity else ""
        plain = unit.replace("{", "").replace("}", "").replace("_", " ") if len(unit) < 20 else ""
        shown = f"{_BEYOND.get(_comparator(value), '')}{milligrams(number)} {plain}".strip()
        return f"{shown} (upper limit {milligrams(limit)})" if limit else shown
    return {True: "positive", False: "negative"}.get(positive, "") if positive is not None else ""


def _number(value: Value) -> float | None:
    return value.value_quantity.value if value.value_quantity else None


_WRITTEN = _ENZYMES | {Measure.EGFR}
"""Laboratories write what lies beyond their range as text: ">1000", "<15 mL/min"."""
_WRITTEN_NUMBER = re.compile(r"\s*(?:([<>≤≥]=?)\s*)?(\d{1,15}(?:\.\d+)?)(?![\d.,/-])")
_BEYOND = {">": "over ", ">=": "over ", "≥": "over ", "<": "under ", "<=": "under ", "≤": "under "}


def _written(value: Value) -> float | None:
    found = _WRITTEN_NUMBER.match(value.value_string or "")
    return float(found.group(2)) if found else None


def _comparator(value: Value) -> str:
    if value.value_quantity:
        return value.value_quantity.comparator or ""
    found = _WRITTEN_NUMBER.match(value.value_string or "")
    return (found.group(1) or "") if found else ""


def _factor(value: Value) -> float:
    """What makes U/L of the reported unit."""
    quantity = value.value_quantity
    unit = (quantity.code or quantity.unit or "") if quantity else value.value_string or ""
    return _MICROKATAL if "kat" in unit.lower() else 1.0


def _upper_limit(
    observation: Observation, value: Value, measure: Measure, factor: float, clinical: Clinical
) -> float | None:
    """The upper limit in the reported unit: the report's own, else the default."""
    ranges = observation.reference_range if value is observation else []
    own = [r.high.value for r in ranges if r.high and r.high.value]
    usual = clinical.liver.default_upper_limit.get(measure.value)
    return own[0] if own else round(usual / factor, 2) if usual else None


def _answer(measure: Measure, value: Value) -> Answer | None:
    """The value in words or codes, else the interpretation."""
    if value.data_absent_reason is not None and value.value_codeable_concept is None:
        return None
    if value.value_boolean is not None and measure is not Measure.DRUG_SCREEN:
        return _BOOLEAN.get(measure, (Answer.NEGATIVE, Answer.POSITIVE))[value.value_boolean]
    coded = value.value_codeable_concept
    if coded and (answer := read_answer(measure, triples(coded.coding), coded.text)):
        return answer
    if value.value_string and (answer := read_answer(measure, (), value.value_string)):
        return answer
    return _interpreted(measure, value)


_BOOLEAN = {
    Measure.PREGNANCY_STATUS: (Answer.NOT_PREGNANT, Answer.PREGNANT),
    Measure.BREASTFEEDING_STATUS: (Answer.NOT_LACTATING, Answer.LACTATING),
}
_READ_BY_INTERPRETATION = frozenset(
    {Measure.PREGNANCY_TEST, Measure.OPIOID_SCREEN, Measure.OPIOID_ASSAY, Measure.NALOXONE_CHALLENGE}
)
_POSITIVE, _NEGATIVE = {"pos", "det", "a", "aa", "h", "hh", "r"}, {"neg", "nd", "n", "nr"}


def _interpreted(measure: Measure, value: Value) -> Answer | None:
    """HL7 v2 table 0078 and v3 ObservationInterpretation, whose letters agree."""
    if measure not in _READ_BY_INTERPRETATION or value.interpretation is None:
        return None
    given = value.interpretation
    concepts: list[CodeableConcept] = given if isinstance(given, list) else [given]
    codes = {(coding.code or "").lower() for concept in concepts for coding in concept.coding}
    return Answer.POSITIVE if codes & _POSITIVE else Answer.NEGATIVE if codes & _NEGATIVE else None


def _positive(value: Value, cut_off: float | None) -> bool | None:
    """A number alone: zero or "less than" is negative; else the cut-off judges, without one nobody."""
    quantity = value.value_quantity
    if quantity is None or quantity.value is None:
        return None
    if quantity.value == 0 or (quantity.comparator or "").startswith("<"):
        return False
    return None if cut_off is None else quantity.value > cut_off


def _cut_off(observation: Observation, value: Value) -> float | None:
    """The upper limit of a range that begins at nothing; one that begins higher is to be treated in."""
    ranges = observation.reference_range if value is observation else []
    from_nothing = (r.high.value for r in ranges if r.high and r.high.value and not (r.low and r.low.value))
    return next(from_nothing, None)


def _status(observation: Observation, value: Value, measure: Measure, clock: Clock) -> StatusAnswer:
    when = _day(observation, clock)
    due = clock.latest(value.value_date_time, value.value_string) if measure is Measure.DUE_DATE else None
    weeks = _weeks(value) if measure is Measure.GESTATIONAL_AGE else None
    answer = _answer(measure, value) if measure not in (Measure.DUE_DATE, Measure.GESTATIONAL_AGE) else None
    said = (
        [f"due {day(due)}"]
        if due
        else [f"{milligrams(weeks)} weeks"]
        if weeks
        else [answer.value]
        if answer
        else []
    )
    facts = (*said, day(when) if when else "no date")
    return StatusAnswer(
        measure, Evidence(name_of(value.code, "observation"), facts, "observation"), when, answer, due, weeks
    )


def _weeks(value: Value) -> float | None:
    """Weeks of gestation; days when the unit says days."""
    quantity = value.value_quantity
    if quantity and quantity.value is not None:
        unit = (quantity.code or quantity.unit or "wk").strip().lower()
        return quantity.value / 7 if unit.startswith("d") else quantity.value
    found = _WEEKS.match(value.value_string or "")
    return float(found.group(1)) if found else None
