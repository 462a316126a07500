"""Every command has help, is in docs/cli.md with its options, and is imported only when it is called."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import click
import pytest

from cds_service.cli import COMMANDS, main
from tests.cli.running import run
from tools.cli_page import PAGE, page

README = Path(__file__).parents[2].joinpath("README.md").read_text("utf-8")


@pytest.mark.parametrize("name", COMMANDS)
def test_every_command_and_option_has_help(name: str) -> None:
    result = run(name, "--help")
    assert result.exit_code == 0
    command = main.get_command(click.Context(main), name)
    assert command is not None and command.name == name and command.help
    for parameter in command.params:
        if isinstance(parameter, click.Option) and parameter.name not in ("hook", "port"):
            assert parameter.help, parameter.name


def test_the_page_lists_them_as_they_are() -> None:
    assert PAGE.read_text("utf-8") == page(), "write it anew: python tools/cli_page.py"


def test_help_lists_every_command() -> None:
    listed = " ".join(run("--help").output.split())
    assert all(f" {name} {words}" in listed for name, words in COMMANDS.items())


def test_help_imports_no_command() -> None:
    code = (
        "import sys; from cds_service.cli import main; main(['--help'], standalone_mode=False); "
        "sys.exit(any(name.startswith('cds_service.cli.') for name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr


@pytest.mark.parametrize(("shell", "cword"), [("bash", "1"), ("zsh", "1"), ("fish", "re")])
def test_shells_complete(shell: str, cword: str) -> None:
    completed = subprocess.run(
        [sys.executable, "-c", "from cds_service.cli import main; main(prog_name='ldn-cds')"],
        env={"_LDN_CDS_COMPLETE": f"{shell}_complete", "COMP_WORDS": "ldn-cds re", "COMP_CWORD": cword},
        capture_output=True,
        timeout=60,
    )
    assert b"replay" in completed.stdout and b"redact" in completed.stdout


@pytest.mark.parametrize(
    "words",
    [
        "comments",
        "knowledge 7243",
        "migrate",
        "purge",
        "redact -",
        "replay -",
        "report",
        "serve",
        "snooze list",
        "try --fhir-server http://127.0.0.1:9 --fhir-version R4 --patient 1 --order naltrexone",
    ],
)
def test_a_setting_that_does_not_fit_is_said_in_one_line(words: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TIME_BUDGET_MS", "soon")
    result = run(*words.split(), input="{}")
    assert result.exit_code == 2
    assert result.stdout == "" and result.stderr.startswith("ldn-cds: settings: ")
    assert "time_budget_ms" in result.stderr and len(result.stderr.splitlines()) == 1


def test_an_unknown_command_ends_with_two() -> None:
    result = run("repaly")
    assert result.exit_code == 2
    assert "No such command" in result.stderr


def test_help_waits_for_no_web_application() -> None:
    """Nor does shell completion: a second's wait at each key would be one too many."""
    program = (
        "import sys; from cds_service.cli import main; main(['--help'], standalone_mode=False);"
        "sys.exit(bool({'flask', 'sqlalchemy', 'requests'} & set(sys.modules)))"
    )
    assert subprocess.run([sys.executable, "-c", program], stdout=subprocess.DEVNULL).returncode == 0


def test_the_package_names_what_it_offers() -> None:
    import cds_service
    from cds_service.application import create_app

    assert cds_service.create_app is create_app
    assert cds_service.__version__
    with pytest.raises(AttributeError, match="no_such_thing"):
        cds_service.no_such_thing  # noqa: B018
