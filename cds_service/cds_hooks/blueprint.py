"""The CDS Hooks routes as a Flask blueprint: the protocol's edge to HTTP."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache

import flask
from flask.globals import request_ctx
from flask.sansio.blueprints import BlueprintSetupState
from werkzeug.sansio.utils import get_current_url

from cds_service.cds_hooks.authentication import Caller, TokenRefused
from cds_service.cds_hooks.bodies import read_body, require_json
from cds_service.cds_hooks.discovery import CallContext, Service, discovery_document, entity_tag
from cds_service.cds_hooks.error_pages import outcome_response, request_id
from cds_service.cds_hooks.feedback import (
    FeedbackItem,
    FeedbackSink,
    RefusedItem,
    acknowledge,
    parse_feedback,
    refusal_outcome,
)
from cds_service.cds_hooks.request import HookRequest, parse_request
from cds_service.cds_hooks.response import encode
from cds_service.cds_hooks.slow_clients import BodyWatch
from cds_service.errors import InvalidRequest, NotFound, PayloadTooLarge, Unauthenticated

_log = logging.getLogger(__name__)

Authenticate = Callable[[flask.Request], Caller | None]
"""Says who calls (``None`` for nobody in particular), or raises ``TokenRefused`` or ``Unauthenticated``.

Either is answered with a 401 that says nothing; the reason of the former is written to the log.
"""

ResponseObserver = Callable[[Service, HookRequest, bytes], None]
"""Sees every answer as it goes out, for checks that report."""


def anyone(request: flask.Request) -> None:
    """Authentication of a service that is open to all."""
    return None


def no_origin(origin: str) -> bool:
    """No browser client may call."""
    return False


@lru_cache(maxsize=64)
def _root_of(scheme: str, host: str, path: str) -> str:
    """What Werkzeug calls ``url_root``; few hosts are ever asked for, so it is put together once."""
    return get_current_url(scheme, host, path)


@dataclass(frozen=True, slots=True, kw_only=True)
class HookOptions:
    """What the application decides about the routes."""

    authenticate: Authenticate = anyone
    protect_discovery: bool = False
    """Discovery asks for authentication too (D14)."""
    feedback_sink: FeedbackSink = acknowledge
    max_body_bytes: int = 4 * 1024 * 1024
    max_entries: int = 10_000
    """Items of one feedback."""
    max_orders: int = 1_000
    """Orders of one request; of more none is shown to the handler."""
    body_seconds: float = 10.0
    """A body has so long to arrive."""
    on_late_body: Callable[[int], object] = lambda more: None
    """Hears how many more, or fewer, threads wait for a body."""
    public_url: str | None = None
    """What links start with."""
    use_request_host: bool = False
    """Without a ``public_url``, links start with the host the client names; a client can name any."""
    allow_origin: Callable[[str], bool] = no_origin
    """Whether browser pages of an origin may call (A14)."""
    on_response: ResponseObserver | None = None
    """Never changes an answer, whatever becomes of it."""


@dataclass(frozen=True, slots=True)
class _Site:
    """What the routes of one blueprint share."""

    options: HookOptions
    services: dict[str, Service]
    discovery: bytes
    watch: BodyWatch

    def call(self, request: flask.Request, caller: Caller | None) -> CallContext:
        base_url = self.options.public_url
        if base_url is None and self.options.use_request_host:
            base_url = _root_of(request.scheme, request.host, request.root_path)
        return CallContext(base_url.rstrip("/") if base_url else None, request_id(), caller)

    def caller(self, request: flask.Request) -> Caller | None:
        try:
            return self.options.authenticate(request)
        except TokenRefused as refused:
            _log.warning(
                "call refused: %s (client %s)",
                refused.reason,
                refused.client or "unknown",
                extra={"reason": refused.reason, "client": refused.client},
            )
            raise Unauthenticated from None

    def service(self, service_id: str) -> Service:
        try:
            return self.services[service_id]
        except KeyError:
            raise NotFound("There is no such service") from None

    def read(self, service_id: str) -> tuple[Service, bytes, CallContext]:
        """What both POST routes do first. The body comes first of all, so that refusals arrive."""
        request = request_ctx.request
        body = read_body(request, self.options.max_body_bytes, self.watch)
        caller = self.caller(request)
        service = self.service(service_id)
        require_json(request)
        return service, body, self.call(request, caller)


def cds_hooks_blueprint(services: Iterable[Service], options: HookOptions | None = None) -> flask.Blueprint:
    """The routes of ``services``, to be registered on an application that called ``init_errors``."""
    services, options = tuple(services), options or HookOptions()
    by_id = {service.id: service for service in services}
    if len(by_id) != len(services):
        raise ValueError("Two services have one id (D13)")
    watch = BodyWatch(options.body_seconds, options.on_late_body)
    site = _Site(options, by_id, discovery_document(services), watch)
    blueprint = flask.Blueprint("cds_hooks", __name__)
    _add_routes(blueprint, site)
    blueprint.record(lambda state: _watch_answers(state, site))
    return blueprint


def _add_routes(blueprint: flask.Blueprint, site: _Site) -> None:
    _route(blueprint, "", "discovery", lambda: _discover(site), "GET")
    _route(blueprint, "/<service_id>", "service", lambda service_id: _serve(site, service_id), "POST")
    _route(
        blueprint,
        "/<service_id>/feedback",
        "feedback",
        lambda service_id: _take_feedback(site, service_id),
        "POST",
    )


def _route(
    blueprint: flask.Blueprint,
    path: str,
    name: str,
    view: Callable[..., flask.Response],
    method: str,
) -> None:
    """One address with its preflight, which is answered before any authentication (A14).

    A slash at the end, and the double slash that a client makes of a discovery
    address with one (the sandbox), are answered in place: a redirect would
    cost the body, and a browser follows none on a preflight.
    """
    doubled = [f"/cds-services/{path}"] if path else []
    for index, rule in enumerate([f"/cds-services{path}", *doubled]):
        suffix = f"_{index}" if index else ""
        options = {"strict_slashes": False, "merge_slashes": False, "provide_automatic_options": False}
        blueprint.add_url_rule(rule, name + suffix, view, methods=[method], **options)
        blueprint.add_url_rule(rule, f"{name}_preflight{suffix}", _preflight, methods=["OPTIONS"], **options)


def _discover(site: _Site) -> flask.Response:
    """D1, D2, D15."""
    if site.options.protect_discovery:
        site.caller(flask.request)
    response = flask.Response(site.discovery, content_type="application/json")
    response.set_etag(entity_tag(site.discovery))
    response.headers["Cache-Control"] = "no-cache"
    response.make_conditional(flask.request)
    return response


def _serve(site: _Site, service_id: str) -> flask.Response:
    """R1, C1."""
    service, body, call = site.read(service_id)
    hook_request = parse_request(body, service.hook)
    if len(hook_request.orders) + len(hook_request.unreadable) > site.options.max_orders:
        raise PayloadTooLarge(f"More than {site.options.max_orders} orders in one request: none was checked")
    answer = encode(service.handler(hook_request, call))
    if site.options.on_response is not None:
        _observe(site.options.on_response, service, hook_request, answer)
    return _json(answer)


def _observe(observer: ResponseObserver, service: Service, request: HookRequest, answer: bytes) -> None:
    """Whatever becomes of the observer, the clinician gets the answer."""
    try:
        observer(service, request, answer)
    except Exception as error:
        _log.error("The observer of responses failed with %s", type(error).__qualname__)


def _take_feedback(site: _Site, service_id: str) -> flask.Response:
    """F1 to F5, F9: what can be read and is of this client is taken, the rest listed in the answer."""
    service, body, call = site.read(service_id)
    items = parse_feedback(body, site.options.max_entries)
    taken = [item for item in items if isinstance(item, FeedbackItem)]
    refused = [item for item in items if isinstance(item, RefusedItem)]
    if not taken:
        raise InvalidRequest(refused[0].reason, path=refused[0].path)
    refused += site.options.feedback_sink(service, taken, call)
    if not refused:
        return _json(b"{}")
    status = 200 if len(refused) < len(items) else 404  # at least one was a card of nobody or of another
    return outcome_response(status, refusal_outcome(sorted(refused, key=lambda item: item.index)))


def _json(body: bytes) -> flask.Response:
    response = flask.Response(body, content_type="application/json")
    response.headers["Cache-Control"] = "no-store"
    return response


def _preflight(**path: str) -> flask.Response:
    """The headers come from :func:`_add_cors`, as for every answer."""
    response = flask.Response(status=204)
    del response.headers["Content-Type"]
    return response


def _watch_answers(state: BlueprintSetupState, site: _Site) -> None:
    """Asked of every answer of the application: one to an address below ours that no route takes (404, 405)
    belongs to no blueprint, and a page must be able to read it too.
    """
    own = f"{state.url_prefix or ''}/cds-services"
    state.app.after_request(
        lambda response: _add_cors(site, response) if request_ctx.request.path.startswith(own) else response
    )


def _add_cors(site: _Site, response: flask.Response) -> flask.Response:
    """CORS for the browser clients the application allows; never with credentials (A14)."""
    request = request_ctx.request
    response.headers.add("Vary", "Origin")
    origin = request.headers.get("Origin")
    if origin is None or not site.options.allow_origin(origin):
        return response
    response.headers["Access-Control-Allow-Origin"] = origin
    response.headers["Access-Control-Expose-Headers"] = "ETag, X-Request-Id"
    if request.method == "OPTIONS":
        response.headers["Access-Control-Allow-Methods"] = "GET, POST, OPTIONS"
        response.headers["Access-Control-Allow-Headers"] = "Authorization, Content-Type, X-Request-Id"
        response.headers["Access-Control-Max-Age"] = "600"
    return response
