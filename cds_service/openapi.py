"""The OpenAPI document of the service, made from its routes and services."""

from __future__ import annotations

import json
from functools import cache
from pathlib import Path
from typing import Any

from cds_service.cds_hooks import HOOKS, Service

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
            "/cds-services": {"get": _discovery()},
            **{f"/cds-services/{service.id}": {"post": _call(service)} for service in services},
            **{f"/cds-services/{service.id}/feedback": {"post": _feedback(service)} for service in services},
            "/metrics": {"get": _METRICS},
            "/explain/{topic}": {"get": _explanation()},
            "/health/live": {"get": _operation("Liveness", "The process answers")},
            "/health/ready": {
                "get": _operation("Readiness", "The replica can take calls; degraded parts are named")
            },
        },
        "components": {"schemas": _SCHEMAS},
    }


def _discovery() -> dict[str, Any]:
    words = "The services, their hooks and prefetch templates"
    return {
        **_operation("Discovery", words),
        "responses": {
            "200": _with(_response(words), all=_examples()["discovery"]),
            "304": {"description": "As the client has it (If-None-Match)"},
            **_errors(401),
        },
    }


def _explanation() -> dict[str, Any]:
    return {
        "summary": "What a card of a topic means",
        "parameters": [{"name": "topic", "in": "path", "required": True, "schema": {"type": "string"}}],
        "responses": {
            "200": {"description": "A page for people", "content": {"text/html": {}}},
            **_errors(404),
        },
    }


_METRICS = {
    "summary": "Metrics",
    "responses": {"200": {"description": "Prometheus text", "content": {"text/plain": {}}}},
}


@cache
def _examples() -> dict[str, Any]:
    """Answers of this service, kept true by ``tests/test_api_examples.py``; read when first asked for."""
    examples: dict[str, Any] = json.loads((Path(__file__).parent / "api_examples.json").read_text("utf-8"))
    return examples


def _with(response: dict[str, Any], **examples: Any) -> dict[str, Any]:
    """``response``, or a request body, with an example for each name."""
    content = response["content"][_JSON] | {
        "examples": {name: {"value": value} for name, value in examples.items()}
    }
    return {**response, "content": {_JSON: content}}


def _operation(summary: str, description: str) -> dict[str, Any]:
    return {"summary": summary, "responses": {"200": _response(description)}}


def _response(description: str, schema: str | None = None) -> dict[str, Any]:
    content = (
        {"schema": {"$ref": f"#/components/schemas/{schema}"}} if schema else {"schema": {"type": "object"}}
    )
    return {"description": description, "content": {_JSON: content}}


def _errors(*codes: int) -> dict[str, Any]:
    told = _examples()["errors"]
    found = {str(code): _response(_REASONS[code], "OperationOutcome") for code in codes}
    return {code: _with(each, answer=told[code]) if code in told else each for code, each in found.items()}


_REASONS = {
    400: "Not the request this hook asks for; the JSON path is in issue.expression",
    401: "The caller is not registered",
    404: "No such service, or none of the cards is known",
    408: "The body did not arrive in time",
    411: "Content-Length is missing",
    412: "No medication list could be read, and a decision needs one",
    413: "The body is too large, or holds too many resources",
    415: "The body is not JSON",
    429: "More calls a minute than the client is registered for; Retry-After says when",
    503: "Too many calls at a time, or the store is down; Retry-After says when",
}


def _call(service: Service) -> dict[str, Any]:
    hook = service.hook.name
    cards = _response("The cards, most urgent first; empty when everything needed was checked", "Cards")
    return {
        "summary": f"{service.title} ({hook})",
        "description": service.description,
        "requestBody": _with(_body(f"{hook}-request"), start=example_request(hook)),
        "responses": {
            "200": _with(cards, start=_examples()["cards"][hook]),
            **_errors(400, 401, 404, 408, 411, 412, 413, 415, 429, 503),
        },
    }


def _body(schema: str) -> dict[str, Any]:
    return {"required": True, "content": {_JSON: {"schema": {"$ref": f"#/components/schemas/{schema}"}}}}


def _feedback(service: Service) -> dict[str, Any]:
    told = _examples()["feedback"]
    kept = _response(
        "Kept; what is refused beside it, such as unknown cards, is listed in an OperationOutcome"
    )
    errors = _errors(400, 401, 404, 408, 411, 413, 415, 429, 503)
    # what a call without context is answered is no answer to feedback
    errors["400"] = _response(_REASONS[400], "OperationOutcome")
    errors["404"] = _with(errors["404"], unknown=told["unknown"]["response"])
    return {
        "summary": f"Feedback on the cards of {service.id}",
        "description": "Taken item by item, each once however often it arrives, also long after the card, "
        "and only for cards that this client was served. 200 says that it is on disk.",
        "requestBody": _with(_body("Feedback"), **{name: each["request"] for name, each in told.items()}),
        "responses": {
            "200": _with(kept, **{name: told[name]["response"] for name in ("kept", "partly")}),
            **errors,
        },
    }


def _request(hook: str, orders_field: str) -> dict[str, Any]:
    context = {
        "type": "object",
        "required": ["patientId", orders_field],
        "properties": {
            "userId": {"type": "string"},
            "patientId": {"type": "string", "pattern": "^[A-Za-z0-9.-]{1,64}$"},
            "encounterId": {"type": "string"},
            "selections": {"type": "array", "items": {"type": "string"}},
            orders_field: {"$ref": "#/components/schemas/Orders"},
        },
    }
    return {
        "type": "object",
        "required": ["hook", "hookInstance", "context"],
        "properties": {
            "hook": {"const": hook},
            "hookInstance": {"type": "string", "format": "uuid"},
            "fhirServer": {"type": "string", "format": "uri"},
            "fhirAuthorization": {"$ref": "#/components/schemas/Authorization"},
            "context": context,
            "prefetch": {
                "type": "object",
                "additionalProperties": {
                    "anyOf": [_BUNDLE, {"$ref": "#/components/schemas/Resource"}, {"type": "null"}]
                },
                "description": "Keys of the discovery document; a site may rename them",
            },
        },
        "examples": [_example(hook, orders_field)],
    }


def example_request(hook: str) -> dict[str, Any]:
    """A body that the service of ``hook`` answers with a card. Raises ``KeyError`` for another hook."""
    return _example(hook, HOOKS[hook].orders_field)


def _example(hook: str, orders_field: str) -> dict[str, Any]:
    order = {
        "resourceType": "MedicationRequest",
        "id": "draft-1",
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/example"},
        "medicationCodeableConcept": {"text": "naltrexone 4.5 mg compounded capsule"},
        "dosageInstruction": [{"text": "1 capsule at bedtime"}],
    }
    context = {
        "userId": "Practitioner/example",
        "patientId": "example",
        orders_field: {"resourceType": "Bundle", "entry": [{"resource": order}]},
    }
    if HOOKS[hook].selects:
        context["selections"] = ["MedicationRequest/draft-1"]
    empty = {"resourceType": "Bundle", "type": "searchset", "entry": []}
    keys = ("medicationRequests", "medicationStatements", "conditions", "allergies", "observations")
    return {
        "hook": hook,
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": context,
        "prefetch": {
            "patient": {"resourceType": "Patient", "id": "example", "birthDate": "1980-02-01"},
            **dict.fromkeys(keys, empty),
        },
    }


_BUNDLE: dict[str, Any] = {
    "type": "object",
    "required": ["resourceType"],
    "properties": {
        "resourceType": {"const": "Bundle"},
        "type": {"enum": ["searchset", "collection"]},
        "link": {"type": "array", "items": {"type": "object"}},
        "entry": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {"resource": {"$ref": "#/components/schemas/Resource"}},
            },
        },
    },
}
_RESOURCE: dict[str, Any] = {
    "type": "object",
    "required": ["resourceType"],
    "properties": {
        "resourceType": {
            "enum": [
                "MedicationRequest", "MedicationOrder", "MedicationStatement", "MedicationDispense",
                "MedicationAdministration", "Medication", "Condition", "AllergyIntolerance",
                "Observation", "Patient", "ServiceRequest", "OperationOutcome",
            ]
        },
        "id": {"type": "string"},
        "status": {"type": "string"},
        "authoredOn": {"type": "string", "format": "date-time"},
        "effectiveDateTime": {"type": "string", "format": "date"},
        "medicationCodeableConcept": {"$ref": "#/components/schemas/CodeableConcept"},
        "code": {"$ref": "#/components/schemas/CodeableConcept"},
        "valueString": {"type": "string"},
        "dosageInstruction": {"type": "array", "items": {"$ref": "#/components/schemas/Dosage"}},
    },
}  # fmt: skip
_CONCEPT: dict[str, Any] = {
    "type": "object",
    "properties": {
        "text": {"type": "string", "examples": ["naltrexone 4.5 mg capsule", "oxycodone 5 mg tablet"]},
        "coding": {
            "type": "array",
            "items": {
                "type": "object",
                "properties": {
                    "system": {"type": "string"},
                    "code": {"type": "string"},
                    "display": {"type": "string"},
                },
            },
        },
    },
}
_DOSAGE: dict[str, Any] = {
    "type": "object",
    "properties": {
        "text": {"type": "string"},
        "doseQuantity": {"type": "object", "properties": {"value": {"type": "number"}}},
        "doseAndRate": {"type": "array", "items": {"type": "object"}},
        "timing": {"type": "object", "properties": {"repeat": {"type": "object"}}},
    },
}

_CARD = {"type": "string", "minLength": 1, "maxLength": 64, "description": "The card's uuid"}
_WHEN = {"type": "string", "format": "date-time"}
_ACCEPTED: dict[str, Any] = {
    "type": "object",
    "required": ["card", "outcome", "outcomeTimestamp", "acceptedSuggestions"],
    "properties": {
        "card": _CARD,
        "outcome": {"const": "accepted"},
        "outcomeTimestamp": _WHEN,
        "acceptedSuggestions": {
            "type": "array",
            "minItems": 1,
            "items": {"type": "object", "required": ["id"], "properties": {"id": _CARD}},
        },
    },
}
_OVERRIDDEN: dict[str, Any] = {
    "type": "object",
    "required": ["card", "outcome", "outcomeTimestamp"],
    "properties": {
        "card": _CARD,
        "outcome": {"const": "overridden"},
        "outcomeTimestamp": _WHEN,
        "overrideReason": {
            "type": "object",
            "required": ["reason"],
            "properties": {
                "reason": {
                    "type": "object",
                    "required": ["code", "system"],
                    "properties": {"code": {"type": "string", "minLength": 1}, "system": {"type": "string"}},
                },
                "userComment": {"type": "string"},
            },
        },
    },
}

_SCHEMAS: dict[str, Any] = {
    **{f"{name}-request": _request(name, hook.orders_field) for name, hook in HOOKS.items()},
    "Orders": _BUNDLE,
    "Resource": _RESOURCE,
    "CodeableConcept": _CONCEPT,
    "Dosage": _DOSAGE,
    "Authorization": {
        "type": "object",
        "required": ["access_token"],
        "properties": {
            "access_token": {"type": "string", "minLength": 1},
            "token_type": {"const": "Bearer"},
            "expires_in": {"type": "integer"},
            "scope": {"type": "string"},
            "subject": {"type": "string"},
            "patient": {"type": "string"},
        },
    },
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
                "items": {"anyOf": [_ACCEPTED, _OVERRIDDEN]},
            }
        },
    },
    "OperationOutcome": {"type": "object", "required": ["resourceType", "issue"]},
}
