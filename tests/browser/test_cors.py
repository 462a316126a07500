"""A client that is a page of another origin, on https, as the CDS Hooks sandbox is."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Browser, Error, Page, Route

from cds_service.openapi import example_request
from tests.browser.conftest import Running, serving

pytestmark = pytest.mark.browser
ORIGIN = "https://sandbox.example.org"
CALL = """async ([url, body]) => {
  const options = body && {
    method: "POST", body: JSON.stringify(body),
    headers: {"Content-Type": "application/json", "Authorization": "Bearer a.b.c"},
  };
  const answer = await fetch(url, options || {});
  return [answer.status, await answer.json()];
}"""
MAY_CALL_THIS_MACHINE = ["local-network-access"]


@pytest.fixture
def page(chromium: Browser) -> Any:
    """A page of ``ORIGIN``, to which the browser's user has given leave to call this machine."""
    context = chromium.new_context()
    context.grant_permissions(MAY_CALL_THIS_MACHINE, origin=ORIGIN)
    made = context.new_page()
    yield _at(made, ORIGIN)
    context.close()


def _at(page: Page, origin: str) -> Page:
    def answer(route: Route) -> None:
        route.fulfill(content_type="text/html", body="<!doctype html><title>A client</title>")

    page.route(f"{origin}/", answer)
    page.goto(f"{origin}/")
    return page


def test_in_development_every_page_may_call(page: Page, service: Running) -> None:
    assert page.evaluate("isSecureContext") and page.url == f"{ORIGIN}/"
    status, discovered = page.evaluate(CALL, [f"{service.url}/cds-services", None])
    assert status == 200 and len(discovered["services"]) == 3
    call = [f"{service.url}/cds-services/ldn-order-sign", example_request("order-sign")]
    status, answered = page.evaluate(CALL, call)
    assert status == 200 and answered["cards"]


def test_without_leave_the_browser_keeps_a_page_from_this_machine(
    chromium: Browser, service: Running
) -> None:
    context = chromium.new_context()
    told: list[str] = []
    context.on("console", lambda message: told.append(message.text))
    with pytest.raises(Error, match="Failed to fetch"):
        _at(context.new_page(), ORIGIN).evaluate(CALL, [f"{service.url}/cds-services", None])
    context.close()
    assert "Permission was denied for this request to access the `loopback` address space" in told[0]


def test_in_production_only_pages_that_are_named(page: Page, tmp_path: Path) -> None:
    named = {"CDS_ENVIRONMENT": "production", "ALLOW_UNREVIEWED": "true"}
    with serving(tmp_path, **named, CORS_ORIGINS=ORIGIN) as running:
        call = [f"{running.url}/cds-services/ldn-order-sign", example_request("order-sign")]
        status, answered = page.evaluate(CALL, call)
        assert (status, answered["resourceType"]) == (
            401,
            "OperationOutcome",
        )  # read, and refused for its token
        stranger = _at(page, "https://stranger.example.org")
        with pytest.raises(Error, match="Failed to fetch"):
            stranger.evaluate(CALL, call)
