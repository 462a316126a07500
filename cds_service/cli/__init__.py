"""``ldn-cds``: the service from the command line.

One module a command, imported when it is called, so that ``ldn-cds --help``
and shell completion answer at once. To add one: write ``my_command.py`` with a
click command of the same name (``my-command``) and name it in :data:`COMMANDS`.
"""

from __future__ import annotations

from importlib import import_module

import click

COMMANDS = {
    "comments": "what prescribers wrote, for those who hold the key",
    "migrate": "make or upgrade the tables, before the workers start",
    "purge": "remove cards served and feedback that are older than a number of days",
    "serve": "answer calls, with a worker for each processor",
    "check": "would the service start, whom would it answer, what is missing",
    "try": "write an order for a patient of any FHIR server and see the cards",
    "replay": "decide an EHR's request once more and show why",
    "redact": "make an EHR's request safe to show to support",
    "conformance": "try the numbered rules of CDS Hooks on any service",
    "knowledge": "what a code or a name is taken for, and why",
    "figures": "the clinical figures in force",
    "expand": "fetch a value set into the site's knowledge",
    "scenarios": "list or print our own patients",
    "report": "cards shown, accepted, overridden and ignored, with reasons",
    "snooze": "topics that are silent for a patient: list, lift",
}
"""Each command with the line that ``--help`` shows for it."""

_MODULES = {"try": "try_it"}
"""Modules of commands whose names Python has a use for."""


class _Lazy(click.Group):
    """Imports a command's module when it is asked for."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        return sorted(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        if cmd_name not in COMMANDS:
            return None
        name = _MODULES.get(cmd_name, cmd_name.replace("-", "_"))
        command = getattr(import_module(f"{__name__}.{name}"), name)
        assert isinstance(command, click.Command)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """From :data:`COMMANDS` alone: nothing is imported."""
        with formatter.section("Commands"):
            formatter.write_dl(sorted(COMMANDS.items()))


@click.group(cls=_Lazy, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="ldn-cds")
def main() -> None:
    """Decision support for low dose naltrexone as a CDS Hooks service."""
