"""Does liver disease, or a liver test, speak against naltrexone?"""

from __future__ import annotations

from collections.abc import Iterator

from cds_service.chart import Evidence, Measurement, PatientChart, Problem, listed, milligrams
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Meaning, Measure
from cds_service.knowledge.wording import say
from cds_service.rules.finding import NO_NALTREXONE, DraftTest, Finding, Findings, Indicator, Topic
from cds_service.rules.names import shortened
from cds_service.rules.regimen import drug

TOPIC = Topic.LIVER
_DISEASES = {
    Meaning.ACUTE_HEPATITIS: "acute hepatitis",
    Meaning.LIVER_FAILURE: "liver failure",
    Meaning.DECOMPENSATED_CIRRHOSIS: "decompensated cirrhosis",
}


def liver(chart: PatientChart, clinical: Clinical) -> Findings:
    """Disease by the label of the site's region; transaminases by an expert cut-off, said as such."""
    if not chart.naltrexone_orders:
        return NO_NALTREXONE
    diseases = dict(_diseases(chart, clinical))
    enzymes = list(_raised(chart, clinical))
    if not diseases and not enzymes:
        limits = clinical.liver
        return (
            f"no liver disease of the label; no ALT or AST above {limits.enzyme_multiple:g} times its limit "
            f"in {limits.enzyme_days} days"
        )
    region = clinical.label.region
    return [
        Finding(
            topic=TOPIC,
            indicator=Indicator.CRITICAL if region == "EU" else Indicator.WARNING,
            summary=_summary(list(diseases.values()), enzymes, drug(chart, clinical), clinical),
            found=(*diseases, *(m.evidence for m in enzymes)),
            lines=(say(TOPIC, "line"), *((say(TOPIC, "label"),) if diseases else ())),
            basis=say(TOPIC, "basis"),
            proposals=(DraftTest("liver-tests"),),
            withholds_start=True,
        )
    ]


def _summary(diseases: list[str], enzymes: list[Measurement], naltrexone: str, clinical: Clinical) -> str:
    if diseases:
        return say(
            TOPIC, clinical.label.region, what=shortened(list(dict.fromkeys(diseases))), drug=naltrexone
        )
    what = listed([_shown(result) for result in enzymes])
    times = milligrams(clinical.liver.enzyme_multiple)
    return say(TOPIC, "enzymes", what=what, days=clinical.liver.enzyme_days, multiple=times, drug=naltrexone)


def _diseases(chart: PatientChart, clinical: Clinical) -> Iterator[tuple[Evidence, str]]:
    if not chart.problems:
        return
    for meaning, words in _DISEASES.items():
        for problem in chart.with_meaning(meaning):
            if meaning is not Meaning.ACUTE_HEPATITIS or not _is_over(problem, chart, clinical):
                yield problem.evidence, words
    yield from _decompensated(chart)


def _is_over(problem: Problem, chart: PatientChart, clinical: Clinical) -> bool:
    """Recorded as acute so long ago that it is not any more, though nobody closed the entry."""
    return problem.dated is not None and (chart.today - problem.dated).days > clinical.liver.acute_days


def _decompensated(chart: PatientChart) -> Iterator[tuple[Evidence, str]]:
    """A sign such as ascites has other causes: it counts beside a recorded cirrhosis."""
    signs: tuple[Problem, ...] = chart.with_meaning(Meaning.DECOMPENSATION_SIGN)
    cirrhosis = chart.with_meaning(Meaning.CIRRHOSIS)
    if signs and cirrhosis:
        for problem in (*cirrhosis, *signs):
            yield problem.evidence, "decompensated cirrhosis"


def _raised(chart: PatientChart, clinical: Clinical) -> Iterator[Measurement]:
    """The newest ALT and AST, when dated within the window and above the cut-off."""
    if not chart.measurements:
        return
    for measure in (Measure.ALT, Measure.AST):
        dated = [m for m in chart.measured(measure) if m.day and m.day <= chart.today]
        recent = [m for m in dated[:1] if m.day and (chart.today - m.day).days <= clinical.liver.enzyme_days]
        yield from (m for m in recent if (m.multiple or 0.0) > clinical.liver.enzyme_multiple)


def _shown(result: Measurement) -> str:
    enzyme = "ALT" if Measure.ALT in result.measures else "AST"
    return f"{enzyme} {milligrams(round(result.multiple or 0.0, 1))} times"
