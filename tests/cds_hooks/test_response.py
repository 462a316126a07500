"""What goes out: the encoder's side of T4, C1, C2 and the exact numbers of S7."""

from __future__ import annotations

import json
from decimal import Decimal

import msgspec
import pytest

from cds_service.cds_hooks import Action, Card, CardsResponse, Coding, Link, Source, Suggestion, encode


def test_C1_cards_are_always_there():
    assert encode(CardsResponse(cards=[])) == b'{"cards":[]}'


def test_every_member_by_its_name():
    response = CardsResponse(
        cards=[
            Card(
                summary="s",
                indicator="warning",
                source=Source(
                    label="l", url="https://u", icon="https://i", topic=Coding(code="c", system="y")
                ),
                uuid="1",
                detail="d",
                suggestions=[
                    Suggestion(
                        label="l",
                        uuid="2",
                        is_recommended=True,
                        actions=[Action(type="delete", description="d", resource_id="A/1")],
                        action_selection_behavior="all",
                    )
                ],
                selection_behavior="any",
                override_reasons=[Coding(code="c", system="y", display="d")],
                links=[Link(label="l", url="https://u", type="smart", app_context="x", autolaunchable=True)],
                extension={"com.example.a": 1},
            )
        ],
        system_actions=[Action(type="create", description="d", resource={"resourceType": "Task"})],
    )
    assert json.loads(encode(response)) == {
        "cards": [
            {
                "summary": "s",
                "indicator": "warning",
                "source": {
                    "label": "l",
                    "url": "https://u",
                    "icon": "https://i",
                    "topic": {"code": "c", "system": "y"},
                },
                "uuid": "1",
                "detail": "d",
                "suggestions": [
                    {
                        "label": "l",
                        "uuid": "2",
                        "isRecommended": True,
                        "actions": [{"type": "delete", "description": "d", "resourceId": "A/1"}],
                        "actionSelectionBehavior": "all",
                    }
                ],
                "selectionBehavior": "any",
                "overrideReasons": [{"code": "c", "system": "y", "display": "d"}],
                "links": [
                    {
                        "label": "l",
                        "url": "https://u",
                        "type": "smart",
                        "appContext": "x",
                        "autolaunchable": True,
                    }
                ],
                "extension": {"com.example.a": 1},
            }
        ],
        "systemActions": [{"type": "create", "description": "d", "resource": {"resourceType": "Task"}}],
    }


@pytest.mark.parametrize("empty", [(), []], ids=["tuple", "list"])
def test_T4_empty_optional_members_are_left_out(empty):
    card = Card(
        summary="s",
        indicator="info",
        source=Source(label="l", url="", icon=""),
        uuid="",
        detail="",
        suggestions=empty,
        override_reasons=empty,
        links=empty,
        extension={},
    )
    sent = encode(CardsResponse(cards=[card], system_actions=empty, extension={}))
    assert sent == b'{"cards":[{"summary":"s","indicator":"info","source":{"label":"l"}}]}'


def test_T4_actions_and_suggestions():
    suggestion = Suggestion(label="l", uuid="", actions=[Action(type="delete", description="", resource={})])
    assert msgspec.json.encode(suggestion) == b'{"label":"l","actions":[{"type":"delete"}]}'


def test_S7_numbers_are_exact():
    resource = {"value": Decimal("4.50"), "same": Decimal("0.1")}
    action = Action(type="update", resource=resource)
    sent = encode(CardsResponse(cards=[], system_actions=[action]))
    assert b'{"value":4.50,"same":0.1}' in sent


def test_S7_undecoded_resource_goes_out_as_it_is():
    action = Action(type="update", resource=msgspec.Raw(b'{"a": 1.0}'))
    assert b'"resource":{"a": 1.0}' in encode(CardsResponse(cards=[], system_actions=[action]))
