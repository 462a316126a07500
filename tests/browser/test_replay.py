"""Replaying in a browser: a request that works, one that is broken, accessible in every state."""

from __future__ import annotations

import json
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from cds_service.scenarios import load
from tests.browser.conftest import HEAVIEST, OpenContext, violations, weight
from tests.cds_hooks.authentication.signing import ISS, claims, header, sign

pytestmark = pytest.mark.browser
PHONE = {"width": 375, "height": 740}


def request() -> str:
    return json.dumps(load("oxycodone-active").request("order-sign", datetime.now(UTC)))


def replay(page: Page, text: str) -> None:
    page.goto("/replay")
    page.get_by_label("Body of the call").fill(text)
    page.get_by_role("button", name="Replay").click()


def test_the_form_is_light_and_accessible(page: Page) -> None:
    assert 0 < weight(page, "/replay") < HEAVIEST
    assert violations(page) == []


def test_a_request_and_why(page: Page) -> None:
    replay(page, request())
    expect(page.get_by_role("heading", name="Oxycodone is listed as active")).to_be_visible()
    rules = page.get_by_role("region", name="Rules")
    expect(rules.get_by_text("not shown: withheld by opioid-coprescription")).to_be_visible()
    expect(page.get_by_text("no opioid ended within its opioid-free interval")).to_be_visible()
    assert violations(page) == []


def test_a_broken_request_is_explained_and_can_be_mended(page: Page) -> None:
    broken = request().replace('"hookInstance":', '"hookInstance"', 1)
    replay(page, broken)
    expect(page.get_by_role("alert")).to_contain_text("CDS-4001")
    expect(page.get_by_role("alert")).to_contain_text("line 1, column")
    assert violations(page) == []
    field = page.get_by_label("Body of the call")
    field.fill(field.input_value().replace('"hookInstance"', '"hookInstance":', 1))
    page.get_by_role("button", name="Replay").click()
    expect(page.get_by_role("alert")).to_have_count(0)
    expect(page.get_by_role("heading", name="Oxycodone is listed as active")).to_be_visible()


def test_what_is_missing_is_named_with_its_path(page: Page) -> None:
    replay(page, '{"hook": "order-sign", "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea"}')
    expect(page.get_by_role("alert")).to_contain_text("$.context")


def test_a_request_without_a_medication_list_is_refused_as_an_ehr_is(page: Page) -> None:
    without = {**json.loads(request()), "prefetch": {}}
    without.pop("fhirServer", None)
    replay(page, json.dumps(without))
    expect(page.get_by_role("alert")).to_contain_text("412 CDS-4120")
    expect(page.get_by_role("alert")).to_contain_text("No medication list could be read")
    expect(page.get_by_text("Traceback")).to_have_count(0)
    assert violations(page) == []


def test_the_keyboard_alone_replays(page: Page) -> None:
    page.goto("/replay")
    page.get_by_label("Body of the call").focus()
    page.keyboard.insert_text(request())
    button = page.get_by_role("button", name="Replay")
    for _ in range(4):
        page.keyboard.press("Tab")
        if button.evaluate("one => one === document.activeElement"):
            break
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", name="Oxycodone is listed as active")).to_be_visible()


def test_dark_and_on_a_phone(open_page: OpenContext) -> None:
    page = open_page(color_scheme="dark", viewport=PHONE)
    replay(page, request())
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]


def test_the_callers_token_is_taken_apart_and_accessible(page: Page) -> None:
    page.goto("/replay")
    page.get_by_label("Body of the call").fill(request())
    page.get_by_label("Its Authorization header").fill(f"Bearer {sign(claims(), header())}")
    page.get_by_role("button", name="Replay").click()
    token = page.get_by_role("region", name="Token of the caller")
    expect(token).to_contain_text("no client is registered (CLIENTS_FILE)")
    token.get_by_text("Its claims").click()
    expect(token.get_by_text(ISS)).to_be_visible()
    expect(page.get_by_role("navigation", name="Pages").get_by_role("link", name="Replay")).to_have_attribute(
        "aria-current", "page"
    )
    expect(page.get_by_label("Its Authorization header")).to_have_value("")
    assert violations(page) == []
