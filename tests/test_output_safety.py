"""What leaves the service: text of the EHR without effect, links to us alone, pages without scripts."""

from __future__ import annotations

import re
from typing import Any

import pytest
from flask.testing import FlaskClient
from hypothesis import given, settings
from hypothesis import strategies as st

from cds_service import create_app
from cds_service.cards import escape
from cds_service.scenarios import all_names, load
from cds_service.settings import Settings
from tests.hostile import HOSTILE, NOW, hostile_requests, texts

US = "https://cds.example.org"


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


@settings(max_examples=60, deadline=None, derandomize=True)
@given(hostile_requests(texts))
def test_a_hostile_chart_makes_harmless_cards(client: FlaskClient, asked: tuple[str, dict[str, Any]]) -> None:
    hook, request = asked
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
