"""What a worker process does to itself once it is ready: how it collects garbage and keeps memory.

An answer leaves few reference cycles behind, and what was loaded at the start stays to the end. With
Python's defaults the collector runs over all of it again and again while a request waits. The C library
by default gives the memory of each large body back to the system, and asks for it anew, page by page.
"""

from __future__ import annotations

import ctypes
import gc

_YOUNG, _MIDDLE, _OLD = 20_000, 20, 50
"""Allocations before a collection of the youngest, and how many of those before the older ones."""

# glibc's mallopt(3), malloc.h
_TRIM_THRESHOLD, _MMAP_THRESHOLD, _ARENA_MAX = -1, -3, -8
_KEPT = 64 * 1024 * 1024
"""Bytes at the end of an arena that are kept for the next bodies."""
_LARGEST = 32 * 1024 * 1024
"""The most glibc takes; more than a body may have."""
_ARENAS = 4
"""Threads take turns with the interpreter anyway; an arena each would keep memory for each."""


def keep_shared() -> None:
    """Before a fork: the child's collections would write to all that was loaded, and share it no more."""
    gc.freeze()


def settle() -> None:
    """Leave all that was loaded so far out of every later collection, collect less often, keep memory."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(_YOUNG, _MIDDLE, _OLD)
    try:
        mallopt = ctypes.CDLL(None).mallopt
    except (OSError, AttributeError):  # another C library
        return
    for parameter, value in ((_TRIM_THRESHOLD, _KEPT), (_MMAP_THRESHOLD, _LARGEST), (_ARENA_MAX, _ARENAS)):
        mallopt(parameter, value)
