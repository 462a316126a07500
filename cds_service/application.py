"""The service put together: settings, knowledge, store and routes."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
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
    HookOptions,
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
from cds_service.knowledge.clinical import Clinical
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
    parts = _parts(settings, now)
    preload()  # so that no prescriber waits for the tables
    decider = _decider(parts)
    signed = is_signed(settings, parts.clinical)
    services = make_services(parts.at_work.limit(decider.answer) if signed else _not_signed)
    say_who_may_call(settings, parts.clients())
    app = _App(__name__, static_folder=None)
    app.logger = logging.getLogger("flask.app")  # its own lines quote the path: they are another's, not ours
    if settings.trusted_proxies:
        _believe_proxies(app, settings.trusted_proxies)
    init_errors(app)
    app.register_blueprint(_hooks(parts, services))
    _add_workbench(app, parts, Decider(parts.clinical, parts.sources, now).answer if signed else _not_signed)
    _add_other_pages(app, parts, services, decider)
    _add_operation(app, parts, services)
    limit_calls_at_a_time(app, settings.max_concurrent, parts.metrics.calls_at_hand)
    app.extensions |= {"store": parts.store, "metrics": parts.metrics, "calls_at_work": parts.at_work}
    parts.store.start()
    return app


@dataclass(frozen=True, slots=True)
class _Parts:
    """What the routes and the decisions of one application share."""

    settings: Settings
    now: Callable[[], datetime]
    clinical: Clinical
    release: Release
    metrics: Metrics
    store: Store
    at_work: CallsAtWork
    sources: Sources
    clients: Callable[[], Clients]


def _parts(settings: Settings, now: Callable[[], datetime]) -> _Parts:
    clinical, knowledge = load_knowledge(settings)
    metrics, at_work = Metrics(), CallsAtWork(settings.at_work)
    return _Parts(
        settings=settings,
        now=now,
        clinical=clinical,
        release=Release(VERSION, knowledge),
        metrics=metrics,
        store=Store(settings, metrics),
        at_work=at_work,
        sources=Sources.from_settings(settings, VERSION, metrics.note_server, at_work.waiting),
        clients=registered_clients(settings),
    )


def _decider(parts: _Parts) -> Decider:
    """Decides the calls of EHRs: it attends to earlier overrides, counts and records."""
    store, metrics, now = parts.store, parts.metrics, parts.now
    earlier = Overrides(store, metrics.overrides_unknown.inc)
    return Decider(
        parts.clinical,
        parts.sources,
        now,
        ids=store.ids,
        observe=partial(note_decision, metrics),
        attend=Attention(parts.clinical.alerts, store, earlier, now, parts.sources.zone),
        record=timed(Recorder(store, VERSION, parts.release.knowledge, now).record),
        needed=Relevance(parts.clinical).judges,
    )


def _hooks(parts: _Parts, services: list[Service]) -> flask.Blueprint:
    """The routes that EHRs call."""
    settings, metrics, clients = parts.settings, parts.metrics, parts.clients
    authenticate = authentication(
        settings,
        clients,
        fetch_keys=key_reader(settings, VERSION),
        token_ids=SharedTokenIds(shared_token_ids(settings), metrics.unshared_replay.inc),
        admit=None if settings.development else _rate_limits(settings),
        on_refusal=metrics.refuse,
        now=lambda: parts.now().timestamp(),
    )
    options = HookOptions(
        authenticate=in_dialect_of_page(authenticate),
        protect_discovery=settings.protect_discovery,
        feedback_sink=parts.store.keep,
        max_body_bytes=settings.max_body_bytes,
        max_entries=settings.max_entries,
        max_orders=settings.max_orders,
        body_seconds=settings.body_seconds,
        on_late_body=parts.at_work.wait_for_body,
        public_url=settings.public_url,
        use_request_host=settings.development,
        allow_origin=lambda origin: (
            settings.development or origin in settings.cors_origins or clients().allow_origin(origin)
        ),
        on_response=_reporter(metrics) if settings.validate_responses else None,
    )
    return cds_hooks_blueprint(services, options)


def _rate_limits(settings: Settings) -> Callable[[str, int], None]:
    from cds_service.rate_limits import RateLimits  # development has none, and need not wait for the library

    return RateLimits(settings.redis_url).admit


class _App(flask.Flask):
    def ensure_sync(self, func: Callable[..., Any]) -> Callable[..., Any]:
        """Nothing here is a coroutine, which Flask would look for in eight functions of each request."""
        return func


def _add_workbench(app: flask.Flask, parts: _Parts, decide: Handler) -> None:
    """The pages; where they may be used to try orders, and EHRs must register, with routes of their own.

    :param decide: answers without counting or recording.
    """
    settings = parts.settings
    trial = Trial(
        decide, parts.now, parts.clinical, settings.development, settings.public_url, settings.max_body_bytes
    )
    app.register_blueprint(workbench_blueprint(parts.clinical, trial if settings.try_it else None))
    if settings.try_it and not settings.development:
        options = HookOptions(
            authenticate=anyone_on_the_page,
            max_body_bytes=settings.max_body_bytes,
            max_entries=settings.max_entries,
            max_orders=settings.max_orders,
            body_seconds=settings.body_seconds,
            public_url=settings.public_url,
        )
        routes = cds_hooks_blueprint(make_services(decide), options)
        app.register_blueprint(routes, name="try_it_calls", url_prefix="/try")


def _add_other_pages(app: flask.Flask, parts: _Parts, services: list[Service], decider: Decider) -> None:
    """``/api``, and where they are wanted ``/replay`` and ``/reports``."""
    settings, clinical = parts.settings, parts.clinical
    app.register_blueprint(api_blueprint(services, VERSION))
    if settings.try_it:
        reader = key_reader(settings, VERSION)
        judge = judging(settings, parts.clients, reader) if settings.development else None
        app.register_blueprint(replay_blueprint(decider, settings, judge))
    if settings.development or settings.reports_token:
        app.register_blueprint(reports_blueprint(settings, parts.store, clinical.alerts, parts.now))


def _add_operation(app: flask.Flask, parts: _Parts, services: list[Service]) -> None:
    """Health, metrics, the OpenAPI document; and each answer counted, logged, audited, traced."""
    metrics, release = parts.metrics, parts.release
    tracing = Tracing(make_provider(VERSION), VERSION, ASKED_ALL_THE_TIME) if is_configured() else None
    add_operation(app, metrics, parts.store, services, parts.sources, release)
    watch_answers(app, metrics, services, release, _audit_trail(parts.settings, metrics), tracing)


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
