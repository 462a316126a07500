"""Pages for people: what a card means, and why."""

from __future__ import annotations

from typing import Any

import flask

from cds_service.errors import NotFound
from cds_service.knowledge import VERSION
from cds_service.knowledge.clinical import Clinical
from cds_service.workbench import navigation, policy
from cds_service.workbench.explain import explanations
from cds_service.workbench.try_it import Trial, add_routes

__all__ = ["Trial", "workbench_blueprint"]


def workbench_blueprint(clinical: Clinical, trial: Trial | None) -> flask.Blueprint:
    """The pages, with the figures in force at this site; orders can be tried when ``trial`` is given."""
    blueprint = flask.Blueprint(
        "workbench", __name__, template_folder="templates", static_folder="static", static_url_path="/static"
    )
    explained = explanations(clinical)

    if trial is not None:
        add_routes(blueprint, trial)
    else:
        blueprint.add_url_rule("/", "home", lambda: flask.redirect(flask.url_for("workbench.topics")))

    @blueprint.get("/explain")
    def topics() -> str:
        return flask.render_template("topics.html", topics=explained.values())

    @blueprint.get("/explain/<topic>")
    def topic(topic: str) -> str:
        """What a card of ``topic`` means; the address holds no patient data."""
        if topic not in explained:
            raise NotFound("There is no such topic")
        return flask.render_template("explain.html", topic=explained[topic], clinical=clinical)

    blueprint.app_context_processor(_shared)
    blueprint.after_app_request(policy.protect)
    return blueprint


def _shared() -> dict[str, Any]:
    """What base.html shows on every page, whichever blueprint it belongs to."""
    return {"navigation": list(navigation.entries()), "knowledge_version": VERSION}
