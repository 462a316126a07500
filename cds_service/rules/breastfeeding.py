"""Is the patient breast-feeding?"""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.chart import PatientChart
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.wording import say
from cds_service.rules.finding import Finding, Indicator, Topic

TOPIC = Topic.BREASTFEEDING


def breastfeeding(chart: PatientChart, clinical: Clinical) -> Iterator[Finding]:
    """Info: limited data, small transfer; never "contraindicated"."""
    if chart.naltrexone_orders() and chart.pregnancy.breastfeeding:
        yield Finding(
            topic=TOPIC,
            indicator=Indicator.INFO,
            summary=say(TOPIC, "info"),
            found=chart.pregnancy.breastfeeding,
            lines=(say(TOPIC, "line"), say(TOPIC, "next")),
            basis=say(TOPIC, "basis"),
        )
