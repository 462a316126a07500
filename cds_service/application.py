"""The service put together: settings, knowledge, store and routes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from time import monotonic
from typing import Any

import flask
import msgspec
from werkzeug.middleware.proxy_fix import ProxyFix

from cds_service.alerts import Attention
from cds_service.alerts.overrides import Overrides
from cds_service.audit import AuditTrail
from cds_service.callers import authentication, judging, key_reader, registered_clients, say_who_may_call
from cds_service.cds_hooks import (
    CallContext,
    CardsResponse,
    Handler,
    HookRequest,
    Service,
    cds_hooks_blueprint,
    init_errors,
)
from cds_service.cds_hooks.authentication import Clients
from cds_service.cds_hooks.validation import validate_response
from cds_service.chart.relevance import Relevance
from cds_service.database import folder_of
from cds_service.decision import Decider
from cds_service.errors import Unavailable
from cds_service.knowledge import preload
from cds_service.knowledge.clinical import Alerts, Clinical
from cds_service.limits import CallsAtWork, limit_calls_at_a_time
from cds_service.logs import set_up_logs
from cds_service.metrics import Metrics
from cds_service.operation import (
    ASKED_ALL_THE_TIME,
    Release,
    add_operation,
    note_decision,
    timed,
    watch_answers,
)
from cds_service.recording import Recorder
from cds_service.release import VERSION
from cds_service.reports.page import reports_blueprint
from cds_service.services import make_services
from cds_service.settings import Settings, load_settings
from cds_service.site import is_signed, load_knowledge
from cds_service.sources import Sources
from cds_service.store import Store
from cds_service.token_ids import SharedTokenIds, shared_token_ids
from cds_service.tracing import Tracing, is_configured, make_provider
from cds_service.workbench import Trial, workbench_blueprint
from cds_service.workbench.api_page import api_blueprint
from cds_service.workbench.page_caller import anyone_on_the_page, in_dialect_of_page
from cds_service.workbench.replaying import replay_blueprint

_log = logging.getLogger(__name__)


def _utc_now() -> datetime:
    return datetime.now(UTC)


def create_app(settings: Settings | None = None, now: Callable[[], datetime] = _utc_now) -> flask.Flask:
    """The WSGI application. ``now`` is the clock of every decision.

    Raises ``ValueError`` when a setting or the site's figures do not fit.
    """
    settings = settings or load_settings()
    set_up_logs(settings)
    clinical, knowledge = load_knowledge(settings)
    preload()  # so that no prescriber waits for the tables
    metrics = Metrics()
    store = Store(settings, metrics)
    at_work = CallsAtWork(settings.at_work)
    sources = Sources.from_settings(settings, VERSION, metrics.note_server, at_work.waiting)
    decider = Decider(
        clinical,
        sources,
        now,
        ids=store.ids,
        observe=partial(note_decision, metrics),
        attend=_attention(clinical.alerts, store, sources, now, metrics),
        record=timed(Recorder(store, VERSION, knowledge, now).record),
        needed=Relevance(clinical).judges,
    )
    signed = is_signed(settings, clinical)
    services = make_services(at_work.limit(decider.answer) if signed else _not_signed)
    clients = registered_clients(settings)
    say_who_may_call(settings, clients())
    app = _App(__name__, static_folder=None)
    app.logger = logging.getLogger("flask.app")  # its own lines quote the path: they are another's, not ours
    if settings.trusted_proxies:
        _believe_proxies(app, settings.trusted_proxies)
    init_errors(app)
    app.register_blueprint(_hooks(settings, services, clients, store, metrics, at_work, now))
    quiet = Decider(clinical, sources, now).answer if signed else _not_signed
    _add_pages(app, settings, clinical, quiet, now)
    app.register_blueprint(api_blueprint(services, VERSION))
    if settings.try_it:
        judge = judging(settings, clients, key_reader(settings, VERSION)) if settings.development else None
        app.register_blueprint(replay_blueprint(decider, settings, judge))
    if settings.development or settings.reports_token:
        app.register_blueprint(reports_blueprint(settings, store, clinical.alerts, now))
    release = Release(VERSION, knowledge)
    tracing = Tracing(make_provider(VERSION), VERSION, ASKED_ALL_THE_TIME) if is_configured() else None
    add_operation(app, metrics, store, services, sources, release)
    watch_answers(app, metrics, services, release, _audit_trail(settings, metrics), tracing)
    limit_calls_at_a_time(app, settings.max_concurrent, metrics.calls_at_hand)
    app.extensions["store"] = store
    app.extensions["metrics"] = metrics
    app.extensions["calls_at_work"] = at_work
    store.start()
    return app


def _hooks(
    settings: Settings,
    services: list[Service],
    clients: Callable[[], Clients],
    store: Store,
    metrics: Metrics,
    at_work: CallsAtWork,
    now: Callable[[], datetime],
) -> flask.Blueprint:
    """The routes that EHRs call."""
    authenticate = authentication(
        settings,
        clients,
        fetch_keys=key_reader(settings, VERSION),
        token_ids=SharedTokenIds(shared_token_ids(settings), metrics.unshared_replay.inc),
        admit=None if settings.development else _rate_limits(settings),
        on_refusal=metrics.refuse,
        now=lambda: now().timestamp(),
    )
    return cds_hooks_blueprint(
        services,
        authenticate=in_dialect_of_page(authenticate),
        protect_discovery=settings.protect_discovery,
        feedback_sink=store.keep,
        max_body_bytes=settings.max_body_bytes,
        max_entries=settings.max_entries,
        body_seconds=settings.body_seconds,
        on_late_body=at_work.wait_for_body,
        public_url=settings.public_url,
        use_request_host=settings.development,
        allow_origin=lambda origin: (
            settings.development or origin in settings.cors_origins or clients().allow_origin(origin)
        ),
        on_response=_reporter(metrics) if settings.validate_responses else None,
    )


def _rate_limits(settings: Settings) -> Callable[[str, int], None]:
    from cds_service.rate_limits import RateLimits  # development has none, and need not wait for the library

    return RateLimits(settings.redis_url).admit


def _attention(
    policy: Alerts, store: Store, sources: Sources, now: Callable[[], datetime], metrics: Metrics
) -> Attention:
    said = Overrides(store, metrics.overrides_unknown.inc)
    return Attention(policy, store, said, now, sources.zone)


class _App(flask.Flask):
    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Nothing here is a coroutine, which Flask would look for in eight functions of each request."""
        return func


def _add_pages(
    app: flask.Flask, settings: Settings, clinical: Clinical, decide: Handler, now: Callable[[], datetime]
) -> None:
    """The pages; where they may be used to try orders, and EHRs must register, with routes of their own."""
    trial = Trial(decide, now, clinical, settings.development, settings.public_url, settings.max_body_bytes)
    app.register_blueprint(workbench_blueprint(clinical, trial if settings.try_it else None))
    if settings.try_it and not settings.development:
        routes = cds_hooks_blueprint(
            make_services(decide),
            authenticate=anyone_on_the_page,
            max_body_bytes=settings.max_body_bytes,
            max_entries=settings.max_entries,
            body_seconds=settings.body_seconds,
            public_url=settings.public_url,
        )
        app.register_blueprint(routes, name="try_it_calls", url_prefix="/try")


def _believe_proxies(app: flask.Flask, proxies: int) -> None:
    """Take host, scheme and prefix from the X-Forwarded headers that the proxies in front have set."""
    app.wsgi_app = ProxyFix(  # type: ignore[method-assign]
        app.wsgi_app, x_for=proxies, x_proto=proxies, x_host=proxies, x_port=proxies, x_prefix=proxies
    )


def _audit_trail(settings: Settings, metrics: Metrics) -> AuditTrail | None:
    if settings.audit_days <= 0:
        return None
    folder = Path(settings.audit_dir) if settings.audit_dir else folder_of(settings.database_url) / "audit"
    return AuditTrail(folder, settings.audit_days, settings.audit_key, metrics.audit_lost.inc)


def _not_signed(request: HookRequest, call: CallContext) -> CardsResponse:
    raise Unavailable("The clinical content of this service is not signed by a reviewer")


_CHECKED_EVERY = 0.2


def _reporter(metrics: Metrics) -> Callable[[Service, HookRequest, bytes], None]:
    """Checks an answer, and then none for a fifth of a second: a fault of ours is in many answers."""
    due = 0.0

    def report(service: Service, request: HookRequest, body: bytes) -> None:
        nonlocal due
        if monotonic() < due:
            return
        due = monotonic() + _CHECKED_EVERY
        for violation in validate_response(msgspec.json.decode(body), request):
            metrics.violations.labels(violation.rule).inc()
            _log.error("answer of %s breaks %s at %s", service.id, violation.rule, violation.path)

    return report
