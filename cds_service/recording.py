"""What was shown, or decided and not shown, put down in the store before the answer goes out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime

from cds_service.alerts import Alert
from cds_service.cds_hooks import CallContext, Card, HookRequest
from cds_service.keyed_hashes import is_uuid
from cds_service.services import id_of
from cds_service.store import ServedCard, Store


@dataclass(frozen=True, slots=True)
class Recorder:
    """Turns the cards of an answer into records; ``version`` and ``knowledge`` are of this release."""

    store: Store
    version: str
    knowledge: str
    now: Callable[[], datetime]

    def record(
        self, request: HookRequest, call: CallContext, alerts: Sequence[Alert], cards: Sequence[Card]
    ) -> None:
        """Record ``cards``, each made of the alert at its place, shown or not. Never raises."""
        if not cards:
            return
        client, tenant = call.client or "", call.tenant or ""
        instance = request.hook_instance
        shared = {
            "hook": request.hook.name,
            "hook_instance": instance if is_uuid(instance) else self.store.hash("hook-instance", instance),
            "service": id_of(request.hook),
            "client": client,
            "tenant": tenant,
            "subject": self.store.subject(client, tenant, request.patient_id),
            "shown": self.now(),
            "version": self.version,
            "knowledge": self.knowledge,
        }
        self.store.record([_served(a, c, shared) for a, c in zip(alerts, cards, strict=True)])


def _served(alert: Alert, card: Card, shared: dict[str, object]) -> ServedCard:
    finding = alert.finding
    return ServedCard(
        card=card.uuid or "",
        suggestions=tuple(suggestion.uuid or "" for suggestion in card.suggestions),
        topic=finding.topic.value,
        rule=finding.rule,
        indicator=card.indicator,
        order_hash=alert.order,
        fingerprint=alert.fingerprint,
        mode=alert.mode,
        suppressed=alert.hush,
        **shared,  # type: ignore[arg-type]
    )
