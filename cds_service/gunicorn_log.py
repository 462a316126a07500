"""gunicorn's log as ours: ``gunicorn --logger-class cds_service.gunicorn_log.Log app:app``.

Without it the workers still write as we do; with it the process above them does too.
"""

from __future__ import annotations

from typing import Any

from gunicorn.glogging import Logger  # type: ignore[import-untyped]

from cds_service.logs import set_up_logs
from cds_service.settings import load_settings


class Log(Logger):  # type: ignore[misc]
    """Start, stop and failures through our own lines; no access log, whose lines quote URLs."""

    def setup(self, cfg: Any) -> None:
        """Called at the start and at each reload. Raises ``ValueError`` when a setting does not fit."""
        super().setup(cfg)
        set_up_logs(load_settings())
