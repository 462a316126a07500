"""The sentences of the cards: all used, all there, none that says what must not be said."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from string import Formatter
from typing import Any

import pytest

from cds_service import rules
from cds_service.fhir.records import GapReason
from cds_service.knowledge.wording import override_reasons, say, sentences, titles
from cds_service.rules import Topic
from cds_service.rules.not_checked import _LISTS
from cds_service.rules.regimen import INDICATIONS

FOLDER = Path(rules.__file__).parent
TOPICS = [topic.value for topic in Topic]
# http://terminology.hl7.org/ValueSet/non-adherence-reason-clinical, CDS Hooks 3.0.0-ballot.
HL7_REASONS = {
    "cds-not-applicable", "cds-suboptimal-context", "recipient-disagrees-evidence",
    "recipient-concerns-outcomes", "does-not-align-preferences", "not-convenient-feasible",
    "action-completed", "patient-contraindication", "patient-refuses", "too-costly-uncovered",
    "service-not-available", "recipient-does-not-understand",
}  # fmt: skip
# Keys that are chosen at run time: the rule and its expression, and the keys that can be chosen.
WHY = {"why_short", "why_long", "why_methadone_buprenorphine"}
CHOSEN = {
    ("dose_check", "key"): {"tenfold_high", "thousandfold"},
    ("hypersensitivity", "key"): {"allergy", "combination", "intolerance", "naloxone"},
    ("hypersensitivity", "line"): {"line_allergy", "line_intolerance"},
    ("interaction", "name"): {"thioridazine", "disulfiram"},
    ("interaction", "f'line_{name}'"): {"line_thioridazine", "line_disulfiram"},
    ("kidney", "region"): {"US", "EU"},
    ("liver", "clinical.label.region"): {"US", "EU"},
    ("not_checked", "gap.reason.value"): {reason.value for reason in GapReason},
    ("opioid_coprescription", "key"): {"micro", "basket", "active", "contradicted", "stale", "opioid_like"},
    ("opioid_coprescription", "why"): WHY,
    ("opioid_signal", "indicator.value"): {"critical", "warning"},
    ("opioid_washout", "key"): {"brief", "given", "dated"},
    ("opioid_washout", "why"): WHY,
    ("starting_dose", "name"): {"usual", "slow", "slow_as_ordered"},
    ("starting_dose", "key"): {"filtered", "not_kept"},
    ("starting_dose", "meaning.value"): {meaning.value for meaning in INDICATIONS},
}


def calls() -> list[tuple[str, ast.Call, dict[str, str]]]:
    """Every ``say(…)`` of the rules, with what ``TOPIC`` and ``topic`` stand for in its function."""
    found = []
    for path in sorted(FOLDER.glob("*.py")):
        tree = ast.parse(path.read_text("utf-8"))
        for scope in [tree, *(n for n in ast.walk(tree) if isinstance(n, ast.FunctionDef))]:
            names = dict(_topics(tree.body)) | dict(_topics(getattr(scope, "body", [])))
            for node in ast.walk(scope):
                named = (
                    isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id == "say"
                )
                if named and isinstance(scope, ast.FunctionDef):
                    found.append((path.stem, node, names))
    return found


def _topics(body: list[ast.stmt]) -> Any:
    for statement in body:
        if not isinstance(statement, ast.Assign) or not isinstance(statement.targets[0], ast.Name):
            continue
        if topic := _topic(statement.value, {}):
            yield statement.targets[0].id, topic


def _topic(node: ast.expr, names: dict[str, str]) -> str:
    if isinstance(node, ast.Constant):
        return str(node.value)
    if isinstance(node, ast.Name):
        return names.get(node.id, "")
    if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name) and node.value.id == "Topic":
        return Topic[node.attr].value
    return ""


def keys_of(rule: str, call: ast.Call, names: dict[str, str]) -> tuple[str, set[str]]:
    """(topic, keys) that a call can name: literals of its second argument, else those listed as chosen."""
    topic = _topic(call.args[0], names)
    node = call.args[1]
    if isinstance(node, ast.Constant):
        return topic, {str(node.value)}
    if (
        isinstance(node, ast.IfExp)
        and isinstance(node.body, ast.Constant)
        and isinstance(node.orelse, ast.Constant)
    ):
        return topic, {str(node.body.value), str(node.orelse.value)}
    return topic, CHOSEN[rule, ast.unparse(node)]


def fields_of(sentence: str) -> set[str]:
    return {name for _, name, _, _ in Formatter().parse(sentence) if name}


def test_every_sentence_that_is_said_exists_with_its_fields() -> None:
    for rule, call, names in calls():
        topic, keys = keys_of(rule, call, names)
        assert topic, f"{rule}: topic of line {call.lineno}"
        given = {keyword.arg for keyword in call.keywords}
        for key in keys:
            missing = fields_of(sentences(topic)[key]) - given
            assert not missing, f"{rule} says {topic}.{key} without {missing}"


def test_every_field_that_is_given_is_used_by_some_sentence() -> None:
    for rule, call, names in calls():
        topic, keys = keys_of(rule, call, names)
        wanted = set[str]().union(*(fields_of(sentences(topic)[key]) for key in keys))
        assert {keyword.arg for keyword in call.keywords} <= wanted, f"{rule}, line {call.lineno}"


def test_every_sentence_is_said() -> None:
    said: dict[str, set[str]] = {}
    for rule, call, names in calls():
        topic, keys = keys_of(rule, call, names)
        said.setdefault(topic, set()).update(keys)
    for topic in (*TOPICS, "indications"):
        unsaid = set(sentences(topic)) - said.get(topic, set()) - {"title"}
        assert unsaid == set(), topic


def test_a_missing_sentence_or_field_is_our_fault() -> None:
    with pytest.raises(KeyError):
        say("opioid-signal", "nothing-of-the-kind")
    with pytest.raises(KeyError):
        say("opioid-signal", "critical")


def test_a_sentence_that_begins_with_a_field_begins_with_a_capital() -> None:
    assert say("opioid-coprescription", "stale", opioids="oxycodone", drug="LDN").startswith("Oxycodone")


# --- what they say ---------------------------------------------------------

EVERY = [(topic, key, text) for topic in (*TOPICS, "indications") for key, text in sentences(topic).items()]
FORBIDDEN = (
    "minimal risk", "no toxicity", "may potentially", "completely safe", "proven", "cures", "boosts",
    "endorphin", "glial", "immune-modul",
)  # fmt: skip


@pytest.mark.parametrize(("topic", "key", "text"), EVERY, ids=[f"{t}.{k}" for t, k, _ in EVERY])
def test_nothing_forbidden(topic: str, key: str, text: str) -> None:
    assert not [words for words in FORBIDDEN if words in text.lower()]
    assert "!" not in text
    assert not re.search(r"<[a-zA-Z/!]", text), "HTML"
    assert "\n" not in text and "  " not in text
    assert text.count("**") % 2 == 0


@pytest.mark.parametrize("topic", TOPICS)
def test_every_topic_has_its_parts(topic: str) -> None:
    assert titles()[topic] and sentences(topic)["basis"]
    reasons = override_reasons(topic)
    assert reasons and all(words for _, words in reasons)
    assert {code for code, _ in reasons} <= HL7_REASONS
    assert len({code for code, _ in reasons}) == len(reasons)


def test_override_reasons_are_those_of_the_example_card() -> None:
    words = " ".join(words for _, words in override_reasons("opioid-coprescription")).lower()
    for reason in ("opioid already stopped", "out of date", "microgram dose", "specialist plan"):
        assert reason in words


def test_no_topic_without_a_code() -> None:
    assert set(titles()) == set(TOPICS)


def test_breast_feeding_is_never_contraindicated() -> None:
    assert "contraindicated" not in " ".join(sentences("breastfeeding").values()).lower()


def test_compounding_practice_is_called_practice() -> None:
    for topic in ("starting-dose", "product-check"):
        assert "practice, no trial" in sentences(topic)["compounding"]


def test_every_list_has_its_words() -> None:
    assert {"MedicationRequest", "Condition", "Observation", "Patient"} <= set(_LISTS)
