"""Is the patient breast-feeding?"""

from __future__ import annotations

from cds_service.chart import PatientChart
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.wording import say
from cds_service.rules.finding import NO_NALTREXONE, Finding, Findings, Indicator, Topic

TOPIC = Topic.BREASTFEEDING


def breastfeeding(chart: PatientChart, clinical: Clinical) -> Findings:
    """Info: limited data, small transfer; never "contraindicated"."""
    if not chart.naltrexone_orders:
        return NO_NALTREXONE
    if not chart.pregnancy.breastfeeding:
        return "breast-feeding is not recorded"
    return [
        Finding(
            topic=TOPIC,
            indicator=Indicator.INFO,
            summary=say(TOPIC, "info"),
            found=chart.pregnancy.breastfeeding,
            lines=(say(TOPIC, "line"), say(TOPIC, "next")),
            basis=say(TOPIC, "basis"),
        )
    ]
