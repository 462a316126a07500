"""The discovery document (D2 to D13)."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from cds_service.cds_hooks.hooks import HOOKS, Hook
from cds_service.cds_hooks.prefetch_templates import check_templates
from cds_service.cds_hooks.validation import checks
from cds_service.cds_hooks.validation.checks import Violation

_CONTEXT_TOKEN = re.compile(r"\{\{\s*context\.(\w+)\s*\}\}")
_SEMVER = re.compile(r"(0|[1-9]\d*)\.(0|[1-9]\d*)\.(0|[1-9]\d*)(-[0-9A-Za-z.-]+)?(\+[0-9A-Za-z.-]+)?")


def validate_discovery(document: object, *, trial_use: bool = False) -> list[Violation]:
    """Every rule of D* that a machine can check; ``trial_use`` allows D8 and D9 tokens."""
    if not isinstance(document, dict) or not isinstance(document.get("services"), list):
        return [Violation("D2", "$.services", "Expected an object with an array of services")]
    allowed = ("$.services",) if document["services"] == [] else ()
    violations = list(checks.no_empty_values(document, "$", allowed))
    if document["services"]:
        violations += checks.array(document, "services", "$", "D2")
    seen = set[str]()
    for path, service in checks.items(document, "services", "$"):
        violations += _service(service, path, trial_use)
        if str(service.get("id")) in seen:
            violations.append(Violation("D13", f"{path}.id", "Clients collapse services with one id"))
        seen.add(str(service.get("id")))
    return violations


def _service(service: dict[str, Any], path: str, trial_use: bool) -> Iterator[Violation]:
    for name in ("hook", "description", "id"):
        yield from checks.text(service, name, path, "D3")
    yield from checks.text(service, "title", path, "D4")
    yield from checks.optional_text(service, "usageRequirements", path, "D10")
    hook = HOOKS.get(str(service.get("hook")))
    yield from _prefetch(service, path, hook or _unknown(service), trial_use)
    if "version" in service and not _SEMVER.fullmatch(str(service["version"])):
        yield Violation("D11", f"{path}.version", "Expected a semantic version")
    if hook and service.get("hookVersion", hook.version) != hook.version:
        yield Violation("D12", f"{path}.hookVersion", f"Published is {hook.version}")
    yield from checks.extension(service, path)


def _unknown(service: dict[str, Any]) -> Hook:
    """A hook that is not known here; any field of its context may be a token."""
    fields = _CONTEXT_TOKEN.findall(str(service.get("prefetch")))
    return Hook(str(service.get("hook")), "1.0", prefetch_tokens=frozenset(fields))


def _prefetch(service: dict[str, Any], path: str, hook: Hook, trial_use: bool) -> Iterator[Violation]:
    prefetch, path = service.get("prefetch", {}), f"{path}.prefetch"
    if not isinstance(prefetch, dict) or not all(isinstance(query, str) for query in prefetch.values()):
        yield Violation("D5", path, "Expected an object of strings")
        return
    for defect in check_templates(prefetch, hook, trial_use=trial_use):
        rule = defect.rsplit("(", 1)[-1].rstrip(")")
        yield Violation(rule, path, defect)
