"""What each topic means, from the knowledge that the rules decide with: nothing is written twice."""

from __future__ import annotations

import inspect
import sys
from collections.abc import Iterator
from dataclasses import dataclass

from cds_service.knowledge.clinical import LEVELS, Clinical, shipped
from cds_service.knowledge.explanations import Meaning, figure_words, meaning
from cds_service.knowledge.wording import override_reasons, sentences, titles
from cds_service.rules import RULES, Rule, Topic
from cds_service.workbench.references import references

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
class Figure:
    """One figure in force; ``shipped`` is what it was before the site changed it, None when it did not."""

    words: str
    name: str
    value: str
    shipped: str | None


@dataclass(frozen=True, slots=True)
class Figures:
    """One section of clinical.toml in force, and where its figures come from."""

    section: str
    values: tuple[Figure, ...]
    sources: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Explanation:
    """A topic as its page shows it. ``levels`` are those in force, ``off`` that the site wants no card."""

    code: str
    title: str
    question: str
    told: Meaning
    levels: tuple[tuple[str, str, str], ...]
    """The level the rule finds, the level it is shown with here, and what decides."""
    summaries: tuple[str, ...]
    basis: str
    reasons: tuple[str, ...]
    figures: tuple[Figures, ...]
    publications: tuple[tuple[str, str], ...]
    off: bool


def explanations(clinical: Clinical) -> dict[str, Explanation]:
    """One explanation a topic, by its code."""
    return {topic.value: _explanation(topic, clinical) for topic in Topic}


def _explanation(topic: Topic, clinical: Clinical) -> Explanation:
    texts, told = sentences(topic.value), meaning(topic.value, clinical)
    figures = tuple(_figures(topic, clinical))
    sources = [source for part in figures for source in part.sources]
    return Explanation(
        code=topic.value,
        title=titles()[topic.value],
        question=question(topic),
        told=told,
        levels=tuple(_levels(topic, told, clinical)),
        summaries=tuple(
            text for key, text in texts.items() if key not in ("title", "basis") and not text.startswith("**")
        ),
        basis=texts["basis"],
        reasons=tuple(words for _, words in override_reasons(topic.value)),
        figures=figures,
        publications=tuple(references([*texts.values(), told.strength, *sources])),
        off=topic.value in clinical.rules.off,
    )


def _levels(topic: Topic, told: Meaning, clinical: Clinical) -> Iterator[tuple[str, str, str]]:
    for level in reversed(LEVELS):
        if level in told.levels:
            yield level, clinical.indicator.shown(topic.value, level), told.levels[level]


def question(topic: Topic) -> str:
    """The clinical question: the first line of its rule's module."""
    module = inspect.getdoc(sys.modules[rule_of(topic).__module__]) or ""
    return module.splitlines()[0]


def rule_of(topic: Topic) -> Rule:
    """The rule that finds ``topic``: its module is named for it, or its siblings' module."""
    name = {Topic.OPIOID_ORDERED: "opioid_ordered", Topic.PREGNANCY_UNCLEAR: "pregnancy"}.get(topic)
    return next(rule for rule in RULES if rule.__name__ == (name or topic.value.replace("-", "_")))


def _figures(topic: Topic, clinical: Clinical) -> Iterator[Figures]:
    for section in _SECTIONS.get(topic, ()):
        table, before = getattr(clinical, section), getattr(shipped(), section)
        names = table.__struct_fields__
        words = figure_words(section)
        yield Figures(
            section,
            tuple(
                _figure(words[name], name, getattr(table, name), getattr(before, name))
                for name in names
                if "source" not in name
            ),
            tuple(getattr(table, name) for name in names if "source" in name),
        )


def _figure(words: str, name: str, value: object, shipped: object) -> Figure:
    return Figure(words, name, _plain(value), None if value == shipped else _plain(shipped))


def _plain(value: object) -> str:
    if isinstance(value, dict):
        return ", ".join(f"{key.replace('_', ' ')}: {_plain(each)}" for key, each in value.items())
    if isinstance(value, tuple):
        return ("; " if any(hasattr(each, "steps") for each in value) else ", ").join(map(_plain, value))
    if hasattr(value, "steps"):
        steps = (
            f"{mg:g} mg" + (f" for {days} days" if days else " from then on") for mg, days in value.steps
        )
        return f"{value.name}: {', '.join(steps)}"  # type: ignore[attr-defined]
    return f"{value:g}" if isinstance(value, float) else str(value)
