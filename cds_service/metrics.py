"""Counters for Prometheus; labels hold topics, hooks and rule ids, never anything of a patient."""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal
from urllib.parse import urlsplit

import msgspec
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest, values
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.multiprocess import MultiProcessCollector
from prometheus_client.registry import Collector

from cds_service.cds_hooks import FeedbackItem, HookRequest, RefusedItem
from cds_service.cds_hooks.authentication import Refusal
from cds_service.fhir.records import Fetched
from cds_service.rules import Finding
from cds_service.services import PREFETCH

if TYPE_CHECKING:
    from cds_service.decision import Decision

_MOST_HOSTS = 64
_OTHER = "other"
_KINDS = frozenset(
    [
        "Patient", "MedicationRequest", "MedicationOrder", "MedicationStatement", "MedicationDispense",
        "MedicationAdministration", "Medication", "Condition", "AllergyIntolerance", "Observation",
        "Procedure", "Encounter", "ServiceRequest", "Resource",
    ]
)  # fmt: skip
_STAGE_BUCKETS = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5)

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
        self._hosts: set[str] = set()
        self._of_answers()
        self._of_fhir_servers()
        self._of_the_store()
        # an answer counts in a dozen places; each pair of labels is looked up by the library under a lock
        self.stage_of = cache(self.stages.labels)
        self._requests_of, self._seconds_of = cache(self.requests.labels), cache(self.seconds.labels)
        self._prefetch_of, self._cards_of = cache(self.prefetch.labels), cache(self.cards.labels)

    def _of_answers(self) -> None:
        self.requests = self._counter("requests", "Answers by service and status", "service", "status")
        self.seconds = self._histogram("request_seconds", "Time to answer, by service", "service")
        self.stages = self._histogram(
            "stage_seconds",
            "Time of an answer by stage: read, gather, decide, encode, and record, which is part of the last",
            "stage",
            buckets=_STAGE_BUCKETS,
        )
        self.turned_away = self._counter("calls_turned_away", "Calls answered 503 before they got a thread")
        self.calls_at_hand = self._gauge("calls_at_hand", "Calls being answered now", mode="livesum")
        self.not_checked = self._counter(
            "not_checked", "Lists and resources that could not be read, by type and reason", "kind", "reason"
        )
        self.prefetch = self._counter(
            "prefetch",
            "Prefetch keys of ours in a request: given, null, or absent, by client",
            *("client", "key", "state"),
        )
        self.cards = self._counter("cards", "Cards shown", "topic", "indicator")
        self.violations = self._counter(
            "response_violations", "Answers that broke a rule of CDS Hooks", "rule"
        )
        self.refused = self._counter("calls_refused", "Calls answered 401, by reason", "reason")
        self.unshared_replay = self._counter(
            "replay_unshared", "Tokens checked against the memory of one process only"
        )

    def _of_fhir_servers(self) -> None:
        self.fhir_seconds = self._histogram(
            "fhir_fetch_seconds", "Time for one list from a FHIR server, all pages", "host"
        )
        self.fhir_errors = self._counter(
            "fhir_errors", "Lists that a FHIR server did not give, by host and reason", "host", "reason"
        )
        self.degraded = self._gauge(
            "fhir_server_degraded", "1 while a FHIR server does not answer", "host", mode="livemax"
        )

    def _of_the_store(self) -> None:
        self.audit_lost = self._counter("audit_lost", "Audit records that could not be written")
        self.journal_written = self._counter("journal_written", "Cards served, written to the journal")
        self.journal_refused = self._counter(
            "journal_refused", "Cards served that the disk refused; held in memory meanwhile"
        )
        self.journal_loaded = self._counter("journal_loaded", "Cards served, loaded into the database")
        self.journal_lost = self._counter("journal_lost", "Cards served that no record is kept of")
        self.feedback = self._counter(
            "feedback",
            "Feedback items: accepted and overridden are kept; not-found names no card of this client",
            "outcome",
        )
        self.overrides_unknown = self._counter(
            "overrides_unknown", "Answers for which the store could not tell earlier overrides in time"
        )

    def _counter(self, name: str, words: str, *labels: str) -> Counter:
        return Counter(f"ldn_cds_{name}", words, labels, registry=self.registry)

    def _histogram(self, name: str, words: str, label: str, **options: Any) -> Histogram:
        return Histogram(f"ldn_cds_{name}", words, (label,), registry=self.registry, **options)

    def _gauge(self, name: str, words: str, *labels: str, mode: Literal["livesum", "livemax"]) -> Gauge:
        return Gauge(f"ldn_cds_{name}", words, labels, registry=self.registry, multiprocess_mode=mode)

    def answered(self, service: str, status: int, seconds: float) -> None:
        """Count an answer of one of our services."""
        self._requests_of(service, str(status)).inc()
        self._seconds_of(service).observe(seconds)

    def count(self, findings: Sequence[Finding]) -> None:
        """Count the cards of one answer."""
        for finding in findings:
            self._cards_of(finding.topic.value, finding.indicator.value).inc()

    def note(self, request: HookRequest, decision: Decision, client: str) -> None:
        """Count what one decision found and what it had to do without."""
        self.count(decision.findings)
        for (kind, reason), number in decision.gaps.items():
            self.not_checked.labels(kind if kind in _KINDS else _OTHER, reason).inc(number)
        for key in PREFETCH:
            value = request.prefetch.get(key)
            state = "absent" if value is None else "null" if _is_null(value) else "given"
            self._prefetch_of(client, key, state).inc()
        if decision.fetches and request.fhir_server:
            self._note_fetches(self.bounded(host_of(request.fhir_server)), decision.fetches)

    def _note_fetches(self, host: str, fetches: Sequence[Fetched]) -> None:
        for fetched in fetches:
            self.fhir_seconds.labels(host).observe(fetched.ended - fetched.began)
            if fetched.failure is not None:
                self.fhir_errors.labels(host, fetched.failure.value).inc()

    def bounded(self, host: str) -> str:
        """The host, or ``other``: a request may name any server, and each name is kept for ever."""
        if host not in self._hosts and len(self._hosts) >= _MOST_HOSTS:
            return _OTHER
        self._hosts.add(host)
        return host

    def note_server(self, host: str, is_silent: bool) -> None:
        """Whether a FHIR server is left alone by this worker."""
        self.degraded.labels(self.bounded(host)).set(float(is_silent))

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

    def describe(self) -> Iterator[GaugeMetricFamily]:
        """What it is called, without asking."""
        yield GaugeMetricFamily(self._name, self._words)

    def collect(self) -> Iterator[GaugeMetricFamily]:
        yield GaugeMetricFamily(self._name, self._words, value=self._ask())


def _is_null(value: msgspec.Raw) -> bool:
    view = memoryview(value)  # the value may be large: it is not copied to look at it
    return view.nbytes == len(b"null") and view.tobytes() == b"null"


def host_of(url: str) -> str:
    """The host of a FHIR server, for labels: no user, port or path."""
    try:
        return urlsplit(url).hostname or _OTHER
    except ValueError:
        return _OTHER
