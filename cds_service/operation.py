"""What an operator sees: health, metrics, the OpenAPI document, and one log line for each answer."""

from __future__ import annotations

import logging
from time import perf_counter
from typing import NamedTuple

import flask

from cds_service.audit import AuditTrail
from cds_service.cds_hooks import HookRequest, Service, request_id
from cds_service.decision import Decision
from cds_service.feedback import Store
from cds_service.metrics import CONTENT_TYPE, Metrics
from cds_service.openapi import openapi_document
from cds_service.sources import Sources

_log = logging.getLogger(__name__)


class Release(NamedTuple):
    """What is running."""

    version: str
    knowledge: str


def note_decision(metrics: Metrics, request: HookRequest, decision: Decision) -> None:
    """For the counters, the log line and the audit record of this request."""
    flask.g.asked, flask.g.decision = request, decision
    metrics.count(decision.findings)


def add_operation(
    app: flask.Flask,
    metrics: Metrics,
    store: Store,
    services: list[Service],
    sources: Sources,
    release: Release,
    audit: AuditTrail | None,
) -> None:
    """Health, metrics and the OpenAPI document."""
    metrics.watch(sources.servers)
    known = {service.id for service in services}

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

    @app.before_request
    def start() -> None:
        flask.g.started = perf_counter()

    @app.after_request
    def measure(response: flask.Response) -> flask.Response:
        service = (flask.request.view_args or {}).get("service_id", "")
        if service in known and flask.request.method == "POST":
            metrics.requests.labels(service, str(response.status_code)).inc()
            seconds = perf_counter() - flask.g.started
            metrics.seconds.labels(service).observe(seconds)
            _log.info("answered", extra=_answer_line(service, response, seconds))
            if audit is not None and "asked" in flask.g:
                _write_record(audit, service, response.status_code, release)
        return response


def _answer_line(service: str, response: flask.Response, seconds: float) -> dict[str, object]:
    """The line of one answer: who asked, what was found, how long it took; nothing of the patient."""
    line: dict[str, object] = {
        "request_id": request_id(),
        "client": flask.g.get("client"),
        "service": service,
        "feedback": flask.request.path.endswith("/feedback"),
        "status": response.status_code,
        "ms": round(seconds * 1000, 1),
    }
    decision: Decision | None = flask.g.get("decision")
    if decision is not None:
        line |= {
            "topics": _topics(decision),
            "resources": decision.resources,
            "not_read": dict(decision.gaps),
            "read_ms": round(decision.read_ms, 1),
            "decide_ms": round(decision.decide_ms, 1),
        }
    return line


def _write_record(audit: AuditTrail, service: str, status: int, release: Release) -> None:
    """Who asked for whom, under which knowledge, and what was shown."""
    asked: HookRequest = flask.g.asked
    decision: Decision = flask.g.decision
    record = {
        "request_id": request_id(),
        "client": flask.g.get("client"),
        "tenant": flask.g.get("tenant"),
        "service": service,
        "hook_instance": asked.hook_instance,
        "status": status,
        "version": release.version,
        "knowledge": release.knowledge,
        "topics": _topics(decision),
        "not_read": dict(decision.gaps),
    }
    audit.write(record, patient=asked.patient_id, user=asked.user_id)


def _topics(decision: Decision) -> list[str]:
    return [f"{finding.topic.value}:{finding.indicator.value}" for finding in decision.findings]
