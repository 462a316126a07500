"""``ldn-cds snooze``: which topics are silent for whom, and how to end that."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from cds_service.alerts.snoozes import lift as end
from cds_service.alerts.snoozes import snoozes
from cds_service.cli.configured import configured
from cds_service.cli.terminal import UNREACHABLE, fail, print_json
from cds_service.errors import Unavailable
from cds_service.site import load_knowledge
from cds_service.store import Store


def utc_now() -> datetime:
    """The moment at which a snooze is in force or not."""
    return datetime.now(UTC)


@click.group()
def snooze() -> None:
    """Topics that are silent for a patient after an override."""


@snooze.command("list")
@click.option("--json", "as_json", is_flag=True, help="As one JSON array.")
def list_(as_json: bool) -> None:
    """The snoozes in force, the one that ends first first; patients are keyed hashes."""
    settings = configured()
    try:
        with Store(settings) as store:
            alerts = load_knowledge(settings)[0].alerts
            found = list(snoozes(store, alerts, utc_now()))
    except Unavailable as error:
        fail(error.diagnostics, UNREACHABLE)
    if as_json:
        print_json([one._asdict() for one in found])
        return
    for one in found:
        columns = (one.card, one.topic, f"until {one.until:%Y-%m-%d}", one.reason, one.client)
        click.echo("  ".join(columns).rstrip())
    if not found:
        click.echo("nothing is snoozed")


@snooze.command()
@click.argument("card")
def lift(card: str) -> None:
    """End the snooze with this id; the topic speaks again from the next order on.

    Ends with 1 when there is no such snooze.
    """
    settings = configured()
    try:
        with Store(settings) as store:
            alerts = load_knowledge(settings)[0].alerts
            if card not in {snooze.card for snooze in snoozes(store, alerts, utc_now())}:
                fail(f"no snooze {card} is in force")
            end(store, card)
    except Unavailable as error:
        fail(error.diagnostics, UNREACHABLE)
    click.echo("lifted")
