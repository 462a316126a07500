"""Writes the reference of docs/cli.md anew from the commands themselves; ``--check`` only compares."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import click

from cds_service.cli import COMMANDS, main

PAGE = Path(__file__).parent.parent / "docs" / "cli.md"
MARK = "<!-- From here on written by tools/cli_page.py. -->\n"


def reference() -> str:
    """One section a command: what it does, and its options."""
    context = click.Context(main, info_name="ldn-cds")
    return "\n".join(line for name in COMMANDS for line in _section(name, context))


def _section(name: str, parent: click.Context) -> Iterator[str]:
    """The command ``name`` of ``parent``, and those below it."""
    assert isinstance(parent.command, click.Group)
    command = parent.command.get_command(parent, name)
    assert command is not None
    context = click.Context(command, info_name=name, parent=parent)
    yield f"## {context.command_path}\n"
    yield f"    {' '.join([context.command_path, *command.collect_usage_pieces(context)])}\n"
    for paragraph in (command.help or "").split("\n\n"):
        yield " ".join(paragraph.split()) + "\n"
    rows = [row for parameter in command.params if (row := _row(parameter, context))]
    if rows:
        yield "| option | |\n| --- | --- |"
        yield "\n".join(rows) + "\n"
    if isinstance(command, click.Group):
        for below in command.list_commands(context):
            yield from _section(below, context)


def _row(parameter: click.Parameter, context: click.Context) -> str | None:
    if not isinstance(parameter, click.Option):
        return None
    record = parameter.get_help_record(context)
    assert record is not None
    names, words = record
    return f"| `{names.replace('|', chr(92) + '|')}` | {words.replace('  [', ' [')} |"


def page() -> str:
    """The page with its hand-written part as it is."""
    return PAGE.read_text("utf-8").split(MARK)[0] + MARK + "\n" + reference()


if __name__ == "__main__":
    if "--check" in sys.argv:
        sys.exit(PAGE.read_text("utf-8") != page())
    PAGE.write_text(page(), "utf-8")
