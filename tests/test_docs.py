"""The documentation says what runs: every setting, topic and service; its links lead somewhere."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from pathlib import Path

import click
import jwt
import pytest

from cds_service.cds_hooks import HOOKS
from cds_service.cds_hooks.authentication import Client, read_clients
from cds_service.cds_hooks.authentication.keys import read_key_set
from cds_service.cli import main
from cds_service.conformance.signing import Signer, read_key
from cds_service.rules import Topic
from cds_service.settings import Settings

ROOT = Path(__file__).parent.parent
README = (ROOT / "README.md").read_text("utf-8")
CLIENTS = (ROOT / "docs/clients.md").read_text("utf-8")
SETTINGS = (ROOT / "docs/settings.md").read_text("utf-8")
PAGES = sorted([*ROOT.glob("*.md"), *ROOT.glob("docs/*.md"), *ROOT.glob("*/README.md")])
PAGES.remove(ROOT / "docs/knowledge.md")  # generated, with patterns in it that look like links


@pytest.mark.parametrize("name", Settings.__struct_fields__)
def test_every_setting_is_documented(name: str) -> None:
    assert f"| `{name.upper()}` |" in SETTINGS


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_between_pages_lead_to_files_and_headings(page: Path) -> None:
    for file, anchor in re.findall(r"\]\((?!https?:)([^)#\s]*)#?([^)\s]*)\)", page.read_text("utf-8")):
        target = (page.parent / file).resolve() if file else page
        assert target.exists(), file
        if anchor:
            assert anchor in headings(target.read_text("utf-8")), f"{file}#{anchor}"


def headings(text: str) -> set[str]:
    """The anchors that GitHub makes of headings."""
    found = re.findall(r"^#+ (.+)$", text, re.M)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in found}


CODE = re.compile(r"`([^`\n]+)`|^(?: {4,}|)((?:\.venv/bin/)?(?:ldn-cds|make|python) .*)$", re.M)
SAID = sorted(
    {
        (inline or line).partition("  #")[0].partition(" | ")[0].removeprefix(".venv/bin/").strip()
        for page in PAGES
        if page.name != "cli.md"  # written from the commands themselves
        for inline, line in CODE.findall(page.read_text("utf-8"))
    }
)
TARGETS = re.findall(r"^([a-z-]+):.*?##", (ROOT / "Makefile").read_text("utf-8"), re.M)


@pytest.mark.parametrize("said", [said for said in SAID if re.match("ldn-cds [a-z]", said)])
def test_a_command_that_a_page_names_exists_with_its_options(said: str) -> None:
    name, *words = re.findall(r"[^\s=]+", said.partition(" > ")[0])[1:]
    command = main.get_command(click.Context(main), name)
    assert command is not None, name
    if isinstance(command, click.Group) and words:
        command = command.get_command(click.Context(command), words[0])
        assert command is not None, words
    known = {option for parameter in command.params for option in parameter.opts} | {"--help"}
    assert {word for word in words if word.startswith("--")} <= known


@pytest.mark.parametrize("said", [said for said in SAID if said.startswith("make ")])
def test_a_target_that_a_page_names_exists(said: str) -> None:
    assert said.split()[1].rstrip(",;:") in TARGETS


@pytest.mark.parametrize("said", [said for said in SAID if said.startswith("python -m ")])
def test_a_module_that_a_page_runs_can_be_run(said: str) -> None:
    path = ROOT / said.split()[2].replace(".", "/")
    module = path / "__main__.py" if path.is_dir() else path.with_suffix(".py")
    assert module.name == "__main__.py" or '"__main__"' in module.read_text("utf-8")


def test_every_page_can_be_found_from_the_readme() -> None:
    pages = {f"docs/{page.name}" for page in ROOT.glob("docs/*.md")} | {"deploy/README.md"}
    assert {page for page in pages if f"({page})" not in README} == set()


@pytest.mark.parametrize("topic", list(Topic))
def test_every_topic_is_documented(topic: Topic) -> None:
    assert f"`{topic}`" in README


@pytest.mark.parametrize("hook", list(HOOKS))
def test_every_service_is_documented(hook: str) -> None:
    assert f"`ldn-{hook}`" in README


@pytest.mark.parametrize("name", [name for name in Client.__struct_fields__ if name not in ("id", "jwks")])
def test_every_setting_of_a_client_is_documented(name: str) -> None:
    assert f"`{name}`" in CLIENTS


def test_the_registry_in_the_documentation_can_be_read(tmp_path: Path) -> None:
    (tmp_path / "lakeside.json").write_text('{"keys": []}')
    example = CLIENTS.split("```toml\n")[1].split("```")[0]
    path = tmp_path / "clients.toml"
    path.write_text(example, "utf-8")
    assert [client.id for client in read_clients(path)] == ["general-hospital", "lakeside"]


def test_the_key_pair_of_the_trial_client_is_one(tmp_path: Path) -> None:
    """What docs/clients.md tells to run makes a key that signs, and a key set that fits it."""
    (script,) = re.findall(r"```python\n(.*?)```", CLIENTS, re.DOTALL)
    subprocess.run([sys.executable, "-W", "ignore", "-c", script], cwd=tmp_path, check=True, timeout=60)
    private = read_key(tmp_path / "private.pem")
    keys = read_key_set(json.loads((tmp_path / "trial.json").read_text()))
    token = Signer(private, "urn:trial", "conformance").token("https://cds.example.org/cds-services/x")
    jwt.decode(token, keys["conformance"].key, algorithms=["ES384"], options={"verify_aud": False})
