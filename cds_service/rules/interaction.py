"""Does naltrexone meet thioridazine or disulfiram?"""

from __future__ import annotations

from cds_service.chart import PatientChart
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Role
from cds_service.knowledge.wording import say
from cds_service.rules.finding import NO_NALTREXONE, Finding, Findings, Indicator, Topic

TOPIC = Topic.INTERACTION
_DRUGS = (
    (Role.THIORIDAZINE, "thioridazine", Indicator.WARNING),
    (Role.DISULFIRAM, "disulfiram", Indicator.INFO),
)
_SILENT = "neither thioridazine nor disulfiram is on the lists or in the basket"


def interaction(chart: PatientChart, clinical: Clinical) -> Findings:
    """The two drugs that the naltrexone label names, on the lists or in the basket."""
    if not chart.naltrexone_orders:
        return NO_NALTREXONE
    if chart.roles.isdisjoint((Role.THIORIDAZINE, Role.DISULFIRAM)):
        return _SILENT
    findings = []
    for role, name, indicator in _DRUGS:
        taken = [e.evidence for e in chart.exposed(role) if e.is_current]
        ordered = [order.evidence for order in chart.orders if role in order.medicine.roles]
        if taken or ordered:
            finding = Finding(
                topic=TOPIC,
                indicator=indicator,
                summary=say(TOPIC, name),
                found=(*taken, *ordered),
                lines=(say(TOPIC, f"line_{name}"),),
                basis=say(TOPIC, "basis"),
            )
            findings.append(finding)
    return findings or _SILENT
