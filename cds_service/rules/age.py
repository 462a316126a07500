"""Is the patient too young for what is known of naltrexone?"""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.chart import Evidence, PatientChart
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.wording import say
from cds_service.rules.finding import Finding, Indicator, Topic
from cds_service.rules.regimen import POSSIBLY_LDN, drug, of_order

TOPIC = Topic.AGE


def age(chart: PatientChart, clinical: Clinical) -> Iterator[Finding]:
    """LDN under 18: info; under 12: warning. No adult schedule is offered beside it."""
    years = chart.person.age
    ldn = any(of_order(order, clinical) in POSSIBLY_LDN for order in chart.naltrexone_orders())
    if not ldn or years is None or years >= clinical.age.adult:
        return
    yield Finding(
        topic=TOPIC,
        indicator=Indicator.WARNING if years < clinical.age.child else Indicator.INFO,
        summary=say(
            TOPIC,
            "minor",
            age=f"{years} years old" if years else "under 1 year old",
            drug=drug(chart, clinical),
        ),
        found=(Evidence("Date of birth on the patient record", (f"{years} years",)),),
        lines=(say(TOPIC, "line"),),
        basis=say(TOPIC, "basis"),
        withholds_start=True,
    )
