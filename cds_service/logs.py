"""What goes to the log: one line a record, and never anything of a patient.

Our own messages hold ids of requests and clients, topics, reasons, counts and durations; they
are written as they are. Those of libraries may quote a URL, a header or a parameter: of them
only the fixed words, the numbers and the place in their code are written. Of an exception,
whoever logs it, the kind and the place are written, never its own words.
"""

from __future__ import annotations

import json
import logging
import sys
import threading
from collections.abc import Mapping
from contextlib import suppress
from datetime import UTC, datetime

import msgspec
from flask import has_request_context

from cds_service.errors import trace
from cds_service.settings import Settings

_log = logging.getLogger(__name__)

# They write URLs with their queries, which name patients; what became of a call is logged by us.
_TALKATIVE = ("urllib3", "requests", "werkzeug", "sqlalchemy", "redis", "limits", "gunicorn.access")
_OURS = "cds_service"
_WITHHELD = "…"


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


_KNOWN = frozenset(vars(logging.makeLogRecord({}))) | {"message", "asctime"}
"""What every record has; the rest are the fields of ours."""


def _encode(line: dict[str, object]) -> str:
    """In the quick way if that is ASCII; half a character, which no JSON of UTF-8 can hold, is escaped."""
    with suppress(UnicodeEncodeError):
        written = msgspec.json.encode(line, enc_hook=str)
        if written.isascii():
            return written.decode()
    return json.dumps(line, default=str)


def _fields(record: logging.LogRecord) -> dict[str, object]:
    fields = {name: value for name, value in vars(record).items() if name not in _KNOWN}
    if record.exc_info and record.exc_info[1]:
        fields["exception"] = trace(record.exc_info[1])
    if "request_id" not in fields and has_request_context():
        from cds_service.cds_hooks import request_id  # who has a request has it loaded

        fields["request_id"] = request_id()
    return fields


class _Json(logging.Formatter):
    """One JSON object a line; what is not ASCII is escaped, line breaks and the direction of writing too.

    The time is UTC and says so: lines of replicas are laid beside those of an EHR in another zone.
    """

    def format(self, record: logging.LogRecord) -> str:
        record = harmless(record)
        line = {
            "time": datetime.fromtimestamp(record.created, UTC).isoformat(timespec="milliseconds"),
            "level": record.levelname,
            "logger": record.name,
            "message": record.getMessage(),
        }
        return _encode(line | _fields(record))


class _Readable(logging.Formatter):
    """One line for people, with the fields that JSON would have."""

    def format(self, record: logging.LogRecord) -> str:
        record = harmless(record)
        written = " ".join(f"{name}={value!r}" for name, value in _fields(record).items())
        line = f"{record.levelname} {record.name}: {record.getMessage()} {written}".rstrip()
        return "".join(c if c.isprintable() else c.encode("unicode_escape").decode("ascii") for c in line)


def harmless(record: logging.LogRecord) -> logging.LogRecord:
    """What quotes nothing: our own as it is, another's as a copy with its fixed words and its place.

    Nobody may write ``exc_text`` of ours: another handler may have left the exception's own words there.
    """
    if record.name.split(".", 1)[0] == _OURS:
        return record
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
