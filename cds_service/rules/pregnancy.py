"""Is the patient pregnant, or perhaps pregnant?"""

from __future__ import annotations

from cds_service.chart import PatientChart
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.wording import say
from cds_service.rules.finding import NO_NALTREXONE, DraftTest, Finding, Findings, Indicator, Remove, Topic
from cds_service.rules.regimen import POSSIBLY_LDN, disorder_treated, drug, of_order


def pregnancy(chart: PatientChart, clinical: Clinical) -> Findings:
    """Warning when pregnant or likely by a test; info when unclear, or when it treats a use disorder."""
    orders = chart.naltrexone_orders
    if not orders:
        return NO_NALTREXONE
    if chart.pregnancy.state == "none":
        return "no present or possible pregnancy is recorded"
    disorders = {disorder_treated(order, chart, clinical) for order in orders}
    disorder = next(iter(disorders)) if len(disorders) == 1 else None
    if chart.pregnancy.state == "unclear":
        return [_unclear(chart, clinical, disorder)]
    topic = Topic.PREGNANCY
    name = drug(chart, clinical)
    return [
        Finding(
            topic=topic,
            indicator=Indicator.INFO if disorder else Indicator.WARNING,
            summary=say(topic, "treatment" if disorder else "warning", drug=name, disorder=disorder),
            found=chart.pregnancy.evidence,
            lines=(say(topic, "treatment_line"),) if disorder else (say(topic, "line"), say(topic, "next")),
            basis=say(topic, "basis"),
            proposals=tuple(Remove(order) for order in orders if of_order(order, clinical) in POSSIBLY_LDN),
            withholds_start=True,
        )
    ]


def _unclear(chart: PatientChart, clinical: Clinical, disorder: str | None) -> Finding:
    """A positive test that nothing has answered yet speaks as a recorded pregnancy does."""
    topic = Topic.PREGNANCY_UNCLEAR
    person = chart.person
    doubted = person.sex == "male" or (person.age or 0) >= clinical.pregnancy.oldest_age
    return Finding(
        topic=topic,
        indicator=Indicator.WARNING if chart.pregnancy.likely and not disorder else Indicator.INFO,
        summary=say(topic, "info", why=chart.pregnancy.why_unclear, drug=drug(chart, clinical)),
        found=chart.pregnancy.evidence,
        lines=(say(topic, "line_doubted" if doubted else "line"),),
        basis=say(topic, "basis"),
        proposals=(DraftTest("pregnancy-test"),),
        withholds_start=chart.pregnancy.likely,
    )
