"""Dashboard, alert rules and runbook speak of what the service counts, and of nothing else."""

from __future__ import annotations

import json
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path

import pytest
import yaml
from prometheus_client.parser import text_string_to_metric_families

from cds_service import create_app
from cds_service.cds_hooks.authentication import Refusal
from cds_service.fhir.records import GapReason
from cds_service.metrics import Metrics
from cds_service.scenarios import load
from cds_service.settings import Settings
from tests.conftest import find_program
from tests.fhir.faults import FAULTS, serving
from tests.servers import ROOT

DEPLOY = ROOT / "deploy"
ALERTS = DEPLOY / "prometheus/alerts.yaml"
RULES = [rule for group in yaml.safe_load(ALERTS.read_text("utf-8"))["groups"] for rule in group["rules"]]
RUNBOOK = (ROOT / "docs/runbook.md").read_text("utf-8")
SIGN = "/cds-services/ldn-order-sign"


def expressions() -> dict[str, str]:
    """Every PromQL expression that is shipped, by where it stands."""
    dashboard = json.loads((DEPLOY / "grafana/ldn-cds.json").read_text("utf-8"))
    found = {rule["alert"]: rule["expr"] for rule in RULES}
    for panel in dashboard["panels"]:
        for target in panel["targets"]:
            found[f"{panel['title']} {target['refId']}"] = target["expr"]
    (adapter,) = yaml.safe_load((DEPLOY / "prometheus/adapter.yaml").read_text("utf-8"))["rules"]
    return found | {"adapter": adapter["metricsQuery"]}


@pytest.fixture(scope="module")
def labels() -> dict[str, set[str]]:
    """The names on the page of ``/metrics``, each with its labels."""
    metrics = Metrics()
    metrics.watch_journal(lambda: 0.0)
    found: dict[str, set[str]] = {}
    for registry in (metrics.registry, metrics._now):
        for collector in registry._collector_to_names:
            names = registry._collector_to_names[collector]
            own = set(getattr(collector, "_labelnames", ()))
            for name in names:
                found[name] = own | ({"le"} if name.endswith("_bucket") else set())
    return found


@pytest.mark.parametrize("place", expressions())
def test_every_metric_that_is_asked_for_exists(place: str, labels: dict[str, set[str]]) -> None:
    expression = expressions()[place]
    asked = set(re.findall(r"\bldn_cds_\w+", expression))
    assert asked or place == "LdnCdsDown"
    assert asked <= labels.keys()
    known = {label for name in asked for label in labels[name]} | {"instance", "job"}
    grouped = re.findall(r"\bby \(([\w, ]+)\)", expression)
    selected = re.findall(r"[{,](\w+)[=!]", expression)
    assert {label.strip() for group in grouped for label in group.split(",")} | set(selected) <= known


def test_every_metric_is_shown_somewhere(labels: dict[str, set[str]]) -> None:
    everything = " ".join(expressions().values())
    families = {re.sub(r"_(total|bucket|count|sum|created)$", "", name) for name in labels}
    assert {name for name in families if name not in everything} == set()


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: rule["alert"])
def test_every_alert_says_what_to_do(rule: dict[str, dict[str, str]]) -> None:
    assert rule["labels"]["severity"] in {"critical", "warning", "info"}
    page, _, anchor = rule["annotations"]["runbook_url"].partition("#")
    assert (page, anchor) == ("docs/runbook.md", str(rule["alert"]).lower())
    section = RUNBOOK.split(f"\n## {rule['alert']}\n")[1].split("\n## ")[0]
    assert "**Means**" in section and re.search(r"\*\*(Do|do)\*\*", section)


def test_the_runbook_names_reasons_that_there_are() -> None:
    sections = dict(part.split("\n", 1) for part in RUNBOOK.split("\n## ")[1:])
    assert set(sections) - {rule["alert"] for rule in RULES} == {"Restart, release, going back"}
    for alert, reasons in (("LdnCdsCallsRefused", Refusal), ("LdnCdsBlind", GapReason)):
        named = re.findall(r"`([a-z]+(?:-[a-z]+)+)`", sections[alert])
        assert named and set(named) <= {reason.value for reason in reasons}


@pytest.mark.promtool
def test_promtool_takes_the_rules() -> None:
    program = find_program("promtool")
    assert program
    done = subprocess.run(
        [program, "check", "rules", str(ALERTS)], capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr


# --- what is counted -------------------------------------------------------------------


def samples(page: str, name: str) -> dict[tuple[str, ...], float]:
    families = text_string_to_metric_families(page)
    return {
        tuple(sample.labels.values()): sample.value
        for family in families
        for sample in family.samples
        if sample.name == name and sample.value
    }


def test_one_call_is_counted_in_all_its_parts(tmp_path: Path) -> None:
    settings = Settings(
        cds_environment="development", database_url=f"sqlite:///{tmp_path}/t.sqlite3", time_budget_ms=5000
    )
    client = create_app(settings).test_client()
    order = load("oxycodone-active").request("order-sign", datetime.now(UTC))
    order["prefetch"] |= {"allergies": None, "secret-patient-key": None}
    del order["prefetch"]["conditions"]
    with serving(FAULTS["500"], "") as broken:
        assert client.post(SIGN, json={**order, "fhirServer": broken.base}).status_code == 200
    page = client.get("/metrics").get_data(as_text=True)
    stages = samples(page, "ldn_cds_stage_seconds_count")
    assert stages == {(stage,): 1 for stage in ("read", "gather", "decide", "encode", "record")}
    prefetch = samples(page, "ldn_cds_prefetch_total")
    assert {labels[1]: labels[2] for labels in prefetch} == {
        "patient": "given", "medicationStatements": "given", "medicationRequests": "given",
        "conditions": "absent", "allergies": "null", "observations": "given",
    }  # fmt: skip
    assert samples(page, "ldn_cds_fhir_errors_total") == {("127.0.0.1", "server-error"): 1}
    assert samples(page, "ldn_cds_fhir_fetch_seconds_count") == {("127.0.0.1",): 1}
    assert ("Condition", "server-error") in samples(page, "ldn_cds_not_checked_total")
    assert samples(page, "ldn_cds_calls_at_hand") == {}
    assert "secret-patient-key" not in page


def test_the_names_a_caller_can_make_up_are_bounded() -> None:
    metrics = Metrics()
    names = {metrics.bounded(f"{number}.example.org") for number in range(1000)}
    assert len(names) == 65 and "other" in names
    assert metrics.bounded("3.example.org") == "3.example.org"
