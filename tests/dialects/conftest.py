"""A service, and an EHR that gives its lists in each of three ways."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from flask.testing import FlaskClient

from tests.dialects.shapes import WAYS, Ehr, app, patient
from tests.fhir.server import Answer, FhirServer


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> FlaskClient:
    return app(tmp_path_factory.mktemp("dialects"))


@pytest.fixture
def server() -> Iterator[FhirServer]:
    running = FhirServer()
    running.routes["Patient/"] = Answer(patient())
    yield running
    running.close()


@pytest.fixture(params=WAYS)
def ehr(request: pytest.FixtureRequest, server: FhirServer) -> Ehr:
    return Ehr(request.param, server)
