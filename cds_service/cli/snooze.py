"""``ldn-cds snooze``: which topics are silent for whom, and how to end that."""

from __future__ import annotations

from datetime import UTC, datetime

import click

from cds_service.alerts.snoozes import lift as end
from cds_service.alerts.snoozes import snoozes
from cds_service.cli.configured import configured
from cds_service.cli.stored import stored
from cds_service.cli.terminal import MISUSED, fail, print_json
from cds_service.knowledge.clinical import Alerts
from cds_service.settings import Settings
from cds_service.site import load_knowledge


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
    alerts = _alerts(settings)
    with stored(settings) as store:
        found = list(snoozes(store, alerts, utc_now()))
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
    alerts = _alerts(settings)
    with stored(settings) as store:
        if card not in {snooze.card for snooze in snoozes(store, alerts, utc_now())}:
            fail(f"no snooze {card} is in force")
        end(store, card)
    click.echo("lifted")


def _alerts(settings: Settings) -> Alerts:
    """How long a snooze lasts here."""
    try:
        return load_knowledge(settings)[0].alerts
    except (ValueError, OSError) as error:
        fail(str(error), MISUSED)
