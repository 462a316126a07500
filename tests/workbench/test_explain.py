"""The page of each topic: nothing missing, the figures in force, references that can be opened."""

from __future__ import annotations

import html
import re
from datetime import UTC, datetime
from pathlib import Path

import pytest
from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.knowledge.clinical import LEVELS, load_clinical
from cds_service.knowledge.explanations import figure_words, meaning
from cds_service.rules import Topic
from cds_service.scenarios import all_names, load
from cds_service.settings import Settings
from cds_service.workbench.explain import explanations
from cds_service.workbench.references import linked, references

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
CLINICAL = load_clinical()
EXPLAINED = explanations(CLINICAL)


def client_of(tmp_path: Path, **values: str) -> FlaskClient:
    url = f"sqlite:///{tmp_path}/test.sqlite3"
    return create_app(
        Settings(cds_environment="development", database_url=url, **values), now=lambda: NOW
    ).test_client()


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return client_of(tmp_path_factory.mktemp("explain"))


@pytest.mark.parametrize("topic", list(Topic))
def test_a_page_says_all_of_it(client: FlaskClient, topic: Topic) -> None:
    told, page = EXPLAINED[topic.value].told, html.unescape(client.get(f"/explain/{topic}").text)
    for words in (told.meaning, *told.speaks, *told.silent, *told.levels.values()):
        assert words in page
        assert "{" not in words
    assert "not signed by a reviewer" in page
    assert "Label region" in page
    assert EXPLAINED[topic.value].title in page


@pytest.mark.parametrize("topic", list(Topic))
def test_the_levels_are_those_the_rules_find(topic: Topic) -> None:
    """By the scenarios, for the US label; further levels are for the EU label or a site's choice."""
    due = [card for name in all_names() for card in load(name).expected if card.topic == topic]
    assert due
    assert {card.indicator for card in due} <= set(EXPLAINED[topic.value].told.levels)


def test_no_level_is_promised_that_nothing_shows() -> None:
    """Each level stands in a scenario, or is that of the other label region."""
    due = {(card.topic, card.indicator) for name in all_names() for card in load(name).expected}
    promised = {(topic, level) for topic, each in EXPLAINED.items() for level in each.told.levels}
    assert promised - due == {("kidney", "critical"), ("liver", "critical")}


def test_levels_are_listed_from_the_most_urgent() -> None:
    for each in EXPLAINED.values():
        shown = [LEVELS.index(level) for level, _, _ in each.levels]  # type: ignore[arg-type]
        assert shown == sorted(shown, reverse=True)


def test_the_figures_in_the_words_are_those_in_force(tmp_path: Path) -> None:
    site = tmp_path / "site.toml"
    own = '[opioid_free]\nshort = 12\n[rules]\noff = ["surgery"]\n[indicator]\nlevel = { age = "warning" }\n'
    site.write_text(own, "utf-8")
    client = client_of(tmp_path, site_file=str(site))
    page = client.get("/explain/opioid-washout").text
    assert "12 days short-acting" in page
    assert "shipped: 10" in page
    assert "Switched off at this site" in client.get("/explain/surgery").text
    assert "this site shows it as warning; the rule says info" in client.get("/explain/age").text
    assert "switched off here" in client.get("/explain").text


def test_examples_open_in_the_order_screen(client: FlaskClient) -> None:
    page = client.get("/explain/opioid-coprescription").text
    (address,) = re.findall(r'href="(/\?scenario=oxycodone-active)"', page)
    assert 'value="oxycodone-active" selected' in client.get(address).text


def test_every_figure_of_a_page_has_plain_words() -> None:
    for each in EXPLAINED.values():
        for part in each.figures:
            assert {figure.name for figure in part.values} == set(figure_words(part.section))


def test_a_topic_without_an_explanation_is_an_error() -> None:
    with pytest.raises(KeyError):
        meaning("none", CLINICAL)


@pytest.mark.parametrize(
    ("text", "words", "url"),
    [
        ("x (doi:10.2147/JPR.S451183, PMID 1)", "doi:10.2147/JPR.S451183", "https://doi.org/10.2147/JPR.S451183"),
        (
            "FINAL (doi:10.1016/S2665-9913(23)00278-3)",
            "doi:10.1016/S2665-9913(23)00278-3",
            "https://doi.org/10.1016/S2665-9913(23)00278-3",
        ),
        ("Chan 2004, PMID 15296587: one", "PMID 15296587", "https://pubmed.ncbi.nlm.nih.gov/15296587/"),
        ("label (drugs.com/dosage/naltrexone.html)", "drugs.com/dosage/naltrexone.html", "https://drugs.com/dosage/naltrexone.html"),
        ("registered NCT04270877.", "NCT04270877", "https://clinicaltrials.gov/study/NCT04270877"),
    ],
)  # fmt: skip
def test_references_become_links(text: str, words: str, url: str) -> None:
    assert f'<a href="{url}">{words}</a>' in linked(text)


def test_the_rest_of_a_text_is_escaped() -> None:
    assert linked("<b> & 5 < 6") == "&lt;b&gt; &amp; 5 &lt; 6"


def test_publications_are_named_once() -> None:
    twice = ["PMID 15296587 and PMID 15296587", "drugs.com/x", "doi:10.3390/medsci6040082"]
    assert [words for words, _ in references(twice)] == ["PMID 15296587", "doi:10.3390/medsci6040082"]
