"""Is there a sign of opioid use although no opioid is listed?"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import timedelta

from cds_service.chart import Evidence, Exposure, Measurement, Order, PatientChart, Problem, listed
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Meaning, Measure, Role
from cds_service.knowledge.wording import say
from cds_service.rules.finding import (
    NO_NALTREXONE,
    DraftTest,
    Finding,
    Findings,
    Indicator,
    Remove,
    Topic,
    spoken,
    worst,
)
from cds_service.rules.opioid_coprescription import opioid_coprescription
from cds_service.rules.opioid_washout import opioid_washout
from cds_service.rules.regimen import DISORDERS, disorder_treated, drug

TOPIC = Topic.OPIOID_SIGNAL
_DISORDER = DISORDERS[Meaning.OPIOID_USE_DISORDER]


@dataclass(frozen=True, slots=True)
class _Sign:
    words: str
    indicator: Indicator
    evidence: Evidence
    line: str | None = None


def opioid_signal(chart: PatientChart, clinical: Clinical) -> Findings:
    """One card for all signs; silent beside a card about a found opioid that is at least as urgent."""
    orders = chart.naltrexone_orders
    if not orders:
        return NO_NALTREXONE
    treats = all([disorder_treated(order, chart, clinical) == _DISORDER for order in orders])
    signs = list(_signs(chart, clinical, treats))
    if not signs and not treats:
        return "no withdrawal, positive test, disorder or medicine that points to opioids is recorded"
    indicator = worst(Indicator.INFO, *(sign.indicator for sign in signs))
    if _is_said_louder(indicator, chart, clinical):
        return "a card about an opioid that was found says it at least as urgently"
    lines = (sign.line for sign in signs if sign.line)
    return [
        Finding(
            topic=TOPIC,
            indicator=indicator,
            summary=_summary(signs, indicator, drug(chart, clinical)),
            found=tuple(sign.evidence for sign in signs) or _disorder(chart, orders),
            lines=tuple(dict.fromkeys((say(TOPIC, "confirm"), *lines))),
            basis=say(TOPIC, "basis"),
            proposals=(DraftTest("opioid-screen"), *(() if treats else (Remove(order) for order in orders))),
            withholds_start=True,
        )
    ]


def _is_said_louder(indicator: Indicator, chart: PatientChart, clinical: Clinical) -> bool:
    """Whether a card about an opioid that was found says it at least as urgently."""
    found = [*spoken(opioid_coprescription(chart, clinical)), *spoken(opioid_washout(chart, clinical))]
    shown = [finding for finding in found if finding.topic.value not in clinical.unseen]
    return any(finding.indicator.rank <= indicator.rank for finding in shown)


def _disorder(chart: PatientChart, orders: Sequence[Order]) -> tuple[Evidence, ...]:
    """The problem list's disorder; the orders themselves when only their own reason names it."""
    recorded = tuple(problem.evidence for problem in chart.with_meaning(Meaning.OPIOID_USE_DISORDER))
    return recorded or tuple(order.evidence for order in orders)


def _summary(signs: Sequence[_Sign], indicator: Indicator, naltrexone: str) -> str:
    if not signs:
        return say(TOPIC, "oud_treatment")
    words = list(dict.fromkeys(sign.words for sign in signs if sign.indicator is indicator))
    if len(words) > 1:
        words = [words[0], f"{len(words) - 1} more"]
    return say(TOPIC, indicator.value, signs=listed(words), drug=naltrexone)


def _signs(chart: PatientChart, clinical: Clinical, treats_disorder: bool) -> Iterator[_Sign]:
    yield from _results(chart, clinical)
    for problem in chart.problems:
        if sign := _of_problem(problem, chart, clinical, treats_disorder):
            yield sign
    yield from _medicines(chart, clinical)


def _medicines(chart: PatientChart, clinical: Clinical) -> Iterator[_Sign]:
    """Methylnaltrexone and its like, on the lists or in the basket."""
    if Role.OPIOID_SIGN not in chart.roles:
        return
    days = timedelta(days=clinical.signal.opioid_sign_days)
    exposures = chart.exposed(Role.OPIOID_SIGN)
    recent = [e for e in exposures if e.is_current or (e.ended and e.ended >= chart.today - days)]
    orders = [order for order in chart.orders if Role.OPIOID_SIGN in order.medicine.roles]
    found: list[Exposure | Order] = [*recent, *orders]
    for taken in found:
        name = listed(taken.medicine.named(Role.OPIOID_SIGN))
        line = say(TOPIC, "opioid_sign", medicines=name)
        yield _Sign(f"{name} on the list", Indicator.WARNING, taken.evidence, line)


_ACTIVE = {
    Meaning.OPIOID_AGONIST_THERAPY: "opioid agonist therapy recorded",
    Meaning.OPIOID_USE_DISORDER: "opioid use disorder recorded",
    Meaning.LONG_TERM_OPIOID: "long-term opioid use recorded",
}


def _of_problem(
    problem: Problem, chart: PatientChart, clinical: Clinical, treats_disorder: bool
) -> _Sign | None:
    """What one entry of the problem list says; of several meanings the most urgent.

    An entry without a date counts while it is active, but is not critical.
    """
    meanings, days = problem.meanings, clinical.signal
    dated = Indicator.CRITICAL if problem.dated else Indicator.WARNING
    if Meaning.OPIOID_WITHDRAWAL in meanings and _recent(problem, chart, days.withdrawal_days):
        return _Sign("opioid withdrawal recorded", dated, problem.evidence, say(TOPIC, "challenge"))
    if Meaning.NALOXONE_CHALLENGE_FAILED in meanings and _recent(problem, chart, days.assay_days):
        return _Sign("failed naloxone challenge", dated, problem.evidence, say(TOPIC, "challenge"))
    if Meaning.OPIOID_OVERDOSE in meanings and _recent(problem, chart, days.overdose_days):
        return _Sign("opioid overdose recorded", Indicator.WARNING, problem.evidence)
    told = [
        m for m in _ACTIVE if m in meanings and not (treats_disorder and m is Meaning.OPIOID_USE_DISORDER)
    ]
    if not problem.active or not told:
        return None
    line = None if treats_disorder or told == [Meaning.LONG_TERM_OPIOID] else say(TOPIC, "oud")
    return _Sign(_ACTIVE[told[0]], Indicator.WARNING, problem.evidence, line)


def _recent(problem: Problem, chart: PatientChart, days: int) -> bool:
    """Within ``days``; an undated entry only while it is active."""
    if problem.dated is None:
        return problem.active
    return chart.today - timedelta(days=days) <= problem.dated <= chart.today


def _results(chart: PatientChart, clinical: Clinical) -> Iterator[_Sign]:
    """Positive results that no newer negative one answers; a screen answers no confirmed test.

    A confirmed test that gives an amount and no cut-off is said: nobody has judged it.
    """
    if not chart.measurements:
        return
    screens, assays = chart.measured(Measure.OPIOID_SCREEN), chart.measured(Measure.OPIOID_ASSAY)
    panels = chart.measured(Measure.DRUG_SCREEN)
    for result in assays:
        if result.positive and _is_newest(result, assays, chart, clinical):
            yield _certain("positive confirmed opioid test", result)
        elif result.positive is None and result.value and _is_newest(result, assays, chart, clinical):
            line = say(TOPIC, "measured")
            yield _Sign("opioid level without a cut-off", Indicator.WARNING, result.evidence, line)
    for result in chart.measured(Measure.NALOXONE_CHALLENGE):
        if result.positive and _is_newest(result, (), chart, clinical):
            yield _certain("failed naloxone challenge", result)
    for result in (*screens, *panels):
        if result.positive and _is_newest(result, (*assays, *screens), chart, clinical):
            line = say(TOPIC, "immunoassay")
            yield _Sign("unconfirmed positive opioid screen", Indicator.WARNING, result.evidence, line)


def _certain(words: str, result: Measurement) -> _Sign:
    indicator = Indicator.CRITICAL if result.day else Indicator.WARNING
    return _Sign(words, indicator, result.evidence, say(TOPIC, "challenge"))


def _is_newest(
    result: Measurement, all_results: Sequence[Measurement], chart: PatientChart, clinical: Clinical
) -> bool:
    """Within the window and not answered by a newer negative result; undated counts as within."""
    if result.day is None or result.day > chart.today:
        return result.day is None
    newer = [r for r in all_results if r.positive is False and r.day and r.day > result.day]
    return not newer and (chart.today - result.day).days <= clinical.signal.assay_days
