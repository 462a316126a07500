"""Traces arrive at a real receiver, in the caller's trace, and hold nothing of a patient."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
import requests
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest
from opentelemetry.proto.trace.v1.trace_pb2 import Span

from cds_service.scenarios import load
from cds_service.tracing import is_configured
from tests.fhir.faults import FAULTS, serving
from tests.servers import ROOT, ldn_cds

SIGN = "/cds-services/ldn-order-sign"
TRACE, PARENT = "0af7651916cd43dd8448eb211c80319c", "b7ad6b7169203331"


@contextmanager
def receiver() -> Iterator[tuple[str, list[bytes]]]:
    """An OTLP/HTTP receiver: its address, and what it was sent."""
    received: list[bytes] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            received.append(self.rfile.read(int(self.headers["Content-Length"])))
            self.send_response(200)
            self.send_header("Content-Length", "0")
            self.end_headers()

        def log_message(self, *_: object) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}", received
        finally:
            server.shutdown()
            thread.join()


def spans_of(received: list[bytes]) -> list[Span]:
    found = [ExportTraceServiceRequest.FromString(body) for body in received]
    return [
        span
        for request in found
        for resource in request.resource_spans
        for scope in resource.scope_spans
        for span in scope.spans
    ]


def test_a_request_is_told_in_the_trace_of_its_caller(tmp_path: Path) -> None:
    order = load("oxycodone-active").request("order-sign", datetime.now(UTC))
    patient = order["context"]["patientId"]
    del order["prefetch"]["conditions"]
    headers = {
        "traceparent": f"00-{TRACE}-{PARENT}-01",
        "tracestate": f"x={patient}",
        "baggage": f"x={patient}",
    }
    with receiver() as (address, received), serving(FAULTS["500"], "") as broken:
        with ldn_cds(tmp_path, {"OTEL_EXPORTER_OTLP_ENDPOINT": address}) as served:
            url = f"{served.base}{SIGN}?name={patient}"
            assert requests.post(
                url, json={**order, "fhirServer": broken.base}, headers=headers, timeout=30
            ).ok
            requests.get(f"{served.base}/{patient}", timeout=30)
        spans = {span.name: span for span in spans_of(received)}  # sent at the latest when it stops
    request = spans[f"POST {SIGN.rsplit('/', 1)[0]}/<service_id>"]
    assert (request.trace_id.hex(), request.parent_span_id.hex()) == (TRACE, PARENT)
    told = {item.key: item.value for item in request.attributes}
    assert told["http.response.status_code"].int_value == 200
    assert [v.string_value for v in told["ldn_cds.topics"].array_value.values][0] == "opioid-coprescription"
    below = {name for name, span in spans.items() if span.parent_span_id == request.span_id}
    assert below == {"read", "gather", "decide", "encode", "record"}
    fetch = spans["fetch Condition"]
    assert fetch.parent_span_id == spans["gather"].span_id
    assert {item.key: item.value.string_value for item in fetch.attributes} == {
        "fhir.resource_type": "Condition", "server.address": "127.0.0.1", "error.type": "server-error",
    }  # fmt: skip
    for span in spans.values():
        assert span.start_time_unix_nano <= span.end_time_unix_nano
    everything = b"".join(received)
    assert b"GET unknown" in everything and patient.encode() not in everything
    lines = [json.loads(line) for line in served.log.read_text().splitlines()]
    assert TRACE in {line.get("trace_id") for line in lines}


@pytest.mark.parametrize(
    ("environment", "wanted"),
    [
        ({}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318"}, True),
        ({"OTEL_EXPORTER_OTLP_TRACES_ENDPOINT": "http://c:4318/v1/traces"}, True),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_SDK_DISABLED": "true"}, False),
        ({"OTEL_EXPORTER_OTLP_ENDPOINT": "http://c:4318", "OTEL_TRACES_EXPORTER": "none"}, False),
    ],
)
def test_the_standard_variables_say_whether(environment: dict[str, str], wanted: bool) -> None:
    assert is_configured(environment) is wanted


def test_nothing_is_imported_for_those_who_want_none() -> None:
    program = "import sys; from cds_service import create_app; print(*sys.modules)"
    done = subprocess.run([sys.executable, "-c", program], cwd=ROOT, capture_output=True, check=True)
    modules = done.stdout.decode().split()
    assert "cds_service.tracing" in modules
    # redis brings the API for its own purposes
    ours = ("opentelemetry.exporter", "opentelemetry.sdk.trace")
    assert not [name for name in modules if name.startswith(ours)]
