"""The README says what runs: every setting, every topic, every service."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.cds_hooks import HOOKS
from cds_service.rules import Topic
from cds_service.settings import Settings

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
