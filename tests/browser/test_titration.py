"""The sheet of a schedule on paper: one page of A4 and of Letter, whatever the schedule."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.conftest import violations

pytestmark = pytest.mark.browser

SHEETS = [
    "/titration/usual?form=capsule&strength=1.5",
    "/titration/usual?form=liquid&strength=1",
    "/titration/slow?form=capsule&strength=0.5",
    "/titration/slow?form=liquid&strength=0.5",
]


@pytest.mark.parametrize("paper", ["A4", "Letter"])
@pytest.mark.parametrize("path", SHEETS)
def test_it_is_one_page_of_paper(page: Page, path: str, paper: str) -> None:
    page.goto(path)
    assert len(re.findall(rb"/Type\s*/Page\b", page.pdf(format=paper))) == 1


@pytest.mark.parametrize("path", SHEETS[:2])
def test_no_label_of_the_picture_covers_another(page: Page, path: str) -> None:
    page.goto(path)
    boxes = [box for text in page.locator("svg text").all() if (box := text.bounding_box())]
    for index, box in enumerate(boxes):
        for other in boxes[index + 1 :]:
            apart_across = box["x"] + box["width"] <= other["x"] or other["x"] + other["width"] <= box["x"]
            apart_down = (
                box["y"] + box["height"] <= other["y"] + 1 or other["y"] + other["height"] <= box["y"] + 1
            )
            assert apart_across or apart_down


def test_another_product_is_chosen(page: Page) -> None:
    page.goto("/titration/usual")
    page.get_by_label("Form").select_option("liquid")
    page.get_by_label("mg in one").fill("0.5")
    page.get_by_role("button", name="Show").click()
    expect(page.locator("tbody")).to_contain_text("9 mL")
    assert violations(page) == []


def test_the_card_leads_to_the_sheet(page: Page) -> None:
    page.goto("/?scenario=ldn-liquid")
    with page.context.expect_page() as opened:
        page.get_by_role("link", name="Schedule to print", exact=True).click()
    expect(opened.value.locator("figcaption")).to_contain_text("mL")
