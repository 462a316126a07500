"""What goes to the log: one JSON object a line, and never anything of a patient.

Our own messages hold ids of requests and clients, topics, reasons, counts and durations. Those
of libraries are kept only where they cannot quote a URL, a header or a parameter.
"""

from __future__ import annotations

import logging
import sys

from pythonjsonlogger.json import JsonFormatter

from cds_service.settings import Settings

_FIELDS = "%(asctime)s %(levelname)s %(name)s %(message)s"
_NAMES = {"asctime": "time", "levelname": "level", "name": "logger"}
# They write URLs with their queries, which name patients; what became of a call is logged by us.
_TALKATIVE = ("urllib3", "requests", "werkzeug", "sqlalchemy", "redis", "limits")


def set_up_logs(settings: Settings) -> None:
    """Write to standard error, unless the host of the application has set up logging itself."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    root = logging.getLogger()
    if root.handlers:
        return
    handler = logging.StreamHandler(sys.stderr)
    handler.setFormatter(_formatter(settings))
    root.addHandler(handler)
    root.setLevel(settings.log_level)


def _formatter(settings: Settings) -> logging.Formatter:
    if settings.development:
        return _Readable("%(levelname)s %(name)s: %(message)s")
    return JsonFormatter(_FIELDS, rename_fields=_NAMES)


class _Readable(logging.Formatter):
    """One line a record, with the fields that JSON would have, so that development sees them too."""

    _KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}

    def format(self, record: logging.LogRecord) -> str:
        fields = {name: value for name, value in vars(record).items() if name not in self._KNOWN}
        written = " ".join(f"{name}={value!r}" for name, value in fields.items())
        return f"{super().format(record)} {written}".rstrip()
