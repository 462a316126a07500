"""What no card may say or do, checked on the cards of all scenarios."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from cds_service import create_app
from cds_service.scenarios import all_names, load
from cds_service.settings import Settings
from tests.every_scenario import NOW

Json = dict[str, Any]
Cards = dict[str, list[Json]]

NEVER_SAID = ("minimal risk", "no toxicity", "may potentially", "safe in pregnancy", "!")
NOT_ABRUPTLY = "Do not stop a regular opioid abruptly to make room for LDN"


@pytest.fixture(scope="module")
def cards(tmp_path_factory: pytest.TempPathFactory) -> Cards:
    """The cards of each scenario's first hook."""
    database = tmp_path_factory.mktemp("cards") / "cds.sqlite3"
    settings = Settings(cds_environment="development", database_url=f"sqlite:///{database}")
    client = create_app(settings, now=lambda: NOW).test_client()
    found: Cards = {}
    for name in all_names():
        scenario = load(name)
        hook = scenario.hooks[0]
        answer = client.post(f"/cds-services/ldn-{hook}", json=scenario.request(hook, NOW))
        found[name] = answer.get_json()["cards"]
    return found


def _all(cards: Cards, topic: str | None = None) -> list[tuple[str, Json]]:
    """(scenario, card) of every card, or of those of one topic."""
    every = [(name, card) for name, found in cards.items() for card in found]
    return [(name, card) for name, card in every if topic in (None, _topic(card))]


def _topic(card: Json) -> str:
    return str(card["source"]["topic"]["code"])


def _updates(card: Json) -> list[Json]:
    actions = [action for s in card.get("suggestions", []) for action in s["actions"]]
    return [action for action in actions if action["type"] == "update"]


def test_summaries_are_whole_sentences(cards: Cards) -> None:
    cut = {name: card["summary"] for name, card in _all(cards) if not re.search(r"[.?]$", card["summary"])}
    assert cut == {}


def test_markdown_shows_no_stray_backslash(cards: Cards) -> None:
    """A backslash escapes punctuation only; before a letter or digit it is shown."""
    stray = {
        name: card["detail"] for name, card in _all(cards) if re.search(r"\\[A-Za-z0-9]", card["detail"])
    }
    assert stray == {}


def test_paragraphs_begin_with_a_capital(cards: Cards) -> None:
    small = {
        name: found
        for name, card in _all(cards)
        if (found := re.findall(r"^\**[a-z].*", card["detail"], re.M))
    }
    assert small == {}


def test_nothing_forbidden_is_said(cards: Cards) -> None:
    for name, card in _all(cards):
        text = f"{card['summary']} {card['detail']}".lower()
        assert [words for words in NEVER_SAID if words in text] == [], name


def test_an_opioid_is_never_stopped_for_ldn(cards: Cards) -> None:
    for name, card in _all(cards, "opioid-coprescription"):
        assert NOT_ABRUPTLY in card["detail"], name


def test_treatment_of_opioid_use_disorder_is_kept(cards: Cards) -> None:
    for name in ("methadone-for-opioid-use-disorder", "buprenorphine-naloxone-for-oud"):
        (card,) = cards[name]
        assert "keep the treatment" in card["detail"] and "not before day" not in card["detail"]
    (card,) = cards["buprenorphine-ordered-on-naltrexone"]
    assert "suggestions" not in card
    (card,) = cards["naltrexone-50-mg-for-opioid-use-disorder"]
    assert all(action["type"] == "create" for s in card["suggestions"] for action in s["actions"])


def test_no_start_beside_a_critical_card(cards: Cards) -> None:
    for name, found in cards.items():
        critical = [card for card in found if card["indicator"] == "critical"]
        if critical:
            offered = [_topic(card) for card in found if _updates(card)]
            assert set(offered) <= {"opioid-washout"}, name


def test_a_depot_gets_no_date(cards: Cards) -> None:
    (card,) = cards["depot-buprenorphine-five-months-ago"]
    assert "Not before" not in json.dumps(card) and not _updates(card)


def test_either_order_of_the_pair_can_be_removed(cards: Cards) -> None:
    (card,) = cards["oxycodone-in-the-same-basket"]
    removed = {action["resourceId"] for s in card["suggestions"] for action in s["actions"]}
    assert removed == {"MedicationRequest/draft-1", "MedicationRequest/draft-2"}
    assert card["selectionBehavior"] == "at-most-one"


def test_all_opioids_stand_on_one_card(cards: Cards) -> None:
    (card,) = cards["five-opioids-one-card"]
    for name in ("oxycodone", "tramadol", "fentanyl", "hydrocodone", "codeine"):
        assert name in card["detail"].lower()


def test_the_later_start_names_its_day(cards: Cards) -> None:
    (card,) = cards["oxycodone-stopped-six-days-ago"]
    (later,) = _updates(card)
    assert "18 Oct 2026" in card["summary"] and "18 Oct 2026" in later["description"]
    (dosage,) = later["resource"]["dosageInstruction"]
    assert dosage["timing"]["repeat"]["boundsPeriod"]["start"] == "2026-10-18"
    assert dosage["text"].startswith("Not before 18 Oct 2026")


def test_evidence_does_not_contradict_the_summary(cards: Cards) -> None:
    """The day a statement ended the use is the day the evidence shows."""
    (card,) = cards["oxycodone-supply-ended-and-not-taken"]
    assert "10 Oct 2026" in card["summary"]
    assert "ended 14 Oct 2026" not in card["detail"]


def test_a_partial_date_is_shown_as_it_was_recorded(cards: Cards) -> None:
    (card,) = cards["oxycodone-stopped-this-month"]
    assert "31 Dec 2025" not in card["detail"]
    assert "since 2025, ended Oct 2026" in card["detail"]


def test_the_dose_of_an_opioid_is_not_that_of_its_naltrexone(cards: Cards) -> None:
    (card,) = cards["troxyca-and-ldn-in-one-basket"]
    assert "2.4 mg a day" not in card["detail"]


def test_nine_milligrams_are_no_tenfold_slip(cards: Cards) -> None:
    (card,) = cards["ldn-9-mg"]
    assert "0.9 mg" not in json.dumps(card)


def test_nobody_is_told_to_keep_kratom(cards: Cards) -> None:
    (card,) = cards["kratom-acts-on-opioid-receptors"]
    assert "keep it" not in card["detail"]


def test_titration_of_a_liquid_is_in_millilitres(cards: Cards) -> None:
    (card,) = cards["ldn-liquid"]
    usual = _updates(card)[0]["resource"]
    assert [d["doseQuantity"]["value"] for d in usual["dosageInstruction"]] == [1.5, 3, 4.5]
    assert {d["doseQuantity"]["unit"] for d in usual["dosageInstruction"]} == {"mL"}
    assert usual["dispenseRequest"]["quantity"]["value"] == 198


def test_the_slower_start_comes_first_from_seventy_five(cards: Cards) -> None:
    (card,) = cards["ldn-at-age-eighty"]
    first = card["suggestions"][0]
    assert "0.5 mg" in first["label"] and first["isRecommended"]


def test_product_and_quantity_change_together(cards: Cards) -> None:
    for name in ("ldn-on-the-50-mg-tablet", "ldn-on-a-contained-50-mg-tablet"):
        (card,) = cards[name]
        updates = _updates(card)
        assert len(updates) == 2, name
        for update in updates:
            changed = update["resource"]
            assert "compounded" in changed["medicationCodeableConcept"]["text"]
            assert "medicationReference" not in changed and "contained" not in changed
            assert changed["dispenseRequest"]["quantity"]["unit"] == "capsule"
