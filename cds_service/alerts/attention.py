"""Between the rules and the cards: who is to see what."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

from msgspec.structs import replace

from cds_service.alerts.alert import Alert, Override
from cds_service.alerts.identity import finding_parts, order_parts
from cds_service.alerts.quieting import quieten
from cds_service.cds_hooks import CallContext, HookRequest
from cds_service.chart import PatientChart
from cds_service.knowledge.clinical import Alerts
from cds_service.rules import Finding
from cds_service.store import Store

EarlierOverrides = Callable[[str, datetime], Sequence[Override]]
"""The overrides with a reason of a patient (by hash) on cards shown since then."""


def as_they_are(
    request: HookRequest, call: CallContext, chart: PatientChart, findings: Sequence[Finding]
) -> list[Alert]:
    """Every finding as it was found: for replays and trials, which know no earlier answers."""
    return [Alert(finding) for finding in findings]


@dataclass(frozen=True, slots=True)
class Attention:
    """``now`` is the clock of decisions, ``zone`` the site's, in which moments are told."""

    policy: Alerts
    store: Store
    earlier: EarlierOverrides
    now: Callable[[], datetime]
    zone: ZoneInfo

    def __call__(
        self, request: HookRequest, call: CallContext, chart: PatientChart, findings: Sequence[Finding]
    ) -> list[Alert]:
        """Each of ``findings`` with what becomes of it; those in shadow are recorded and not shown."""
        if not findings:
            return []
        client, tenant = call.client or "", call.tenant or ""
        subject = self.store.subject(client, tenant, request.patient_id)
        order = self.store.hash("order", subject, *order_parts(chart))
        alerts = [self._alert(finding, chart, subject, order) for finding in findings]
        if call.caller is not None and call.caller.client.shadow:
            return [replace(alert, mode="shadow") for alert in alerts]
        if not any(alert.mode == "live" for alert in alerts):
            return alerts
        now = self.now()
        overrides = self.earlier(subject, now - self._remembered())
        if not overrides:
            return alerts
        quieter = quieten(alerts, overrides, self.policy, now.astimezone(self.zone))
        return sorted(quieter, key=lambda alert: alert.finding.indicator.rank)

    def _remembered(self) -> timedelta:
        """How far back an override can count."""
        return timedelta(hours=self.policy.repeat_hours, days=self.policy.longest_snooze)

    def _alert(self, finding: Finding, chart: PatientChart, subject: str, order: str) -> Alert:
        in_shadow = finding.topic in self.policy.shadow or finding.rule in self.policy.shadow
        fingerprint = self.store.hash("finding", subject, *finding_parts(finding, chart))
        return Alert(finding, order, fingerprint, mode="shadow" if in_shadow else "live")
