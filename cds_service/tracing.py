"""OpenTelemetry traces, where the standard variables (``OTEL_EXPORTER_OTLP_ENDPOINT`` …) configure them.

One span for a request, in the trace of whoever calls (W3C ``traceparent``), and below it one for each
stage and for each list that a FHIR server was asked for. They are made when the answer is ready, of the
times that were taken anyway: without configuration nothing is imported and nothing costs. Attributes are
routes, ids of clients, topics, resource types, hosts and outcomes; never a URL, a body or anything of a
patient.
"""

from __future__ import annotations

import os
import time
from collections.abc import Mapping
from time import perf_counter
from typing import TYPE_CHECKING, Any

import flask

if TYPE_CHECKING:
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.trace import Tracer

    from cds_service.decision import Decision
    from cds_service.fhir.records import Fetched
    from cds_service.operation import Noted

_ENDPOINTS = ("OTEL_EXPORTER_OTLP_ENDPOINT", "OTEL_EXPORTER_OTLP_TRACES_ENDPOINT")


def is_configured(environ: Mapping[str, str] | None = None) -> bool:
    """Whether traces are wanted: an endpoint is named, and nothing is switched off."""
    environ = os.environ if environ is None else environ
    if environ.get("OTEL_SDK_DISABLED", "").lower() == "true":
        return False
    if environ.get("OTEL_TRACES_EXPORTER", "otlp") != "otlp":
        return False
    return any(environ.get(name) for name in _ENDPOINTS)


def make_provider(release: str) -> TracerProvider:
    """Sends by OTLP over HTTP, as the standard variables say: endpoint, headers, sampler, resource."""
    from opentelemetry.exporter.otlp.proto.http.trace_exporter import OTLPSpanExporter
    from opentelemetry.sdk.resources import Resource
    from opentelemetry.sdk.trace import TracerProvider
    from opentelemetry.sdk.trace.export import BatchSpanProcessor

    named = {} if "OTEL_SERVICE_NAME" in os.environ else {"service.name": "ldn-cds"}
    provider = TracerProvider(resource=Resource.create({**named, "service.version": release}))
    provider.add_span_processor(BatchSpanProcessor(OTLPSpanExporter()))
    return provider


class Tracing:
    """Writes the spans of each answer; ``hidden`` are endpoints that are asked all the time."""

    def __init__(self, provider: TracerProvider, release: str, hidden: frozenset[str]) -> None:
        self._tracer: Tracer = provider.get_tracer("cds_service", release)
        self._hidden = hidden

    def write(self, noted: Noted, status: int, service: str | None, host: str | None) -> str | None:
        """The spans of this request; returns the id of its trace, ``None`` when it is not traced.

        :param host: of the FHIR server that was asked.
        """
        if flask.request.endpoint in self._hidden:
            return None
        from opentelemetry import trace

        offset = time.time_ns() - _ns(perf_counter())
        span = self._tracer.start_span(
            f"{flask.request.method} {_route()}",
            context=_caller(),
            kind=trace.SpanKind.SERVER,
            start_time=offset + _ns(noted.began),
            attributes=_of_request(status, service, noted.decision),
        )
        if status >= 500:
            span.set_status(trace.StatusCode.ERROR)
        below = trace.set_span_in_context(span)
        gathering = below
        for stage, (start, end) in noted.stages.items():
            part = self._tracer.start_span(stage, below, start_time=offset + _ns(start))
            if stage == "gather":
                gathering = trace.set_span_in_context(part)
            part.end(offset + _ns(max(start, end)))
        for fetched in noted.decision.fetches if noted.decision else ():
            self._write_fetch(fetched, gathering, offset, host or "other")
        span.end(offset + _ns(noted.began + noted.seconds))
        context = span.get_span_context()
        return trace.format_trace_id(context.trace_id) if context.trace_flags.sampled else None

    def _write_fetch(self, fetched: Fetched, below: Any, offset: int, host: str) -> None:
        from opentelemetry import trace

        told = {"fhir.resource_type": fetched.kind, "server.address": host}
        if fetched.failure is not None:
            told["error.type"] = fetched.failure.value
        span = self._tracer.start_span(
            f"fetch {fetched.kind}",
            below,
            kind=trace.SpanKind.CLIENT,
            start_time=offset + _ns(fetched.began),
            attributes=told,
        )
        if fetched.failure is not None:
            span.set_status(trace.StatusCode.ERROR)
        span.end(offset + _ns(fetched.ended))


def _ns(seconds: float) -> int:
    return int(seconds * 1_000_000_000)


def _route() -> str:
    """The rule, not the path: a path is the caller's own words."""
    return flask.request.url_rule.rule if flask.request.url_rule else "unknown"


def _caller() -> Any:
    """The caller's ``traceparent``; its ``tracestate`` and ``baggage`` may hold anything and are left out."""
    from opentelemetry.trace.propagation.tracecontext import TraceContextTextMapPropagator

    given = flask.request.headers.get("traceparent")
    return TraceContextTextMapPropagator().extract({"traceparent": given} if given else {})


def _of_request(status: int, service: str | None, decision: Decision | None) -> dict[str, Any]:
    told: dict[str, Any] = {
        "http.request.method": flask.request.method,
        "http.route": _route(),
        "http.response.status_code": status,
    }
    known = {
        "ldn_cds.client": flask.g.get("client"),
        "ldn_cds.service": service,
        "ldn_cds.error": flask.g.get("error_code"),
    }
    told |= {name: value for name, value in known.items() if value}
    if decision is not None:
        told["ldn_cds.topics"] = [finding.topic.value for finding in decision.findings]
        told["ldn_cds.resources"] = decision.resources
    return told
