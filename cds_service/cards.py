"""Findings to cards: markdown that reads in twenty seconds, suggestions the EHR can apply.

Text that came from the EHR enters a card here and nowhere else, and is escaped
here (C9): no markdown, no HTML of theirs survives.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from decimal import Decimal
from functools import cache, lru_cache
from typing import Any
from urllib.parse import quote, urlencode

import msgspec
from msgspec import Struct

from cds_service.cds_hooks import Action, Card, Coding, Link, Source, Suggestion
from cds_service.chart import Evidence, Order, day, listed, milligrams
from cds_service.drafts import (
    Draft,
    Version,
    by_mouth,
    counted_in_pieces,
    starting_later,
    time_of_day,
    version_of,
    with_schedule,
)
from cds_service.knowledge.clinical import SLOW, Clinical
from cds_service.knowledge.concepts import Role
from cds_service.knowledge.wording import override_reasons, titles
from cds_service.lab_orders import LABELS, TESTS, lab_order
from cds_service.products import Product, as_query, in_words, product_for, supply_in_words
from cds_service.rules.finding import AS_ORDERED, DraftTest, Finding, Prescribe, Proposal, Remove, StartLater

TOPIC_SYSTEM = "urn:ldn-cds:topic"
REASON_SYSTEM = "http://terminology.hl7.org/CodeSystem/non-adherence-reason-codes"
SUMMARY_LIMIT = 139
_MOST_EVIDENCE = 6
# What has a harmless twin is replaced, since some EHRs show markdown as it is written …
_TWINS = str.maketrans({"<": "‹", ">": "›", "[": "(", "]": ")", "`": "'", "@": " at "})
_AUTOLINK = re.compile(r"(?<=:)(?=//)|(?<=www)(?=\.)", re.IGNORECASE)
# … and only what would still format is escaped: a star, an underscore at the edge of a word, an entity.
_FORMATTING = re.compile(r"([\\*~]|(?<![^\W_])_|_(?![^\W_])|&(?=#?\w+;))")
# Most names need nothing of all this: words of letters and digits that begin with a letter.
_PLAIN = re.compile(r"(?!.*www)[a-z][a-z0-9.,()/%]*(?: [a-z0-9.,()/%]+)*", re.ASCII | re.IGNORECASE)
_LIST_MARK = re.compile(r"^(\d{0,9})((?<=\d)[.)](?=\s|$)|(?<!\d)(?:#|[-+](?=[-+\s]|$)))")


class Setting(Struct, frozen=True):
    """What the cards of one answer share.

    ``drafts`` are the raw orders by their JSON path; ``base_url`` is None when
    no absolute link can be made; ``new_id`` gives the fresh uuid of a card, ``suggestion_id``
    that of a suggestion from its card's and its number. ``decoded`` fills as drafts are asked for: most
    answers change none, and several suggestions may change one.
    """

    patient_id: str
    today: date
    drafts: Mapping[str, msgspec.Raw]
    clinical: Clinical
    new_id: Callable[[], str]
    suggestion_id: Callable[[str, int], str]
    base_url: str | None = None
    version_hint: Version = Version.R4
    decoded: dict[str, Draft] = {}

    def draft(self, path: str) -> Draft | None:
        """The order at ``path`` as plain JSON, decoded when first asked for; None when it is not at hand."""
        if path not in self.decoded and path in self.drafts:
            self.decoded[path] = _decoder.decode(self.drafts[path])
        return self.decoded.get(path)


_decoder = msgspec.json.Decoder(dict[str, Any], float_hook=Decimal)


def make_cards(findings: Iterable[Finding], setting: Setting) -> list[Card]:
    """One card a finding, in the order given."""
    return [make_card(finding, setting) for finding in findings]


def make_card(finding: Finding, setting: Setting) -> Card:
    """The card of ``finding``, valid in CDS Hooks 1.0, 2.0 and 3.0."""
    topic = finding.topic
    uuid = setting.new_id()
    suggestions = _suggestions(finding, setting, uuid)
    return Card(
        uuid=uuid,
        summary=_fit(finding.summary),
        indicator=finding.indicator.value,
        source=_source(topic, setting.base_url),
        detail=detail(finding),
        suggestions=suggestions,
        selection_behavior=("at-most-one" if finding.exclusive else "any") if suggestions else None,
        override_reasons=_override_reasons(topic),
        links=(*_links(topic, setting.base_url), *_schedules_to_print(finding, setting)),
    )


@cache
def _override_reasons(topic: str) -> tuple[Coding, ...]:
    reasons = override_reasons(topic)
    return tuple(Coding(code=code, system=REASON_SYSTEM, display=words) for code, words in reasons)


@lru_cache(maxsize=256)
def _source(topic: str, base_url: str | None) -> Source:
    coding = Coding(code=topic, system=TOPIC_SYSTEM, display=titles()[topic])
    return Source(
        label="ldn-cds: naltrexone label and LDN literature",
        url=f"{base_url}/" if base_url else None,
        topic=coding,
    )


@lru_cache(maxsize=256)
def _links(topic: str, base_url: str | None) -> tuple[Link, ...]:
    if not base_url:
        return ()
    return (Link(label="Why this card?", url=f"{base_url}/explain/{topic}", type="absolute"),)


def _schedules_to_print(finding: Finding, setting: Setting) -> list[Link]:
    """A page for each titration offered: picture, table and sheet; its address holds no more than those."""
    links: list[Link] = []
    if setting.base_url is None:
        return links
    for proposal in finding.proposals:
        if not isinstance(proposal, Prescribe) or not _is_titration(proposal, setting):
            continue
        query = urlencode(as_query(_product(proposal, setting)))
        label = "Slower schedule to print" if proposal.schedule.name == SLOW else "Schedule to print"
        url = f"{setting.base_url}/titration/{quote(proposal.schedule.name)}?{query}"
        links.append(Link(label=label, url=url, type="absolute"))
    return links


def _is_titration(proposal: Prescribe, setting: Setting) -> bool:
    schedule = proposal.schedule
    return len(schedule.steps) > 1 and schedule in setting.clinical.titration.schedules


def _product(proposal: Prescribe, setting: Setting) -> Product:
    """What the doses of ``proposal`` are counted in: the draft's own product where it can deliver them."""
    draft = setting.draft(proposal.order.path)
    pieces = draft is not None and counted_in_pieces(draft)
    return product_for(
        proposal.order.medicine, proposal.schedule, pieces=pieces, compounded=proposal.compounded
    )


def _fit(summary: str) -> str:
    return summary if len(summary) <= SUMMARY_LIMIT else summary[: SUMMARY_LIMIT - 1].rstrip() + "…"


# --- detail ----------------------------------------------------------------


def detail(finding: Finding) -> str:
    """Evidence first, then what to do, then the source; GitHub-flavoured markdown without HTML."""
    items = [line for line in finding.lines if line.startswith("- ")]
    sentences = [line for line in finding.lines if not line.startswith("- ")]
    basis = f"*{finding.basis}*" if finding.basis else ""
    parts = (_evidence(finding), "\n".join(items), *sentences, basis)
    return "\n\n".join([part for part in parts if part])


def _evidence(finding: Finding) -> str:
    found = list(dict.fromkeys(finding.found))
    if not found:
        return ""
    lines = list(dict.fromkeys([f"- {_shown(evidence)}" for evidence in found[:_MOST_EVIDENCE]]))
    if len(found) > _MOST_EVIDENCE:
        lines.append(f"- and {len(found) - _MOST_EVIDENCE} more")
    return "**Found**\n\n" + "\n".join(lines)


def _shown(evidence: Evidence) -> str:
    facts = f"; {', '.join(evidence.facts)}" if evidence.facts else ""
    listed_as = f" ({evidence.listed_as})" if evidence.listed_as else ""
    return f"{escape(evidence.name)}{facts}{listed_as}"


def escape(text: str, limit: int = 120) -> str:
    """EHR text as literal markdown: one line, no formatting, no link, no HTML, cut to ``limit``."""
    if len(text) <= limit and _PLAIN.fullmatch(text):
        return text
    visible = " ".join(text.split())
    if not (visible.isascii() and visible.isprintable()):
        visible = "".join(c for c in visible if not unicodedata.category(c).startswith("C"))
    line = _AUTOLINK.sub(" ", visible.translate(_TWINS)).strip()
    line = line if len(line) <= limit else line[: limit - 1].rstrip() + "…"
    return _LIST_MARK.sub(r"\1\\\2", _FORMATTING.sub(r"\\\1", line))


# --- suggestions -----------------------------------------------------------


def _suggestions(finding: Finding, setting: Setting, card: str) -> list[Suggestion]:
    removed = [p for p in finding.proposals if isinstance(p, Remove) and p.order.medicine.is_naltrexone]
    several = len(removed) > 1
    made: list[Suggestion] = []
    for proposal in finding.proposals:
        uuid = setting.suggestion_id(card, len(made))
        if suggestion := _suggestion(proposal, setting, uuid, several):
            made.append(suggestion)
    if len(made) == 1 and made[0].is_recommended:  # recommended only means something among several (S2)
        return [msgspec.structs.replace(made[0], is_recommended=False)]
    return made


def _suggestion(proposal: Proposal, setting: Setting, uuid: str, several: bool) -> Suggestion | None:
    if isinstance(proposal, DraftTest):
        return _draft_test(proposal, setting, uuid)
    if not proposal.order.id or proposal.order.path not in setting.drafts:
        return None  # an action names its order by Type/id (S7, S8)
    if isinstance(proposal, Remove):
        return _remove(proposal.order, uuid, several)
    draft = setting.draft(proposal.order.path)
    assert draft is not None
    if isinstance(proposal, StartLater):
        return _start_later(proposal, draft, setting, uuid)
    return _prescribe(proposal, draft, setting, uuid)


def _remove(order: Order, uuid: str, several: bool) -> Suggestion:
    """``several``: more than one naltrexone order can be removed, so each is named with its dose."""
    opioids = order.medicine.named(Role.OPIOID, Role.OPIOID_LIKE)
    mg = order.dose.mg_per_day if several and not opioids else None
    dose = f" of {milligrams(mg)} mg a day" if mg else ""
    words = f"Remove the {listed(opioids) or 'naltrexone'} order{dose}"
    action = Action(type="delete", description=words, resource_id=order.reference)
    return Suggestion(uuid=uuid, label=words, actions=(action,))


def _start_later(proposal: StartLater, draft: Draft, setting: Setting, uuid: str) -> Suggestion:
    words = f"Keep the order, start not before {day(proposal.not_before)}"
    changed = starting_later(draft, version_of(draft, setting.version_hint), proposal.not_before)
    action = Action(type="update", description=f"{words}, only if opioid-free", resource=changed)
    return Suggestion(uuid=uuid, label=words, actions=(action,))


def _prescribe(proposal: Prescribe, draft: Draft, setting: Setting, uuid: str) -> Suggestion:
    order, schedule, days = proposal.order, proposal.schedule, setting.clinical.titration.final_fill_days
    product = _product(proposal, setting)
    if not order.route_oral:
        draft = by_mouth(draft)
    changed = with_schedule(draft, version_of(draft, setting.version_hint), schedule, product, days)
    directions = in_words(schedule, product, time_of_day(draft, schedule))
    description = f"{directions}. Dispense {supply_in_words(schedule, product, days)}."
    if product.compounded:
        description = f"Change to {product.compounded}: {description}"
    label = _schedule_label(proposal) + (
        f" ({product.compounded.removeprefix('naltrexone, ')})" if product.compounded else ""
    )
    action = Action(type="update", description=description, resource=changed)
    return Suggestion(uuid=uuid, label=label, is_recommended=proposal.recommended, actions=(action,))


def _schedule_label(proposal: Prescribe) -> str:
    """``Start 1.5 mg at bedtime, then 3 and 4.5 mg, 14 days each``."""
    (first, days), *rest = proposal.schedule.steps
    if not rest:
        return f"Change to {milligrams(first)} mg a day"
    if proposal.schedule.name == AS_ORDERED:
        return "Keep the schedule as ordered"
    verb = "Start slower:" if proposal.schedule.name == SLOW else "Start"
    later = listed([milligrams(mg) for mg, _ in rest])
    return f"{verb} {milligrams(first)} mg at bedtime, then {later} mg, {days} days each"


def _draft_test(proposal: DraftTest, setting: Setting, uuid: str) -> Suggestion:
    actions = [
        Action(
            type="create",
            description=f"Draft: {test.text}",
            resource=lab_order(test, setting.patient_id, setting.version_hint, setting.today),
        )
        for test in TESTS[proposal.test]
    ]
    return Suggestion(uuid=uuid, label=LABELS[proposal.test], actions=actions)
