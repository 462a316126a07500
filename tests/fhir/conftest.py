"""A scripted FHIR server and a client that may call it."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from cds_service.fhir import ClientOptions, FhirClient
from tests.fhir.asking import Ask
from tests.fhir.bodies import patient
from tests.fhir.server import Answer, FhirServer


@pytest.fixture
def server() -> Iterator[FhirServer]:
    running = FhirServer()
    yield running
    running.close()


@pytest.fixture
def elsewhere() -> Iterator[FhirServer]:
    """A second origin, which must never see the token."""
    running = FhirServer()
    yield running
    running.close()


@pytest.fixture
def client() -> Iterator[FhirClient]:
    made = FhirClient(ClientOptions(user_agent="ldn-cds/test", max_bytes=100_000))
    yield made
    made.close()


@pytest.fixture
def ask(client: FhirClient, server: FhirServer) -> Ask:
    """Asks ``server``, which knows the patient."""
    server.routes["Patient/"] = Answer(patient())
    return Ask(client, server)
