"""The README says what runs: every setting, every topic, every service."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.cds_hooks import HOOKS
from cds_service.cds_hooks.authentication import Client, read_clients
from cds_service.rules import Topic
from cds_service.settings import Settings

CLIENTS = Path(__file__).parent.parent.joinpath("docs/clients.md").read_text("utf-8")
README = Path(__file__).parent.parent.joinpath("README.md").read_text("utf-8")


@pytest.mark.parametrize("name", Settings.__struct_fields__)
def test_every_setting_is_documented(name: str) -> None:
    assert f"`{name.upper()}`" in README


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
