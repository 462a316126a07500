"""What an operator sees: health, metrics, the OpenAPI document, and one log line for each answer."""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Mapping, Sequence
from time import perf_counter
from typing import NamedTuple

import flask

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


def note_decision(metrics: Metrics, request: HookRequest, decision: Decision) -> None:
    """For the counters, the log line and the audit record of this request."""
    flask.g.asked, flask.g.decision, flask.g.decided = request, decision, perf_counter()
    metrics.note(request, decision, flask.g.get("client") or "")


def timed(record: Recording) -> Recording:
    """``record``, its time noted for the request."""

    def timed_record(
        request: HookRequest, call: CallContext, alerts: Sequence[Alert], cards: Sequence[Card]
    ) -> None:
        began = perf_counter()
        record(request, call, alerts, cards)
        flask.g.recording = began, perf_counter()

    return timed_record


def stages(began: float, ended: float) -> dict[str, tuple[float, float]]:
    """From when to when (``perf_counter``) each stage lasted; recording is part of encoding."""
    decision: Decision = flask.g.decision
    decided: float = flask.g.decided
    gathered = decided - decision.decide_ms / 1000
    read = gathered - decision.gather_ms / 1000
    told = {
        "read": (began, read),
        "gather": (read, gathered),
        "decide": (gathered, decided),
        "encode": (decided, ended),
    }
    if "recording" in flask.g:
        told["record"] = flask.g.recording
    return told


def add_operation(
    app: flask.Flask,
    metrics: Metrics,
    store: Store,
    services: list[Service],
    sources: Sources,
    release: Release,
    audit: AuditTrail | None,
    tracing: Tracing | None = None,
) -> None:
    """Health, metrics and the OpenAPI document; and what is counted, logged and audited of each answer."""
    metrics.watch_journal(store.seconds_behind)
    _add_routes(app, metrics, store, services, sources, release)
    known = {service.id for service in services}

    @app.before_request
    def start() -> None:
        flask.g.started = perf_counter()

    @app.after_request
    def measure(response: flask.Response) -> flask.Response:
        service = (flask.request.view_args or {}).get("service_id", "")
        service = service if service in known else None  # any other name is the caller's own words
        seconds = perf_counter() - flask.g.started
        _measure(metrics, tracing, service, response.status_code, seconds)
        _log_answer(service, response, seconds)
        if audit is not None and "asked" in flask.g:
            _write_record(audit, service, response.status_code, release)
        return response


def _add_routes(
    app: flask.Flask,
    metrics: Metrics,
    store: Store,
    services: list[Service],
    sources: Sources,
    release: Release,
) -> None:
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


def _measure(
    metrics: Metrics, tracing: Tracing | None, service: str | None, status: int, seconds: float
) -> None:
    """Counters, and the spans where traces are configured."""
    if service and flask.request.method == "POST":
        metrics.requests.labels(service, str(status)).inc()
        metrics.seconds.labels(service).observe(seconds)
    lasted = stages(flask.g.started, flask.g.started + seconds) if "decision" in flask.g else {}
    for stage, (began, ended) in lasted.items():
        metrics.stage_of(stage).observe(max(0.0, ended - began))
    if tracing is not None:
        flask.g.trace = tracing.write(status, seconds, service, lasted, _fhir_host(metrics))


ASKED_ALL_THE_TIME = frozenset({"live", "ready", "page", "workbench.static"})


def _fhir_host(metrics: Metrics) -> str | None:
    asked: HookRequest | None = flask.g.get("asked")
    return metrics.bounded(host_of(asked.fhir_server)) if asked and asked.fhir_server else None


def _log_answer(service: str | None, response: flask.Response, seconds: float) -> None:
    level = logging.DEBUG if flask.request.endpoint in ASKED_ALL_THE_TIME else logging.INFO
    if _log.isEnabledFor(level):
        _log.log(level, "answered", extra=_answer_line(service, response, seconds))


def _answer_line(service: str | None, response: flask.Response, seconds: float) -> dict[str, object]:
    """The line of one answer: who asked, what was found, how long it took; nothing of the patient."""
    line: dict[str, object] = {
        "request_id": request_id(),
        "client": flask.g.get("client"),
        "tenant": flask.g.get("tenant"),
        "endpoint": flask.request.endpoint,
        "service": service,
        "status": response.status_code,
        "error": flask.g.get("error_code"),
        "ms": round(seconds * 1000, 1),
    }
    if flask.g.get("trace"):
        line["trace_id"] = flask.g.trace
    if "decision" in flask.g:
        line |= _of_decision(flask.g.asked, flask.g.decision, seconds)
    return line


def _of_decision(asked: HookRequest, decision: Decision, seconds: float) -> dict[str, object]:
    """``read_ms`` is the way in to the handler, ``encode_ms`` all that comes after the rules."""
    until_decided = flask.g.decided - flask.g.started
    return {
        "hook": asked.hook.name,
        "topics": _topics(decision),
        "cards": Counter(finding.indicator.value for finding in decision.findings),
        "resources": decision.resources,
        "held_back": decision.held_back,
        "not_read": _sums(decision.gaps),
        "read_ms": round(until_decided * 1000 - decision.gather_ms - decision.decide_ms, 1),
        "gather_ms": round(decision.gather_ms, 1),
        "decide_ms": round(decision.decide_ms, 1),
        "encode_ms": round((seconds - until_decided) * 1000, 1),
    }


def _sums(gaps: Mapping[tuple[str, str], int]) -> Counter[str]:
    """How much could not be read, by reason."""
    sums: Counter[str] = Counter()
    for (_, reason), count in gaps.items():
        sums[reason] += count
    return sums


def _write_record(audit: AuditTrail, service: str | None, status: int, release: Release) -> None:
    """Who asked for whom, under which knowledge, what was shown and what could not be checked."""
    asked: HookRequest = flask.g.asked
    decision: Decision = flask.g.decision
    record = {
        "request_id": request_id(),
        "client": flask.g.get("client"),
        "tenant": flask.g.get("tenant"),
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
