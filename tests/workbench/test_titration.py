"""The schedule as a picture and a sheet: the same doses as the order, plain words, nothing of a patient."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.errors import InvalidRequest
from cds_service.knowledge.clinical import Schedule, load_clinical
from cds_service.knowledge.concepts import Form
from cds_service.knowledge.sheet import parts
from cds_service.products import compounded_capsule, product_of
from cds_service.scenarios import load
from cds_service.settings import Settings
from cds_service.workbench.titration import plan, product_asked, sheet

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
CLINICAL = load_clinical()
USUAL = CLINICAL.titration.schedule("usual")


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    url = f"sqlite:///{tmp_path_factory.mktemp('db')}/test.sqlite3"
    settings = Settings(cds_environment="development", database_url=url)
    return create_app(settings, now=lambda: NOW).test_client()


def links(client: FlaskClient, scenario: str) -> list[str]:
    answer = client.post("/cds-services/ldn-order-sign", json=load(scenario).request("order-sign", NOW))
    found = [link["url"] for card in answer.get_json()["cards"] for link in card["links"]]
    return [url for url in found if "/titration/" in url]


def test_the_steps_of_the_usual_schedule() -> None:
    shown = plan(USUAL, compounded_capsule(USUAL), 30)
    assert [(step.when, step.mg, step.amount) for step in shown.steps] == [
        ("Weeks 1 to 2", "1.5", "1 capsule"),
        ("Weeks 3 to 4", "3", "2 capsules"),
        ("From week 5 on", "4.5", "3 capsules"),
    ]
    assert (shown.supply, shown.supply_days) == ("132 capsules", 58)


def test_days_are_named_where_they_are_no_whole_weeks() -> None:
    schedule = Schedule(name="own", steps=((1.0, 10), (2.0, 4), (3.0, 0)))
    shown = plan(schedule, compounded_capsule(schedule), 30)
    assert [step.when for step in shown.steps] == ["Days 1 to 10", "Days 11 to 14", "From week 3 on"]


def test_a_liquid_is_measured_in_ml() -> None:
    shown = plan(USUAL, product_of(Form.LIQUID, 2), 30)
    assert [step.amount for step in shown.steps] == ["0.75 mL", "1.5 mL", "2.25 mL"]
    assert shown.supply == "99 mL"
    assert "mg per mL, and the mL of each dose" in sheet(CLINICAL, shown)["pharmacy"][1].text


def test_the_bars_are_as_high_as_the_doses_and_as_wide_as_the_days() -> None:
    chart = plan(USUAL, compounded_capsule(USUAL), 30).chart
    first, second, third, later = chart.bars
    assert second.height == pytest.approx(2 * first.height, abs=0.2)
    assert third.height == pytest.approx(3 * first.height, abs=0.2)
    assert third.width == pytest.approx(first.width * 30 / 14, abs=0.2)
    assert later.x == pytest.approx(chart.refill, abs=0.2)
    assert all(bar.y + bar.height == pytest.approx(chart.base) for bar in chart.bars)
    assert later.x + later.width <= chart.width


@pytest.mark.parametrize(
    ("form", "strength"),
    [
        ("pill", "1"),
        ("capsule", "x"),
        ("liquid", "-1"),
        ("tablet", "inf"),
        ("capsule", "nan"),
        ("liquid", "1e9"),
    ],
)
def test_an_address_that_names_no_product(form: str, strength: str) -> None:
    with pytest.raises(InvalidRequest):
        product_asked(USUAL, form, strength)


def test_a_product_that_cannot_deliver_the_doses_is_said(client: FlaskClient) -> None:
    page = client.get("/titration/usual?form=tablet&strength=4").text
    assert "These doses cannot be made of whole tablets of 4 mg. Shown with 1.5 mg capsules." in page
    assert client.get("/titration/none").status_code == 404


@pytest.mark.parametrize("path", ["/titration/none", "/explain/none"])
def test_a_link_that_leads_nowhere_is_a_page_for_people(client: FlaskClient, path: str) -> None:
    page = client.get(path, headers={"Accept": "text/html,*/*;q=0.8"})
    assert (page.status_code, page.mimetype) == (404, "text/html")
    assert "There is no such page" in page.text and "/explain" in page.text
    assert page.headers["X-Request-Id"]
    outcome = client.get(path)
    assert (outcome.status_code, outcome.get_json()["resourceType"]) == (404, "OperationOutcome")
    assert client.get("/titration/usual?form=pill&strength=1").status_code == 400


@pytest.mark.parametrize(
    "scenario", ["fibromyalgia-nothing-else", "ldn-at-age-eighty", "ldn-liquid", "ldn-on-the-50-mg-tablet"]
)
def test_the_card_that_offers_a_schedule_links_to_it(client: FlaskClient, scenario: str) -> None:
    found = links(client, scenario)
    assert len(found) == 2
    for url in found:
        parsed = urlsplit(url)
        assert parse_qs(parsed.query).keys() == {"form", "strength"}
        page = client.get(f"{parsed.path}?{parsed.query}")
        assert page.status_code == 200
        assert "cannot be" not in page.text


def test_the_sheet_says_what_the_order_says(client: FlaskClient) -> None:
    request = load("fibromyalgia-nothing-else").request("order-sign", NOW)
    (card,) = client.post("/cds-services/ldn-order-sign", json=request).get_json()["cards"]
    steps = card["suggestions"][0]["actions"][0]["resource"]["dosageInstruction"]
    page = html.unescape(client.get("/titration/usual?form=capsule&strength=1.5").text)
    for step in steps:
        mg, amount = re.match(r"([\d.]+ mg) \(([^)]*)\)", step["text"]).groups()  # type: ignore[union-attr]
        assert mg in page and amount in page
    assert "dispense 132 capsules for 58 days" in page


def test_no_card_without_a_schedule_links_to_one(client: FlaskClient) -> None:
    assert links(client, "oxycodone-active") == []


def test_figures_of_a_site_are_on_its_sheet(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    site.write_text(
        "[titration]\nreview_weeks = 9\nfinal_fill_days = 14\n[opioid_free]\nshort = 12\n", "utf-8"
    )
    url = f"sqlite:///{tmp_path}/test.sqlite3"
    settings = Settings(cds_environment="development", database_url=url, site_file=str(site))
    page = create_app(settings, now=lambda: NOW).test_client().get("/titration/usual").text
    assert "about 9 weeks" in page
    assert "at least 7 to 12 days" in page
    assert "84 capsules for 42 days" in page


# --- words -------------------------------------------------------------------------------------------


def syllables(word: str) -> int:
    """Vowel groups, without a silent e at the end: good enough for an average."""
    groups = len(re.findall(r"[aeiouy]+", word))
    silent = word.endswith("e") and not word.endswith("le") and groups > 1
    return max(1, groups - silent)


def grade(text: str) -> float:
    """Flesch-Kincaid grade level (Kincaid et al. 1975): years of US schooling."""
    sentences = [part for part in re.split(r"[.?!:]\s|[.?!]$", text) if part.strip()]
    words = re.findall(r"[a-z']+", text.lower())
    per_sentence = len(words) / len(sentences)
    return 0.39 * per_sentence + 11.8 * sum(map(syllables, words)) / len(words) - 15.59


def test_the_patient_s_words_are_plain() -> None:
    shown = sheet(CLINICAL, plan(USUAL, compounded_capsule(USUAL), 30))
    text = " ".join(part.text for part in shown["patient"])
    assert grade(text) <= 6


def test_the_measure_tells_plain_from_learned() -> None:
    assert grade("Take it at night. Do not take two.") < 2
    assert grade("Contraindicated in individuals receiving concomitant opioid analgesic medication.") > 15


def test_every_sentence_has_a_source_and_its_fields() -> None:
    shown = sheet(CLINICAL, plan(USUAL, product_of(Form.LIQUID, 1), 30))
    for part in [*shown["patient"], *shown["pharmacy"]]:
        assert part.source and "{" not in part.text
    with pytest.raises(KeyError):
        parts("patient")


def test_what_the_sheet_must_say() -> None:
    shown = sheet(CLINICAL, plan(USUAL, compounded_capsule(USUAL), 30))
    text = " ".join(part.text for part in shown["patient"])
    for words in (
        "off-label",
        "Do not take opioids",
        "do not stop the opioid on your own",
        "dentist",
        "Carry a card",
    ):
        assert words in text
    pharmacy = " ".join(part.text for part in shown["pharmacy"])
    for words in ("immediate release", "lactose", "1.5 mg capsules", "PDMP"):
        assert words in pharmacy
