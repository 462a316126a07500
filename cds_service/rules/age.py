"""Is the patient too young for what is known of naltrexone?"""

from __future__ import annotations

from cds_service.chart import Evidence, PatientChart
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.wording import say
from cds_service.rules.finding import NO_LDN, Finding, Findings, Indicator, Topic
from cds_service.rules.regimen import POSSIBLY_LDN, drug, of_order

TOPIC = Topic.AGE


def is_minor(chart: PatientChart, clinical: Clinical) -> bool:
    """Whether the patient is known to be too young for a dose of adults."""
    years = chart.person.age
    return years is not None and years < clinical.age.adult


def age(chart: PatientChart, clinical: Clinical) -> Findings:
    """LDN under 18: info; under 12: warning. No adult schedule is offered beside it."""
    years = chart.person.age
    ldn = any([of_order(order, clinical) in POSSIBLY_LDN for order in chart.naltrexone_orders])
    if not ldn:
        return NO_LDN
    if years is None:
        return "the age is not known"
    if not is_minor(chart, clinical):
        return f"the patient is {years} years old"
    told = "1 year" if years == 1 else f"{years} years"
    return [
        Finding(
            topic=TOPIC,
            indicator=Indicator.WARNING if years < clinical.age.child else Indicator.INFO,
            summary=say(
                TOPIC,
                "minor",
                age=f"{told} old" if years else "under 1 year old",
                drug=drug(chart, clinical),
            ),
            found=(Evidence("Date of birth on the patient record", (told,)),),
            lines=(say(TOPIC, "line"),),
            basis=say(TOPIC, "basis"),
            withholds_start=True,
        )
    ]
