"""The settings of the service, for a command; what does not fit ends it in one line."""

from __future__ import annotations

from cds_service.cli.terminal import MISUSED, fail
from cds_service.settings import Settings, load_settings


def configured() -> Settings:
    """The settings in force. Ends the command, saying which one does not fit."""
    try:
        return load_settings()
    except (ValueError, OSError) as error:
        fail(str(error), MISUSED)
