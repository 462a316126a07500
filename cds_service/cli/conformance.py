"""``ldn-cds conformance``: the numbered rules of CDS Hooks, tried on any service."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import click

from cds_service.cli.progress import progress
from cds_service.cli.terminal import MISUSED, UNREACHABLE, HttpUrl, coloured, fail, print_json, wrapped
from cds_service.conformance import SANDBOX_ORIGIN, Options, Result, Target, Unreachable, examine, is_refused
from cds_service.conformance.signing import PrivateKey, Signer, read_key

_COLOURS = {"pass": "green", "fail": "red"}


@click.command()
@click.argument("url", type=HttpUrl())
@click.option(
    "--request",
    "requests",
    multiple=True,
    metavar="FILE",
    help="A request of your own, for its hook; may be repeated.",
)
@click.option("--key", metavar="FILE", help="Private key (PEM or JWK; RSA or P-384) of a registered client.")
@click.option("--iss", metavar="ISS", help="Issuer of that client.")
@click.option(
    "--kid", default="conformance", show_default=True, help="Id of the key in the client's key set."
)
@click.option("--jku", metavar="URL", help="URL of that key set, if tokens name it.")
@click.option("--tenant", metavar="TENANT", help="Tenant that tokens name.")
@click.option("--audience", metavar="AUD", help="Audience agreed on, in place of the URL invoked.")
@click.option(
    "--origin", default=SANDBOX_ORIGIN, show_default=True, help="Browser origin for the rules on CORS."
)
@click.option(
    "--fhir-port",
    default=0,
    metavar="PORT",
    help="Port of 127.0.0.1 at which a FHIR server is offered; a free one by default.",
)
@click.option(
    "--sandbox-key",
    metavar="FILE",
    help="Private key that the CDS Hooks sandbox publishes: is it refused?",
)
@click.option(
    "--log",
    type=click.Path(exists=True, dir_okay=False, path_type=Path),
    metavar="FILE",
    help="File that the service logs to: are tokens in it?",
)
@click.option("--failures", is_flag=True, help="Print only what failed.")
@click.option("--json", "as_json", is_flag=True, help="Print the results as JSON.")
def conformance(
    url: str,
    requests: tuple[str, ...],
    origin: str,
    fhir_port: int,
    sandbox_key: str | None,
    log: Path | None,
    failures: bool,
    as_json: bool,
    **signing: str | None,
) -> None:
    """Try the numbered rules of CDS Hooks (1.0 to 3.0.0-ballot) on the service at URL.

    URL is what stands before /cds-services. The service is called as an EHR calls it and as none should, with
    a made-up patient. Rules on who calls need a key; what a service asks of a FHIR server is seen only
    where it runs on this machine. A service under development is tried without a key, one in production with.

    Ends with 1 when a SHALL fails, with 3 when the service cannot be reached.
    """
    bodies = dict(_read_request(path) for path in requests)
    base = url.rstrip("/").removesuffix("/cds-services")
    target = Target(base, _signer(**signing))
    public = _key(sandbox_key) if sandbox_key else None
    try:
        with progress("discovery", hidden=as_json) as told:
            results = examine(target, Options(bodies, origin, fhir_port, public, log, told))
    except Unreachable as error:
        fail(f"cannot be reached: {error}", UNREACHABLE)
    except OSError as error:
        fail(f"port {fhir_port}: {error.strerror}", MISUSED)
    shown = [result for result in results if result.state == "fail" or not failures]
    if as_json:
        print_json(shown)
    else:
        _show(shown, results)
    if target.signer and _never_let_in(target):
        click.echo(_NOT_LET_IN, err=True)
    raise SystemExit(1 if is_refused(results) else 0)


_NOT_LET_IN = (
    "ldn-cds: every call that was signed with --key was answered 401: the key, --kid, --iss, --tenant or "
    "--audience is not what is registered. Which of them, the log of the service tells."
)


def _never_let_in(target: Target) -> bool:
    """Whether no call got further than the door: then what failed tells of the key, not of the rules."""
    told = {exchange.status for exchange in target.exchanges if exchange.method == "POST"}
    return 401 in told and not told & {200, 412}


def _read_request(path: str) -> tuple[str, dict[str, Any]]:
    try:
        body = json.loads(Path(path).read_bytes())
    except (OSError, ValueError) as error:
        fail(f"{path}: {error}", MISUSED)
    if not isinstance(body, dict) or not isinstance(body.get("hook"), str):
        fail(f"{path}: not a request: it names no hook", MISUSED)
    return body["hook"], body


def _signer(
    key: str | None,
    iss: str | None,
    kid: str | None,
    jku: str | None,
    tenant: str | None,
    audience: str | None,
) -> Signer | None:
    if key is None:
        return None
    if iss is None:
        fail("--key needs --iss", MISUSED)
    return Signer(_key(key), iss, kid or "conformance", jku, tenant, audience)


def _key(path: str) -> PrivateKey:
    try:
        return read_key(Path(path))
    except (OSError, ValueError, TypeError) as error:
        fail(f"{path}: {error}", MISUSED)


def _show(shown: list[Result], results: list[Result]) -> None:
    for result in shown:
        state = (
            click.style(f"{result.state:14}", fg=_COLOURS.get(result.state))
            if coloured()
            else f"{result.state:14}"
        )
        click.echo(f"{result.id:4} {result.level:8} {state} {result.rule}")
        if result.state != "pass" or result.id == "P9":
            for words in result.seen:
                click.echo("\n".join(wrapped(words, 29)))
    counts = Counter(result.state for result in results)
    click.echo()
    click.echo(", ".join(f"{count} {state}" for state, count in sorted(counts.items())))
