"""Counters for Prometheus; labels hold topics, hooks and rule ids, never anything of a patient."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from prometheus_client import CollectorRegistry, Counter, Histogram, generate_latest, values
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from cds_service.cds_hooks import FeedbackItem, RefusedItem
from cds_service.cds_hooks.authentication import Refusal
from cds_service.rules import Finding

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"


_SHARED = "PROMETHEUS_MULTIPROC_DIR"  # prometheus_client's own name for it


def share_metrics(folder: Path) -> None:
    """Count in files under ``folder``, for this process and its forks, so that each worker can tell all.

    To be called before the first :class:`Metrics` is made. A worker that ended stays in the sums.
    """
    os.environ[_SHARED] = str(folder)
    # the library looks at the variable when it is imported, and by then it is too late
    values.ValueClass = values.MultiProcessValue()  # type: ignore[no-untyped-call]


class Metrics:
    """The counters of one application; of all its workers where :func:`share_metrics` was called."""

    def __init__(self) -> None:
        self.registry = CollectorRegistry()
        self._now = CollectorRegistry()
        self.requests = Counter(
            "ldn_cds_requests", "Answers by service and status", ("service", "status"), registry=self.registry
        )
        self.seconds = Histogram(
            "ldn_cds_request_seconds", "Time to answer, by service", ("service",), registry=self.registry
        )
        self.cards = Counter("ldn_cds_cards", "Cards shown", ("topic", "indicator"), registry=self.registry)
        self.refused = Counter(
            "ldn_cds_calls_refused", "Calls answered 401, by reason", ("reason",), registry=self.registry
        )
        self.unshared_replay = Counter(
            "ldn_cds_replay_unshared",
            "Tokens checked against the memory of one process only",
            registry=self.registry,
        )
        self.audit_lost = Counter(
            "ldn_cds_audit_lost", "Audit records that could not be written", registry=self.registry
        )
        self.journal_written = Counter(
            "ldn_cds_journal_written", "Cards served, written to the journal", registry=self.registry
        )
        self.journal_refused = Counter(
            "ldn_cds_journal_refused",
            "Cards served that the disk refused; held in memory meanwhile",
            registry=self.registry,
        )
        self.journal_loaded = Counter(
            "ldn_cds_journal_loaded", "Cards served, loaded into the database", registry=self.registry
        )
        self.journal_lost = Counter(
            "ldn_cds_journal_lost", "Cards served that no record is kept of", registry=self.registry
        )
        self.feedback = Counter(
            "ldn_cds_feedback",
            "Feedback items: accepted and overridden are kept; not-found names no card of this client",
            ("outcome",),
            registry=self.registry,
        )
        self.violations = Counter(
            "ldn_cds_response_violations",
            "Answers that broke a rule of CDS Hooks",
            ("rule",),
            registry=self.registry,
        )

    def count(self, findings: Sequence[Finding]) -> None:
        """Count the cards of one answer."""
        for finding in findings:
            self.cards.labels(finding.topic.value, finding.indicator.value).inc()

    def refuse(self, reason: Refusal) -> None:
        """Count a call that was answered 401."""
        self.refused.labels(reason.value).inc()

    def take_feedback(self, kept: Sequence[FeedbackItem], refused: Sequence[RefusedItem]) -> None:
        """Count the items of one call."""
        for item in kept:
            self.feedback.labels(item.outcome).inc()
        for other in refused:
            self.feedback.labels(other.code).inc()

    def watch_journal(self, seconds_behind: Callable[[], float]) -> None:
        """Show, at each scrape, how long the oldest card waits for the database."""
        self._now.register(
            _Asked(
                "ldn_cds_journal_lag_seconds",
                "Age of the oldest journal file that is not loaded",
                seconds_behind,
            )
        )

    def watch(self, servers: Callable[[], Mapping[str, bool]]) -> None:
        """Show, at each scrape, which FHIR servers do not answer; ``servers`` bounds how many there are."""
        self._now.register(_Servers(servers))

    def page(self) -> bytes:
        """The exposition of ``GET /metrics``."""
        counted = self.registry
        if _SHARED in os.environ:
            counted = CollectorRegistry()
            MultiProcessCollector(counted)  # type: ignore[no-untyped-call]
        return generate_latest(counted) + generate_latest(self._now)


class _Asked(Collector):
    """A number that is the same whichever worker is asked."""

    def __init__(self, name: str, words: str, ask: Callable[[], float]) -> None:
        self._name, self._words, self._ask = name, words, ask

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily(self._name, self._words, value=self._ask())


class _Servers(Collector):
    """Reads the circuit breakers when the page is asked for."""

    def __init__(self, servers: Callable[[], Mapping[str, bool]]) -> None:
        self._servers = servers

    def collect(self) -> Iterator[GaugeMetricFamily]:
        gauge = GaugeMetricFamily(
            "ldn_cds_fhir_server_degraded", "1 while a FHIR server does not answer", labels=("host",)
        )
        for host, degraded in sorted(self._servers().items()):
            gauge.add_metric([host], float(degraded))
        yield gauge
