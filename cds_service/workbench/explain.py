"""What each topic means, from the rules and the knowledge themselves: nothing is written twice."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.wording import sentences, titles
from cds_service.rules import RULES, Rule, Topic

_SECTIONS: dict[Topic, tuple[str, ...]] = {
    Topic.OPIOID_COPRESCRIPTION: ("opioid_free", "exposure"),
    Topic.OPIOID_WASHOUT: ("opioid_free", "exposure"),
    Topic.OPIOID_SIGNAL: ("signal",),
    Topic.OPIOID_ORDERED: ("naltrexone_block", "opioid_on_naltrexone"),
    Topic.PERIPHERAL_OPIOID: ("peripheral_opioid",),
    Topic.NALTREXONE_DUPLICATE: ("dose",),
    Topic.PREGNANCY: ("pregnancy",),
    Topic.PREGNANCY_UNCLEAR: ("pregnancy",),
    Topic.BREASTFEEDING: ("pregnancy",),
    Topic.STARTING_DOSE: ("titration", "compounding"),
    Topic.DOSE_CHECK: ("dose",),
    Topic.PRODUCT_CHECK: ("dose",),
    Topic.LIVER: ("label", "liver"),
    Topic.KIDNEY: ("label", "kidney"),
    Topic.SURGERY: ("surgery",),
    Topic.AGE: ("age",),
}


@dataclass(frozen=True, slots=True)
class Figures:
    """One section of clinical.toml in force: its figures as (name, value), and where they come from."""

    section: str
    values: tuple[tuple[str, str], ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A topic as its page shows it."""

    code: str
    title: str
    question: str
    behaviour: str
    summaries: tuple[str, ...]
    basis: str
    figures: tuple[Figures, ...]
    off: bool


def explanations(clinical: Clinical) -> dict[str, Explanation]:
    """One explanation a topic, by its code."""
    return {topic.value: _explanation(topic, clinical) for topic in Topic}


def _explanation(topic: Topic, clinical: Clinical) -> Explanation:
    question, behaviour = _of_rule(topic)
    texts = sentences(topic.value)
    return Explanation(
        code=topic.value,
        title=titles()[topic.value],
        question=question,
        behaviour=behaviour,
        summaries=tuple(
            text for key, text in texts.items() if key not in ("title", "basis") and not text.startswith("**")
        ),
        basis=texts["basis"],
        figures=tuple(_figures(topic, clinical)),
        off=topic.value in clinical.rules.off,
    )


def _of_rule(topic: Topic) -> tuple[str, str]:
    """The clinical question (the module's first line) and what the rule does (its function's docstring)."""
    rule = rule_of(topic)
    module = inspect.getdoc(sys.modules[rule.__module__]) or ""
    return module.splitlines()[0], inspect.getdoc(rule) or ""


def rule_of(topic: Topic) -> Rule:
    """The rule that finds ``topic``: its module is named for it, or its siblings' module."""
    name = {Topic.OPIOID_ORDERED: "opioid_ordered", Topic.PREGNANCY_UNCLEAR: "pregnancy"}.get(topic)
    return next(rule for rule in RULES if rule.__name__ == (name or topic.value.replace("-", "_")))


def _figures(topic: Topic, clinical: Clinical) -> Iterator[Figures]:
    for section in _SECTIONS.get(topic, ()):
        table = getattr(clinical, section)
        names = table.__struct_fields__
        yield Figures(
            section,
            tuple((name, _plain(getattr(table, name))) for name in names if "source" not in name),
            tuple(getattr(table, name) for name in names if "source" in name),
        )


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key}: {_plain(each)}" for key, each in value.items())
    if isinstance(value, tuple):
        return "; ".join(_plain(each) for each in value)
    if hasattr(value, "steps"):
        steps = (
            f"{mg:g} mg" + (f" for {days} days" if days else " from then on") for mg, days in value.steps
        )
        return f"{value.name}: {', '.join(steps)}"  # type: ignore[attr-defined]
    return f"{value:g}" if isinstance(value, float) else str(value)
