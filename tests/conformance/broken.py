"""A CDS service with one mistake of every kind, as services in the field make them."""

from __future__ import annotations

import json
from typing import Any

import flask

CARD: dict[str, Any] = {
    "uuid": "4d1b6fb8-7c1e-4e6a-9f3e-6f7f4f1d8a11",
    "summary": "x" * 140,  # one too many
    "indicator": "info",
    "detail": "<b>Bold</b> claims",
    "source": {"label": "Broken", "topic": None},
    "suggestions": [  # without a uuid, and without selectionBehavior
        {
            "label": "Remove it",
            "actions": [
                {
                    "type": "delete",
                    "description": "Remove it",
                    "resource": {"resourceType": "MedicationRequest"},
                }
            ],
        }
    ],
    "links": [{"label": "More", "url": "https://example.org", "type": "absolute", "appContext": "none"}],
}


def broken_service() -> flask.Flask:
    """Everything it does is wrong where it can be, but it answers."""
    app = flask.Flask("broken")

    @app.get("/cds-services")
    def discovery() -> Any:
        service = {
            "id": "broken",
            "hook": "order-sign",
            "description": "Broken in many ways",
            "title": None,
            "prefetch": {"p": "Patient?_has:Observation:patient:code=1", "q": "Patient/{{context.nobody}}"},
            "version": "three",
        }
        return {"services": [service]}

    @app.route("/cds-services/broken", methods=["GET", "POST"])
    def answer() -> Any:
        if flask.request.method == "GET":
            return {"cards": []}
        body = flask.request.get_json(silent=True)
        if not isinstance(body, dict):
            return "<html><h1>Bad request</h1></html>", 400
        token = (body.get("fhirAuthorization") or {}).get("access_token")
        card = {**CARD, "extension": {"com.example.seen": token}} if token else CARD
        if not body.get("prefetch"):
            return "<html><h1>Internal Server Error</h1></html>", 500
        return flask.Response(json.dumps({"cards": [card]}), content_type="text/html")

    @app.post("/cds-services/broken/feedback")
    def feedback() -> Any:
        return {}

    @app.after_request
    def cors(response: flask.Response) -> flask.Response:
        response.headers["Access-Control-Allow-Origin"] = "*"
        response.headers["Access-Control-Allow-Credentials"] = "true"
        response.headers["Access-Control-Allow-Headers"] = "*"
        return response

    return app
