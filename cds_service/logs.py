"""What goes to the log: one line a record, and never anything of a patient.

Our own messages hold ids of requests and clients, topics, reasons, counts and durations; they
are written as they are. Those of libraries may quote a URL, a header or a parameter: of them
only the fixed words, the numbers and the place in their code are written. Of an exception,
whoever logs it, the kind and the place are written, never its own words.
"""

from __future__ import annotations

import copy
import json
import logging
import sys
import threading
from collections.abc import Mapping
from types import TracebackType
from typing import Any

from pythonjsonlogger.json import JsonEncoder, JsonFormatter

from cds_service.errors import trace
from cds_service.settings import Settings

_log = logging.getLogger(__name__)

_FIELDS = "%(asctime)s %(levelname)s %(name)s %(message)s"
_NAMES = {"asctime": "time", "levelname": "level", "name": "logger", "exc_info": "exception"}
# They write URLs with their queries, which name patients; what became of a call is logged by us.
_TALKATIVE = ("urllib3", "requests", "werkzeug", "sqlalchemy", "redis", "limits", "gunicorn.access")
_OURS = "cds_service"
_WITHHELD = "…"

_ExcInfo = tuple[type[BaseException], BaseException, TracebackType | None] | tuple[None, None, None]


def set_up_logs(settings: Settings) -> None:
    """Write to standard error, unless the host of the application has set up logging itself."""
    for name in _TALKATIVE:
        logging.getLogger(name).setLevel(logging.CRITICAL)
    root = logging.getLogger()
    if not root.handlers:
        root.addHandler(our_handler(settings))
        root.setLevel(settings.log_level)
        logging.captureWarnings(True)
        threading.excepthook = _log_end_of_thread
    if any(isinstance(handler, _OurHandler) for handler in root.handlers):
        _take_over_gunicorn()


def our_handler(settings: Settings) -> logging.Handler:
    """Lines on standard error: JSON, or for people in development, or as ``LOG_FORMAT`` says."""
    readable = settings.log_format == "text" if settings.log_format else settings.development
    handler = _OurHandler(sys.stderr)
    handler.setFormatter(_Readable() if readable else _Json())
    return handler


class _OurHandler(logging.StreamHandler):  # type: ignore[type-arg]
    """To know what we set up from what the host did."""


_encode = json.JSONEncoder(default=JsonEncoder().default).encode


class _Json(JsonFormatter):
    """One JSON object a line; what is not ASCII is escaped, line breaks and the direction of writing too."""

    def __init__(self) -> None:
        super().__init__(_FIELDS, rename_fields=_NAMES, rename_fields_keep_missing=False)

    def format(self, record: logging.LogRecord) -> str:
        return super().format(harmless(record))

    def jsonify_log_record(self, log_data: dict[str, Any]) -> str:
        return _encode(log_data)

    def formatException(self, exc_info: _ExcInfo) -> str:
        return trace(exc_info[1]) if exc_info[1] else ""


class _Readable(logging.Formatter):
    """One line for people, with the fields that JSON would have."""

    _KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}

    def format(self, record: logging.LogRecord) -> str:
        record = harmless(record)
        fields = {name: value for name, value in vars(record).items() if name not in self._KNOWN}
        if record.exc_info and record.exc_info[1]:
            fields["exception"] = trace(record.exc_info[1])
        written = " ".join(f"{name}={value!r}" for name, value in fields.items())
        line = f"{record.levelname} {record.name}: {record.getMessage()} {written}".rstrip()
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line)


def harmless(record: logging.LogRecord) -> logging.LogRecord:
    """A copy that quotes nothing: our own as it is, another's reduced to its fixed words and its place."""
    if record.name.split(".", 1)[0] == _OURS:
        own = copy.copy(record)
        own.exc_text = None  # another handler may have left the exception's own words there
        return own
    kept = ("name", "levelname", "levelno", "created", "msecs", "exc_info")
    told = logging.makeLogRecord({name: getattr(record, name) for name in kept})
    told.msg = _fixed_words(record)
    told.at = f"{record.module}:{record.lineno}"
    return told


def _fixed_words(record: logging.LogRecord) -> str:
    """The message with its numbers; without arguments it may have been put together, and is withheld."""
    if not record.args or not isinstance(record.msg, str):
        return _WITHHELD
    args = record.args
    numbers = (
        {name: _number(value) for name, value in args.items()}
        if isinstance(args, Mapping)
        else tuple(_number(value) for value in args)
    )
    try:
        return record.msg % numbers
    except (TypeError, ValueError):
        return _WITHHELD


def _number(value: object) -> object:
    return value if isinstance(value, int | float) else _WITHHELD


def _take_over_gunicorn() -> None:
    """Its own handlers would write beside ours, request lines with their queries among it."""
    for name in ("gunicorn.error", "gunicorn.access"):
        logger = logging.getLogger(name)
        logger.handlers.clear()
        logger.propagate = True


def _log_end_of_thread(ended: threading.ExceptHookArgs) -> None:
    """Python would print the exception with its own words."""
    if ended.exc_value is not None:
        _log.error("a thread ended with %s", trace(ended.exc_value))
