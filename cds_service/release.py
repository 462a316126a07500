"""Which release this is."""

from __future__ import annotations

from importlib.metadata import PackageNotFoundError, version

try:
    VERSION = version("ldn-cds")
except PackageNotFoundError:  # run from a checkout that is not installed
    VERSION = "0"
