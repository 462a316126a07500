"""The interface in a browser: light, accessible with everything open, usable by keyboard."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import HEAVIEST, OpenContext, violations, weight

pytestmark = pytest.mark.browser
PHONE = {"width": 375, "height": 740}


def open_all(page: Page) -> None:
    page.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")


def test_light_and_accessible_also_with_everything_open(page: Page) -> None:
    assert 1_000 < weight(page, "/api") < HEAVIEST
    assert violations(page) == []
    open_all(page)
    assert violations(page) == []


def test_the_keyboard_opens_an_example(page: Page) -> None:
    page.goto("/api")
    call = page.get_by_role("region", name="POST /cds-services/ldn-order-sign", exact=True)
    call.locator("summary", has_text="Answer 200").focus()
    page.keyboard.press("Enter")
    expect(call.get_by_text("A usual start of LDN").first).to_be_visible()


def test_from_the_navigation_to_a_refusal(page: Page) -> None:
    page.goto("/explain")
    page.get_by_role("navigation", name="Pages").get_by_role("link", name="API").click()
    page.get_by_role("link", name="412").first.click()
    assert page.url.endswith("/api#refused-412")
    expect(page.get_by_role("heading", name="412")).to_be_in_viewport()


def test_every_link_within_the_page_leads_somewhere(page: Page) -> None:
    page.goto("/api")
    dead = "[...document.querySelectorAll('a[href^=\"#\"]')].map(a => a.hash.slice(1))"
    assert page.evaluate(f"{dead}.filter(id => !document.getElementById(id))") == []


def test_dark_and_on_a_phone(open_page: OpenContext) -> None:
    page = open_page(color_scheme="dark", viewport=PHONE)
    page.goto("/api")
    open_all(page)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
