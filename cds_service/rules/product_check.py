"""Can the ordered product deliver the low dose at all?"""

from __future__ import annotations

from cds_service.chart import Order, PatientChart, milligrams
from cds_service.knowledge.clinical import Clinical, Schedule
from cds_service.knowledge.concepts import Form
from cds_service.knowledge.wording import say
from cds_service.rules.finding import AS_ORDERED, Finding, Findings, Indicator, Prescribe, Topic
from cds_service.rules.regimen import LOW_DOSE, Regimen, is_combination, of_order
from cds_service.rules.starting_dose import is_continued, schedules

TOPIC = Topic.PRODUCT_CHECK
_INJECTED = (Form.DEPOT, Form.IMPLANT, Form.INJECTION)


def product_check(chart: PatientChart, clinical: Clinical) -> Findings:
    """A warning that owns the suggestion: medicine, dose and quantity change together."""
    findings = []
    for order in chart.naltrexone_orders:
        if of_order(order, clinical) not in LOW_DOSE:
            continue
        summary = _mismatch(order, clinical)
        if summary:
            finding = Finding(
                topic=TOPIC,
                indicator=Indicator.WARNING,
                summary=summary,
                found=(order.evidence,),
                lines=(say(TOPIC, "line"), say(TOPIC, "compounding")),
                basis=say(TOPIC, "basis"),
                proposals=_replacements(chart, order, clinical),
                exclusive=True,
                withholds_start=True,
            )
            findings.append(finding)
    return findings or "no order is a low dose on a product that cannot deliver it"


def _mismatch(order: Order, clinical: Clinical) -> str | None:
    medicine, mg = order.medicine, order.dose.per_dose_mg or 0.0
    if medicine.form in _INJECTED:
        return say(TOPIC, "depot", mg=milligrams(mg))
    if is_combination(medicine) or medicine.extended_release:
        return say(TOPIC, "combination")
    strength = medicine.naltrexone_mg
    if strength is None or medicine.per_ml:
        return None
    if strength >= clinical.dose.full_dose_mg:
        return say(TOPIC, "tablet", mg=milligrams(mg), strength=milligrams(strength))
    odd = [dose for dose in _doses(order) if not _divides(dose, strength, medicine.form)]
    if not odd:
        return None
    form = medicine.form.value if medicine.form else "unit"
    return say(TOPIC, "piece", mg=milligrams(odd[0]), strength=milligrams(strength), form=form)


def _doses(order: Order) -> list[float]:
    """mg of every single dose: of every step when taken once a day, else of the highest alone."""
    dose = order.dose
    if dose.per_dose_mg == dose.mg_per_day:
        return [step.mg for step in dose.steps]
    return [dose.per_dose_mg or 0.0]


def _divides(mg: float, strength: float, form: Form | None) -> bool:
    """Whole capsules; tablets also in halves."""
    pieces = mg / strength * (2 if form is Form.TABLET else 1)
    return abs(pieces - round(pieces)) < 0.01 and round(pieces) > 0


def _replacements(chart: PatientChart, order: Order, clinical: Clinical) -> tuple[Prescribe, ...]:
    """The schedules for a start; the dose as it is for a treatment that runs or is a schedule already.

    None for another route, unless the product itself brought it: an injection gives way to capsules.
    """
    if not order.route_oral and order.medicine.form not in _INJECTED:
        return ()
    if is_continued(chart, clinical) or order.dose.is_stepwise or of_order(order, clinical) is Regimen.MICRO:
        steps = tuple((step.mg, int(step.days or 0)) for step in order.dose.steps)
        return (Prescribe(order, Schedule(name=AS_ORDERED, steps=steps), recommended=True, compounded=True),)
    return schedules(chart, order, clinical, compounded=True)
