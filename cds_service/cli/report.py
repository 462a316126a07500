"""``ldn-cds report``: how useful the cards were."""

from __future__ import annotations

from datetime import UTC, datetime, time, timedelta

import click

from cds_service.cli.configured import configured
from cds_service.cli.progress import progress
from cds_service.cli.stored import stored
from cds_service.cli.terminal import print_json
from cds_service.reports import GROUPS, Report, make_report
from cds_service.reports.report import day_of


class _Day(click.ParamType[datetime]):
    """The start of a day in UTC."""

    name = "date"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> datetime:
        try:
            return datetime.combine(day_of(value), time(), UTC)
        except ValueError:
            self.fail("a date is written 2026-11-22, from 2000 on", param, ctx)


_DATE = _Day()
_SHOWN = ("shown", "accepted", "overridden", "ignored", "left_out", "snoozed", "shadow")


@click.command()
@click.option("--since", type=_DATE, help="First day (UTC); else 28 days before the end.")
@click.option("--until", type=_DATE, help="The day after the last; else tomorrow.")
@click.option("--by", type=click.Choice(GROUPS), default="topic", show_default=True, help="What a row is.")
@click.option("--csv", "as_csv", is_flag=True, help="As comma-separated values.")
@click.option("--json", "as_json", is_flag=True, help="As one JSON object.")
def report(since: datetime | None, until: datetime | None, by: str, as_csv: bool, as_json: bool) -> None:
    """Cards shown, accepted, overridden and ignored, with reasons and times.

    Numbers below REPORTS_MASK_BELOW are hidden. Ends with 3 when the database does not answer.
    """
    end = until or datetime.combine(datetime.now(UTC).date() + timedelta(days=1), time(), UTC)
    start = since or end - timedelta(days=28)
    if start >= end:
        raise click.UsageError("--since is before --until")
    settings = configured()
    with stored(settings) as store, progress("counting", hidden=as_json):
        found = make_report(store, start, end, by, settings.reports_mask_below)
    if as_json:
        print_json(found.as_json())
    elif as_csv:
        click.echo(found.as_csv(), nl=False)
    else:
        _print(found)


def _print(found: Report) -> None:
    click.echo(f"{found.since:%Y-%m-%d} to before {found.until:%Y-%m-%d}, by {found.by}")
    rows = [*found.rows, found.total]
    width = max(len(row.group) for row in rows)
    click.echo(" " * width + "".join(f"{name.replace('_', ' '):>12}" for name in (*_SHOWN, "rate")))
    for row in rows:
        rate = row.rate("overridden")
        cells = [found.cell(row.numbers[name]) for name in _SHOWN]
        cells.append("" if rate is None else f"{rate:.0%}")
        click.echo(f"{row.group:{width}}" + "".join(f"{cell:>12}" for cell in cells))
    for reason in found.reasons[:10]:
        click.echo(f"  {found.cell(reason.cards):>6}  {reason.topic}: {reason.words}")
