"""The smaller commands: knowledge, figures, scenarios."""

from __future__ import annotations

import json

from tests.cli.running import run


def test_a_code_and_why() -> None:
    result = run("knowledge", "7243", "--system", "rxnorm")
    assert result.exit_code == 0
    assert result.output.startswith("medicine: naltrexone (certain; ")


def test_a_name_of_several_words() -> None:
    result = run("knowledge", "oxycodone", "5", "mg", "tablet", "--json")
    (reading,) = json.loads(result.output)
    assert reading["kind"] == "medicine" and reading["says"] == ["oxycodone"]


def test_what_nothing_knows_ends_with_one() -> None:
    result = run("knowledge", "quornamide")
    assert result.exit_code == 1
    assert "not known" in result.output


def test_a_sites_file_that_is_not_there_is_wrong_use() -> None:
    result = run("figures", "--site", "/nowhere.toml")
    assert (result.exit_code, result.stderr) == (2, "ldn-cds: /nowhere.toml: No such file or directory\n")


def test_figures_as_json() -> None:
    found = {figure["name"]: figure for figure in json.loads(run("figures", "--json").output)}
    assert found["opioid_free.short"]["value"] == 10
    assert found["opioid_free.short"]["ofSite"] is False


def test_scenarios_as_json() -> None:
    listed = json.loads(run("scenarios", "--json").output)
    assert {"name", "fhirVersion", "title"} == set(listed[0])
    assert run("scenarios", "oxycodone-active", "--transaction", "--request", "order-sign").exit_code == 2
