"""Pages for people: what a card means, and why."""

from __future__ import annotations

from functools import cache, partial
from typing import Any

import flask

from cds_service.cds_hooks.error_pages import service_error_response
from cds_service.errors import NotFound
from cds_service.knowledge import VERSION
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.review import review_state
from cds_service.products import as_query, compounded_capsule, delivers
from cds_service.workbench import navigation, policy
from cds_service.workbench.explain import explanations
from cds_service.workbench.patients import examples
from cds_service.workbench.references import linked
from cds_service.workbench.titration import FORMS, plan, product_asked, sheet
from cds_service.workbench.try_it import Trial, add_routes

__all__ = ["Trial", "workbench_blueprint"]


def workbench_blueprint(clinical: Clinical, trial: Trial | None) -> flask.Blueprint:
    """The pages, with the figures in force at this site; orders can be tried when ``trial`` is given."""
    blueprint = flask.Blueprint(
        "workbench", __name__, template_folder="templates", static_folder="static", static_url_path="/static"
    )
    if trial is not None:
        add_routes(blueprint, trial)
    else:
        blueprint.add_url_rule("/", "home", lambda: flask.redirect(flask.url_for("workbench.topics")))
    _add_explanations(blueprint, clinical, can_try=trial is not None)
    _add_titrations(blueprint, clinical)
    blueprint.register_error_handler(NotFound, _no_such_page)
    blueprint.app_context_processor(_shared)
    blueprint.after_app_request(policy.protect)
    return blueprint


def _add_explanations(blueprint: flask.Blueprint, clinical: Clinical, *, can_try: bool) -> None:
    explained = cache(partial(explanations, clinical))
    review = cache(partial(review_state, clinical.review.reviewer))  # all tables: at the first page

    @blueprint.get("/explain")
    def topics() -> str:
        return flask.render_template("topics.html", topics=explained().values())

    @blueprint.get("/explain/<topic>")
    def topic(topic: str) -> str:
        """What a card of ``topic`` means; the address holds no patient data."""
        if topic not in explained():
            raise NotFound("There is no such topic")
        return flask.render_template(
            "explain.html",
            topic=explained()[topic],
            clinical=clinical,
            review=review(),
            linked=linked,
            examples=examples(topic),
            try_url=flask.url_for("workbench.try_it") if can_try else None,
        )


def _add_titrations(blueprint: flask.Blueprint, clinical: Clinical) -> None:
    @blueprint.get("/titration")
    def titrations() -> str:
        return flask.render_template("titrations.html", clinical=clinical)

    @blueprint.get("/titration/<name>")
    def titration(name: str) -> str:
        """A schedule to print; the address holds its name and the product, and nothing of a patient."""
        schedule = next((each for each in clinical.titration.schedules if each.name == name), None)
        if schedule is None:
            raise NotFound("There is no such schedule")
        asked = product_asked(schedule, flask.request.args.get("form"), flask.request.args.get("strength"))
        fits = delivers(asked, schedule)
        product = asked if fits else compounded_capsule(schedule)
        shown = plan(schedule, product, clinical.titration.final_fill_days)
        return flask.render_template(
            "titration.html",
            plan=shown,
            unfit=None if fits else asked,
            sheet=sheet(clinical, shown),
            query=as_query(asked),
            forms=tuple(FORMS),
            schedules=clinical.titration.schedules,
            clinical=clinical,
        )


def _no_such_page(error: NotFound) -> flask.Response:
    """For people who follow an old link a page, for programs the OperationOutcome of every error."""
    response = service_error_response(error)
    if "text/html" not in flask.request.headers.get("Accept", ""):
        return response
    response.set_data(flask.render_template("no_such_page.html", words=error.diagnostics))
    response.content_type = "text/html; charset=utf-8"
    return response


def _shared() -> dict[str, Any]:
    """What base.html shows on every page, whichever blueprint it belongs to."""
    return {"navigation": list(navigation.entries()), "knowledge_version": VERSION}
