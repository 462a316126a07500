"""What the service answers: cards, suggestions, actions (conformance sections 5 and 6).

Names are the specification's in snake case. A member without a value is never
sent (T4): neither null nor an empty string, array or object, except ``cards``.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import cache
from typing import Any, Literal

import msgspec

Indicator = Literal["info", "warning", "critical"]
SelectionBehavior = Literal["at-most-one", "any"]
ActionSelectionBehavior = Literal["all", "any", "at-most-one"]
ActionType = Literal["create", "update", "delete"]
LinkType = Literal["absolute", "smart"]
Extension = Mapping[str, Any]


class _Wire(msgspec.Struct, frozen=True, rename="camel", omit_defaults=True, kw_only=True):
    """An object of the answer; required members come first.

    An empty optional value becomes the member's default, which is not sent (T4).
    """

    def __post_init__(self) -> None:
        for name, default in _optional(type(self)):
            given = getattr(self, name)
            if given is not default and not given:
                msgspec.structs.force_setattr(self, name, default)


@cache
def _optional(wire: type[_Wire]) -> tuple[tuple[str, Any], ...]:
    """The members that need not be there, with what stands for their absence."""
    defaults = wire.__struct_defaults__
    return tuple(zip(wire.__struct_fields__[-len(defaults) :], defaults, strict=True))


class Coding(_Wire, frozen=True):
    """A code with its system (C7, C13); ``display`` is required of override reasons."""

    code: str
    system: str
    display: str | None = None


class Source(_Wire, frozen=True):
    """Where the guidance comes from (C5, C6, C7)."""

    label: str
    url: str | None = None
    icon: str | None = None
    topic: Coding | None = None


class Link(_Wire, frozen=True):
    """A link on a card; ``app_context`` belongs to SMART links only (C14, C15)."""

    label: str
    url: str
    type: LinkType
    app_context: str | None = None
    autolaunchable: bool = False


class Action(_Wire, frozen=True):
    """One change to the draft (S4 to S8).

    ``resource`` is plain JSON; a :class:`~decimal.Decimal` in it goes out as an
    exact number. ``resource_id`` is ``Type/id``, for a delete.
    """

    type: ActionType
    description: str | None = None
    resource: Mapping[str, Any] | msgspec.Raw | None = None
    resource_id: str | None = None
    extension: Extension | None = None


class Suggestion(_Wire, frozen=True):
    """One way out that the card offers, its actions all taken together (S1, S3)."""

    label: str
    uuid: str | None = None
    is_recommended: bool = False
    actions: Sequence[Action] = ()
    action_selection_behavior: ActionSelectionBehavior | None = None
    extension: Extension | None = None


class Card(_Wire, frozen=True):
    """One piece of guidance (C3 to C16)."""

    summary: str
    indicator: Indicator
    source: Source
    uuid: str | None = None
    detail: str | None = None
    suggestions: Sequence[Suggestion] = ()
    selection_behavior: SelectionBehavior | None = None
    override_reasons: Sequence[Coding] = ()
    links: Sequence[Link] = ()
    extension: Extension | None = None


class CardsResponse(_Wire, frozen=True):
    """The whole answer; ``cards`` is always sent, empty if there is no guidance (C1, C17)."""

    cards: Sequence[Card]
    system_actions: Sequence[Action] = ()
    extension: Extension | None = None


_encoder = msgspec.json.Encoder(decimal_format="number")


def encode(response: CardsResponse) -> bytes:
    """The answer as JSON, each :class:`~decimal.Decimal` as the number it was written as."""
    return _encoder.encode(response)
