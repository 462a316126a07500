"""What an EHR asks: the body of ``POST /cds-services/{id}`` (conformance section 3 and 9).

Only the envelope is decoded here. Orders and prefetch stay undecoded, to be
read by whoever knows FHIR. What is unusual but harmless is tolerated and
reported as a :class:`Notice`; what makes the request ambiguous or unsafe is
refused with the JSON path.
"""

from __future__ import annotations

import re
from enum import StrEnum
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from cds_service.cds_hooks.authorization import FhirAuthorization, read_authorization
from cds_service.cds_hooks.draft_orders import DraftOrder, read_orders, select
from cds_service.cds_hooks.envelope import Members, read_envelope
from cds_service.cds_hooks.hooks import Hook
from cds_service.errors import InvalidRequest, MissingField, WrongHook

__all__ = ["DraftOrder", "FhirAuthorization", "HookRequest", "Notice", "parse_request", "patient_id_of"]

_OTHER_ORDERS_FIELD = {"medications": "draftOrders", "draftOrders": "medications"}
_PATIENT_REFERENCE = re.compile(r"(?:https?://[^\s?#]*/|/)?Patient/([^/]*)(?:/_history/[^/]*)?/?")
_UNSAFE_IN_ID = re.compile(r"""[\s\x00-\x20\x7f/\\?#&%<>"']|^\.{1,2}$""")


class Notice(StrEnum):
    """A defect of the request that was tolerated; counted by the application, free of patient data."""

    HOOK_INSTANCE_NOT_UUID = "R4: hookInstance is not a UUID"
    PLAIN_HTTP = "R6: fhirServer is not https"
    INCOMPLETE_AUTHORIZATION = "R7: fhirAuthorization is incomplete"
    TOKEN_WITHOUT_PATIENT = "cds-r-2: a patient scope without fhirAuthorization.patient"
    NO_USER = "R9: context.userId is missing"
    BAD_ENCOUNTER = "R9: context.encounterId is not a string"
    NO_SELECTIONS = "R9: context.selections is missing or not a list of references"
    SELECTION_POINTS_NOWHERE = "R9: a selection names no resource of the draft"
    OTHER_ORDERS_FIELD = "R9: the orders stand under another hook's field name"
    OLD_PATIENT = "pre-1.0: the patient stands at the top level"
    OLD_USER = "pre-1.0: the user stands at the top level"
    BAD_EXTENSION = "T5: extension is not an object"


class HookRequest(msgspec.Struct, frozen=True):
    """One service call, its envelope checked.

    ``prefetch`` values are undecoded, ``null`` included: a key with ``null``
    says that the EHR has no such data, an absent key says nothing (P5).
    """

    hook: Hook
    hook_instance: str
    patient_id: str
    user_id: str | None = None
    encounter_id: str | None = None
    fhir_server: str | None = None
    authorization: FhirAuthorization | None = None
    selections: tuple[str, ...] = ()
    orders: tuple[DraftOrder, ...] = ()
    unreadable: tuple[str, ...] = ()
    prefetch: dict[str, msgspec.Raw] = {}
    extension: dict[str, msgspec.Raw] = {}
    notices: tuple[str, ...] = ()


def parse_request(body: bytes, hook: Hook) -> HookRequest:
    """Read a request to a service of ``hook``.

    Raises :class:`~cds_service.errors.InvalidRequest` or one of its kinds, with
    the JSON path of the element at fault, and nothing else, whatever the body.
    """
    top = read_envelope(body)
    notices: list[str] = []
    _require_hook(top, hook)
    hook_instance = _hook_instance(top, notices)
    context = top.object("context")
    if context is None:
        raise MissingField("context is required", path="$.context")
    patient_id = _patient_id(top, context, notices)
    orders, unreadable, selections = _orders(context, hook, notices)
    fhir_server = _fhir_server(top, notices)
    prefetch = top.object("prefetch")
    return HookRequest(
        hook=hook,
        hook_instance=hook_instance,
        patient_id=patient_id,
        user_id=_user_id(top, context, notices),
        encounter_id=_encounter_id(context, notices),
        fhir_server=fhir_server,
        authorization=_authorization(top, fhir_server, patient_id, notices),
        selections=selections,
        orders=orders,
        unreadable=unreadable,
        prefetch=prefetch.values if prefetch else {},
        extension=_extension(top, notices),
        notices=tuple(notices),
    )


def patient_id_of(reference: str) -> str:
    """The bare id of ``123``, ``Patient/123`` or an absolute Patient URL."""
    found = _PATIENT_REFERENCE.fullmatch(reference)
    return found.group(1) if found else reference


def _require_hook(top: Members, hook: Hook) -> None:
    if top.required_text("hook") != hook.name:
        raise WrongHook(f"This service answers {hook.name}", path="$.hook")


def _hook_instance(top: Members, notices: list[str]) -> str:
    value = top.required_text("hookInstance")
    try:
        UUID(value)
    except ValueError:
        notices.append(Notice.HOOK_INSTANCE_NOT_UUID)
    return value


def _patient_id(top: Members, context: Members, notices: list[str]) -> str:
    value, path = context.text("patientId"), context.path_of("patientId")
    if value is None and (value := top.text("patient")) is not None:
        notices.append(Notice.OLD_PATIENT)
        path = top.path_of("patient")
    if value is None:
        raise MissingField("patientId is required", path=path)
    return _safe_patient_id(value, path)


def _safe_patient_id(value: str, path: str) -> str:
    """An id that can stand in a FHIR URL without changing its meaning."""
    patient_id = patient_id_of(value)
    if not patient_id or _UNSAFE_IN_ID.search(patient_id):
        raise InvalidRequest("Not the id of a Patient", path=path)
    return patient_id


def _user_id(top: Members, context: Members, notices: list[str]) -> str | None:
    """``userId`` is required of clients (R9); nothing we decide hangs on it, so a lack is only counted."""
    for members, name in ((context, "userId"), (top, "userId"), (top, "user")):
        value = members.value(name)
        if isinstance(value, str) and value:
            if members is top:
                notices.append(Notice.OLD_USER)
            return value
    notices.append(Notice.NO_USER)
    return None


def _encounter_id(context: Members, notices: list[str]) -> str | None:
    value = context.value("encounterId")
    if value is not None and not isinstance(value, str):
        notices.append(Notice.BAD_ENCOUNTER)
        return None
    return value or None


def _orders(
    context: Members, hook: Hook, notices: list[str]
) -> tuple[tuple[DraftOrder, ...], tuple[str, ...], tuple[str, ...]]:
    orders, unreadable = read_orders(_orders_bundle(context, hook, notices))
    if not hook.selects:
        return tuple(orders), tuple(unreadable), ()
    selections = _selections(context, notices)
    orders, all_found = select(orders, selections)
    if not all_found:
        notices.append(Notice.SELECTION_POINTS_NOWHERE)
    return tuple(orders), tuple(unreadable), selections


def _orders_bundle(context: Members, hook: Hook, notices: list[str]) -> Members:
    bundle = context.object(hook.orders_field)
    if bundle is not None:
        return bundle
    other = context.object(_OTHER_ORDERS_FIELD[hook.orders_field])
    if other is None:
        raise MissingField(f"{hook.orders_field} is required", path=context.path_of(hook.orders_field))
    notices.append(Notice.OTHER_ORDERS_FIELD)
    return other


def _selections(context: Members, notices: list[str]) -> tuple[str, ...]:
    """``selections`` as far as they are strings; the rest is counted, not refused (R9)."""
    value = context.value("selections")
    found = tuple(item for item in value if isinstance(item, str) and item) if isinstance(value, list) else ()
    if not found or len(found) != len(value):
        notices.append(Notice.NO_SELECTIONS)
    return found


def _fhir_server(top: Members, notices: list[str]) -> str | None:
    value = top.text("fhirServer")
    if value is None:
        return None
    try:
        parts = urlsplit(value)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise InvalidRequest("Expected an absolute http(s) URL", path="$.fhirServer")
    if parts.scheme == "http":
        notices.append(Notice.PLAIN_HTTP)
    return value


def _authorization(
    top: Members, fhir_server: str | None, patient_id: str, notices: list[str]
) -> FhirAuthorization | None:
    members = top.object("fhirAuthorization")
    if members is None:
        return None
    if fhir_server is None:
        raise MissingField("cds-r-1: fhirAuthorization needs fhirServer", path="$.fhirServer")
    authorization = read_authorization(members)
    if authorization.patient is not None and patient_id_of(authorization.patient) != patient_id:
        raise InvalidRequest("The access token is for another patient", path=members.path_of("patient"))
    if not authorization.complete:
        notices.append(Notice.INCOMPLETE_AUTHORIZATION)
    if not authorization.names_its_patient:
        notices.append(Notice.TOKEN_WITHOUT_PATIENT)
    return authorization


def _extension(top: Members, notices: list[str]) -> dict[str, msgspec.Raw]:
    """``extension`` undecoded; it can never make a request fail (T5)."""
    try:
        extension = top.object("extension")
    except InvalidRequest:
        notices.append(Notice.BAD_EXTENSION)
        return {}
    return extension.values if extension else {}
