"""Every page as it is first shown: no accessibility violation, light, readable on a phone and in the dark."""

from __future__ import annotations

import pytest
from playwright.sync_api import Page

from tests.browser.conftest import HEAVIEST, OpenContext, violations, weight

pytestmark = pytest.mark.browser

PAGES = [
    "/",
    "/explain",
    "/explain/opioid-washout",
    "/explain/starting-dose",
    "/explain/surgery",
    "/titration",
    "/titration/usual?form=capsule&strength=1.5",
    "/titration/slow?form=liquid&strength=0.5",
    "/reports",
    "/reports/snoozes",
]
PHONE = {"width": 375, "height": 740}


@pytest.mark.parametrize("path", PAGES)
def test_a_page_is_light_and_axe_finds_nothing(page: Page, path: str) -> None:
    assert 1_000 < weight(page, path) < HEAVIEST
    assert violations(page) == []


@pytest.mark.parametrize("path", PAGES)
def test_dark_and_on_a_phone(open_page: OpenContext, path: str) -> None:
    page = open_page(color_scheme="dark", viewport=PHONE)
    page.goto(path)
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_keyboard_comes_first_to_the_content(page: Page) -> None:
    page.goto("/explain")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.textContent") == "Skip to the content"
    page.keyboard.press("Enter")
    assert page.evaluate("document.activeElement.id") == "main"
