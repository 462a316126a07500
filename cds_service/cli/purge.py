"""``ldn-cds purge``: remove what is older than a number of days."""

from __future__ import annotations

import json
from dataclasses import asdict
from datetime import UTC, datetime

import click

from cds_service.cli.configured import configured
from cds_service.cli.progress import progress
from cds_service.cli.stored import stored
from cds_service.store.retention import Limits, count_old
from cds_service.store.retention import purge as remove


@click.command()
@click.option("--older-than", "days", type=click.IntRange(min=0), help="Days; else STORE_DAYS.")
@click.option("--dry-run", is_flag=True, help="Say what would go, and let it stay.")
@click.option("--json", "as_json", is_flag=True, help="The numbers as one JSON object.")
def purge(days: int | None, dry_run: bool, as_json: bool) -> None:
    """Remove cards served and feedback that are older than a number of days, and older comments.

    The service does so by itself once an hour, with STORE_DAYS and COMMENT_DAYS. Ends with 3 when the
    database does not answer.
    """
    settings = configured()
    limits = Limits.at(
        datetime.now(UTC), settings.store_days if days is None else days, settings.comment_days
    )
    with stored(settings) as store, progress("counting", hidden=as_json) as told, store.reading():
        numbers = old = count_old(store.engine, limits)
        if not dry_run:
            numbers = remove(store.engine, limits, lambda gone: told(f"{gone} cards", gone, old.cards))
    if as_json:
        click.echo(json.dumps({**asdict(numbers), "dry_run": dry_run}))
    else:
        verb = "would remove" if dry_run else "removed"
        click.echo(f"{verb} {numbers.cards} cards, {numbers.feedback} feedback, {numbers.comments} comments")
