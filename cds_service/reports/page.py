"""``/reports``, its files and ``/reports/snoozes``: for whoever answers for the quality of the alerts.

Open in development. In production they exist where ``REPORTS_TOKEN`` is set, and ask for it: as a
bearer token, or as the password a browser asks for.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from datetime import UTC, datetime, time, timedelta

import flask

from cds_service.errors import InvalidRequest
from cds_service.knowledge.clinical import Alerts
from cds_service.knowledge.wording import titles
from cds_service.reports import plots
from cds_service.reports.report import GROUPS, NUMBERS, Report, day_of, make_report
from cds_service.reports.snoozes_page import add_snoozes
from cds_service.settings import Settings
from cds_service.store import Store

_DAYS = 28
_LONGEST = 3 * 366


def reports_blueprint(
    settings: Settings, store: Store, policy: Alerts, now: Callable[[], datetime]
) -> flask.Blueprint:
    """The routes; ``now`` says what the last four weeks are, ``policy`` what is snoozed."""
    blueprint = flask.Blueprint("reports", __name__, template_folder="templates")
    blueprint.before_request(lambda: None if settings.development else _refusal(settings.reports_token))
    blueprint.after_request(_keep_private)

    def asked() -> Report:
        since, until, by = _asked(now())
        return make_report(store, since, until, by, settings.reports_mask_below)

    @blueprint.get("/reports")
    def page() -> str:
        report = asked()
        return flask.render_template(
            "reports.html", report=report, groups=GROUPS, numbers=NUMBERS, titles=titles(),
            lines=plots.rates_over_weeks(report.weeks), bars=plots.top_reasons(report.reasons), size=plots,
        )  # fmt: skip

    @blueprint.get("/reports.json")
    def as_json() -> flask.Response:
        return flask.jsonify(asked().as_json())

    @blueprint.get("/reports.csv")
    def as_csv() -> flask.Response:
        name = {"Content-Disposition": "attachment; filename=reports.csv"}
        return flask.Response(asked().as_csv(), headers=name, content_type="text/csv; charset=utf-8")

    add_snoozes(blueprint, store, policy, now)
    return blueprint


def _refusal(token: str | None) -> flask.Response | None:
    """The 401 of a request that does not bring ``token``."""
    if token and _brings(token):
        return None
    challenge = {"WWW-Authenticate": 'Basic realm="reports", Bearer'}
    return flask.Response("The reports ask for REPORTS_TOKEN.\n", 401, challenge, content_type="text/plain")


def _brings(token: str) -> bool:
    """Compared in a time that tells nothing of how much of it is right."""
    given = flask.request.authorization
    if given is None:
        return False
    said = given.token if given.type == "bearer" else given.password
    return hmac.compare_digest((said or "").encode(), token.encode())


def _keep_private(response: flask.Response) -> flask.Response:
    response.headers["Cache-Control"] = "no-store"
    return response


def _asked(now: datetime) -> tuple[datetime, datetime, str]:
    """First day, the day after the last, and what a row is. Raises ``InvalidRequest``."""
    until = _day("until", now.astimezone(UTC) + timedelta(days=1))
    since = _day("since", until - timedelta(days=_DAYS))
    if not timedelta() < until - since <= timedelta(days=_LONGEST):
        raise InvalidRequest("since is before until, by three years at the most", path="since")
    by = flask.request.args.get("by", "topic")
    if by not in GROUPS:
        raise InvalidRequest(f"by is one of {', '.join(GROUPS)}", path="by")
    return since, until, by


def _day(name: str, usual: datetime) -> datetime:
    """The start of a day in UTC."""
    try:
        day = day_of(flask.request.args.get(name) or usual.date().isoformat())
    except ValueError:
        raise InvalidRequest("A date is written 2026-11-22, from 2000 on", path=name) from None
    return datetime.combine(day, time(), UTC)
