"""``ldn-cds try``: an order for a patient of any FHIR server, and the cards."""

from __future__ import annotations

import json
import re
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import click
import msgspec

from cds_service.cds_hooks import HOOKS
from cds_service.chart.direction_phrases import PIECES
from cds_service.cli.configured import configured
from cds_service.cli.progress import progress
from cds_service.cli.replay import decider_of, show, show_trace
from cds_service.cli.terminal import MISUSED, UNREACHABLE, HttpUrl, fail, print_json
from cds_service.fhir_server import read_capabilities
from cds_service.replay import Replayer
from cds_service.workbench.basket import request_of
from cds_service.workbench.orders import OrderForm, blank, write

_VERSIONS = ("DSTU2", "STU3", "R4", "R5")
_TOKEN_SECONDS = 3600
"""What the service is told of the token's life; the server alone knows."""
_COUNT = re.compile(
    r"[½¼¾]|\btake\b|"
    rf"\b(?:[\d./]+|(?:one )?(?:half|quarter)|one|two|three|four)(?: of)?(?: an?)? ?(?:{PIECES})",
    re.IGNORECASE,
)
"""Where a count of tablets or capsules begins."""


@click.command("try")
@click.option(
    "--fhir-server",
    "server",
    type=HttpUrl(),
    required=True,
    metavar="URL",
    help="Base URL of the FHIR server.",
)
@click.option("--patient", required=True, metavar="ID", help="The patient's id there.")
@click.option(
    "--order",
    "orders",
    required=True,
    multiple=True,
    metavar="TEXT",
    help='As a prescriber writes it: "naltrexone 4.5 mg nightly", "medicine, directions"; may be repeated.',
)
@click.option("--hook", type=click.Choice(sorted(HOOKS)), default="order-sign", show_default=True)
@click.option(
    "--fhir-version",
    type=click.Choice(_VERSIONS),
    help="Of the draft; that of the server's capability statement without it.",
)
@click.option(
    "--token",
    envvar="FHIR_TOKEN",
    metavar="TOKEN",
    help="Access token; better in FHIR_TOKEN, since a command line can be seen by others.",
)
@click.option("--token-file", type=Path, metavar="FILE", help="File with the access token.")
@click.option(
    "--seconds", type=click.IntRange(1, 120), default=20, show_default=True, help="Time for reading."
)
@click.option("--why", is_flag=True, help="Show how the answer came about, too.")
@click.option("--json", "as_json", is_flag=True, help="Print answer and trace as JSON.")
def try_it(
    server: str,
    patient: str,
    orders: tuple[str, ...],
    hook: str,
    fhir_version: str | None,
    token: str | None,
    token_file: Path | None,
    seconds: int,
    why: bool,
    as_json: bool,
) -> None:
    """Write an order for a patient of any FHIR server and see the cards.

    The order becomes a draft in the server's FHIR version; the patient's lists are read from the server, as
    for an EHR's call without prefetch. Nothing is written anywhere.

    Ends with 1 when the service would refuse, with 3 when the server cannot be reached.
    """
    server, patient = server.rstrip("/"), patient.rpartition("/")[2]
    version = fhir_version or _version_of(server, hidden=as_json)
    drafts = [_draft(n, text, patient, version) for n, text in enumerate(orders, 1)]
    body = {**request_of(HOOKS[hook], patient, drafts, drafts), "fhirServer": server}
    if given := _token(token, token_file):
        body["fhirAuthorization"] = _authorization(given)
    settings = configured()
    asking = msgspec.structs.replace(settings, cds_environment="development", time_budget_ms=seconds * 1000)
    replayer = Replayer(decider_of(asking), settings.public_url)
    with progress(f"reading the chart, {seconds} s at most", hidden=as_json):
        found = replayer.replay(json.dumps(body).encode(), fetch=True)
    if as_json:
        print_json(found)
    else:
        show(found, request_breaks=False)
        if why and found.trace:
            show_trace(found.trace)
    raise SystemExit(0 if found.status == 200 else 1)


def _version_of(server: str, hidden: bool) -> str:
    try:
        with progress("capability statement", hidden=hidden):
            return read_capabilities(server, configured().verify).release
    except OSError as error:
        fail(f"{server}: {error}; --fhir-version goes without asking", UNREACHABLE)


def _token(token: str | None, path: Path | None) -> str | None:
    if path is None:
        return token
    try:
        return path.read_text("utf-8").strip()
    except OSError as error:
        fail(f"{path}: {error.strerror}", MISUSED)


def _authorization(token: str) -> dict[str, Any]:
    return {
        "access_token": token,
        "token_type": "Bearer",
        "expires_in": _TOKEN_SECONDS,
        "scope": "patient/*.rs",
        "subject": "ldn-cds-try",
    }


def _draft(number: int, text: str, patient: str, version: str) -> dict[str, Any]:
    """A draft of ``text``, which a prescriber wrote in one line."""
    medicine, directions = _parts(text)
    now = datetime.now(UTC).isoformat(timespec="seconds")
    return write(blank(number, patient, now, version), OrderForm(drug=medicine, sig=directions), version)


def _parts(text: str) -> tuple[str, str]:
    """The medicine and the directions: behind the first comma, or from a count of tablets on.

    Else the whole is both. A strength before a count is of the product ("50 mg 1/2 tablet" is 25 mg), while
    in directions alone it would be the dose.
    """
    medicine, comma, directions = text.partition(",")
    if comma:
        return medicine.strip(), directions.strip()
    count = _COUNT.search(text)
    if count and count.start():
        return text[: count.start()].strip(), text[count.start() :].strip()
    return text.strip(), text.strip()
