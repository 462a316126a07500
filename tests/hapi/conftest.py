"""Not part of the default run: starting HAPI takes half a minute and 300 MB. ``make test-hapi`` runs it."""

from __future__ import annotations

import os

collect_ignore = [] if os.environ.get("TEST_HAPI") else ["test_hapi.py"]
