"""Pregnant now, perhaps, or not; breast-feeding now or not.

Every dated statement is one sign; the newest sign decides. On the same day an
outcome (delivery, abortion) beats a pregnancy, since Z3A and O80 share an
encounter. A pregnancy that was recorded longer ago than a pregnancy lasts,
and has no outcome, is unclear rather than over.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import IntEnum

from msgspec import Struct
from msgspec.structs import replace

from cds_service.chart.model import Evidence, Person, Pregnancy, Problem
from cds_service.knowledge import Clinical
from cds_service.knowledge.concepts import Answer, Meaning, Measure


class Says(IntEnum):
    """What one sign says; on the same day the higher value decides."""

    POSSIBLY = 1
    PREGNANT = 2
    TEST_NEGATIVE = 3
    """Answers for its own day only: it ends a suspicion, and puts a recorded pregnancy in doubt."""
    NOT_PREGNANT = 4
    ENDED = 5


class Sign(Struct, frozen=True, gc=False):
    """One dated statement. ``until`` is the last day it can still be true of a pregnancy.

    ``why`` says of what only may be so how it is known.
    """

    says: Says
    evidence: Evidence
    day: date | None
    until: date | None = None
    why: str = "possible, not confirmed"


@dataclass(frozen=True, slots=True)
class StatusAnswer:
    """A pregnancy or breast-feeding observation, read: answer, due date or weeks of gestation."""

    measure: Measure
    evidence: Evidence
    day: date | None = None
    answer: Answer | None = None
    due: date | None = None
    weeks: float | None = None


_ENDS = frozenset({Meaning.DELIVERED, Meaning.PREGNANCY_ENDED, Meaning.POSTPARTUM})
_WEEKS_AT_TERM = 42
_BY_TEST = "likely by a positive test, not confirmed"


def pregnancy(
    problems: Sequence[Problem],
    answers: Sequence[StatusAnswer],
    weeks: dict[int, float],
    person: Person,
    today: date,
    clinical: Clinical,
) -> Pregnancy:
    """The state on ``today``. ``weeks``: weeks of gestation by the position of the problem naming them."""
    if not problems and not answers:
        return Pregnancy()
    if person.age is not None and person.age < 8:  # a newborn's chart speaks of the mother's delivery
        return Pregnancy()
    signs = [*_of_problems(problems, weeks, clinical), *_of_answers(answers, clinical)]
    feeding = _breastfeeding(problems, answers, today, clinical)
    state = _state([s for s in signs if s.day is None or s.day <= today], _doubt(person, clinical), today)
    return replace(state, breastfeeding=feeding)


def _doubt(person: Person, clinical: Clinical) -> str:
    """Why a pregnancy on this chart is doubted, in words; empty when it is not."""
    if person.sex == "male":
        return "recorded on a chart whose sex is male"
    if person.age is not None and person.age >= clinical.pregnancy.oldest_age:
        return f"recorded at the age of {person.age}"
    return ""


def _state(signs: Sequence[Sign], doubt: str, today: date) -> Pregnancy:
    """On a chart that makes a pregnancy doubtful only one that is recorded as present is told, as unclear."""
    pregnant = [s for s in signs if s.says in (Says.PREGNANT, Says.POSSIBLY)]
    over = [s for s in signs if s.says in (Says.NOT_PREGNANT, Says.ENDED) and s.day]
    last_over = max((s.day for s in over if s.day), default=None)
    open_signs = [s for s in pregnant if s.day is None or last_over is None or s.day > last_over]
    open_signs = [kept for s in open_signs if (kept := _after_test(s, signs))]
    current = [s for s in open_signs if s.until is None or s.until >= today]
    certain = [s for s in current if s.says is Says.PREGNANT]
    shown = tuple(s.evidence for s in certain or current or open_signs)
    if doubt:
        return Pregnancy("unclear", shown, doubt) if certain else Pregnancy()
    if certain:
        return Pregnancy("pregnant", shown)
    if current:
        by_test = any(s.why == _BY_TEST for s in current)
        return Pregnancy("unclear", shown, _BY_TEST if by_test else current[0].why, likely=by_test)
    if any(s.says is Says.PREGNANT for s in open_signs):
        return Pregnancy(
            "unclear", shown, "recorded longer ago than a pregnancy lasts, and no outcome is recorded"
        )
    return Pregnancy()


def _after_test(sign: Sign, signs: Sequence[Sign]) -> Sign | None:
    """``sign`` as a newer negative pregnancy test leaves it."""
    tests = [t.day for t in signs if t.says is Says.TEST_NEGATIVE and t.day]
    if not tests or sign.day is None or sign.day > max(tests):
        return sign
    return replace(sign, says=Says.POSSIBLY) if sign.says is Says.PREGNANT else None


def _of_problems(problems: Sequence[Problem], weeks: dict[int, float], clinical: Clinical) -> Iterator[Sign]:
    for position, problem in enumerate(problems):
        meanings = problem.meanings
        if meanings & _ENDS:
            yield Sign(Says.ENDED, problem.evidence, problem.dated)
        elif Meaning.NOT_PREGNANT in meanings and problem.active:
            yield Sign(Says.NOT_PREGNANT, problem.evidence, problem.dated)
        elif Meaning.PREGNANT in meanings:
            yield from _pregnancy_problem(problem, weeks.get(position), clinical)
        elif Meaning.POSSIBLY_PREGNANT in meanings and problem.active:
            yield Sign(Says.POSSIBLY, problem.evidence, problem.dated, _term(problem, None, clinical))


def _pregnancy_problem(problem: Problem, weeks: float | None, clinical: Clinical) -> Iterator[Sign]:
    """A closed pregnancy is an outcome on the day it closed; without that day it says nothing."""
    if not problem.active:
        if problem.abated:
            yield Sign(Says.ENDED, problem.evidence, problem.abated)
        return
    says = Says.PREGNANT if problem.confirmed else Says.POSSIBLY
    yield Sign(says, problem.evidence, problem.dated, _term(problem, weeks, clinical))


def _term(problem: Problem, weeks: float | None, clinical: Clinical) -> date | None:
    if weeks is not None and problem.dated:
        return problem.dated + timedelta(weeks=max(0.0, _WEEKS_AT_TERM - weeks))
    began = problem.began or problem.recorded
    return began + timedelta(days=clinical.pregnancy.duration_days) if began else None


def _of_answers(answers: Iterable[StatusAnswer], clinical: Clinical) -> Iterator[Sign]:
    for item in answers:
        if item.measure is Measure.DUE_DATE and item.due:
            until = item.due + timedelta(days=clinical.pregnancy.after_due_days)
            # the record's own day, else the day the pregnancy was dated to
            began = item.due - timedelta(days=280)
            yield Sign(Says.PREGNANT, item.evidence, item.day or began, until)
        elif item.measure is Measure.GESTATIONAL_AGE and item.weeks and item.day:
            until = item.day + timedelta(weeks=max(0.0, _WEEKS_AT_TERM - item.weeks))
            yield Sign(Says.PREGNANT, item.evidence, item.day, until)
        elif sign := _status_sign(item, clinical):
            yield sign


def _status_sign(item: StatusAnswer, clinical: Clinical) -> Sign | None:
    until = item.day + timedelta(days=clinical.pregnancy.duration_days) if item.day else None
    if item.measure is Measure.PREGNANCY_TEST:
        if item.answer is Answer.POSITIVE:
            return Sign(Says.POSSIBLY, item.evidence, item.day, until, _BY_TEST)
        return Sign(Says.TEST_NEGATIVE, item.evidence, item.day) if item.answer is Answer.NEGATIVE else None
    if item.measure is not Measure.PREGNANCY_STATUS:
        return None
    says = {
        Answer.PREGNANT: Says.PREGNANT,
        Answer.POSSIBLY_PREGNANT: Says.POSSIBLY,
        Answer.NOT_PREGNANT: Says.NOT_PREGNANT,
    }.get(item.answer) if item.answer else None  # fmt: skip
    return Sign(says, item.evidence, item.day, until) if says else None


def _breastfeeding(
    problems: Sequence[Problem], answers: Sequence[StatusAnswer], today: date, clinical: Clinical
) -> tuple[Evidence, ...]:
    signs: list[tuple[date, bool, Evidence]] = []
    for problem in problems:
        if Meaning.LACTATING in problem.meanings and problem.active:
            signs.append((problem.dated or today, True, problem.evidence))
        elif Meaning.NOT_LACTATING in problem.meanings:
            signs.append((problem.dated or date.min, False, problem.evidence))
    for item in answers:
        if item.measure is Measure.BREASTFEEDING_STATUS and item.answer in (
            Answer.LACTATING,
            Answer.NOT_LACTATING,
        ):
            signs.append((item.day or today, item.answer is Answer.LACTATING, item.evidence))
    recent = [s for s in signs if s[0] <= today and (today - s[0]).days <= clinical.pregnancy.lactation_days]
    if not recent:
        return ()
    newest = max(recent, key=lambda sign: (sign[0], not sign[1]))
    return tuple(s[2] for s in recent if s[1] and s[0] >= newest[0]) if newest[1] else ()
