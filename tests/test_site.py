"""The clinical content of a site: its own figures, its own codes, and who signed them."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from cds_service import create_app
from cds_service.knowledge.clinical import load_clinical
from cds_service.knowledge.site_knowledge import forget_site_knowledge
from cds_service.scenarios import load
from cds_service.settings import Settings
from cds_service.site import is_signed
from tests.sites import codes_of_a_site

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


def settings(folder: Path, **values: Any) -> Settings:
    given = {"cds_environment": "development", "database_url": f"sqlite:///{folder}/test.sqlite3", **values}
    return Settings(**given)


def topics(of: Settings, body: dict[str, Any]) -> set[str]:
    """Of the cards that a service with these settings answers ``body`` with."""
    answer = create_app(of, now=lambda: NOW).test_client().post("/cds-services/ldn-order-sign", json=body)
    return {card["source"]["topic"]["code"] for card in answer.json["cards"]}  # type: ignore[index]


def test_a_site_changes_figures_in_its_own_file(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text('[label]\nregion = "EU"\n[rules]\noff = ["surgery"]\n')
    clinical = load_clinical(file)
    assert (clinical.label.region, clinical.rules.off) == ("EU", ("surgery",))
    assert clinical.opioid_free.short == 10


def test_a_figure_that_does_not_exist_is_refused(tmp_path: Path) -> None:
    file = tmp_path / "site.toml"
    file.write_text("[opioid_free]\nshrt = 7\n")
    with pytest.raises(ValueError, match="shrt"):
        load_clinical(file)


def test_a_site_adds_its_own_codes(tmp_path: Path) -> None:
    """An order that names nothing but the site's own code is known as LDN."""
    body = load("fibromyalgia-nothing-else").request("order-sign", NOW)
    (entry,) = body["context"]["draftOrders"]["entry"]
    entry["resource"]["medicationCodeableConcept"] = {
        "coding": [{"system": "https://ehr.example.org/drugs", "code": "LDN45"}]
    }
    assert "starting-dose" not in topics(settings(tmp_path), body)
    try:
        assert "starting-dose" in topics(
            settings(tmp_path, knowledge_dir=str(codes_of_a_site(tmp_path))), body
        )
    finally:
        forget_site_knowledge()


def test_codes_that_cannot_be_read_stop_the_start(tmp_path: Path) -> None:
    with pytest.raises(ValueError, match="no such folder"):
        create_app(settings(tmp_path, knowledge_dir=str(tmp_path / "none")))


def test_production_wants_a_reviewer_or_a_decision(tmp_path: Path) -> None:
    clinical = load_clinical()
    signed = tmp_path / "site.toml"
    signed.write_text('[review]\nreviewer = "A. Pharmacist"\n')
    production = settings(tmp_path, cds_environment="production")
    assert not is_signed(production, clinical)
    assert is_signed(production, load_clinical(signed))
    assert is_signed(settings(tmp_path, cds_environment="production", allow_unreviewed=True), clinical)
    assert is_signed(settings(tmp_path), clinical)
