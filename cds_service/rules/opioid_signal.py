"""Is there a sign of opioid use although no opioid is listed?"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import timedelta

from cds_service.chart import Evidence, Measurement, PatientChart, Problem, listed
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Meaning, Measure, Role
from cds_service.knowledge.wording import say
from cds_service.rules.finding import DraftTest, Finding, Indicator, Remove, Topic, worst
from cds_service.rules.opioid_washout import opioid_washout
from cds_service.rules.regimen import FULL_DOSE, disorder_treated, drug, of_order

TOPIC = Topic.OPIOID_SIGNAL


@dataclass(frozen=True, slots=True)
class _Sign:
    words: str
    indicator: Indicator
    evidence: Evidence
    line: str | None = None


def opioid_signal(chart: PatientChart, clinical: Clinical) -> Iterator[Finding]:
    """One card for all signs; silent when an opioid was found, which says more."""
    orders = chart.naltrexone_orders()
    if not orders or _opioid_found(chart, clinical):
        return
    treats = all(
        disorder_treated(order, chart, clinical) == "opioid use disorder"
        and of_order(order, clinical) in FULL_DOSE
        for order in orders
    )
    signs = list(_signs(chart, clinical, treats))
    if not signs and not treats:
        return
    indicator = worst(Indicator.INFO, *(sign.indicator for sign in signs))
    yield Finding(
        topic=TOPIC,
        indicator=indicator,
        summary=_summary(signs, indicator, drug(chart, clinical)),
        found=tuple(sign.evidence for sign in signs) or _disorder(chart),
        lines=(
            say(TOPIC, "confirm"),
            *dict.fromkeys(say(TOPIC, s.line) for s in signs if s.line and s.line != "opioid_sign"),
        ),
        basis=say(TOPIC, "basis"),
        proposals=(DraftTest("opioid-screen"), *(() if treats else (Remove(order) for order in orders))),
        withholds_start=True,
    )


def _opioid_found(chart: PatientChart, clinical: Clinical) -> bool:
    current = any(e.is_current for e in chart.exposed(Role.OPIOID, Role.OPIOID_LIKE))
    in_basket = any(order.medicine.is_opioid for order in chart.orders)
    return current or in_basket or any(opioid_washout(chart, clinical))


def _disorder(chart: PatientChart) -> tuple[Evidence, ...]:
    return tuple(problem.evidence for problem in chart.with_meaning(Meaning.OPIOID_USE_DISORDER))


def _summary(signs: list[_Sign], indicator: Indicator, naltrexone: str) -> str:
    if not signs:
        return say(TOPIC, "oud_treatment")
    words = listed([sign.words for sign in signs if sign.indicator is indicator][:2])
    return say(TOPIC, indicator.value, signs=words, drug=naltrexone)


def _signs(chart: PatientChart, clinical: Clinical, treats_disorder: bool) -> Iterator[_Sign]:
    yield from _conditions(chart, clinical, treats_disorder)
    yield from _results(chart, clinical)
    since = chart.today - timedelta(days=clinical.signal.opioid_sign_days)
    for exposure in chart.exposed(Role.OPIOID_SIGN):
        name = listed(exposure.medicine.named(Role.OPIOID_SIGN))
        if exposure.is_current or (exposure.ended and exposure.ended >= since):
            yield _Sign(f"{name} on the list", Indicator.WARNING, exposure.evidence, "opioid_sign")


def _conditions(chart: PatientChart, clinical: Clinical, treats_disorder: bool) -> Iterator[_Sign]:
    for problem in chart.problems:
        if problem.meanings & {Meaning.OPIOID_WITHDRAWAL} and _recent(
            problem, chart, clinical.signal.withdrawal_days
        ):
            certain = Indicator.CRITICAL if problem.dated else Indicator.WARNING
            yield _Sign("opioid withdrawal recorded", certain, problem.evidence, "challenge")
        elif problem.meanings & {Meaning.NALOXONE_CHALLENGE_FAILED} and _recent(
            problem, chart, clinical.signal.assay_days
        ):
            yield _Sign("failed naloxone challenge", Indicator.CRITICAL, problem.evidence, "challenge")
        elif Meaning.OPIOID_OVERDOSE in problem.meanings and problem.dated:
            if _recent(problem, chart, clinical.signal.overdose_days):
                yield _Sign("opioid overdose recorded", Indicator.WARNING, problem.evidence)
        elif problem.active and not treats_disorder:
            words = next((text for meaning, text in _ACTIVE.items() if meaning in problem.meanings), None)
            if words:
                yield _Sign(
                    words, Indicator.WARNING, problem.evidence, "oud" if words != _LONG_TERM else None
                )


_LONG_TERM = "long-term opioid use recorded"
_ACTIVE = {
    Meaning.OPIOID_AGONIST_THERAPY: "opioid agonist therapy recorded",
    Meaning.OPIOID_USE_DISORDER: "opioid use disorder recorded",
    Meaning.LONG_TERM_OPIOID: _LONG_TERM,
}


def _recent(problem: Problem, chart: PatientChart, days: int) -> bool:
    """Within ``days``; an undated entry only while it is active."""
    if problem.dated is None:
        return problem.active
    return chart.today - timedelta(days=days) <= problem.dated <= chart.today


def _results(chart: PatientChart, clinical: Clinical) -> Iterator[_Sign]:
    screens, assays = chart.measured(Measure.OPIOID_SCREEN), chart.measured(Measure.OPIOID_ASSAY)
    for result in assays:
        if result.positive and _is_newest(result, (*assays,), chart, clinical):
            yield _Sign("positive confirmed opioid test", Indicator.CRITICAL, result.evidence, "challenge")
    for result in screens:
        if result.positive and _is_newest(result, (*assays, *screens), chart, clinical):
            yield _Sign(
                "positive opioid screen, unconfirmed", Indicator.WARNING, result.evidence, "immunoassay"
            )
    for result in chart.measured(Measure.NALOXONE_CHALLENGE):
        if result.positive and _is_newest(result, (), chart, clinical):
            yield _Sign("failed naloxone challenge", Indicator.CRITICAL, result.evidence, "challenge")


def _is_newest(
    result: Measurement, all_results: tuple[Measurement, ...], chart: PatientChart, clinical: Clinical
) -> bool:
    """Within the window and not answered by a newer negative result."""
    if result.day is None or result.day > chart.today:
        return result.day is None
    newer = [r for r in all_results if r.positive is False and r.day and r.day > result.day]
    return not newer and (chart.today - result.day).days <= clinical.signal.assay_days
