"""ldn-cds: decision support at the moment low dose naltrexone is ordered.

What stands here is imported when it is asked for: a command that needs no web
application does not wait for one.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from cds_service.application import create_app
    from cds_service.release import VERSION as __version__

__all__ = ["__version__", "create_app"]

_PLACES = {
    "create_app": ("cds_service.application", "create_app"),
    "__version__": ("cds_service.release", "VERSION"),
}


def __getattr__(name: str) -> Any:
    if name not in _PLACES:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    module, member = _PLACES[name]
    return getattr(import_module(module), member)
