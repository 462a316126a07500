"""Card ids tell by themselves whose they are, and nobody else can make one."""

from __future__ import annotations

from uuid import RFC_4122, UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.store.card_ids import CardIds

IDS = CardIds(lambda: b"key")
OTHER_KEY = CardIds(lambda: b"another")


def test_a_card_is_known_to_whoever_has_the_key() -> None:
    replica = CardIds(lambda: b"key")
    card = IDS.card("general", "t1")
    assert replica.is_card_of(card, "general", "t1")
    assert all(replica.is_suggestion_of(IDS.suggestion(card, number), card) for number in range(5))


@given(client=st.text(), tenant=st.text(), number=st.integers(0, 31))
def test_ids_are_valid_uuids(client: str, tenant: str, number: int) -> None:
    card = IDS.card(client, tenant)
    for text in (card, IDS.suggestion(card, number)):
        uuid = UUID(text)
        assert (str(uuid), uuid.version, uuid.variant) == (text, 4, RFC_4122)
    assert IDS.is_card_of(card, client, tenant)


def test_no_two_are_alike() -> None:
    made = [IDS.card("general", "") for _ in range(2000)]
    suggestions = [IDS.suggestion(card, number) for card in made for number in range(3)]
    assert len({*made, *suggestions}) == 8000


@pytest.mark.parametrize(
    ("client", "tenant"), [("other", "t1"), ("general", ""), ("general", "t2"), ("generalt", "1"), ("", "")]
)
def test_a_card_of_another_is_none(client: str, tenant: str) -> None:
    assert not IDS.is_card_of(IDS.card("general", "t1"), client, tenant)


def test_another_key_s_cards_are_none() -> None:
    assert not IDS.is_card_of(OTHER_KEY.card("general", ""), "general", "")


@pytest.mark.parametrize("position", [*range(8), 9, 14, 20, *range(24, 36)])
def test_one_changed_digit_makes_it_invalid(position: int) -> None:
    card = IDS.card("general", "")
    digit = "0" if card[position] != "0" else "1"
    assert not IDS.is_card_of(card[:position] + digit + card[position + 1 :], "general", "")


@pytest.mark.parametrize(
    "text",
    ["", "x", "4e0a3a1e-3283-4575-ab82-028d55fe2719", "4e0a3a1e-3283-1575-ab82-028d55fe2719", "é" * 36],
)
def test_what_was_not_made_here_is_none(text: str) -> None:
    assert not IDS.is_card_of(text, "", "")


def test_a_suggestion_belongs_to_one_card() -> None:
    card, other = IDS.card("general", ""), IDS.card("general", "")
    assert not IDS.is_suggestion_of(IDS.suggestion(other, 0), card)
    assert not IDS.is_suggestion_of(card, card)
    assert not IDS.is_suggestion_of(IDS.suggestion(card, 32), card)  # more than any card shows
