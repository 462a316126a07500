"""A replayer with a fixed clock, as the service would decide in development."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from cds_service.decision import Decider
from cds_service.knowledge.clinical import load_clinical
from cds_service.replay import Replayer
from cds_service.settings import Settings
from cds_service.sources import Sources

NOW = datetime(2026, 10, 14, 9, 30, tzinfo=UTC)


@pytest.fixture(scope="session")
def replayer() -> Replayer:
    settings = Settings(cds_environment="development")
    decider = Decider(load_clinical(), Sources.from_settings(settings, "test"), lambda: NOW)
    return Replayer(decider, "https://cds.example.org")
