"""What an operator sees: health, metrics, the OpenAPI document, and one log line for each answer."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from time import perf_counter
from typing import NamedTuple

import flask
from flask.globals import app_ctx, request_ctx

from cds_service.alerts import Alert
from cds_service.audit import AuditTrail
from cds_service.cds_hooks import CallContext, Card, HookRequest, Service, request_id
from cds_service.decision import Decision, Recording
from cds_service.metrics import CONTENT_TYPE, Metrics, host_of
from cds_service.openapi import openapi_document
from cds_service.sources import Sources
from cds_service.store import Store
from cds_service.tracing import Tracing

_log = logging.getLogger(__name__)


class Release(NamedTuple):
    """What is running."""

    version: str
    knowledge: str


@dataclass(slots=True)
class Noted:
    """What is known of the call under way; moments are of ``perf_counter``."""

    began: float
    asked: HookRequest | None = None
    decision: Decision | None = None
    decided: float = 0.0
    recording: tuple[float, float] | None = None
    seconds: float = 0.0
    """That the answer took, once it is ready."""
    stages: dict[str, tuple[float, float]] = field(default_factory=dict)
    """From when to when each lasted; recording is part of encoding. Empty without a decision."""

    def finish(self) -> None:
        """The answer is ready."""
        ended = perf_counter()
        self.seconds = ended - self.began
        if self.decision is None:
            return
        gathered = self.decided - self.decision.decide_ms / 1000
        read = gathered - self.decision.gather_ms / 1000
        self.stages = {
            "read": (self.began, read),
            "gather": (read, gathered),
            "decide": (gathered, self.decided),
            "encode": (self.decided, ended),
        }
        if self.recording is not None:
            self.stages["record"] = self.recording


def note_decision(metrics: Metrics, request: HookRequest, decision: Decision) -> None:
    """For the counters, the log line and the audit record of this request."""
    context = app_ctx.g
    noted: Noted = context.noted
    noted.asked, noted.decision, noted.decided = request, decision, perf_counter()
    metrics.note(request, decision, context.get("client") or "")


def timed(record: Recording) -> Recording:
    """``record``, its time noted for the request."""

    def timed_record(
        request: HookRequest, call: CallContext, alerts: Sequence[Alert], cards: Sequence[Card]
    ) -> None:
        began = perf_counter()
        record(request, call, alerts, cards)
        flask.g.noted.recording = began, perf_counter()

    return timed_record


def watch_answers(
    app: flask.Flask,
    metrics: Metrics,
    services: list[Service],
    release: Release,
    audit: AuditTrail | None,
    tracing: Tracing | None = None,
) -> None:
    """Count, log and audit each answer, and trace it where that is wanted."""
    known = {service.id for service in services}

    @app.before_request
    def start() -> None:
        flask.g.noted = Noted(perf_counter())

    @app.after_request
    def measure(response: flask.Response) -> flask.Response:
        request, context = request_ctx.request, app_ctx.g  # each look at a proxy costs as much as a rule
        noted: Noted = context.noted
        noted.finish()
        service = (request.view_args or {}).get("service_id", "")
        service = service if service in known else None  # any other name is the caller's own words
        if service and request.method == "POST":
            metrics.answered(service, response.status_code, noted.seconds)
        for stage, (began, ended) in noted.stages.items():
            metrics.stage_of(stage).observe(max(0.0, ended - began))
        trace = None
        if tracing is not None:
            trace = tracing.write(noted, response.status_code, service, _fhir_host(metrics, noted.asked))
        _log_answer(request.endpoint, service, response.status_code, noted, trace)
        if audit is not None and noted.asked is not None and noted.decision is not None:
            _write_record(audit, service, response.status_code, release, noted.asked, noted.decision)
        return response


def add_operation(
    app: flask.Flask,
    metrics: Metrics,
    store: Store,
    services: list[Service],
    sources: Sources,
    release: Release,
) -> None:
    """Health, metrics and the OpenAPI document."""
    metrics.watch_journal(store.seconds_behind)

    @app.get("/health/live")
    def live() -> flask.Response:
        return flask.jsonify(status="up")

    @app.get("/health/ready")
    def ready() -> flask.Response:
        """A broken database degrades feedback, a silent EHR its own cards: the replica stays in."""
        silent = sorted(host for host, degraded in sources.servers().items() if degraded)
        return flask.jsonify(
            status="up",
            database="up" if store.is_up() else "degraded",
            fhir_servers={"status": "degraded" if silent else "up", "degraded": silent},
            version=release.version,
            knowledge=release.knowledge,
        )

    @app.get("/metrics")
    def page() -> flask.Response:
        return flask.Response(metrics.page(), content_type=CONTENT_TYPE)

    @app.get("/openapi.json")
    def openapi() -> flask.Response:
        return flask.jsonify(openapi_document(services, release.version))


ASKED_ALL_THE_TIME = frozenset({"live", "ready", "page", "workbench.static"})


def _fhir_host(metrics: Metrics, asked: HookRequest | None) -> str | None:
    return metrics.bounded(host_of(asked.fhir_server)) if asked and asked.fhir_server else None


def _log_answer(
    endpoint: str | None, service: str | None, status: int, noted: Noted, trace: str | None
) -> None:
    """One line for each answer: who asked, what was found, how long it took; nothing of the patient."""
    level = logging.DEBUG if endpoint in ASKED_ALL_THE_TIME else logging.INFO
    if not _log.isEnabledFor(level):
        return
    context = app_ctx.g
    line: dict[str, object] = {
        "request_id": request_id(),
        "client": context.get("client"),
        "tenant": context.get("tenant"),
        "endpoint": endpoint,
        "service": service,
        "status": status,
        "error": context.get("error_code"),
        "ms": _ms(noted.seconds),
    }
    if trace:
        line["trace_id"] = trace
    if noted.asked is not None and noted.decision is not None:
        line |= _of_decision(noted, noted.asked, noted.decision)
    _log.log(level, "answered", extra=line)


def _of_decision(noted: Noted, asked: HookRequest, decision: Decision) -> dict[str, object]:
    """``read_ms`` is the way in to the handler, ``encode_ms`` all that comes after the rules."""
    return {
        "hook": asked.hook.name,
        "topics": _topics(decision),
        "cards": Counter(finding.indicator.value for finding in decision.findings),
        "resources": decision.resources,
        "held_back": decision.held_back,
        "not_read": _sums(decision.gaps),
        **{
            f"{stage}_ms": _ms(ended - began)
            for stage, (began, ended) in noted.stages.items()
            if stage != "record"
        },
    }


def _ms(seconds: float) -> float:
    return round(seconds * 1000, 1)


def _sums(gaps: Mapping[tuple[str, str], int]) -> Counter[str]:
    """How much could not be read, by reason."""
    sums: Counter[str] = Counter()
    for (_, reason), count in gaps.items():
        sums[reason] += count
    return sums


def _write_record(
    audit: AuditTrail,
    service: str | None,
    status: int,
    release: Release,
    asked: HookRequest,
    decision: Decision,
) -> None:
    """Who asked for whom, under which knowledge, what was shown and what could not be checked."""
    context = app_ctx.g
    record = {
        "request_id": request_id(),
        "client": context.get("client"),
        "tenant": context.get("tenant"),
        "hook": asked.hook.name,
        "service": service,
        "status": status,
        "version": release.version,
        "knowledge": release.knowledge,
        "topics": _topics(decision),
        "not_checked": sorted(f"{kind}:{reason}" for kind, reason in decision.gaps),
    }
    audit.write(record, patient=asked.patient_id, user=asked.user_id, hook_instance=asked.hook_instance)


def _topics(decision: Decision) -> list[str]:
    return [f"{finding.topic.value}:{finding.indicator.value}" for finding in decision.findings]
