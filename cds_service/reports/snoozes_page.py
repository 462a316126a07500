"""``/reports/snoozes``: what is silent for whom, and the end of it. Asks for what ``/reports`` asks for.

Each row stands for one patient and cannot be masked, so it names none, not even by a hash. Only who has seen
a row knows its id: no other site's page can end a snooze in the name of a browser that is signed in here.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

import flask
from werkzeug.wrappers import Response

from cds_service.alerts.snoozes import lift, snoozes
from cds_service.errors import NotFound
from cds_service.knowledge.clinical import Alerts
from cds_service.knowledge.wording import override_reasons, titles
from cds_service.store import Store


def add_snoozes(
    blueprint: flask.Blueprint, store: Store, policy: Alerts, now: Callable[[], datetime]
) -> None:
    """The routes, on the reports' ``blueprint``."""

    @blueprint.get("/reports/snoozes")
    def snoozes_page() -> str:
        return flask.render_template(
            "snoozes.html",
            snoozes=list(snoozes(store, policy, now())),
            titles=titles(),
            words=lambda topic, code: dict(override_reasons(topic)).get(code, code),
            ended=titles().get(flask.request.args.get("ended", "")),
        )

    @blueprint.post("/reports/snoozes")
    def end_snooze() -> Response:
        card = flask.request.form.get("card", "")
        found = next((snooze for snooze in snoozes(store, policy, now()) if snooze.card == card), None)
        if found is None:
            raise NotFound("No such snooze is in force; it may have ended meanwhile")
        lift(store, card)
        return flask.redirect(flask.url_for("reports.snoozes_page", ended=found.topic), 303)
