"""A request made safe to show to support: what the service reads stays, whatever names a patient goes.

The rule is what may stay, not what must go. Of a resource only the elements stay that the service itself
reads (:mod:`cds_service.fhir.resources`), and of each only what fits its kind: codes of known systems,
words of known vocabularies, numbers, units. Identifiers and references get other names, the same ones
throughout; dates move together, so that intervals stay. Everything else is left out.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date
from typing import Any
from uuid import UUID

from cds_service.cds_hooks import HOOKS
from cds_service.fhir.prefetch import KNOWN_KEYS
from cds_service.redaction.dates import anchor
from cds_service.redaction.names import EHR, Names
from cds_service.redaction.resources import Redactor, stand_in
from cds_service.replay import TODAY_KEY

_SCOPES = ("patient/", "user/", "system/", "launch", "openid", "fhirUser", "online_access", "offline_access")
_ORDER_FIELDS = ("draftOrders", "medications")


def redact(request: Any, today: date, keys: Mapping[str, str] | None = None) -> Any:
    """``request`` without what tells whom it is about; it is decided on another day, which it names.

    :param today: the day the request was sent.
    :param keys: prefetch keys that the site named itself; other unknown keys get other names.
    """
    if not isinstance(request, dict):
        return stand_in(request)
    redactor = Redactor(Names(), today)
    redacted = {
        name: treat(request[name], redactor, keys or {})
        for name, treat in _MEMBERS.items()
        if name in request
    }
    return {**redacted, "extension": {TODAY_KEY: anchor(today).isoformat()}}


def _hook(value: Any, redactor: Redactor, keys: Mapping[str, str]) -> Any:
    return value if isinstance(value, str) and value in HOOKS else stand_in(value)


def _instance(value: Any, redactor: Redactor, keys: Mapping[str, str]) -> Any:
    if not isinstance(value, str):
        return stand_in(value)
    try:
        UUID(value)
    except ValueError:
        return redactor.names.id_of(value)
    return redactor.names.uuid_of(value)


def _server(value: Any, redactor: Redactor, keys: Mapping[str, str]) -> Any:
    if not isinstance(value, str):
        return stand_in(value)
    return EHR if value.startswith("https:") else EHR.replace("https:", "http:")


def _authorization(value: Any, redactor: Redactor, keys: Mapping[str, str]) -> Any:
    if not isinstance(value, dict):
        return stand_in(value)
    bearer = str(value.get("token_type")).lower() == "bearer"
    made = {
        "access_token": "removed",
        "token_type": "Bearer" if bearer else "other",
        "expires_in": stand_in(value.get("expires_in")),
        "scope": _scopes(value.get("scope")),
        "subject": "removed",
        "patient": _reference(value.get("patient"), redactor),
    }
    return {name: made[name] for name in value if name in made}


def _reference(value: Any, redactor: Redactor) -> Any:
    return redactor.names.reference_of(value) if isinstance(value, str) else stand_in(value)


def _scopes(value: Any) -> Any:
    """Which kinds of scope there are; not what a site wrote into them."""
    if not isinstance(value, str):
        return stand_in(value)
    found = [known for known in _SCOPES if known in value]
    return " ".join(f"{kind}*.rs" if kind.endswith("/") else kind for kind in found) or "other"


def _context(value: Any, redactor: Redactor, keys: Mapping[str, str]) -> Any:
    if not isinstance(value, dict):
        return stand_in(value)
    kept: dict[str, Any] = {}
    for name in ("userId", "patientId", "encounterId"):
        if name in value:
            kept[name] = _reference(value[name], redactor)
    if "selections" in value:
        given = value["selections"]
        kept["selections"] = (
            [_reference(one, redactor) for one in given] if isinstance(given, list) else stand_in(given)
        )
    kept |= {name: redactor.bundle(value[name]) for name in _ORDER_FIELDS if name in value}
    return kept


def _prefetch(value: Any, redactor: Redactor, keys: Mapping[str, str]) -> Any:
    if not isinstance(value, dict):
        return stand_in(value)
    return {
        key if key in KNOWN_KEYS or key in keys else f"key-{number}": redactor.prefetched(member)
        for number, (key, member) in enumerate(value.items(), 1)
    }


_MEMBERS = {
    "hook": _hook,
    "hookInstance": _instance,
    "fhirServer": _server,
    "fhirAuthorization": _authorization,
    "context": _context,
    "prefetch": _prefetch,
}
