"""What a worker does to itself: in a process of its own, since it cannot be undone."""

from __future__ import annotations

import json
import subprocess
import sys

_SETTLED = """
import gc, json
from cds_service.process import settle
before = gc.get_threshold()
settle()
garbage = []
garbage.append(garbage)
del garbage
print(json.dumps([before, gc.get_threshold(), gc.get_freeze_count(), gc.collect()]))
"""


def test_what_was_loaded_is_left_out_and_garbage_is_still_found() -> None:
    line = [sys.executable, "-c", _SETTLED]
    told = subprocess.run(line, capture_output=True, text=True, check=True, timeout=60)
    before, after, frozen, collected = json.loads(told.stdout)
    assert frozen > 1000
    assert after[0] > before[0]
    assert collected >= 1
