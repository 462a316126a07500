"""The page ``/api``: the OpenAPI document, readable in a browser."""

from __future__ import annotations

import json
from typing import Any

import flask

from cds_service.cds_hooks import Service
from cds_service.openapi import openapi_document


def api_blueprint(services: list[Service], version: str) -> flask.Blueprint:
    """The page, of the document that ``/openapi.json`` gives; it holds nothing secret."""
    blueprint = flask.Blueprint("api", __name__, template_folder="templates")

    @blueprint.get("/api")
    def page() -> str:
        document = openapi_document(services, version)
        return flask.render_template(
            "api.html",
            document=document,
            shown_errors=_errors(document),
            pretty=lambda value: json.dumps(value, indent=2, ensure_ascii=False),
            schema_name=lambda content: content.get("schema", {}).get("$ref", "").rpartition("/")[2],
        )

    return blueprint


def _errors(document: dict[str, Any]) -> dict[str, Any]:
    """Each refusal once, with an answer where there is one: they are the same for all calls."""
    found: dict[str, Any] = {}
    for path in document["paths"].values():
        for operation in path.values():
            for status, response in operation["responses"].items():
                if status >= "400" and (status not in found or not _answers(found[status])):
                    found[status] = response
    return dict(sorted(found.items()))


def _answers(response: dict[str, Any]) -> bool:
    return any("examples" in content for content in response["content"].values())
