"""A month of cards and feedback that never was, for the reports: ``python -m benchmarks.seed_month``

Into the database of ``DATABASE_URL``. The same seed gives the same month.
"""

from __future__ import annotations

import argparse
import random
import time
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import UUID

from cds_service.database import insert_missing
from cds_service.knowledge.wording import override_reasons
from cds_service.reports import make_report
from cds_service.settings import load_settings
from cds_service.store import Store
from cds_service.store.schema import cards, feedback

# topic, indicator, how often, part accepted, part overridden
_TOPICS = (
    ("starting-dose", "info", 40, 0.45, 0.10), ("opioid-coprescription", "critical", 12, 0.35, 0.30),
    ("opioid-washout", "warning", 8, 0.25, 0.45), ("not-checked", "info", 14, 0.0, 0.20),
    ("pregnancy", "warning", 4, 0.20, 0.50), ("dose-check", "warning", 6, 0.60, 0.10),
    ("breastfeeding", "info", 5, 0.0, 0.35), ("surgery", "info", 6, 0.0, 0.55),
    ("product-check", "warning", 4, 0.65, 0.10), ("kidney", "info", 1, 0.0, 0.6),
)  # fmt: skip
_HOOKS = ("order-select", "order-sign", "order-sign", "medication-prescribe")
_CLIENTS = ("general-hospital", "general-hospital", "pain-clinic")
_BATCH = 5_000


def month(number: int, end: datetime, seed: int) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """``number`` cards in the 28 days before ``end``, and what was done with them."""
    chance = random.Random(seed)
    made, said = [], []
    weights = [often for _, _, often, _, _ in _TOPICS]
    for _ in range(number):
        topic, indicator, _, accepted, overridden = chance.choices(_TOPICS, weights)[0]
        card, said_of_it = _card(chance, topic, indicator, end), chance.random()
        made.append(card)
        if card["mode"] == "live" and card["suppressed"] != "repeat-omitted":
            outcome = "accepted" if said_of_it < accepted else "overridden"
            if said_of_it < accepted + overridden:
                said.append(_feedback(chance, card, outcome))
    return made, said


def _card(chance: random.Random, topic: str, indicator: str, end: datetime) -> dict[str, Any]:
    hook = chance.choice(_HOOKS)
    return {
        "card": str(UUID(int=chance.getrandbits(128), version=4)),
        "suggestions": [],
        "topic": topic,
        "rule": topic.replace("-", "_"),
        "indicator": indicator,
        "hook": hook,
        "hook_instance": str(UUID(int=chance.getrandbits(128), version=4)),
        "service": f"ldn-{hook}",
        "client": chance.choice(_CLIENTS),
        "shown": end - timedelta(seconds=chance.uniform(1, 28 * 86_400)),
        "subject": f"{chance.randrange(2_000):032x}",
        "fingerprint": f"{chance.randrange(40_000):032x}",
        "mode": "shadow" if chance.random() < 0.08 else "live",
        "suppressed": chance.choices([None, "repeat", "repeat-omitted"], [90, 5, 5])[0],
    }


def _feedback(chance: random.Random, card: dict[str, Any], outcome: str) -> dict[str, Any]:
    at = card["shown"] + timedelta(seconds=chance.lognormvariate(3, 1))
    code = chance.choice(override_reasons(card["topic"]))[0] if chance.random() < 0.9 else None
    return {
        "card": card["card"],
        "client": card["client"],
        "service": card["service"],
        "outcome": outcome,
        "outcome_timestamp": at,
        "suggestion": "s" if outcome == "accepted" else "",
        "reason_code": code if outcome == "overridden" else None,
        "received": at,
    }


def fill(store: Store, number: int, end: datetime, seed: int = 1) -> None:
    """Put a month into the database behind ``store``."""
    for first in range(0, number, 100_000):
        made, said = month(min(100_000, number - first), end, seed + first)
        for table, rows in ((cards, made), (feedback, said)):
            for start in range(0, len(rows), _BATCH):
                with store.writing() as connection:
                    insert_missing(connection, table, rows[start : start + _BATCH])


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--cards", type=int, default=3_000)
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--time", action="store_true", help="say how long a report over them takes")
    given = parser.parse_args()
    end = datetime.now(UTC)
    with Store(load_settings()) as store:
        fill(store, given.cards, end, given.seed)
        if given.time:
            for by in ("topic", "week"):
                began = time.perf_counter()
                make_report(store, end - timedelta(days=28), end, by, 5)
                print(f"report by {by} over {given.cards} cards: {time.perf_counter() - began:.1f} s")


if __name__ == "__main__":
    main()
