"""``ldn-cds comments``: what prescribers wrote, for those who hold the key."""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta

import click

from cds_service.cli.configured import configured
from cds_service.cli.progress import progress
from cds_service.cli.stored import stored
from cds_service.cli.terminal import MISUSED, fail
from cds_service.store import Comments, Store
from cds_service.store.comments import read_comments, renew_comments


@click.command()
@click.option("--days", type=click.IntRange(min=1), default=30, show_default=True, help="How far back.")
@click.option("--renew", is_flag=True, help="Close every comment with the first of the keys instead.")
def comments(days: int, renew: bool) -> None:
    """Print the comments of prescribers, one JSON object a line. They may name patients.

    Needs COMMENT_KEYS. To replace a key, put the new one first, run --renew, then remove the old one.

    Ends with 3 when the database does not answer.
    """
    settings = configured()
    if not settings.comment_keys:
        fail("COMMENT_KEYS is not set: no comment can be read", MISUSED)
    try:
        keys = Comments(settings.comment_keys)
    except ValueError as error:
        fail(str(error), MISUSED)
    with stored(settings) as store:
        _renew(store, keys) if renew else _print(store, keys, datetime.now(UTC) - timedelta(days=days))


def _renew(store: Store, keys: Comments) -> None:
    with progress("waiting for the database") as told, store.writing() as connection:
        renewed, lost = renew_comments(connection, keys, lambda done, of: told(f"{done} comments", done, of))
    click.echo(f"{renewed} comments closed with the first key; {lost} open with none of the keys")


def _print(store: Store, keys: Comments, since: datetime) -> None:
    with store.reading() as connection:
        for line in read_comments(connection, keys, since):
            click.echo(json.dumps(line, ensure_ascii=False))
