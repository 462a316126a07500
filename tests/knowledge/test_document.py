"""docs/knowledge.md says what the tables say."""

from pathlib import Path

import pytest

from cds_service.knowledge import document, tables
from cds_service.knowledge.clinical import CAN_BE_CRITICAL
from cds_service.knowledge.concepts import Meaning

DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.fixture(scope="module")
def page():
    """It takes most of a second to write."""
    return document.page()


def test_the_page_is_current(capsys):
    assert document.main(["--check", "--page", str(DOCS / "knowledge.md")]) == 0
    assert "is current" in capsys.readouterr().out


def test_a_stale_page_is_told(tmp_path, capsys):
    page = tmp_path / "knowledge.md"
    assert document.main(["--check", "--page", str(page)]) == 1
    assert not page.exists()
    page.write_text("old", "utf-8")
    assert document.main(["--check", "--page", str(page)]) == 1
    assert "is stale" in capsys.readouterr().out


def test_the_page_is_written(tmp_path):
    page = tmp_path / "docs" / "knowledge.md"
    assert document.main(["--page", str(page)]) == 0
    assert document.main(["--check", "--page", str(page)]) == 0


def test_every_opioid_has_class_duration_and_interval(page):
    for row in tables.rows("ingredients"):
        if row["role"] == "opioid":
            (line,) = [line for line in page.splitlines() if line.startswith(f"| {row['name']} | central")]
            assert row["duration"] in line
            assert " days (" in line


@pytest.mark.parametrize("meaning", list(Meaning))
def test_every_meaning_is_on_the_page(meaning, page):
    assert f"### {meaning.replace('-', ' ')}\n" in page


def test_every_source_is_on_the_page(page):
    assert all(row["citation"] in page for row in tables.rows("sources"))


# --- pages written by hand ----------------------------------------------------------------------


def test_every_test_the_hazard_log_names_exists():
    hazards = (DOCS / "hazards.md").read_text("utf-8")
    named = [part for part in hazards.split("`") if part.startswith("tests/")]
    assert len(named) >= 20
    for name in named:
        path, _, test = name.partition("::")
        text = (DOCS.parent / path).read_text("utf-8")
        assert f"def {test}(" in text, name


def test_the_hazard_log_covers_every_topic_that_can_be_critical():
    hazards = (DOCS / "hazards.md").read_text("utf-8")
    assert all(f"`{topic}`" in hazards for topic in CAN_BE_CRITICAL)


@pytest.mark.parametrize("words", ["off-label", "Not for", "residual", "no label covers"])
def test_the_intended_use_is_honest(words):
    assert words.lower() in (DOCS / "intended-use.md").read_text("utf-8").lower()
