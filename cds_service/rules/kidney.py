"""Is kidney function severely impaired?"""

from __future__ import annotations

from cds_service.chart import PatientChart, milligrams
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Meaning, Measure
from cds_service.knowledge.wording import say
from cds_service.rules.finding import NO_NALTREXONE, Finding, Findings, Indicator, Topic

TOPIC = Topic.KIDNEY


def kidney(chart: PatientChart, clinical: Clinical) -> Findings:
    """Info by the US label, critical by the EU's, which contraindicates."""
    if not chart.naltrexone_orders:
        return NO_NALTREXONE
    problems = [p.evidence for p in chart.with_meaning(Meaning.SEVERE_RENAL_IMPAIRMENT)]
    results = [m for m in chart.measured(Measure.EGFR) if m.day and m.day <= chart.today][:1]
    low = [m for m in results if m.day and _is_low(m.value, (chart.today - m.day).days, clinical)]
    if not problems and not low:
        limits = clinical.kidney
        return f"no severe renal impairment, no eGFR below {limits.egfr:g} within {limits.egfr_days} days"
    region = clinical.label.region
    what = f"eGFR {milligrams(low[0].value or 0)}" if low else "on the problem list"
    critical = region == "EU"
    return [
        Finding(
            topic=TOPIC,
            indicator=Indicator.CRITICAL if critical else Indicator.INFO,
            summary=say(TOPIC, region, what=what),
            found=(*problems, *(m.evidence for m in low)),
            lines=(say(TOPIC, "line"),),
            basis=say(TOPIC, "basis"),
            withholds_start=critical,
        )
    ]


def _is_low(value: float | None, age_days: int, clinical: Clinical) -> bool:
    return value is not None and value < clinical.kidney.egfr and age_days <= clinical.kidney.egfr_days
