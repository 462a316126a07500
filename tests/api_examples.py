"""The examples of the OpenAPI document, as the service answers them.

``python -m tests.api_examples`` writes them.

``tests/test_api_examples.py`` makes them again and compares: an example that is no longer true fails.
Card uuids and links are new in each run; they are numbered in the order in which they appear.
"""

from __future__ import annotations

import io
import json
import re
import tempfile
import time
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import flask
import pytest
from flask.testing import FlaskClient

import cds_service
from cds_service import create_app
from cds_service.cds_hooks import init_errors
from cds_service.cds_hooks.outcome import operation_outcome
from cds_service.errors import TooManyRequests, Unauthenticated
from cds_service.limits import limit_calls_at_a_time
from cds_service.openapi import example_request
from cds_service.rate_limits import RateLimits
from cds_service.settings import Settings

FILE = Path(cds_service.__file__).parent / "api_examples.json"
NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
HOOKS = ("order-select", "order-sign", "medication-prescribe")
SIGN = "/cds-services/ldn-order-sign"
_BODY_SECONDS = 0.05
_UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
_STRANGER = "b0e4a8c1-5d1f-4a0e-9a3e-2f6d7c8b9a10"


def made() -> dict[str, Any]:
    """Every example, from a service in development with a fixed clock and an empty database."""
    with tempfile.TemporaryDirectory() as folder:
        client = _client(folder)
        calls = {
            hook: client.post(f"/cds-services/ldn-{hook}", json=example_request(hook)).json for hook in HOOKS
        }
        feedback = _feedback(client, calls["order-sign"]["cards"][0]["uuid"])
        examples = {
            "discovery": client.get("/cds-services").json,
            "cards": calls,
            "feedback": feedback,
            "errors": _errors(client),
        }
        client.application.extensions["store"].close()
    return _numbered(examples)  # type: ignore[no-any-return]


def _client(folder: str) -> FlaskClient:
    settings = Settings(
        cds_environment="development",
        database_url=f"sqlite:///{folder}/examples.sqlite3",
        public_url="https://cds.example.org",
        audit_days=0,
        body_seconds=_BODY_SECONDS,
        log_level="ERROR",
    )
    return create_app(settings, now=lambda: NOW).test_client()


def _item(card: str) -> dict[str, Any]:
    return {"card": card, "outcome": "overridden", "outcomeTimestamp": "2026-11-22T15:00:30Z"}


def _feedback(client: FlaskClient, card: str) -> dict[str, Any]:
    """All kept; one of two kept; none known."""
    found = {}
    for name, cards in (("kept", [card]), ("partly", [card, _STRANGER]), ("unknown", [_STRANGER])):
        body = {"feedback": [_item(one) for one in cards]}
        answer = client.post(f"{SIGN}/feedback", json=body)
        found[name] = {"status": answer.status_code, "request": body, "response": answer.json}
    return found


def _errors(client: FlaskClient) -> dict[str, Any]:
    """By status, each as a call was answered."""
    request = example_request("order-sign")
    answers = [
        client.post(SIGN, json={name: value for name, value in request.items() if name != "context"}),
        client.post("/cds-services/unknown", json=request),
        client.post(SIGN, json={**request, "prefetch": {}}),
        client.post(SIGN, data="hook=order-sign", content_type="application/x-www-form-urlencoded"),
        client.post(SIGN, data=b" " * (Settings().max_body_bytes + 1), content_type="application/json"),
        _all_places_taken().post(SIGN, json=request),
        client.post(SIGN, input_stream=io.BytesIO(), headers={"Transfer-Encoding": "chunked"}),
        client.post(SIGN, input_stream=_Hesitant(), environ_overrides={"CONTENT_LENGTH": "2000"}),
    ]
    told = {str(answer.status_code): answer.json for answer in answers}
    assert len(told) == len(answers)
    return told | {"401": operation_outcome(Unauthenticated())[1], "429": _one_too_many()}


class _Hesitant(io.BytesIO):
    """A body that stops short of its length, and of which nothing more has come when time is up."""

    def read(self, size: int | None = -1) -> bytes:
        time.sleep(2 * _BODY_SECONDS)
        return b""


def _all_places_taken() -> FlaskClient:
    app = flask.Flask(__name__)
    init_errors(app)
    limit_calls_at_a_time(app, 0)
    return app.test_client()


def _one_too_many() -> dict[str, Any]:
    limits = RateLimits()
    with pytest.raises(TooManyRequests) as refused:
        for _ in range(2):
            limits.admit("client", 1)
    return operation_outcome(refused.value)[1]


def _numbered(examples: Any) -> Any:
    text = json.dumps(examples, ensure_ascii=False)
    known = {example_request("order-sign")["hookInstance"], _STRANGER}
    for number, uuid in enumerate(dict.fromkeys(u for u in _UUID.findall(text) if u not in known), 1):
        text = text.replace(uuid, f"5f0c1d2e-0000-4000-8000-{number:012d}")
    return json.loads(text)


if __name__ == "__main__":
    FILE.write_text(json.dumps(made(), indent=1, ensure_ascii=False) + "\n", "utf-8")
