"""What leaves the service: text of the EHR without effect, links to us alone, pages without scripts."""

from __future__ import annotations

import copy
import re
from datetime import UTC, datetime
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service import create_app
from cds_service.cards import escape
from cds_service.scenarios import all_names, load
from cds_service.settings import Settings

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
US = "https://cds.example.org"
HOSTILE = (
    "<img src=x onerror=alert(1)>", "[click](javascript:alert(1))", "![x](https://evil.example/x.png)",
    "https://evil.example/a", "www.evil.example", "<https://evil.example>", "**bold** _it_ ~~no~~",
    "# Heading",
    "`code`", "&lt;script&gt;", "| a | b |", "line\n\n# next", "\u202egnp.exe", "a\u200bb\u2066c",
    "me@evil.example",
    "[x]: https://evil.example", "\\[x](y)", "- item", "1. item", "> quote", "```\nfence", "\x1b[31mred",
)  # fmt: skip


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    url = f"sqlite:///{tmp_path_factory.mktemp('db')}/test.sqlite3"
    app = create_app(
        Settings(cds_environment="development", database_url=url, public_url=US, audit_days=0),
        now=lambda: NOW,
    )
    return app.test_client()


def assert_harmless(markdown: str) -> None:
    """By the rules of GitHub-flavoured markdown: nothing that makes a tag, a link, an image or code."""
    plain = re.sub(r"\\.", "", markdown)  # what a backslash escapes has no effect
    assert "<" not in plain
    assert "](" not in plain
    assert not re.search(r"(?i)://|www\.|`|[a-z0-9]@[a-z0-9]", plain)
    assert not re.search(r"[\u200b-\u200f\u202a-\u202e\u2066-\u2069\x00-\x08\x0b-\x1f\x7f]", markdown)


@pytest.mark.parametrize("text", HOSTILE)
def test_text_of_the_ehr_has_no_effect(text: str) -> None:
    shown = escape(text)
    assert_harmless(shown)
    assert "\n" not in shown
    assert not re.match(r"\s*(#|>|[-+*]\s|\d+[.)]\s)", shown)


@settings(max_examples=500, deadline=None, derandomize=True)
@given(st.text(max_size=300), st.sampled_from(HOSTILE), st.text(max_size=20))
def test_no_text_at_all_has_an_effect(before: str, hostile: str, after: str) -> None:
    shown = escape(before + hostile + after)
    assert_harmless(shown)
    assert len(shown) <= 3 * 120


def _texts(node: Any, path: tuple[Any, ...] = ()) -> list[tuple[Any, ...]]:
    """The places of a request that hold text for people."""
    if isinstance(node, dict):
        pairs = list(node.items())
    elif isinstance(node, list):
        pairs = list(enumerate(node))
    else:
        return [path] if isinstance(node, str) and path[-1] in ("text", "display", "valueString") else []
    return [place for key, value in pairs for place in _texts(value, (*path, key))]


@settings(max_examples=60, deadline=None, derandomize=True)
@given(st.data())
def test_a_hostile_chart_makes_harmless_cards(client: FlaskClient, data: st.DataObject) -> None:
    scenario = load(data.draw(st.sampled_from(all_names())))
    hook = scenario.hooks[0]
    request = copy.deepcopy(scenario.request(hook, NOW))
    for place in data.draw(st.lists(st.sampled_from(_texts(request)), max_size=5, unique=True)):
        node = request
        for key in place[:-1]:
            node = node[key]
        node[place[-1]] += " " + data.draw(st.sampled_from(HOSTILE))
    answer = client.post(f"/cds-services/ldn-{hook}", json=request)
    assert answer.status_code in (200, 412)
    for card in answer.get_json().get("cards", []):
        for text in (card["summary"], card.get("detail", "")):
            assert "<" not in re.sub(r"\\.", "", text)
            assert not re.search(r"(?i)://|\bwww\.", re.sub(r"\\.", "", text))
            assert not re.search(r"[\u202a-\u202e\u2066-\u2069\x00-\x08\x1b]", text)


@pytest.mark.parametrize("name", all_names())
def test_links_lead_to_us_alone(client: FlaskClient, name: str) -> None:
    scenario = load(name)
    for hook in scenario.hooks:
        answer = client.post(f"/cds-services/ldn-{hook}", json=scenario.request(hook, NOW)).get_json()
        for card in answer.get("cards", []):
            urls = [link["url"] for link in card.get("links", [])] + [card["source"]["url"]]
            assert all(url.startswith(f"{US}/") for url in urls)
            assert "http" not in card.get("detail", "") + card["summary"]


@pytest.mark.parametrize("path", ["/explain", "/explain/opioid-coprescription"])
def test_pages_have_no_inline_script_and_no_third_party(client: FlaskClient, path: str) -> None:
    page = client.get(path)
    policy = page.headers["Content-Security-Policy"]
    assert "default-src 'none'" in policy
    assert "frame-ancestors 'none'" in policy
    assert "unsafe" not in policy and "http" not in policy
    assert "script-src 'self'; connect-src 'self'" in policy
    assert page.headers["X-Content-Type-Options"] == "nosniff"
    assert page.headers["Referrer-Policy"] == "no-referrer"
    assert not re.search(r"(?i)<script(?![^>]* src=)|\son[a-z]+=|style=|javascript:", page.text)
    loaded = re.findall(r'(?:src|<link[^>]*href)="([^"]+)"', page.text)
    assert all(url == "data:," or url.startswith("/") and not url.startswith("//") for url in loaded)


@pytest.mark.parametrize(
    "path",
    ["/nothing", "/explain/nothing", "/cds-services", "/openapi.json", "/metrics", "/static/pages.css"],
)
def test_every_answer_is_as_guarded_as_a_page(client: FlaskClient, path: str) -> None:
    with client.get("/explain") as page, client.get(path) as answer:
        for header in ("X-Content-Type-Options", "Referrer-Policy"):
            assert answer.headers.getlist(header) == page.headers.getlist(header) != []
        (policy,) = answer.headers.getlist("Content-Security-Policy")
        assert "default-src 'none'" in policy and "script-src" not in policy
