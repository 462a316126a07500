"""What the service is measured against: bare Flask views that check nothing and record nothing."""

from __future__ import annotations

import json

import flask

_CARD = {
    "summary": "Oxycodone is listed as active: naltrexone can trigger opioid withdrawal",
    "indicator": "critical",
    "source": {"label": "fixed"},
}
_CARDS = json.dumps({"cards": [_CARD]}).encode()

app = flask.Flask(__name__, static_folder=None)


def _cards() -> flask.Response:
    return flask.Response(_CARDS, content_type="application/json")


@app.post("/floor")
def floor() -> flask.Response:
    """Parses the body as most services do, and returns fixed cards."""
    json.loads(flask.request.get_data())
    return _cards()


@app.post("/read")
def read() -> flask.Response:
    """Only reads the body."""
    flask.request.get_data()
    return _cards()
