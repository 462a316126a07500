"""Runs a command as a shell would."""

from __future__ import annotations

from click.testing import CliRunner, Result

from cds_service.cli import main


def run(*arguments: str, input: str | bytes | None = None) -> Result:
    """Exceptions are shown, not turned into exit code 1."""
    result = CliRunner().invoke(main, arguments, input=input)
    if result.exception is not None and not isinstance(result.exception, SystemExit):
        raise result.exception
    return result
