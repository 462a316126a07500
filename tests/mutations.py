"""Requests broken at random, from a seed: ``python -m tests.mutations 20000`` is the long run."""

from __future__ import annotations

import copy
import json
import random
import sys
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

from cds_service import create_app
from cds_service.scenarios import all_names, load
from cds_service.settings import Settings

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
ODD: tuple[Any, ...] = (
    None, "", " ", 0, -1, 1.5, 1e308, True, [], {}, [None], [[]], {"a": {}}, "x" * 5000, "\u0000", "<b>",
    "\ud800", "2026", "2026-13-45", "0000-00-00", "9999-12-31T23:59:59+14:00", "Patient/other", "#",
    "urn:uuid:", 10**30,
    {"coding": "x"}, [{"coding": [{"code": 5}]}], {"value": "4.5", "unit": 3}, {"reference": ["a"]},
)  # fmt: skip


def mutated(request: dict[str, Any], rng: random.Random) -> dict[str, Any]:
    """``request`` with one to four nodes replaced, removed, doubled or swapped."""
    broken = copy.deepcopy(request)
    for _ in range(rng.randint(1, 4)):
        container, key = rng.choice(list(_places(broken)))
        action = rng.random()
        if action < 0.6:
            container[key] = copy.deepcopy(rng.choice(ODD))
        elif action < 0.8:
            del container[key]
        elif isinstance(container, list):
            container.append(copy.deepcopy(container[key]))
        else:
            container[str(key) + "x"] = container.pop(key)
    return broken


def _places(node: Any) -> Iterator[tuple[Any, Any]]:
    pairs = node.items() if isinstance(node, dict) else enumerate(node)
    for key, value in list(pairs):
        yield node, key
        if isinstance(value, dict | list):
            yield from _places(value)


def run(count: int, seed: int) -> dict[int, int]:
    """Statuses of ``count`` broken requests; raises AssertionError with the request for a 5xx."""
    settings = Settings(cds_environment="development", database_url="sqlite://", log_level="ERROR")
    client = create_app(settings, now=lambda: NOW).test_client()
    rng, names, statuses = random.Random(seed), all_names(), dict[int, int]()
    for _ in range(count):
        scenario = load(rng.choice(names))
        hook = rng.choice(scenario.hooks)
        body = json.dumps(mutated(scenario.request(hook, NOW), rng))
        answer = client.post(f"/cds-services/ldn-{hook}", data=body, content_type="application/json")
        status = answer.status_code
        assert status < 500, body
        statuses[status] = statuses.get(status, 0) + 1
    return statuses


if __name__ == "__main__":
    print(run(int(sys.argv[1]), seed=int(sys.argv[2]) if len(sys.argv) > 2 else random.randrange(10**6)))
