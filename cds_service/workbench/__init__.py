"""Pages for people: what a card means, and why."""

from __future__ import annotations

import flask

from cds_service.errors import NotFound
from cds_service.knowledge import VERSION
from cds_service.knowledge.clinical import Clinical
from cds_service.workbench.explain import explanations

_HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
}


def workbench_blueprint(clinical: Clinical) -> flask.Blueprint:
    """The pages, with the figures in force at this site."""
    blueprint = flask.Blueprint(
        "workbench", __name__, template_folder="templates", static_folder="static", static_url_path="/static"
    )
    topics = explanations(clinical)

    @blueprint.get("/")
    def index() -> str:
        return flask.render_template("index.html", topics=topics.values(), version=VERSION)

    @blueprint.get("/explain/<topic>")
    def explain(topic: str) -> str:
        """What a card of ``topic`` means; the address holds no patient data."""
        if topic not in topics:
            raise NotFound("There is no such topic")
        return flask.render_template("explain.html", topic=topics[topic], clinical=clinical, version=VERSION)

    @blueprint.after_app_request
    def protect(response: flask.Response) -> flask.Response:
        """Errors and JSON too: a browser may be led to any address."""
        response.headers.update(_HEADERS)
        return response

    return blueprint
