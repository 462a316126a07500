"""The reports in a real browser, over a month of events: drawings with tables beside them."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest
from playwright.sync_api import Page, expect

from benchmarks.seed_month import fill
from cds_service.settings import Settings
from cds_service.store import Store
from tests.browser.conftest import HEAVIEST, OpenContext, Running, serving, violations, weight

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    folder = tmp_path_factory.mktemp("month")
    with serving(folder) as running:
        with Store(Settings(database_url=f"sqlite:///{running.database}")) as store:
            fill(store, 3_000, datetime.now(UTC))
        yield running


@pytest.fixture
def page(open_page: OpenContext, seeded: Running) -> Page:
    page = open_page(base_url=seeded.url, viewport={"width": 1280, "height": 900})
    page.goto("/reports")
    return page


def test_drawings_and_tables_hold_the_same_topics(page: Page) -> None:
    table = page.get_by_role("region", name="Cards by topic")
    assert table.get_by_role("row").count() == 12  # head, ten topics, all
    names = page.locator("figure.plot >> nth=0").locator("text.start").all_text_contents()
    assert "opioid-coprescription" in names
    page.get_by_text("The same as a table").click()
    assert page.get_by_role("region", name="Override rate by week").get_by_text(names[0]).first.is_visible()
    assert page.locator("figure.plot").count() == 2


def test_another_period_and_grouping(page: Page) -> None:
    page.get_by_label("Each row is a").select_option("hook")
    page.get_by_role("button", name="Show").click()
    assert page.get_by_role("heading", name="Cards by hook").is_visible()
    with page.expect_download() as download:
        page.get_by_role("link", name="CSV").click()
    assert download.value.suggested_filename == "reports.csv"


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing_and_it_is_light(open_page: OpenContext, seeded: Running, scheme: str) -> None:
    page = open_page(base_url=seeded.url, color_scheme=scheme, viewport={"width": 375, "height": 740})
    assert weight(page, "/reports") < HEAVIEST
    page.get_by_text("The same as a table").click()
    page.get_by_text("By topic, as a table").click()
    assert page.get_by_role("region", name="Reasons by topic").is_visible()
    assert violations(page) == []
    assert page.evaluate("document.documentElement.scrollWidth") <= 375


def test_on_paper_without_colour_the_lines_are_told_apart(page: Page) -> None:
    page.emulate_media(media="print")
    dashes = page.locator("polyline.rate").evaluate_all(
        "lines => [...new Set(lines.map(line => getComputedStyle(line).strokeDasharray))]"
    )
    assert len(dashes) >= 4
    assert not page.get_by_role("button", name="Show").is_visible()


def test_a_snooze_is_ended(open_page: OpenContext, service: Running) -> None:
    page = open_page()
    page.goto("/?scenario=breast-feeding")
    card = page.locator(".card").filter(has=page.get_by_role("heading", name="breast-feeding"))
    card.locator(".overrides summary").click()
    card.get_by_label("Benefit outweighs the risk, discussed with the patient").check()
    card.locator("[data-override]").click()
    expect(page.locator("#done")).to_contain_text("feedback sent and kept")
    page.goto("/reports")
    page.get_by_role("link", name="What is snoozed").click()
    assert violations(page) == []
    page.get_by_role("button", name="End: Breast-feeding").first.click()
    expect(page.get_by_role("status")).to_contain_text("Ended: Breast-feeding")
    assert violations(page) == []
