"""Settings: where they come from, and that one that does not fit stops the start."""

from __future__ import annotations

from pathlib import Path

import pytest

from cds_service.settings import load_settings


def test_settings_come_from_the_environment_and_from_one_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text('time_budget_ms = 250\ncors_origins = ["https://a.example"]\n')
    found = load_settings(
        {"CDS_SETTINGS": str(file), "TIME_BUDGET_MS": "300", "CDS_ENVIRONMENT": "development"}
    )
    assert (found.time_budget_ms, found.cors_origins, found.development) == (
        300,
        ("https://a.example",),
        True,
    )


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("TIME_BUDGET_MS", "soon"),
        ("CDS_ENVIRONMENT", "test"),
        ("TIME_ZONE", "Mars/Olympus"),
        ("TIME_ZONE", "../etc"),
        ("PREFETCH_KEYS", "{"),
    ],
)
def test_a_setting_that_does_not_fit_is_named(name: str, value: str) -> None:
    with pytest.raises(ValueError, match=f"^settings: .*(?i:{name})"):
        load_settings({name: value})


def test_a_name_that_is_no_setting_is_refused_in_the_file(tmp_path: Path) -> None:
    file = tmp_path / "settings.toml"
    file.write_text("time_budget = 250\n")
    with pytest.raises(ValueError, match="time_budget"):
        load_settings({"CDS_SETTINGS": str(file)})


@pytest.mark.parametrize("content", ["= 1", None])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, content: str | None) -> None:
    file = tmp_path / "settings.toml"
    if content is not None:
        file.write_text(content)
    with pytest.raises(ValueError, match=r"CDS_SETTINGS.*settings\.toml"):
        load_settings({"CDS_SETTINGS": str(file)})
