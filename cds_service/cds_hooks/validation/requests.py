"""What a client sends: service requests (R*) and feedback (F*), by the letter of the specification.

The parsers tolerate more; this is for tools that judge a client.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any, TypeGuard

from cds_service.cds_hooks.hooks import HOOKS, Hook
from cds_service.cds_hooks.request import patient_id_of
from cds_service.cds_hooks.validation import checks
from cds_service.cds_hooks.validation.checks import Violation

_REFERENCE = re.compile(r"[A-Z][A-Za-z]+/[A-Za-z0-9.-]{1,64}")
_UTC_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(\.\d+)?(Z|[+-]00:00)")
_OUTCOMES = ("accepted", "overridden")


def validate_request(body: object) -> list[Violation]:
    """R2 to R9, cds-r-1, cds-r-2, T4 and T5 of one service request."""
    if not isinstance(body, dict):
        return [Violation("R2", "$", "Expected an object")]
    prefetch = body.get("prefetch")
    nulls = (
        [f"$.prefetch.{key}" for key, value in prefetch.items() if value is None]
        if _is_object(prefetch)
        else []
    )
    violations = list(checks.no_empty_values(body, "$", nulls))
    violations += checks.text(body, "hook", "$", "R2")
    if not checks.is_uuid(body.get("hookInstance")):
        rule = "R4" if body.get("hookInstance") else "R2"
        violations.append(Violation(rule, "$.hookInstance", "Expected a UUID"))
    violations += _context(body)
    violations += _fhir_access(body)
    if not _is_object(body.get("prefetch", {})):
        violations.append(Violation("P1", "$.prefetch", "Expected an object"))
    violations += checks.extension(body, "$")
    return violations


def validate_feedback(body: object) -> list[Violation]:
    """F1 to F4, cds-fb-* and T4 of one feedback body."""
    if not isinstance(body, dict) or not isinstance(body.get("feedback"), list):
        return [Violation("F1", "$.feedback", "Expected an object with an array of feedback")]
    violations = list(checks.no_empty_values(body, "$"))
    violations += checks.array(body, "feedback", "$", "F1")
    for path, item in checks.items(body, "feedback", "$"):
        violations += _feedback_item(item, path)
    return violations


def _is_object(value: object) -> TypeGuard[dict[str, Any]]:
    return isinstance(value, dict)


def _context(body: dict[str, Any]) -> Iterator[Violation]:
    context = body.get("context")
    if not isinstance(context, dict):
        yield Violation("R2", "$.context", "Expected an object")
        return
    for name in ("userId", "patientId"):
        yield from checks.text(context, name, "$.context", "R9")
    yield from checks.optional_text(context, "encounterId", "$.context", "R9")
    if isinstance(context.get("userId"), str) and not _REFERENCE.fullmatch(context["userId"]):
        yield Violation("R9", "$.context.userId", "ord-1: Expected Type/id")
    hook = HOOKS.get(str(body.get("hook")))
    if hook:
        yield from _order_fields(context, hook)


def _order_fields(context: dict[str, Any], hook: Hook) -> Iterator[Violation]:
    orders = context.get(hook.orders_field)
    if not isinstance(orders, dict) or orders.get("resourceType") != "Bundle":
        yield Violation("R9", f"$.context.{hook.orders_field}", "Expected a Bundle")
    if not hook.selects:
        return
    selections = context.get("selections")
    if not isinstance(selections, list) or not all(
        isinstance(selection, str) and _REFERENCE.fullmatch(selection) for selection in selections
    ):
        yield Violation("R9", "$.context.selections", "ord-1: Expected a list of Type/id")


def _fhir_access(body: dict[str, Any]) -> Iterator[Violation]:
    server, authorization = body.get("fhirServer"), body.get("fhirAuthorization")
    if server is not None and not (checks.is_absolute_url(server) and str(server).startswith("https:")):
        yield Violation("R6", "$.fhirServer", "Expected an https URL")
    if authorization is None:
        return
    if server is None:
        yield Violation("R5", "$.fhirServer", "cds-r-1: required with fhirAuthorization")
    path = "$.fhirAuthorization"
    if not isinstance(authorization, dict):
        yield Violation("R7", path, "Expected an object")
        return
    yield from _authorization(authorization, path)
    context = body.get("context")
    patient, expected = (
        authorization.get("patient"),
        context.get("patientId") if _is_object(context) else None,
    )
    both = isinstance(patient, str) and isinstance(expected, str)
    if both and patient_id_of(str(patient)) != patient_id_of(str(expected)):
        yield Violation("R8", f"{path}.patient", "Another patient than the context's")


def _authorization(authorization: dict[str, Any], path: str) -> Iterator[Violation]:
    for name in ("access_token", "scope", "subject"):
        yield from checks.text(authorization, name, path, "R7")
    yield from checks.one_of(authorization, "token_type", ("Bearer",), path, "R7")
    lifetime = authorization.get("expires_in")
    if not isinstance(lifetime, int) or isinstance(lifetime, bool):
        yield Violation("R7", f"{path}.expires_in", "Expected an integer")
    if "patient/" in str(authorization.get("scope")) and "patient" not in authorization:
        yield Violation("R7", f"{path}.patient", "cds-r-2: expected with patient scopes")


def _feedback_item(item: dict[str, Any], path: str) -> Iterator[Violation]:
    yield from checks.text(item, "card", path, "F2")
    for found in checks.one_of(item, "outcome", _OUTCOMES, path, "F2"):
        yield Violation(found.rule, found.path, f"cds-fb-1: {found.message}")
    if not _UTC_TIME.fullmatch(str(item.get("outcomeTimestamp"))):
        yield Violation("F2", f"{path}.outcomeTimestamp", "Expected an RFC 3339 date-time in UTC")
    if item.get("outcome") == "accepted" and "acceptedSuggestions" not in item:
        yield Violation("F3", f"{path}.acceptedSuggestions", "cds-fb-2: required")
    yield from checks.array(item, "acceptedSuggestions", path, "F3")
    for suggestion_path, suggestion in checks.items(item, "acceptedSuggestions", path):
        yield from checks.text(suggestion, "id", suggestion_path, "F3")
    if "overrideReason" in item:
        yield from _override_reason(item["overrideReason"], f"{path}.overrideReason")


def _override_reason(override: Any, path: str) -> Iterator[Violation]:
    if not isinstance(override, dict) or not ({"reason", "userComment"} & set(override)):
        yield Violation("F4", path, "cds-fb-3: Expected a reason or a userComment")
        return
    if "reason" not in override:
        return
    reason = override["reason"]
    for name in ("code", "system"):
        yield from checks.text(reason if _is_object(reason) else {}, name, f"{path}.reason", "F4")
