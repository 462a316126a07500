"""What a worker process does to itself once it is ready: how it collects garbage.

An answer leaves few reference cycles behind, and what was loaded at the start stays to the end. With
Python's defaults the collector runs over all of it again and again while a request waits.
"""

from __future__ import annotations

import gc

_YOUNG, _MIDDLE, _OLD = 20_000, 20, 50
"""Allocations before a collection of the youngest, and how many of those before the older ones."""


def settle() -> None:
    """Leave all that was loaded so far out of every later collection, and collect less often."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
