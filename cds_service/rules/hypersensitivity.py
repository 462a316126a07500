"""Is an allergy or intolerance to naltrexone or naloxone recorded?"""

from __future__ import annotations

from cds_service.chart import Evidence, PatientChart
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Meaning, Role
from cds_service.knowledge.wording import say
from cds_service.rules.finding import NO_NALTREXONE, Finding, Findings, Indicator, Remove, Topic
from cds_service.rules.regimen import drug, is_combination

TOPIC = Topic.HYPERSENSITIVITY


def hypersensitivity(chart: PatientChart, clinical: Clinical) -> Findings:
    """Naltrexone allergy critical, intolerance warning, naloxone allergy info: the worst of them speaks.

    Of an allergy to a combination (Contrave) nobody knows which drug it was: warning.
    """
    orders = chart.naltrexone_orders
    if not orders:
        return NO_NALTREXONE
    allergic, combined, intolerant, naloxone = _recorded(chart)
    if allergic:
        indicator, key, found, line = Indicator.CRITICAL, "allergy", allergic, "line_allergy"
    elif combined:
        indicator, key, found, line = Indicator.WARNING, "combination", combined, "line_allergy"
    elif intolerant:
        indicator, key, found, line = Indicator.WARNING, "intolerance", intolerant, "line_intolerance"
    elif naloxone:
        indicator, key, found, line = Indicator.INFO, "naloxone", naloxone, "line_allergy"
    else:
        return "no allergy or intolerance to naltrexone or naloxone is recorded"
    return [
        Finding(
            topic=TOPIC,
            indicator=indicator,
            summary=say(TOPIC, key, drug=drug(chart, clinical)),
            found=found,
            lines=(say(TOPIC, line),),
            basis=say(TOPIC, "basis"),
            proposals=tuple(Remove(order) for order in orders) if indicator is not Indicator.INFO else (),
            withholds_start=key == "combination",
        )
    ]


_Found = tuple[Evidence, ...]


def _recorded(chart: PatientChart) -> tuple[_Found, _Found, _Found, _Found]:
    """Allergies to naltrexone and to combinations with it, intolerances, allergies to naloxone."""
    if not chart.allergies and not chart.problems:
        return (), (), (), ()
    naltrexone = [a for a in chart.allergies if a.medicine.is_naltrexone]
    problems = [p.evidence for p in chart.with_meaning(Meaning.NALTREXONE_ALLERGY)]
    certain = [a for a in naltrexone if not a.intolerance and not is_combination(a.medicine)]
    allergic = (*(a.evidence for a in certain), *problems)
    combined = tuple(a.evidence for a in naltrexone if not a.intolerance and is_combination(a.medicine))
    intolerant = tuple(a.evidence for a in naltrexone if a.intolerance)
    naloxone = [a.evidence for a in chart.allergies if "naloxone" in a.medicine.named(Role.RESCUE_ANTAGONIST)]
    naloxone += [p.evidence for p in chart.with_meaning(Meaning.NALOXONE_ALLERGY)]
    return allergic, combined, intolerant, tuple(naloxone)
