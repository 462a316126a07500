"""Cards as a client shows them: rendered as GitHub-flavoured markdown, text of the EHR stays text."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from cds_service import create_app
from cds_service.cards import escape
from cds_service.settings import Settings
from tests.hostile import HOSTILE, NOW, hostile_requests, strings

RENDERER = MarkdownIt("gfm-like", {"linkify": False, "html": True})
BLOCKS = {"paragraph_open", "paragraph_close", "inline"}
OURS = BLOCKS | {"bullet_list_open", "bullet_list_close", "list_item_open", "list_item_close"}
WORDS = {"text", "softbreak", "hardbreak"}


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    url = f"sqlite:///{tmp_path_factory.mktemp('db')}/test.sqlite3"
    settings = Settings(cds_environment="development", database_url=url, audit_days=0)
    return create_app(settings, now=lambda: NOW).test_client()


def tokens(markdown: str) -> Iterator[str]:
    """What a client makes of it, blocks and what is in them."""
    for token in RENDERER.parse(markdown):
        yield token.type
        yield from (child.type for child in token.children or ())


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_the_ehr_is_a_paragraph_of_text(text: str) -> None:
    assert set(tokens(escape(text))) <= BLOCKS | WORDS


@settings(max_examples=600, deadline=None, derandomize=True)
@given(
    st.text(alphabet=st.sampled_from("*_~`#>-+=|[]()!<&;:/\\ \n\t1a.@x^$\"'{}\u202e\u200b\x00"), max_size=40),
    st.sampled_from([*HOSTILE, ""]),
)
def test_no_text_is_more_than_text(noise: str, hostile: str) -> None:
    for text in (noise + hostile, hostile + noise, f"{noise}{hostile}{noise}"):
        shown = escape(text)
        for placed, allowed in ((shown, BLOCKS), (f"**Found**\n\n- {shown}; a fact", OURS)):
            assert set(tokens(placed)) <= allowed | WORDS | {"strong_open", "strong_close"}
            assert "strong_open" not in set(tokens(shown))


def _shown(card: dict[str, Any]) -> Iterator[str]:
    """All that a card shows; the order it hands back is the prescriber's own, untouched."""
    yield card["summary"]
    yield card["source"]["label"]
    for suggestion in card.get("suggestions", []):
        yield suggestion["label"]
        yield from (action["description"] for action in suggestion["actions"])
    yield from (link["label"] for link in card.get("links", []))


@settings(max_examples=60, deadline=None, derandomize=True)
@given(hostile_requests(strings))
def test_no_string_of_a_request_is_more_than_text(
    client: FlaskClient, asked: tuple[str, dict[str, Any]]
) -> None:
    hook, request = asked
    answer = client.post(f"/cds-services/ldn-{hook}", json=request)
    assert answer.status_code < 500
    for card in answer.get_json().get("cards", []):
        assert set(tokens(card.get("detail", ""))) <= OURS | WORDS | {
            "strong_open", "strong_close", "em_open", "em_close",
        }  # fmt: skip
        for text in _shown(card):
            assert set(tokens(text)) <= BLOCKS | WORDS, text
            assert text.isprintable()
        assert all(line.isprintable() for line in card.get("detail", "").split("\n"))
    if answer.status_code >= 400:
        assert not any(hostile in answer.text for hostile in HOSTILE if len(hostile) > 6)
