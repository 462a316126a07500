"""What every rule said of a chart, and why the others were silent; for people who ask, not for answering.

The rules are pure, so this runs them once more instead of making :func:`cds_service.rules.decide` keep notes.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from cds_service.chart import PatientChart
from cds_service.knowledge.clinical import Clinical
from cds_service.rules import RULES, Finding, Rule, Topic, at_level_of_site, offered, withholding
from cds_service.rules.finding import spoken


@dataclass(frozen=True, slots=True)
class Spoken:
    """One finding and what became of it.

    ``shown_as`` is the site's level, None when it was not shown; ``withheld_by`` are the topics that
    withhold what it offers.
    """

    finding: Finding
    shown_as: str | None
    switched_off: bool = False
    withheld_by: tuple[Topic, ...] = ()


@dataclass(frozen=True, slots=True)
class Verdict:
    """One rule, by its function's name: what it found, else why it is silent."""

    rule: str
    spoken: tuple[Spoken, ...] = ()
    silent: str | None = None


def verdicts(chart: PatientChart, clinical: Clinical, rules: Iterable[Rule] = RULES) -> tuple[Verdict, ...]:
    """One verdict a rule, in the order of ``rules``."""
    heard = [(rule.__name__, rule(chart, clinical)) for rule in rules]
    wanted = [f for _, said in heard for f in spoken(said) if f.topic.value not in clinical.rules.off]
    return tuple(
        Verdict(
            rule=name,
            spoken=tuple(_spoken(f, wanted, clinical) for f in spoken(said)),
            silent=said if isinstance(said, str) else None,
        )
        for name, said in heard
    )


def _spoken(finding: Finding, wanted: list[Finding], clinical: Clinical) -> Spoken:
    if finding.topic.value in clinical.rules.off:
        return Spoken(finding, None, switched_off=True)
    kept = offered(finding, wanted)
    shown_as = at_level_of_site(kept, clinical).indicator.value if kept else None
    if kept and kept.proposals == finding.proposals:
        return Spoken(finding, shown_as)
    by = dict.fromkeys(other.topic for other in withholding(finding, wanted))
    return Spoken(finding, shown_as, withheld_by=tuple(by))
