"""Is the dose a slip: tenfold, another unit, the wrong range for the reason?"""

from __future__ import annotations

from msgspec.structs import replace

from cds_service.chart import DoseProblem, Order, PatientChart, listed, milligrams
from cds_service.knowledge.clinical import Clinical, Schedule
from cds_service.knowledge.concepts import Form
from cds_service.knowledge.wording import say
from cds_service.rules.age import is_minor
from cds_service.rules.finding import NO_NALTREXONE, Finding, Findings, Indicator, Prescribe, Topic
from cds_service.rules.regimen import DISORDERS, INDICATIONS, Regimen, disorder_recorded, of_order

TOPIC = Topic.DOSE_CHECK
_TOO_LOW = (10.0, 100.0, 1000.0)
_TOO_HIGH = ((10.0, "tenfold_high"), (1000.0, "thousandfold"))
"""By how much a slip is too high, and the sentence that says so; too low, one sentence serves for all."""
_USUAL_STEP_MG = 0.5


def dose_check(chart: PatientChart, clinical: Clinical) -> Findings:
    """At most one card an order: the first of the checks that speaks."""
    kinds = {}
    findings = []
    for order in chart.naltrexone_orders:
        kinds[order.path] = kind = of_order(order, clinical)
        finding = (
            _unreadable(order, kind)
            or _disagreement(order)
            or _out_of_range(order, kind, chart, clinical)
            or _wrong_for_reason(order, kind, chart)
        )
        if finding:
            # the corrected dose is one for adults
            findings.append(replace(finding, proposals=()) if is_minor(chart, clinical) else finding)
    if not kinds:
        return NO_NALTREXONE
    return findings or f"nothing speaks against the dose ({listed(list(kinds.values()))})"


def _finding(
    indicator: Indicator, summary: str, order: Order, *, fixed: float | None = None, disorder: bool = False
) -> Finding:
    by_mouth = order.route_oral
    corrected = Schedule(name="corrected", steps=((fixed, 0),)) if fixed and by_mouth else None
    return Finding(
        topic=TOPIC,
        indicator=indicator,
        summary=summary,
        found=(order.evidence,),
        lines=(say(TOPIC, "range_line"), say(TOPIC, "disorder_line" if disorder else "slips_line")),
        basis=say(TOPIC, "basis"),
        proposals=(Prescribe(order, corrected),) if corrected else (),
        withholds_start=True,
    )


def _unreadable(order: Order, kind: Regimen) -> Finding | None:
    if kind is not Regimen.UNKNOWN or order.dose.problem is None or order.medicine.form is Form.TOPICAL:
        return None  # a cream has no dose a day
    if order.dose.problem is DoseProblem.VOLUME_WITHOUT_STRENGTH:
        return _finding(Indicator.WARNING, say(TOPIC, "volume"), order)
    certain = order.dose.problem is DoseProblem.UNIT_CONFLICT
    indicator = Indicator.WARNING if certain else Indicator.INFO
    return _finding(indicator, say(TOPIC, "unreadable", why=order.dose.problem.value), order)


def _disagreement(order: Order) -> Finding | None:
    dose = order.dose
    if not dose.sources_disagree or round(dose.text_mg or 0.0, 2) in {round(s.mg, 2) for s in dose.steps}:
        return None
    coded, written = milligrams(dose.structured_mg or 0.0), milligrams(dose.text_mg or 0.0)
    return _finding(Indicator.WARNING, say(TOPIC, "disagree", coded=coded, written=written), order)


def _out_of_range(order: Order, kind: Regimen, chart: PatientChart, clinical: Clinical) -> Finding | None:
    mg = order.dose.mg_per_day
    if mg is None or kind is Regimen.LOW:
        return None
    if kind is Regimen.MICRO:
        return _below(order, mg, clinical)
    treated = disorder_recorded(order, chart)
    if kind is Regimen.INJECTION:
        return _above(order, mg, treated, clinical) if _is_too_often(order, clinical) else None
    between = kind is Regimen.STANDARD and not treated and _is_between_label_doses(order, clinical)
    return _above(order, mg, treated, clinical) if kind is Regimen.ODD or between else None


def _is_too_often(order: Order, clinical: Clinical) -> bool:
    """A depot given more than twice in the time it works ("380 mg daily" for monthly)."""
    works = clinical.exposure.depot_days["naltrexone"]
    return not order.dose.frequency_assumed and 2 * order.dose.every_days < works


def _is_between_label_doses(order: Order, clinical: Clinical) -> bool:
    """15 mg lies between the 12.5 and 25 mg of a start, and is ten times 1.5 mg."""
    mg, starts = order.dose.per_dose_mg or 0.0, clinical.dose.standard_start_mg
    return min(starts) < mg < max(starts)


def _below(order: Order, mg: float, clinical: Clinical) -> Finding:
    shown = milligrams(mg)
    if mg >= clinical.dose.microgram_mg:
        return _finding(Indicator.INFO, say(TOPIC, "micro", mg=shown), order)
    for factor in _TOO_LOW:
        if fixed := _if_usual(mg * factor, clinical):
            summary = say(TOPIC, "tenfold_low", mg=shown, fixed=milligrams(fixed))
            return _finding(Indicator.WARNING, summary, order, fixed=fixed)
    return _finding(Indicator.WARNING, say(TOPIC, "micro", mg=shown), order)


def _above(order: Order, mg: float, treated: bool, clinical: Clinical) -> Finding:
    """A slip of ten or a thousand, unless a use disorder is treated: then LDN is not what was meant."""
    shown = milligrams(mg)
    for factor, key in () if treated else _TOO_HIGH:
        if fixed := _if_usual(mg / factor, clinical):
            summary = say(TOPIC, key, mg=shown, fixed=milligrams(fixed))
            return _finding(Indicator.WARNING, summary, order, fixed=fixed)
    return _finding(Indicator.WARNING, say(TOPIC, "above", mg=shown), order, disorder=treated)


def _if_usual(mg: float, clinical: Clinical) -> float | None:
    """``mg`` if it is an LDN dose people write: in the range, in steps of half a milligram."""
    mg = round(mg, 4)
    in_range = clinical.dose.low_mg <= mg <= clinical.dose.high_mg
    return mg if in_range and mg % _USUAL_STEP_MG == 0 else None


def _wrong_for_reason(order: Order, kind: Regimen, chart: PatientChart) -> Finding | None:
    if not order.reasons:
        return None
    shown = milligrams(order.dose.mg_per_day or 0.0)
    indication = next((meaning for meaning in INDICATIONS if meaning in order.reasons), None)
    if kind is Regimen.STANDARD and indication and not disorder_recorded(order, chart):
        words = indication.value.replace("-", " ")
        return _finding(
            Indicator.WARNING, say(TOPIC, "full_for_indication", mg=shown, indication=words), order, fixed=4.5
        )
    disorder = next((name for meaning, name in DISORDERS.items() if meaning in order.reasons), None)
    if kind is Regimen.LOW and disorder:
        summary = say(TOPIC, "low_for_disorder", mg=shown, disorder=disorder)
        return _finding(Indicator.WARNING, summary, order, disorder=True)
    return None
