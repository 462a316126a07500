"""Cards as a page shows them: markdown to HTML, with no HTML, link or image of anybody else's."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import TYPE_CHECKING, Any

from markupsafe import Markup

from cds_service.workbench.orders import as_list, as_object

if TYPE_CHECKING:
    from markdown_it import MarkdownIt


@dataclass(frozen=True, slots=True)
class ShownCard:
    """What the template of a card reads; the rest stays in the JSON."""

    uuid: str
    summary: str
    indicator: str
    detail: Markup
    source: str
    topic: str
    suggestions: Sequence[Mapping[str, Any]]
    at_most_one: bool
    reasons: Sequence[Mapping[str, Any]]
    links: Sequence[Mapping[str, Any]]


def cards(answer: object) -> list[ShownCard]:
    """The cards of a response, in its order."""
    return [_card(card) for card in as_list(as_object(answer).get("cards"))]


def _card(card: Mapping[str, Any]) -> ShownCard:
    source = as_object(card.get("source"))
    indicator = str(card.get("indicator"))
    return ShownCard(
        uuid=str(card.get("uuid") or ""),
        summary=str(card.get("summary") or ""),
        indicator=indicator if indicator in ("critical", "warning", "info") else "info",
        detail=markdown(str(card.get("detail") or "")),
        source=str(source.get("label") or ""),
        topic=str(as_object(source.get("topic")).get("display") or ""),
        suggestions=as_list(card.get("suggestions")),
        at_most_one=card.get("selectionBehavior") == "at-most-one",
        reasons=as_list(card.get("overrideReasons")),
        links=[link for link in as_list(card.get("links")) if str(link.get("url", "")).startswith("http")],
    )


def markdown(text: str) -> Markup:
    """HTML of ``text``: paragraphs, lists and emphasis; what else it holds is shown as it is written."""
    return Markup(_markdown().render(text))


@cache
def _markdown() -> MarkdownIt:
    from markdown_it import MarkdownIt  # the first page waits for it, and not the start

    return MarkdownIt("commonmark", {"html": False}).disable(["link", "image", "autolink", "reference"])
