"""``ldn-cds scenarios``: our own patients, listed or printed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import click
import msgspec

from cds_service.cds_hooks import HOOKS
from cds_service.cli.terminal import MISUSED, fail, print_json
from cds_service.scenarios import ScenarioError, all_names, load


@click.command()
@click.argument("name", required=False)
@click.option("--transaction", is_flag=True, help="Print the record, to be loaded into a FHIR server.")
@click.option("--request", "hook", type=click.Choice(sorted(HOOKS)), help="Print a CDS Hooks request.")
@click.option("--json", "as_json", is_flag=True, help="List them as JSON.")
def scenarios(name: str | None, transaction: bool, hook: str | None, as_json: bool) -> None:
    """List our own patients, or print one: the scenario, its record or a request.

    Dates count from now, so that none goes stale.
    """
    if transaction and hook:
        fail("--transaction and --request exclude each other", MISUSED)
    try:
        if name is None:
            _list(as_json)
        else:
            print_json(_printed(name, transaction, hook))
    except ScenarioError as error:
        fail(str(error))


def _list(as_json: bool) -> None:
    loaded = [load(each) for each in all_names()]
    if as_json:
        print_json([{"name": s.name, "fhirVersion": s.fhir_version, "title": s.title} for s in loaded])
        return
    for each in loaded:
        click.echo(f"{each.name:60} {each.fhir_version:6} {each.title}")


def _printed(name: str, transaction: bool, hook: str | None) -> Any:
    scenario, now = load(name), datetime.now(UTC)
    if transaction:
        return scenario.transaction(now)
    return scenario.request(hook, now) if hook else msgspec.to_builtins(scenario)
