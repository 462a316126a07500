"""The order screen as a person uses it: type, see the cards, take one, override one, bring a record."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from playwright.sync_api import Page, Response, Route, expect
from sqlalchemy import create_engine, text

from cds_service.scenarios import load
from tests.browser.conftest import OpenContext, Running, serving, violations

pytestmark = pytest.mark.browser

CARD = "[data-card]"
PHONE = {"width": 375, "height": 740}


def opened(page: Page, scenario: str = "fibromyalgia-nothing-else") -> Page:
    page.goto(f"/?scenario={scenario}")
    expect(page.locator("#said")).to_contain_text("While ordering")
    return page


def is_call(response: Response, end: str) -> bool:
    return response.request.method == "POST" and response.url.endswith(end)


def type_order(page: Page, **fields: str) -> None:
    """Replaces what stands in the fields, as a person does, and waits for the cards that come of it."""
    with page.expect_response(lambda r: is_call(r, "/try/cards")):
        for name, words in fields.items():
            page.locator(f"#{name}").fill(words)
    expect(page.locator("#cards")).not_to_have_attribute("aria-busy", "true")


def feedback_rows(service: Running) -> list[Any]:
    engine = create_engine(f"sqlite:///{service.database}")
    with engine.connect() as connection:
        return list(connection.execute(text("select * from feedback")))


def test_cards_come_while_typing_and_are_those_of_the_answer(page: Page) -> None:
    opened(page, "oxycodone-active")
    page.locator("#drug").fill("LDN")
    page.locator("#dose").fill("")
    typed = "4.5 mg by mouth at bedtime"  # a slow browser asks for what stood there before, too
    with page.expect_response(
        lambda r: is_call(r, "/cds-services/ldn-order-select") and typed in (r.request.post_data or "")
    ) as answered:
        page.locator("#sig").fill(typed)
    (card,) = answered.value.json()["cards"]
    expect(page.locator(f"{CARD} h3")).to_have_text(card["summary"])
    expect(page.locator(f"{CARD} .tag")).to_have_text("critical")
    expect(page.locator(f"{CARD} .detail strong").first).to_have_text("Found")
    assert violations(page) == []


def test_only_the_last_of_many_keystrokes_is_asked(page: Page) -> None:
    opened(page)
    page.clock.install()
    page.clock.pause_at(datetime.now(UTC) + timedelta(hours=1))
    asked: list[str] = []
    page.on("request", lambda request: asked.append(request.url) if "/cds-services/" in request.url else None)
    page.locator("#sig").press_sequentially(" for pain, please")
    assert asked == []
    with page.expect_response(lambda r: is_call(r, "/cds-services/ldn-order-select")):
        page.clock.run_for(2_000)
    assert len(asked) == 1


def test_a_suggestion_changes_the_order_and_its_feedback_is_kept(page: Page, service: Running) -> None:
    opened(page)
    before = len(feedback_rows(service))
    with page.expect_response(lambda r: is_call(r, "/feedback")) as given:
        page.locator("[data-suggestion]").first.click()
    assert given.value.status == 200
    sent = json.loads(given.value.request.post_data or "")["feedback"][0]
    assert (sent["outcome"], len(sent["acceptedSuggestions"])) == ("accepted", 1)
    expect(page.locator("#drug")).to_have_value("naltrexone, compounded 1.5 mg capsule")
    expect(page.locator("#drug")).to_have_class(re.compile("changed"))
    expect(page.locator("#quantity")).to_have_value("132 capsules")
    expect(page.locator("#basket ol li")).to_have_count(3)
    expect(page.locator("#cards")).to_contain_text("Nothing to say")
    expect(page.locator("#done")).to_contain_text("feedback sent and kept (200)")
    rows = feedback_rows(service)
    assert len(rows) == before + 1
    assert violations(page) == []
    page.locator("#refills").fill("3")
    expect(page.locator("#refills")).not_to_have_class(re.compile("changed"))


def test_an_override_with_a_reason_is_kept(page: Page, service: Running) -> None:
    opened(page, "oxycodone-active")
    before = len(feedback_rows(service))
    page.locator(".overrides summary").click()
    assert violations(page) == []
    page.locator("[data-override]").click()
    expect(page.locator("#problem")).to_contain_text("Choose a reason or write a comment")
    page.get_by_label("Opioid already stopped").check()
    page.get_by_label("Comment").fill("tapered in spring")
    with page.expect_response(lambda r: is_call(r, "/feedback")) as given:
        page.locator("[data-override]").click()
    item = json.loads(given.value.request.post_data or "")["feedback"][0]
    assert item["overrideReason"]["reason"]["code"] == "action-completed"
    assert item["overrideReason"]["userComment"] == "tapered in spring"
    expect(page.locator("#done")).to_contain_text(
        "Overridden: Opioid already stopped – feedback sent and kept"
    )
    expect(page.locator("#problem")).to_be_hidden()
    assert len(feedback_rows(service)) == before + 1


def test_signing_asks_order_sign_and_a_removed_order_is_gone(page: Page) -> None:
    opened(page, "oxycodone-active")
    page.get_by_role("button", name="Sign").click()
    expect(page.locator("#said")).to_contain_text("On signing (order-sign): 1 card: 1 critical")
    page.get_by_role("button", name="Remove the naltrexone order").click()
    expect(page.locator("#basket")).to_contain_text("The basket is empty.")
    expect(page.locator("#drug")).to_be_disabled()
    page.get_by_role("button", name="Another order").click()
    expect(page.locator("#drug")).to_be_enabled()
    expect(page.locator("#drug")).to_be_focused()


def test_the_other_direction_an_opioid_for_a_patient_on_ldn(page: Page) -> None:
    opened(page, "ldn-renewed")
    type_order(
        page, drug="oxycodone 5 mg tablet", dose="1 tablet", sig="every 6 hours as needed", reason="pain"
    )
    expect(page.locator(f"{CARD} h3")).to_contain_text("takes low dose naltrexone")


def test_an_order_without_a_medicine_is_not_judged_and_that_is_said(page: Page) -> None:
    opened(page)
    type_order(page, drug="")
    page.get_by_role("button", name="Sign", exact=True).click()
    said = page.locator("#said")
    expect(said).to_contain_text("On signing (order-sign): no card")
    expect(said).to_contain_text("an order without a medicine is not judged")
    type_order(page, drug="naltrexone 4.5 mg capsule")
    expect(said).not_to_contain_text("not judged")


def test_two_orders_in_one_basket(page: Page) -> None:
    opened(page)
    page.get_by_role("button", name="Another order").click()
    type_order(page, drug="Percocet 5/325", sig="1 tablet every 6 hours as needed")
    expect(page.locator(f"{CARD} .tag").first).to_have_text("critical")
    expect(page.locator("#basket > li")).to_have_count(2)
    page.get_by_role("button", name="Edit naltrexone 4.5 mg compounded capsule").click()
    expect(page.locator("#drug")).to_have_value("naltrexone 4.5 mg compounded capsule")


def test_nothing_is_typed_into_an_order_that_is_about_to_go(page: Page) -> None:
    opened(page)
    held: list[Route] = []
    page.route("**/try/order", lambda route: held.append(route))
    page.get_by_role("button", name="Another order").click()
    expect(page.locator("#drug")).to_be_disabled()
    held[0].continue_()
    expect(page.locator("#drug")).to_be_focused()
    expect(page.locator("#drug")).to_have_value("")


@pytest.mark.parametrize("version", ["DSTU2", "STU3", "R5"])
def test_every_version(page: Page, version: str) -> None:
    opened(page)
    page.get_by_text("How the EHR asks").click()
    with page.expect_response(lambda r: is_call(r, "/try/cards")):
        page.locator("#version").select_option(version)
    expect(page.locator(f"{CARD} h3")).to_contain_text("A usual start of LDN")
    page.locator("[data-suggestion]").first.click()
    expect(page.locator("#quantity")).to_have_value("132 capsules")
    sent = json.loads(page.locator("#sent").text_content() or "")
    (order,) = [entry["resource"] for entry in sent["context"]["draftOrders"]["entry"]]
    assert order["resourceType"] == ("MedicationOrder" if version == "DSTU2" else "MedicationRequest")
    assert ("medication" in order) == (version == "R5")


def test_the_hook_and_the_dialect(page: Page) -> None:
    opened(page)
    page.get_by_text("How the EHR asks").click()
    page.locator("#hook").select_option("medication-prescribe")
    expect(page.locator("#said")).to_contain_text("medication-prescribe")
    page.locator("#dialect").select_option("epic")
    expect(page.locator(f"{CARD} .detail")).to_contain_text("To enter by hand")
    expect(page.locator("[data-suggestion]")).to_have_count(0)
    assert violations(page) == []


def test_a_record_is_uploaded(page: Page, tmp_path: Path) -> None:
    path = tmp_path / "record.json"
    path.write_text(
        json.dumps(load("methadone-for-opioid-use-disorder").transaction(datetime.now(UTC))), "utf-8"
    )
    opened(page)
    page.get_by_text("Or bring a record of your own").click()
    page.locator("#file").set_input_files(path)
    expect(page.locator("#patient")).to_contain_text("methadone")
    type_order(page, drug="naltrexone 4.5 mg capsule", sig="1 capsule at bedtime")
    expect(page.locator(f"{CARD} .tag").first).to_have_text("critical")
    assert violations(page) == []


def test_broken_json_is_said_with_its_place(open_page: OpenContext) -> None:
    page = open_page(expects_errors=True)
    opened(page)
    page.get_by_text("Or bring a record of your own").click()
    page.locator("#bundle").fill('{"resourceType": "Bundle",\n "entry": [}')
    page.get_by_role("button", name="Use this record").click()
    expect(page.get_by_role("alert")).to_contain_text("This is not JSON")
    expect(page.get_by_role("alert")).to_contain_text("line 2, column 12")
    assert violations(page) == []
    page.locator("#bundle").fill("")
    page.get_by_role("button", name="Use this record").click()
    expect(page.get_by_role("alert")).to_be_hidden()


def test_a_service_that_is_gone_is_said(open_page: OpenContext) -> None:
    page = open_page(expects_errors=True)
    opened(page)
    page.route("**/cds-services/**", lambda route: route.abort())
    expect(page.locator(CARD)).to_have_count(1)
    page.locator("#sig").fill("at night")
    expect(page.get_by_role("alert")).to_contain_text("The service could not be reached")
    expect(page.locator("#said")).to_have_text("The order was not checked.")
    expect(page.locator(CARD)).to_have_count(0)  # it was of the order as it was before


def test_what_goes_over_the_wire_can_be_seen_and_copied(open_page: OpenContext) -> None:
    page = open_page(permissions=["clipboard-read", "clipboard-write"])
    opened(page, "oxycodone-active")
    page.get_by_text("What goes over the wire").click()
    expect(page.locator("#got-line")).to_contain_text("200 in")
    assert json.loads(page.locator("#got").text_content() or "")["cards"][0]["indicator"] == "critical"
    page.locator("[data-copy=sent]").click()
    expect(page.locator("#said")).to_have_text("Copied.")
    copied = json.loads(page.evaluate("navigator.clipboard.readText()"))
    assert copied["hook"] == "order-select"
    assert copied["prefetch"]["patient"]["id"] == "ldn-oxycodone-active"
    assert violations(page) == []


def test_with_the_keyboard_alone(page: Page) -> None:
    opened(page)
    page.locator("#sig").focus()
    page.keyboard.press("Control+A")
    with page.expect_response(lambda r: is_call(r, "/try/cards")):
        page.keyboard.type("1 capsule at bedtime")
    for _ in range(4):  # quantity, refills, reason, Sign
        page.keyboard.press("Tab")
    expect(page.get_by_role("button", name="Sign")).to_be_focused()
    page.keyboard.press("Enter")
    expect(page.locator("#said")).to_contain_text("On signing")
    for _ in range(12):
        page.keyboard.press("Tab")
        if page.evaluate("document.activeElement.dataset.suggestion !== undefined"):
            break
    page.keyboard.press("Enter")
    expect(page.locator("#quantity")).to_have_value("132 capsules")


def test_enter_in_a_field_checks_and_keeps_what_was_typed(page: Page) -> None:
    opened(page)
    page.locator("#refills").fill("7")
    with page.expect_response(lambda r: is_call(r, "/try/cards")):
        page.locator("#refills").press("Enter")
    expect(page.locator("#refills")).to_have_value("7")


@pytest.mark.parametrize("colours", ["light", "dark"])
def test_on_a_phone(open_page: OpenContext, colours: Any) -> None:
    page = open_page(viewport=PHONE, color_scheme=colours, has_touch=True)
    opened(page, "many-causes-at-once")
    assert page.locator(CARD).count() > 2
    assert page.evaluate("document.documentElement.scrollWidth") <= PHONE["width"]
    assert violations(page) == []
    page.get_by_role("button", name="Sign").tap()
    expect(page.locator("#said")).to_contain_text("On signing")


def test_without_scripts(open_page: OpenContext) -> None:
    page = open_page(java_script_enabled=False)
    page.goto("/")
    page.locator("#scenario").select_option("oxycodone-active")
    page.get_by_role("button", name="Show this patient").click()
    expect(page.locator("#patient")).to_contain_text("oxycodone")
    page.get_by_role("button", name="Sign").click()
    expect(page.locator(f"{CARD} .tag")).to_have_text("critical")
    page.get_by_role("button", name="Remove the naltrexone order").click()
    expect(page.locator("#basket")).to_contain_text("The basket is empty.")


def test_in_production_by_setting_it_decides_and_keeps_nothing(
    open_page: OpenContext, tmp_path: Path
) -> None:
    with serving(
        tmp_path, CDS_ENVIRONMENT="production", WORKBENCH="true", ALLOW_UNREVIEWED="true"
    ) as running:
        page = open_page(base_url=running.url)
        opened(page, "oxycodone-active")
        expect(page.locator(f"{CARD} .tag")).to_have_text("critical")
        page.get_by_role("button", name="Remove the naltrexone order").click()
        expect(page.locator("#done")).to_contain_text("nothing is kept here")
        assert feedback_rows(running) == []
        page.goto("about:blank")
