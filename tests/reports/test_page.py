"""The page, the files and the command; who may see them."""

from __future__ import annotations

import base64
import csv
import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from benchmarks.seed_month import fill
from cds_service import create_app
from cds_service.cli import main
from cds_service.reports.report import GROUPS
from cds_service.settings import Settings

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)


def app_of(tmp_path: Path, **values: Any) -> Any:
    given = {"database_url": f"sqlite:///{tmp_path}/test.sqlite3", "audit_days": 0, **values}
    return create_app(Settings(**given), now=lambda: NOW)


@pytest.fixture
def seeded(tmp_path: Path) -> Iterator[Any]:
    app = app_of(tmp_path, cds_environment="development")
    fill(app.extensions["store"], 600, NOW)
    yield app.test_client()
    app.extensions["store"].close()


@pytest.mark.parametrize("by", GROUPS)
def test_the_same_numbers_in_each_form(seeded: Any, by: str) -> None:
    told = seeded.get(f"/reports.json?by={by}").json
    table = list(csv.DictReader(io.StringIO(seeded.get(f"/reports.csv?by={by}").text)))
    assert [row[by] for row in table] == [*(row["group"] for row in told["rows"]), "all"]
    for row, line in zip([*told["rows"], told["total"]], table, strict=True):
        assert line["shown"] == ("hidden" if row["shown"] is None else str(row["shown"]))
    page = seeded.get(f"/reports?by={by}").text
    assert str(told["total"]["shown"]) in page
    assert all(row["group"] in page for row in told["rows"])


def test_the_period_is_as_asked(seeded: Any) -> None:
    week = seeded.get("/reports.json?since=2026-11-09&until=2026-11-16").json
    month = seeded.get("/reports.json").json
    assert 0 < week["total"]["shown"] < month["total"]["shown"]
    assert (month["since"][:10], month["until"][:10]) == ("2026-10-26", "2026-11-23")


@pytest.mark.parametrize(
    "query",
    [
        "since=yesterday",
        "by=patient",
        "since=2026-11-22&until=2026-11-01",
        "since=1900-01-01",
        "until=0001-01-01",
        "until=9999-12-31",
    ],
)
def test_what_cannot_be_asked(seeded: Any, query: str) -> None:
    answer = seeded.get(f"/reports?{query}")
    assert answer.status_code == 400
    assert answer.json["resourceType"] == "OperationOutcome"


def basic(password: str) -> str:
    return "Basic " + base64.b64encode(f"anybody:{password}".encode()).decode()


@pytest.mark.parametrize("path", ["/reports", "/reports.json", "/reports.csv", "/reports/snoozes"])
def test_in_production_a_token_is_asked_for(tmp_path: Path, path: str) -> None:
    http = app_of(tmp_path, reports_token="s3cret").test_client()
    for header in ("Bearer s3cret", basic("s3cret")):
        assert http.get(path, headers={"Authorization": header}).status_code == 200
    for header in ("", "Bearer s3cre", basic("s3crets"), "Bearer", "Digest s3cret"):
        refused = http.get(path, headers={"Authorization": header})
        assert refused.status_code == 401
        assert refused.headers["WWW-Authenticate"].startswith("Basic")


def test_ending_a_snooze_asks_for_the_token_too(tmp_path: Path) -> None:
    http = app_of(tmp_path, reports_token="s3cret").test_client()
    assert http.post("/reports/snoozes", data={"card": "x"}).status_code == 401
    known = {"Authorization": "Bearer s3cret"}
    assert http.post("/reports/snoozes", data={"card": "x"}, headers=known).status_code == 404


def test_in_production_without_a_token_there_is_no_page(tmp_path: Path) -> None:
    http = app_of(tmp_path).test_client()
    for header in ("Bearer ", basic(""), "Bearer None"):
        assert http.get("/reports", headers={"Authorization": header}).status_code == 404


def test_a_cell_of_the_file_is_no_formula(tmp_path: Path) -> None:
    from cds_service.reports.report import _plain

    assert _plain("=1+1") == "'=1+1"


def test_the_command(seeded: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/test.sqlite3")
    span = ["--since", "2026-10-26", "--until", "2026-11-23"]
    run = CliRunner()
    told = json.loads(run.invoke(main, ["report", *span, "--json"]).output)
    assert told["total"] == seeded.get("/reports.json").json["total"]
    assert run.invoke(main, ["report", *span, "--csv"]).output == seeded.get("/reports.csv").text
    assert "opioid-coprescription" in run.invoke(main, ["report", *span]).output
    assert run.invoke(main, ["report", "--since", "2026-11-23", "--until", "2026-11-01"]).exit_code == 2
    assert run.invoke(main, ["report", "--until", "0001-01-01"]).exit_code == 2
    monkeypatch.setenv("DATABASE_URL", "postgresql://ldn@127.0.0.1:1/none")
    assert run.invoke(main, ["report"]).exit_code == 3
