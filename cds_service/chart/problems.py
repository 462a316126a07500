"""Conditions and allergies: what they mean, whether they hold, since when."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from functools import cache

from cds_service.chart.clock import Clock
from cds_service.chart.model import Allergy, Evidence, Problem
from cds_service.chart.showing import day, medicine_name
from cds_service.fhir.datatypes import (
    CodeableConcept,
    Coding,
    ConceptOrReference,
    Period,
)
from cds_service.fhir.records import PatientRecord
from cds_service.fhir.resources import AllergyIntolerance, Condition
from cds_service.knowledge import condition_meanings, gestational_weeks, recognise
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Meaning, Role

_NO_PERIOD = Period()
_NOT_SO = {"refuted", "entered-in-error"}
_UNCERTAIN = {"unconfirmed", "provisional", "differential"}
_OVER = {"inactive", "resolved", "remission"}
_SIDE_EFFECTS = re.compile(
    r"nausea|vomit|headache|dream|insomnia|sleep|dizz|drows|fatigue|tired|diarrh|constipat|anxi|irritab|abdominal",
    re.IGNORECASE,
)
_TOLD = re.compile(
    rf"(?:{_SIDE_EFFECTS.pattern}|anaphyla|rash|hives|urticaria|angio-?o?edema|swelling|itch|prurit|wheez|bronchospasm"
    r"|dyspn|shortness of breath|injection site)\w*",
    re.IGNORECASE,
)

Triple = tuple[str | None, str | None, str | None]


def triples(codings: Iterable[Coding]) -> list[Triple]:
    """(system, code, display) as the knowledge base takes them."""
    return [(coding.system, coding.code, coding.display) for coding in codings]


def name_of(concept: CodeableConcept | ConceptOrReference | None, default: str) -> str:
    """The text of a concept, else the first display, else the first code."""
    if concept is None:
        return default
    displays = [coding.display for coding in concept.coding] + [coding.code for coding in concept.coding]
    return concept.text or next((d for d in displays if d), default)


def read_problems(record: PatientRecord, clock: Clock) -> tuple[tuple[Problem, ...], dict[int, float]]:
    """The problems that mean something to a rule, and weeks of gestation by their position."""
    problems: list[Problem] = []
    weeks: dict[int, float] = {}
    for condition, _ in record.of_type(Condition):
        problem = _problem(condition, clock)
        if problem is None:
            continue
        if Meaning.PREGNANT in problem.meanings and condition.code:
            gestation = gestational_weeks(triples(condition.code.coding))
            if gestation is not None:
                weeks[len(problems)] = gestation
        problems.append(problem)
    return tuple(problems), weeks


def _problem(condition: Condition, clock: Clock) -> Problem | None:
    verified = status_codes(condition.verification_status)
    if condition.code is None or verified & _NOT_SO:
        return None
    meanings = condition_meanings(triples(condition.code.coding), condition.code.text)
    if not meanings:
        return None
    onset, ended = condition.onset_period or _NO_PERIOD, condition.abatement_period or _NO_PERIOD
    began = clock.not_after_today(clock.latest(condition.onset_date_time, onset.start))
    recorded = clock.not_after_today(
        clock.latest(condition.recorded_date, condition.asserted_date, condition.date_recorded)
    )
    abated = clock.latest(condition.abatement_date_time, condition.abatement_date, ended.end)
    active = _OVER.isdisjoint(status_codes(condition.clinical_status)) and not _has_abated(condition, clock)
    dates = [f"since {day(began)}"] if began else [f"recorded {day(recorded)}"] if recorded else []
    facts = (
        *dates,
        *([] if active else ["no longer active"]),
        *(["not confirmed"] if verified & _UNCERTAIN else []),
    )
    evidence = Evidence(name_of(condition.code, "condition"), facts, "problem list")
    return Problem(
        meanings, evidence, active, not verified & _UNCERTAIN, began, recorded, clock.not_after_today(abated)
    )


def _has_abated(condition: Condition, clock: Clock) -> bool:
    period = condition.abatement_period or _NO_PERIOD
    dated = clock.earliest(condition.abatement_date_time, condition.abatement_date, period.end, period.start)
    if dated:
        return dated <= clock.today
    return bool(condition.abatement_boolean or condition.abatement_string)


def status_codes(status: CodeableConcept | str | None) -> set[str]:
    """The codes of a status that was a code before R4 and is a concept since."""
    if isinstance(status, str):
        return {status}
    if status is None:
        return set()
    return {coding.code for coding in status.coding if coding.code} or (
        {status.text.lower()} if status.text else set()
    )


# --- allergies -------------------------------------------------------------


def allergies_that_hold(record: PatientRecord) -> list[AllergyIntolerance]:
    """Those that are neither over nor refuted."""
    return [entry for entry, _ in record.of_type(AllergyIntolerance) if _holds(entry)]


def _holds(entry: AllergyIntolerance) -> bool:
    said = (
        status_codes(entry.clinical_status) | status_codes(entry.verification_status) | {entry.status or ""}
    )
    return not said & (_NOT_SO | _OVER)


def naltrexone_allergies(entries: Sequence[AllergyIntolerance]) -> tuple[Allergy, ...]:
    """Those of ``entries`` to naltrexone or naloxone."""
    return tuple([allergy for entry in entries if (allergy := _allergy(entry))])


def _allergy(entry: AllergyIntolerance) -> Allergy | None:
    concepts = [c for c in (entry.code, entry.substance, *(r.substance for r in entry.reaction)) if c]
    texts = [text for c in concepts for text in (c.text,) if text]
    medicine = recognise(triples(coding for c in concepts for coding in c.coding), texts)
    if not medicine.has(Role.NALTREXONE, Role.RESCUE_ANTAGONIST) or medicine.is_opioid:
        return None
    reactions = list(_reactions(entry))
    facts = tuple(f"reaction: {_ours(reaction)}" for reaction in reactions[:3] if _ours(reaction))
    evidence = Evidence(medicine_name(medicine), facts, "allergy list")
    return Allergy(medicine, evidence, _is_intolerance(entry, reactions))


def _ours(reaction: str) -> str:
    """The reaction as one known word; of other text of the EHR a fact tells only that it is there."""
    found = _TOLD.search(reaction)
    return found.group().lower() if found else "other" if reaction else ""


def _reactions(entry: AllergyIntolerance) -> Iterator[str]:
    for reaction in entry.reaction:
        for manifestation in reaction.manifestation:
            yield name_of(manifestation.concept or manifestation, "")
        if reaction.description:
            yield reaction.description


def _is_intolerance(entry: AllergyIntolerance, reactions: list[str]) -> bool:
    """Said to be one; or only side effects are named, and none is called severe."""
    kind = status_codes(entry.type)
    if "intolerance" in kind:
        return True
    severe = (entry.criticality or "").lower() in {"high", "crith"} or any(
        r.severity == "severe" for r in entry.reaction
    )
    named = [reaction for reaction in reactions if reaction]
    return "allergy" not in kind and bool(named) and all(map(_SIDE_EFFECTS.search, named)) and not severe


@cache
def excipients(names: tuple[str, ...]) -> re.Pattern[str]:
    """Finds the name of any of them."""
    return re.compile("|".join(map(re.escape, names)), re.IGNORECASE)


def excipient_allergies(entries: Sequence[AllergyIntolerance], clinical: Clinical) -> tuple[Evidence, ...]:
    """Those of ``entries`` that concern what capsules are filled and coloured with."""
    if not entries:
        return ()
    words = excipients(clinical.compounding.excipients)
    names = [name_of(entry.code or entry.substance, "") for entry in entries]
    return tuple([Evidence(name, (), "allergy list") for name in names if words.search(name)])
