"""``ldn-cds knowledge``: what is a code or a name taken for, and why?"""

from __future__ import annotations

import click
import msgspec

from cds_service.cli.configured import configured
from cds_service.cli.terminal import MISUSED, REFUSED, fail, print_json
from cds_service.knowledge.identify import identify
from cds_service.site import load_knowledge


@click.command()
@click.argument("words", nargs=-1, required=True, metavar="CODE|NAME")
@click.option(
    "--system", metavar="SYSTEM", help="Code system as URI, OID or name: rxnorm, ndc, snomed, loinc, icd10 …"
)
@click.option("--json", "as_json", is_flag=True, help="Print the readings as JSON.")
def knowledge(words: tuple[str, ...], system: str | None, as_json: bool) -> None:
    """What is a code or a name taken for, how surely, and which rows with which sources say so?

    Medicines, conditions and observations are looked through. The site's own codes (KNOWLEDGE_DIR) count.

    Ends with 1 when nothing knows it.
    """
    try:
        load_knowledge(configured())
    except (ValueError, OSError) as error:
        fail(str(error), MISUSED)
    text = " ".join(words)
    readings = identify(text, system)
    if as_json:
        print_json([msgspec.to_builtins(reading) for reading in readings])
    elif not readings:
        click.echo(f"{text}: not known; of no concern to the rules")
    else:
        click.echo("\n".join(line for reading in readings for line in reading.lines()))
    raise SystemExit(0 if readings else REFUSED)
