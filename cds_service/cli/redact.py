"""``ldn-cds redact``: a request that can be shown to support."""

from __future__ import annotations

from datetime import date, datetime

import click

from cds_service.cli.configured import configured
from cds_service.cli.terminal import fail, print_json, read_input
from cds_service.redaction import redact as redacted
from cds_service.replay.reading import BadJson, parse_json


@click.command()
@click.argument("request_file", metavar="REQUEST.json")
@click.option(
    "--day", type=click.DateTime(["%Y-%m-%d"]), help="The day the request was sent; today without it."
)
def redact(request_file: str, day: datetime | None) -> None:
    """Make an EHR's request safe to show to support; prints it.

    What the service reads stays: medicines, their codes, directions, conditions, results, statuses, dates
    relative to the day. Names, identifiers, addresses, notes, tokens and every element that the service does
    not read are left out; ids and references get other names; words that are in none of our tables become
    "…". ldn-cds replay gives the same cards for it. Look through the result before it leaves the house.
    """
    try:
        request = parse_json(read_input(request_file))
    except BadJson as bad:
        fail(f"{bad.words} (line {bad.line}, column {bad.column})")
    keys = configured().prefetch_keys
    print_json(redacted(request, day.date() if day else date.today(), keys))
