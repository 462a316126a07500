"""The rules: one file a clinical question, each a pure function from chart to findings.

To add one: write ``my_question.py`` with a function ``(chart, clinical) -> Findings``
that returns what it found or why it is silent, give its topic a code in :mod:`finding` and
its sentences a table in ``knowledge/wording.toml``, and name it in :data:`RULES`.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator

from msgspec.structs import replace

from cds_service.chart import PatientChart
from cds_service.knowledge.clinical import Clinical
from cds_service.rules.age import age
from cds_service.rules.breastfeeding import breastfeeding
from cds_service.rules.dose_check import dose_check
from cds_service.rules.finding import (
    DraftTest,
    Finding,
    Findings,
    Indicator,
    Prescribe,
    Remove,
    StartLater,
    Topic,
)
from cds_service.rules.hypersensitivity import hypersensitivity
from cds_service.rules.interaction import interaction
from cds_service.rules.kidney import kidney
from cds_service.rules.liver import liver
from cds_service.rules.naltrexone_duplicate import are_sequential, naltrexone_duplicate
from cds_service.rules.not_checked import not_checked, unkept
from cds_service.rules.opioid_coprescription import opioid_coprescription
from cds_service.rules.opioid_ordered import opioid_ordered
from cds_service.rules.opioid_signal import opioid_signal
from cds_service.rules.opioid_washout import opioid_washout
from cds_service.rules.peripheral_opioid import peripheral_opioid
from cds_service.rules.pregnancy import pregnancy
from cds_service.rules.product_check import product_check
from cds_service.rules.starting_dose import starting_dose
from cds_service.rules.surgery import surgery

__all__ = [
    "RULES",
    "DraftTest",
    "Finding",
    "Indicator",
    "Prescribe",
    "Remove",
    "Rule",
    "StartLater",
    "Topic",
    "are_sequential",
    "at_level_of_site",
    "decide",
    "offered",
    "withholding",
]

Rule = Callable[[PatientChart, Clinical], Findings]

RULES: tuple[Rule, ...] = (
    opioid_coprescription,
    opioid_washout,
    opioid_signal,
    opioid_ordered,
    hypersensitivity,
    liver,
    kidney,
    pregnancy,
    dose_check,
    product_check,
    naltrexone_duplicate,
    interaction,
    surgery,
    age,
    breastfeeding,
    peripheral_opioid,
    starting_dose,
    not_checked,
)


_OFFERS = (Prescribe, StartLater)
"""What others may withhold."""


def decide(chart: PatientChart, clinical: Clinical, rules: Iterable[Rule] = RULES) -> list[Finding]:
    """All findings on ``chart``, the most urgent first.

    A start, now or later, a titration or a corrected dose is offered only where no
    other finding withholds it (the decision table's rule): a later start of a dose
    that is itself in doubt is none. A topic the site has switched off is neither
    shown nor withholds.
    """
    wanted: list[Finding] = []
    for rule in rules:
        if rule is starting_dose and any(map(_withholds, wanted)):
            continue  # it would be withheld, and costs the most; :mod:`verdicts` asks it all the same
        said = rule(chart, clinical)
        if not isinstance(said, str):
            name = _name(rule)
            wanted += [replace(f, rule=name) for f in said if f.topic not in clinical.rules.off]
    kept = [left for finding in wanted if (left := offered(finding, wanted))]
    shown = [at_level_of_site(finding, clinical) for finding in kept]
    shown.sort(key=lambda finding: finding.indicator.rank)
    return _with_unkept(shown, chart)


def _with_unkept(findings: list[Finding], chart: PatientChart) -> list[Finding]:
    """What the EHR keeps no list of is said once: by the starting dose, else by the most urgent finding."""
    line = unkept(chart)
    if not line or not findings or any(f.topic is Topic.STARTING_DOSE for f in findings):
        return findings
    return [replace(findings[0], lines=(*findings[0].lines, line)), *findings[1:]]


def _name(rule: Rule) -> str:
    return getattr(rule, "__name__", "")


def at_level_of_site(finding: Finding, clinical: Clinical) -> Finding:
    """How loudly the site wants the topic; what is withheld was decided by the rules' own level."""
    if finding.topic not in clinical.indicator.level:
        return finding
    shown = clinical.indicator.shown(finding.topic.value, finding.indicator.value)
    return replace(finding, indicator=Indicator(shown))


def withholding(finding: Finding, all_findings: Iterable[Finding]) -> Iterator[Finding]:
    """The others that withhold a start, a titration or a corrected dose beside them."""
    for other in all_findings:
        if other is not finding and _withholds(other):
            yield other


def _withholds(finding: Finding) -> bool:
    return finding.withholds_start or finding.indicator is Indicator.CRITICAL


def offered(finding: Finding, all_findings: Iterable[Finding]) -> Finding | None:
    """``finding`` with what may be offered beside the others; None for a start that may not."""
    if next(withholding(finding, all_findings), None) is None:
        return finding
    if finding.topic is Topic.STARTING_DOSE:
        return None
    kept = tuple(p for p in finding.proposals if not isinstance(p, _OFFERS))
    return replace(finding, proposals=kept)
