"""The one place where an error becomes a status and an OperationOutcome (C18)."""

from __future__ import annotations

from typing import Any

from cds_service.errors import Forbidden, ServiceError, Unauthenticated

ERROR_CODES = "urn:cds-service:error-code"


def operation_outcome(error: ServiceError) -> tuple[int, dict[str, Any]]:
    """Status and OperationOutcome of an error.

    The stable code is ``details.coding[0].code``. 401 and 403 carry the issue
    code and nothing else: the reason is for the log (A12).
    """
    issue: dict[str, Any] = {"severity": "error", "code": error.issue}
    if not isinstance(error, (Unauthenticated, Forbidden)):
        issue |= _explanation(error)
    return error.status, {"resourceType": "OperationOutcome", "issue": [issue]}


def _explanation(error: ServiceError) -> dict[str, Any]:
    explanation: dict[str, Any] = {"details": {"coding": [{"system": ERROR_CODES, "code": error.code}]}}
    if error.diagnostics:
        explanation["details"]["text"] = error.diagnostics
        explanation["diagnostics"] = error.diagnostics
    if error.path:
        explanation["expression"] = [error.path]
    return explanation
