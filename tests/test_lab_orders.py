"""Orders of tests that a suggestion adds, in the shape of each FHIR version."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pytest
from fhir.resources.R4B.servicerequest import ServiceRequest as R4Service
from fhir.resources.servicerequest import ServiceRequest as R5Service
from fhir.resources.STU3.procedurerequest import ProcedureRequest as STU3Procedure

from cds_service.drafts import (
    Version,
)
from cds_service.lab_orders import LABELS, TESTS, lab_order

DAY = date(2026, 12, 1)
ALL_TESTS = [test for tests in TESTS.values() for test in tests]


@pytest.mark.parametrize("test", ALL_TESTS, ids=lambda t: t.code)
@pytest.mark.parametrize("version", Version)
def test_a_test_order_of_each_version(version: Version, test: Any) -> None:
    made = lab_order(test, "p", version, DAY)
    assert "id" not in made and made["subject"] == {"reference": "Patient/p"}
    coding = {"system": "http://loinc.org", "code": test.code, "display": test.display}
    assert json.dumps(coding) in json.dumps(made)
    kinds = {Version.STU3: STU3Procedure, Version.R4: R4Service, Version.R5: R5Service}
    if version in kinds:
        assert made["status"] == "draft"
        kinds[version].model_validate(made)
    else:
        assert (made["resourceType"], made["status"]) == ("DiagnosticOrder", "proposed")


def test_every_test_has_a_label() -> None:
    assert set(LABELS) == set(TESTS)
