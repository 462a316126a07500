"""Findings to cards that any CDS Hooks client can show and apply."""

from __future__ import annotations

from dataclasses import replace

import msgspec
import pytest
from msgspec.structs import replace as changed

from cds_service.cards import detail, make_card, make_cards
from cds_service.cds_hooks.validation import validate_response
from cds_service.chart import Evidence, PatientChart
from cds_service.drafts import Version
from cds_service.rules import Finding, Indicator, Prescribe, Remove, StartLater, Topic, decide
from tests.card_builders import CHARTS, Json, answer, request_for, setting
from tests.rules.builders import (
    CLINICAL,
    LDN,
    METHADONE,
    SUBOXONE,
    TABLET_50,
    TODAY,
    chart,
    ldn,
    order,
    taken,
)


def test_numbers_of_a_draft_go_back_as_they_came() -> None:
    raw = msgspec.Raw(b'{"resourceType":"MedicationRequest","x":4.50,"y":1E2,"z":0.10,"n":7}')
    decoded = msgspec.structs.replace(setting(chart()), drafts={"$": raw}, decoded={}).draft("$")
    text = msgspec.json.Encoder(decimal_format="number").encode(decoded)
    assert b'"x":4.50' in text and b'"z":0.10' in text and b'"n":7' in text


@pytest.mark.parametrize("name", CHARTS)
def test_every_answer_is_valid(name: str) -> None:
    cards = answer(CHARTS[name])
    assert cards
    assert validate_response({"cards": cards}, request_for(CHARTS[name])) == []


def test_the_charts_show_every_topic() -> None:
    shown = {card["source"]["topic"]["code"] for of in CHARTS.values() for card in answer(of)}
    assert shown == {topic.value for topic in Topic}


@pytest.mark.parametrize("name", CHARTS)
def test_what_every_card_carries(name: str) -> None:
    for card in answer(CHARTS[name]):
        assert card["source"]["label"] and card["source"]["topic"]["display"]
        assert card["source"]["url"] == "https://cds.example.org/"
        link, *schedules = card["links"]
        assert all("/titration/" in schedule["url"] for schedule in schedules)
        assert link["url"] == f"https://cds.example.org/explain/{card['source']['topic']['code']}"
        assert link["type"] == "absolute"
        assert all(reason["display"] for reason in card["overrideReasons"])


@pytest.mark.parametrize("name", CHARTS)
def test_without_an_address_there_is_no_link(name: str) -> None:
    cards = answer(CHARTS[name], base_url=None)
    assert cards and all("links" not in card and "url" not in card["source"] for card in cards)


@pytest.mark.parametrize("name", CHARTS)
def test_a_draft_without_an_id_gets_no_update_or_delete(name: str) -> None:
    of = CHARTS[name]
    bare = replace(of, orders=tuple(changed(o, id=None) for o in of.orders))
    cards = answer(bare)
    assert validate_response({"cards": cards}, request_for(bare)) == []
    types = {a["type"] for c in cards for s in c.get("suggestions", []) for a in s["actions"]}
    assert types <= {"create"}
    for card in cards:
        assert ("selectionBehavior" in card) is ("suggestions" in card)


# --- detail ------------------------------------------------------------------


def test_evidence_comes_first_is_unique_and_limited() -> None:
    found = tuple(Evidence(f"drug {n}", ("as needed",), "medication list") for n in range(9))
    text = detail(Finding(Topic.AGE, Indicator.INFO, "s", (*found, found[0]), ("**Do** this.",), "Label."))
    lines = text.splitlines()
    assert lines[0] == "**Found**" and lines[2] == "- drug 0; as needed (medication list)"
    assert "- and 3 more" in lines and "drug 6" not in text
    assert lines[-1] == "*Label.*" and lines[-3] == "**Do** this."


@pytest.mark.parametrize(("length", "shown"), [(139, "a" * 139), (140, "a" * 138 + "…")])
def test_a_summary_is_cut_to_its_limit(length: int, shown: str) -> None:
    finding = Finding(Topic.AGE, Indicator.INFO, "a" * length, (), (), "Label.")
    (card,) = make_cards([finding], setting(chart()))
    assert card.summary == shown


def test_gaps_are_a_list() -> None:
    finding = Finding(Topic.NOT_CHECKED, Indicator.INFO, "s", (), ("- one", "- two", "Then."))
    assert detail(finding) == "- one\n- two\n\nThen."


@pytest.mark.parametrize("name", CHARTS)
def test_every_detail_fits_a_screen(name: str) -> None:
    for finding in decide(CHARTS[name], CLINICAL):
        assert len([part for part in detail(finding).splitlines() if part]) <= 14


# --- suggestions -------------------------------------------------------------


def suggestions(of: PatientChart, topic: Topic) -> list[Json]:
    (card,) = [card for card in answer(of) if card["source"]["topic"]["code"] == topic.value]
    return list(card.get("suggestions", []))


def test_the_labels_of_a_start() -> None:
    usual, slow = suggestions(CHARTS["liquid"], Topic.STARTING_DOSE)
    assert usual["label"] == "Start 1.5 mg at bedtime, then 3 and 4.5 mg, 14 days each"
    assert slow["label"] == "Start slower: 0.5 mg at bedtime, then 1, 1.5, 3 and 4.5 mg, 14 days each"
    assert usual["isRecommended"] and "isRecommended" not in slow


def test_compounding_is_said_in_label_and_description() -> None:
    offered = suggestions(CHARTS["product"], Topic.PRODUCT_CHECK)
    assert len(offered) == 2
    for suggestion in offered:
        (action,) = suggestion["actions"]
        assert "compounded" in suggestion["label"] and "compounded" in action["description"]
        assert "Dispense" in action["description"] and "bedtime" in action["description"]


def test_exclusive_findings_are_at_most_one_and_others_any() -> None:
    behaviours = {
        card["source"]["topic"]["code"]: card["selectionBehavior"]
        for of in CHARTS.values()
        for card in answer(of)
        if "suggestions" in card
    }
    assert behaviours["starting-dose"] == behaviours["opioid-washout"] == "at-most-one"
    assert behaviours["opioid-signal"] == behaviours["liver"] == "any"


def test_one_suggestion_is_never_recommended() -> None:
    for of in CHARTS.values():
        for card in answer(of):
            offered = card.get("suggestions", [])
            recommended = [s for s in offered if s.get("isRecommended")]
            assert len(recommended) <= (1 if len(offered) > 1 else 0)


def test_removals_are_told_apart() -> None:
    labels = [s["label"] for s in suggestions(CHARTS["basket"], Topic.OPIOID_COPRESCRIPTION)]
    assert labels == [
        "Remove the naltrexone order",
        "Remove the oxycodone order",
        "Remove the tramadol order",
    ]
    two = chart(ldn(3.0), ldn(4.5, id="d2"), exposures=(taken(METHADONE),))
    labels = [s["label"] for s in suggestions(two, Topic.OPIOID_COPRESCRIPTION)]
    assert labels == [
        "Remove the naltrexone order of 3 mg a day",
        "Remove the naltrexone order of 4.5 mg a day",
    ]


def test_the_opioid_in_embeda_names_its_removal() -> None:
    (removal,) = suggestions(CHARTS["embeda"], Topic.OPIOID_ORDERED)
    assert removal["label"] == "Remove the morphine order"
    (action,) = removal["actions"]
    assert action == {
        "type": "delete", "description": removal["label"], "resourceId": "MedicationRequest/draft-1",
    }  # fmt: skip


def test_a_later_start_names_its_day_and_condition() -> None:
    later, _ = suggestions(CHARTS["washout"], Topic.OPIOID_WASHOUT)
    assert "26 Nov 2026" in later["label"]
    assert "opioid-free" in later["actions"][0]["description"]


def test_an_order_whose_draft_is_not_at_hand_gets_nothing() -> None:
    bare = msgspec.structs.replace(setting(chart()), drafts={})
    for proposal in (Remove(LDN), StartLater(LDN, TODAY), Prescribe(LDN, CLINICAL.titration.schedules[0])):
        assert not make_card(Finding(Topic.AGE, Indicator.INFO, "s", proposals=(proposal,)), bare).suggestions


def test_treatment_of_opioid_use_disorder_is_not_removed() -> None:
    of = chart(order(SUBOXONE), exposures=(taken(TABLET_50, 50.0),))
    assert suggestions(of, Topic.OPIOID_ORDERED) == []


@pytest.mark.parametrize("version", Version)
def test_drafted_tests_follow_the_client(version: Version) -> None:
    given_setting = msgspec.structs.replace(setting(chart()), version_hint=version)
    (finding,) = [f for f in decide(CHARTS["liver"], CLINICAL) if f.topic is Topic.LIVER]
    (suggestion,) = make_card(finding, given_setting).suggestions
    assert len(suggestion.actions) == 2 and {a.type for a in suggestion.actions} == {"create"}
