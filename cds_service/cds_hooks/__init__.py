"""The CDS Hooks protocol for Flask, versions 1.0, 2.0 and 3.0.0-ballot; it knows no medicine.

A whole service::

    import flask
    from cds_service.cds_hooks import *

    def greet(request: HookRequest, call: CallContext) -> CardsResponse:
        source = Source(label="Reception")
        return CardsResponse(cards=[Card(summary="Good morning", indicator="info", source=source)])

    service = Service("greet", ORDER_SIGN, "Greeter", "Greets whoever signs an order.", greet)
    app = flask.Flask(__name__)
    init_errors(app)
    app.register_blueprint(cds_hooks_blueprint([service]))
"""

from cds_service.cds_hooks.authorization import FhirAuthorization
from cds_service.cds_hooks.blueprint import HookOptions, cds_hooks_blueprint
from cds_service.cds_hooks.discovery import CallContext, Handler, Service, discovery_document
from cds_service.cds_hooks.draft_orders import DraftOrder
from cds_service.cds_hooks.error_pages import init_errors, request_id
from cds_service.cds_hooks.feedback import FeedbackItem, FeedbackSink, RefusedItem, parse_feedback
from cds_service.cds_hooks.hooks import HOOKS, MEDICATION_PRESCRIBE, ORDER_SELECT, ORDER_SIGN, Hook
from cds_service.cds_hooks.outcome import operation_outcome
from cds_service.cds_hooks.request import HookRequest, Notice, parse_request
from cds_service.cds_hooks.response import (
    Action,
    Card,
    CardsResponse,
    Coding,
    Link,
    Source,
    Suggestion,
    encode,
)

__all__ = [
    "HOOKS",
    "MEDICATION_PRESCRIBE",
    "ORDER_SELECT",
    "ORDER_SIGN",
    "Action",
    "CallContext",
    "Card",
    "CardsResponse",
    "Coding",
    "DraftOrder",
    "FeedbackItem",
    "FeedbackSink",
    "FhirAuthorization",
    "Handler",
    "Hook",
    "HookOptions",
    "HookRequest",
    "Link",
    "Notice",
    "RefusedItem",
    "Service",
    "Source",
    "Suggestion",
    "cds_hooks_blueprint",
    "discovery_document",
    "encode",
    "init_errors",
    "operation_outcome",
    "parse_feedback",
    "parse_request",
    "request_id",
]
