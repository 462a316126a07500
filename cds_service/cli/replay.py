"""``ldn-cds replay``: an EHR's request decided once more, with the trace."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, time

import click

from cds_service.callers import judging, key_reader, registered_clients
from cds_service.cds_hooks.authentication import Authenticator, Caller
from cds_service.cli.configured import configured
from cds_service.cli.progress import progress
from cds_service.cli.terminal import (
    MISUSED,
    bullets,
    fail,
    heading,
    print_json,
    read_input,
    readable,
    wrapped,
)
from cds_service.decision import Decider
from cds_service.logs import set_up_logs
from cds_service.release import VERSION
from cds_service.replay import Replayed, Replayer
from cds_service.replay.presented import Presented
from cds_service.replay.trace import Dose, Drug, Listed, Ordered, Trace
from cds_service.settings import Settings
from cds_service.site import load_knowledge
from cds_service.sources import Sources


@click.command()
@click.argument("request_file", metavar="REQUEST.json")
@click.option("--fetch", is_flag=True, help="Ask the request's FHIR server for what prefetch lacks.")
@click.option(
    "--client", metavar="ID", help="Answer as to this client of CLIENTS_FILE: its dialect, its keys."
)
@click.option(
    "--authorization",
    "header_file",
    metavar="FILE",
    help="File with the call's Authorization header: what does its token say, would it be taken?",
)
@click.option("--day", type=click.DateTime(["%Y-%m-%d"]), help="Decide on this day instead of today.")
@click.option("--json", "as_json", is_flag=True, help="Print answer and trace as JSON.")
def replay(
    request_file: str,
    fetch: bool,
    client: str | None,
    header_file: str | None,
    day: datetime | None,
    as_json: bool,
) -> None:
    """Decide an EHR's request once more, and show why.

    Reads the body of a CDS Hooks call from a file (- for standard input); the hook tells which service.
    Nothing is stored. The FHIR server of the request is not asked, since access tokens live for minutes:
    --fetch asks it nevertheless, where the configuration allows it. With --authorization the claims of the
    caller's token are shown (never the token) and whether the registry of clients would take it; the client's
    key set is read for that.

    Ends with 1 when the service would refuse the request.
    """
    settings = configured()
    replayer = Replayer(decider_of(settings, day.date() if day else None), settings.public_url)
    body, caller = read_input(request_file), _caller(settings, client)
    header = read_input(header_file).decode("utf-8", "replace") if header_file else None
    with progress("reading the chart" if fetch else "deciding", hidden=as_json):
        found = replayer.replay(
            body, fetch=fetch, caller=caller, authorization=header, authenticator=_judge(settings, header)
        )
    if as_json:
        print_json(found)
    else:
        show(found)
        if found.trace:
            show_trace(found.trace)
    raise SystemExit(0 if found.status == 200 else 1)


def decider_of(settings: Settings, day: date | None = None) -> Decider:
    """A decider with the knowledge and the sources of ``settings``, at noon of ``day`` or now."""
    set_up_logs(settings)
    try:
        clinical, _ = load_knowledge(settings)
    except (ValueError, OSError) as error:
        fail(str(error), MISUSED)
    moment = datetime.combine(day, time(12), tzinfo=settings.zone) if day else None
    return Decider(clinical, Sources.from_settings(settings, VERSION), lambda: moment or datetime.now(UTC))


def _judge(settings: Settings, header: str | None) -> Authenticator | None:
    if header is None:
        return None
    try:
        return judging(settings, registered_clients(settings), key_reader(settings, VERSION))
    except (ValueError, OSError) as error:
        fail(str(error), MISUSED)


def _caller(settings: Settings, name: str | None) -> Caller | None:
    if name is None:
        return None
    try:
        clients = {client.id: client for client in registered_clients(settings)()}
    except (ValueError, OSError) as error:
        fail(str(error), MISUSED)
    if name not in clients:
        fail(f"no client {name!r} is registered; there are: {', '.join(clients) or 'none'}", MISUSED)
    return Caller(clients[name])


def show(found: Replayed, *, request_breaks: bool = True) -> None:
    """The answer, and what is wrong with the messages."""
    if found.problem:
        _show_problem(found)
    else:
        cards = found.response["cards"]
        click.echo(f"{found.status}: {len(cards)} card{'' if len(cards) == 1 else 's'}")
        for card in cards:
            click.echo("\n".join(readable(card)))
    if found.presented:
        _show_presented(found.presented)
    if found.notes:
        heading("Notes")
        bullets(list(found.notes))
    breaks = found.request_breaks if request_breaks else ()
    for title, broken in (("Request", breaks), ("Answer", found.response_breaks)):
        if broken:
            heading(f"{title}: rules of the specification that it breaks")
            bullets([f"{each.rule} at {each.path}: {each.message}" for each in broken])


def _show_presented(token: Presented) -> None:
    heading("Token of the caller")
    if token.refused:
        of = f" of client {token.client}" if token.client else ""
        bullets([f"would be refused{of}: {token.reason} ({token.refused})"])
    else:
        bullets([f"would be taken as client {token.client}"])
    bullets([*token.notes, *(f"{name}: {value}" for name, value in token.claims.items())])
    if token.others:
        bullets([f"not shown: {', '.join(token.others)}"])


def _show_problem(found: Replayed) -> None:
    assert found.problem
    click.echo(f"{found.status} {found.problem.code}: {found.problem.words}")
    if found.problem.path:
        click.echo(f"   at {found.problem.path}")
    if found.problem.excerpt:
        click.echo(f"   {found.problem.excerpt}")


def show_trace(trace: Trace) -> None:
    """How the answer came about."""
    heading(f"{trace.hook} on {trace.decided_on}; FHIR version {trace.fhir_version}")
    asker = [trace.asker.client or "nobody in particular", trace.asker.user or "no user named"]
    asker += [f"{name} {value}" for name, value in trace.asker.token.items()]
    bullets([f"asked by {', '.join(asker)}", f"needed: {trace.needs}"])
    bullets([f"tolerated: {notice}" for notice in trace.tolerated])
    if trace.keys:
        heading("Prefetch")
        bullets([f"{key.key}: {key.held}" for key in trace.keys])
    if trace.lists:
        heading("Lists")
        for one in trace.lists:
            bullets([f"{one.kind}: {one.entries} from {', '.join(one.came_from)}"])
            bullets([f"{u.words}{f' ({u.detail})' if u.detail else ''}{_at(u.path)}" for u in one.unread], 4)
    if trace.orders:
        heading("Orders")
        for order in trace.orders:
            bullets([order.reference or order.path])
            bullets(list(_of_order(order)), 4)
    if trace.medications:
        heading("Medications of the record")
        for listed in trace.medications:
            bullets([f"{listed.drug.name}: {listed.exposure or listed.why_not}"])
            bullets(list(_of_listed(listed)), 4)
    heading("Patient")
    bullets([", ".join(trace.patient) or "not read"])
    bullets([f"{m.name}: {', '.join((*m.means, *m.facts))}" for m in trace.meanings])
    _show_rules(trace)
    heading("Milliseconds")
    bullets([f"{stage}: {taken}" for stage, taken in trace.milliseconds.items()])


def _show_rules(trace: Trace) -> None:
    heading("Rules")
    for rule in trace.rules:
        if rule.silent:
            bullets([f"{rule.rule}: silent, {rule.silent}"])
        for said in rule.said:
            bullets([f"{rule.rule}: {said.indicator} {said.topic}, {said.outcome}"])
            click.echo("\n".join(wrapped(said.summary, 6)))


def _at(path: str | None) -> str:
    return f", at {path}" if path else ""


def _of_drug(drug: Drug) -> Iterator[str]:
    yield (
        f"known {drug.known_by}{f' ({drug.code})' if drug.code else ''}"
        if drug.ingredients
        else drug.known_by
    )
    if drug.ingredients or drug.details:
        yield "; ".join((", ".join(drug.ingredients), *drug.details))
    if drug.conflict:
        yield drug.conflict


def _of_dose(dose: Dose | None) -> Iterator[str]:
    if dose is None:
        return
    yield f"dose: {dose.read}"
    if dose.disagree:
        yield f"coded {dose.coded}, directions {dose.directions}: they disagree"


def _of_order(order: Ordered) -> Iterator[str]:
    yield f"{order.drug.name}{'' if order.judged else ' (context only: not selected)'}"
    yield from _of_drug(order.drug)
    yield from _of_dose(order.dose)
    yield from order.facts


def _of_listed(listed: Listed) -> Iterator[str]:
    yield f"{listed.kind} from {listed.came_from}"
    yield from _of_drug(listed.drug)
    yield from _of_dose(listed.dose)
    yield from listed.facts
