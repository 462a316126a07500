"""Is the dose a slip: tenfold, another unit, the wrong range for the reason?"""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.chart import DoseProblem, Order, PatientChart, milligrams
from cds_service.knowledge.clinical import Clinical, Schedule
from cds_service.knowledge.concepts import Meaning
from cds_service.knowledge.wording import say
from cds_service.rules.finding import Finding, Indicator, Prescribe, Topic
from cds_service.rules.regimen import DISORDERS, INDICATIONS, Regimen, of_order

TOPIC = Topic.DOSE_CHECK
_SLIP_FACTORS = (10.0, 1000.0)


def dose_check(chart: PatientChart, clinical: Clinical) -> Iterator[Finding]:
    """At most one card an order: the first of the checks that speaks."""
    for order in chart.naltrexone_orders():
        kind = of_order(order, clinical)
        finding = (
            _unreadable(order, kind)
            or _disagreement(order)
            or _out_of_range(order, kind, clinical)
            or _wrong_for_reason(order, kind, chart)
        )
        if finding:
            yield finding


def _finding(
    indicator: Indicator, summary: str, order: Order, *, fixed: float | None = None, disorder: bool = False
) -> Finding:
    corrected = Schedule(name="corrected", steps=((fixed, 0),)) if fixed else None
    return Finding(
        topic=TOPIC,
        indicator=indicator,
        summary=summary,
        found=(order.evidence,),
        lines=(say(TOPIC, "range_line"), say(TOPIC, "disorder_line" if disorder else "slips_line")),
        basis=say(TOPIC, "basis"),
        proposals=(Prescribe(order, corrected, compounded=False),) if corrected else (),
        withholds_start=True,
    )


def _unreadable(order: Order, kind: Regimen) -> Finding | None:
    if kind is not Regimen.UNKNOWN or order.dose.problem is None:
        return None
    if order.dose.problem is DoseProblem.VOLUME_WITHOUT_STRENGTH:
        return _finding(Indicator.WARNING, say(TOPIC, "volume"), order)
    certain = order.dose.problem is DoseProblem.UNIT_CONFLICT
    indicator = Indicator.WARNING if certain else Indicator.INFO
    return _finding(indicator, say(TOPIC, "unreadable", why=order.dose.problem.value), order)


def _disagreement(order: Order) -> Finding | None:
    dose = order.dose
    steps = {round(step.mg, 2) for step in dose.steps}
    if not dose.sources_disagree or round(dose.text_mg or 0.0, 2) in steps:
        return None
    coded, written = milligrams(dose.structured_mg or 0.0), milligrams(dose.text_mg or 0.0)
    return _finding(Indicator.WARNING, say(TOPIC, "disagree", coded=coded, written=written), order)


def _out_of_range(order: Order, kind: Regimen, clinical: Clinical) -> Finding | None:
    mg = order.dose.mg_per_day
    if mg is None:
        return None
    shown = milligrams(mg)
    if kind is Regimen.MICRO:
        if mg >= clinical.dose.microgram_mg:
            return _finding(Indicator.INFO, say(TOPIC, "micro", mg=shown), order)
        fixed = _in_range((mg * 10, mg * 100, mg * 1000), clinical)
        return _finding(Indicator.WARNING, _low_slip(shown, fixed), order, fixed=fixed)
    if kind is not Regimen.ODD:
        return None
    fixed = _in_range((mg / factor for factor in _SLIP_FACTORS), clinical)
    if fixed is None:
        return _finding(Indicator.WARNING, say(TOPIC, "above", mg=shown), order)
    key = "tenfold_high" if mg < 100 else "thousandfold"
    return _finding(Indicator.WARNING, say(TOPIC, key, mg=shown, fixed=milligrams(fixed)), order, fixed=fixed)


def _low_slip(shown: str, fixed: float | None) -> str:
    return (
        say(TOPIC, "tenfold_low", mg=shown, fixed=milligrams(fixed))
        if fixed
        else say(TOPIC, "micro", mg=shown)
    )


def _in_range(candidates: Iterator[float] | tuple[float, ...], clinical: Clinical) -> float | None:
    limits = clinical.dose
    return next((round(mg, 4) for mg in candidates if limits.low_mg <= round(mg, 4) <= limits.high_mg), None)


def _wrong_for_reason(order: Order, kind: Regimen, chart: PatientChart) -> Finding | None:
    shown = milligrams(order.dose.mg_per_day or 0.0)
    indication = next((meaning for meaning in INDICATIONS if meaning in order.reasons), None)
    if kind is Regimen.STANDARD and indication and not _disorder_recorded(order, chart):
        words = indication.value.replace("-", " ")
        return _finding(
            Indicator.WARNING, say(TOPIC, "full_for_indication", mg=shown, indication=words), order, fixed=4.5
        )
    disorder = next((name for meaning, name in DISORDERS.items() if meaning in order.reasons), None)
    if kind is Regimen.LOW and disorder:
        summary = say(TOPIC, "low_for_disorder", mg=shown, disorder=disorder)
        return _finding(Indicator.WARNING, summary, order, disorder=True)
    return None


def _disorder_recorded(order: Order, chart: PatientChart) -> bool:
    treated = {Meaning.OPIOID_USE_DISORDER, Meaning.ALCOHOL_USE_DISORDER, Meaning.OPIOID_AGONIST_THERAPY}
    return bool(order.reasons & treated or chart.with_meaning(*treated))
