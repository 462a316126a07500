"""Views that show what a server does, whatever the application: ``benchmarks.probe:app``."""

from __future__ import annotations

import os

import flask

app = flask.Flask(__name__, static_folder=None)


@app.get("/")
def ready() -> flask.Response:
    """Answers when the server is up."""
    return flask.Response(str(os.getpid()))


@app.post("/read")
def read() -> flask.Response:
    """Reads the body and says which process did."""
    flask.request.get_data()
    return flask.Response(str(os.getpid()))


@app.post("/early")
def early() -> flask.Response:
    """Refuses without a look at the body."""
    return flask.Response("too large", 413)
