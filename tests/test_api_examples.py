"""The OpenAPI document: valid, its examples true, each fitting its schema, and a page of it."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest
import schemathesis
from flask.testing import FlaskClient

from cds_service import create_app
from cds_service.settings import Settings
from tests.api_examples import FILE, made


@pytest.fixture
def client(tmp_path: Path) -> FlaskClient:
    settings = Settings(cds_environment="development", database_url=f"sqlite:///{tmp_path}/test.sqlite3")
    return create_app(settings).test_client()


@pytest.fixture
def document(client: FlaskClient) -> dict[str, Any]:
    found: dict[str, Any] = client.get("/openapi.json").get_json()
    return found


def examples(document: dict[str, Any]) -> Iterator[tuple[str, dict[str, Any], Any]]:
    """Where, the schema, and the example, of every body in the document."""
    for path, methods in document["paths"].items():
        for method, operation in methods.items():
            bodies = {"request": operation.get("requestBody", {}), **operation["responses"]}
            for name, body in bodies.items():
                for content in body.get("content", {}).values():
                    for title, example in content.get("examples", {}).items():
                        yield f"{method} {path} {name} {title}", content["schema"], example["value"]


def test_the_examples_are_what_the_service_answers() -> None:
    assert json.loads(FILE.read_text("utf-8")) == made(), "run python -m tests.api_examples"


def test_the_document_is_valid(document: dict[str, Any]) -> None:
    schemathesis.openapi.from_dict(document).validate()


def test_an_invalid_document_would_be_found(document: dict[str, Any]) -> None:
    del document["info"]["title"]
    with pytest.raises(Exception, match="title"):
        schemathesis.openapi.from_dict(document).validate()


def test_each_example_fits_its_schema(document: dict[str, Any]) -> None:
    found = list(examples(document))
    for where, schema, value in found:
        whole = {**schema, "components": document["components"]}
        broken = [str(error) for error in jsonschema_rs.validator_for(whole).iter_errors(value)]
        assert broken == [], where
    for hook in ("order-select", "order-sign", "medication-prescribe"):
        places = {where for where, _, _ in found if f" /cds-services/ldn-{hook} " in where}
        told = {where.split()[2] for where in places}
        refusals = {"400", "401", "404", "408", "411", "412", "413", "415", "429", "503"}
        assert told >= {"request", "200"} | refusals
    assert any(where == "get /cds-services 200 all" for where, _, _ in found)


def test_the_page_is_there_in_production(tmp_path: Path, client: FlaskClient) -> None:
    assert "ldn-order-sign/feedback" in client.get("/api").get_data(as_text=True)
    settings = Settings(cds_environment="production", database_url=f"sqlite:///{tmp_path}/p.sqlite3")
    assert create_app(settings).test_client().get("/api").status_code == 200
