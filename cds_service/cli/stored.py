"""The store, for a command; what does not fit and a database that does not answer end it in one line."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from cds_service.cli.terminal import MISUSED, UNREACHABLE, fail
from cds_service.errors import Unavailable
from cds_service.settings import Settings
from cds_service.store import Store


@contextmanager
def stored(settings: Settings) -> Iterator[Store]:
    """The store of ``settings``, closed at the end."""
    try:
        opened = Store(settings)
    except ValueError as error:
        fail(str(error), MISUSED)
    try:
        with opened as store:
            yield store
    except Unavailable as error:
        fail(error.diagnostics, UNREACHABLE)
