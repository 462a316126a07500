"""The OpenAPI document of the service, made from its routes and services."""

from __future__ import annotations

from typing import Any

from cds_service.cds_hooks import Service

_JSON = "application/json"


def openapi_document(services: list[Service], version: str) -> dict[str, Any]:
    """OpenAPI 3.1: discovery, the service calls, feedback and operation."""
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "ldn-cds",
            "version": version,
            "description": "CDS Hooks service for low dose naltrexone. https://cds-hooks.org/specification/current/",
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "paths": {
            "/cds-services": {
                "get": _operation("Discovery", "The services, their hooks and prefetch templates")
            },
            **{f"/cds-services/{service.id}": {"post": _call(service)} for service in services},
            **{f"/cds-services/{service.id}/feedback": {"post": _feedback(service)} for service in services},
            "/health/live": {"get": _operation("Liveness", "The process answers")},
            "/health/ready": {
                "get": _operation("Readiness", "The replica can take calls; degraded parts are named")
            },
        },
        "components": {"schemas": _SCHEMAS},
    }


def _operation(summary: str, description: str) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": _response(description)}}


def _response(description: str, schema: str | None = None) -> dict[str, Any]:
    content = (
        {"schema": {"$ref": f"#/components/schemas/{schema}"}} if schema else {"schema": {"type": "object"}}
    )
    return {"description": description, "content": {_JSON: content}}


def _errors(*codes: int) -> dict[str, Any]:
    return {str(code): _response(_REASONS[code], "OperationOutcome") for code in codes}


_REASONS = {
    400: "Not the request this hook asks for; the JSON path is in issue.expression",
    401: "The caller is not registered",
    404: "No such service",
    411: "Content-Length is missing",
    412: "No medication list could be read, and a decision needs one",
    413: "The body is too large",
    415: "The body is not JSON",
    503: "Try again later",
}


def _call(service: Service) -> dict[str, Any]:
    return {
        "summary": f"{service.title} ({service.hook.name})",
        "description": service.description,
        "requestBody": {
            "required": True,
            "content": {_JSON: {"schema": {"$ref": f"#/components/schemas/{_schema_of(service)}"}}},
        },
        "responses": {
            "200": _response(
                "The cards, most urgent first; empty when everything needed was checked", "Cards"
            ),
            **_errors(400, 401, 404, 411, 412, 413, 415),
        },
    }


def _schema_of(service: Service) -> str:
    return {"medications": "MedicationPrescribeRequest", "draftOrders": "OrderRequest"}[
        service.hook.orders_field
    ]


def _feedback(service: Service) -> dict[str, Any]:
    return {
        "summary": f"Feedback on the cards of {service.id}",
        "requestBody": {
            "required": True,
            "content": {_JSON: {"schema": {"$ref": "#/components/schemas/Feedback"}}},
        },
        "responses": {
            "200": _response("Kept; refused items, if any, are listed in an OperationOutcome"),
            **_errors(400, 401, 404, 411, 413, 415, 503),
        },
    }


def _request(orders_field: str) -> dict[str, Any]:
    context = {
        "type": "object",
        "required": ["patientId", orders_field],
        "properties": {
            "userId": {"type": "string"},
            "patientId": {"type": "string"},
            "encounterId": {"type": "string"},
            "selections": {"type": "array", "items": {"type": "string"}},
            orders_field: {"type": "object", "description": "FHIR Bundle of the orders"},
        },
    }
    return {
        "type": "object",
        "required": ["hook", "hookInstance", "context"],
        "properties": {
            "hook": {"type": "string"},
            "hookInstance": {"type": "string", "format": "uuid"},
            "fhirServer": {"type": "string", "format": "uri"},
            "fhirAuthorization": {"type": "object"},
            "context": context,
            "prefetch": {"type": "object"},
        },
    }


_SCHEMAS: dict[str, Any] = {
    "OrderRequest": _request("draftOrders"),
    "MedicationPrescribeRequest": _request("medications"),
    "Cards": {
        "type": "object",
        "required": ["cards"],
        "properties": {
            "cards": {
                "type": "array",
                "items": {
                    "type": "object",
                    "required": ["uuid", "summary", "indicator", "source"],
                    "properties": {
                        "uuid": {"type": "string", "format": "uuid"},
                        "summary": {"type": "string", "maxLength": 139},
                        "detail": {"type": "string"},
                        "indicator": {"enum": ["info", "warning", "critical"]},
                        "source": {"type": "object"},
                        "suggestions": {"type": "array", "items": {"type": "object"}},
                        "selectionBehavior": {"enum": ["at-most-one", "any"]},
                        "overrideReasons": {"type": "array", "items": {"type": "object"}},
                        "links": {"type": "array", "items": {"type": "object"}},
                    },
                },
            }
        },
    },
    "Feedback": {
        "type": "object",
        "required": ["feedback"],
        "properties": {
            "feedback": {
                "type": "array",
                "minItems": 1,
                "items": {
                    "type": "object",
                    "required": ["card", "outcome", "outcomeTimestamp"],
                    "properties": {
                        "card": {"type": "string"},
                        "outcome": {"enum": ["accepted", "overridden"]},
                        "outcomeTimestamp": {"type": "string", "format": "date-time"},
                        "acceptedSuggestions": {"type": "array", "items": {"type": "object"}},
                        "overrideReason": {"type": "object"},
                    },
                },
            }
        },
    },
    "OperationOutcome": {"type": "object", "required": ["resourceType", "issue"]},
}
