"""What an EHR asks: the body of ``POST /cds-services/{id}`` (conformance section 3 and 9).

Only the envelope is decoded here. Orders and prefetch stay undecoded, to be
read by whoever knows FHIR. What is unusual but harmless is tolerated and
reported as a :class:`Notice`; what makes the request ambiguous or unsafe is
refused with the JSON path.
"""

from __future__ import annotations

import re
from enum import StrEnum
from typing import NamedTuple
from urllib.parse import urlsplit
from uuid import UUID

import msgspec

from cds_service.cds_hooks.authorization import FhirAuthorization, read_authorization
from cds_service.cds_hooks.draft_orders import DraftOrder, read_orders, select
from cds_service.cds_hooks.envelope import Members, T, decode, is_null, read_envelope
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
    ``context`` is all of the context, undecoded too; :meth:`field` reads what has no place of
    its own here.
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
    context: dict[str, msgspec.Raw] = {}
    prefetch: dict[str, msgspec.Raw] = {}
    extension: dict[str, msgspec.Raw] = {}
    notices: tuple[str, ...] = ()

    def field(self, name: str, kind: type[T]) -> T:
        """A field of the context: ``request.field("dispatchedOrders", list[str])``.

        Raises :class:`~cds_service.errors.MissingField` without one, and
        :class:`~cds_service.errors.InvalidRequest` for one that is of no such type: the EHR gets a 400.
        """
        path, value = f"$.context.{name}", self.context.get(name)
        if value is None or is_null(value):
            raise MissingField(f"{name} is required", path=path)
        return decode(msgspec.json.Decoder(kind), value, path, f"another type of {name}")


def parse_request(body: bytes, hook: Hook) -> HookRequest:
    """Read a request to a service of ``hook``.

    Raises :class:`~cds_service.errors.InvalidRequest` or one of its kinds, with
    the JSON path of the element at fault, and nothing else, whatever the body.
    """
    return _Reading(read_envelope(body), hook).request()


def patient_id_of(reference: str) -> str:
    """The bare id of ``123``, ``Patient/123`` or an absolute Patient URL."""
    found = _PATIENT_REFERENCE.fullmatch(reference)
    return found.group(1) if found else reference


def _safe_patient_id(value: str, path: str) -> str:
    """An id that can stand in a FHIR URL without changing its meaning."""
    patient_id = patient_id_of(value)
    if not patient_id or _UNSAFE_IN_ID.search(patient_id):
        raise InvalidRequest("Not the id of a Patient", path=path)
    return patient_id


class _Basket(NamedTuple):
    """The draft: its orders, the JSON paths of entries that are none, and what was selected of it."""

    orders: tuple[DraftOrder, ...]
    unreadable: tuple[str, ...]
    selections: tuple[str, ...] = ()


class _Reading:
    """The reading of one envelope: element by element, each of which may leave a notice."""

    def __init__(self, top: Members, hook: Hook) -> None:
        self.top = top
        self.hook = hook
        self.notices: list[str] = []

    def request(self) -> HookRequest:
        """What stops the request is looked for in this order: the first defect is the one that is told."""
        self.require_hook()
        hook_instance = self.hook_instance()
        context = self.top.object("context")
        if context is None:
            raise MissingField("context is required", path="$.context")
        patient_id = self.patient_id(context)
        self.require_fields(context)
        basket = self.basket(context)
        fhir_server = self.fhir_server()
        prefetch = self.top.object("prefetch")
        return HookRequest(
            hook=self.hook,
            hook_instance=hook_instance,
            patient_id=patient_id,
            user_id=self.user_id(context),
            encounter_id=self.encounter_id(context),
            fhir_server=fhir_server,
            authorization=self.authorization(fhir_server, patient_id),
            selections=basket.selections,
            orders=basket.orders,
            unreadable=basket.unreadable,
            context=context.values,
            prefetch=prefetch.values if prefetch else {},
            extension=self.extension(),
            notices=tuple(self.notices),
        )

    def require_hook(self) -> None:
        if self.top.required_text("hook") != self.hook.name:
            raise WrongHook(f"This service answers {self.hook.name}", path="$.hook")

    def hook_instance(self) -> str:
        value = self.top.required_text("hookInstance")
        try:
            UUID(value)
        except ValueError:
            self.notices.append(Notice.HOOK_INSTANCE_NOT_UUID)
        return value

    def patient_id(self, context: Members) -> str:
        value, path = context.text("patientId"), context.path_of("patientId")
        if value is None and (value := self.top.text("patient")) is not None:
            self.notices.append(Notice.OLD_PATIENT)
            path = self.top.path_of("patient")
        if value is None:
            raise MissingField("patientId is required", path=path)
        return _safe_patient_id(value, path)

    def user_id(self, context: Members) -> str | None:
        """``userId`` is required of clients (R9); nothing we decide hangs on it: a lack is only counted."""
        for members, name in ((context, "userId"), (self.top, "userId"), (self.top, "user")):
            value = members.value(name)
            if isinstance(value, str) and value:
                if members is self.top:
                    self.notices.append(Notice.OLD_USER)
                return value
        if "userId" in self.hook.prefetch_tokens:  # order-dispatch has no user
            self.notices.append(Notice.NO_USER)
        return None

    def encounter_id(self, context: Members) -> str | None:
        value = context.value("encounterId")
        if value is not None and not isinstance(value, str):
            self.notices.append(Notice.BAD_ENCOUNTER)
            return None
        return value or None

    def require_fields(self, context: Members) -> None:
        for name in self.hook.required:
            if context.value(name) in (None, "", [], {}):
                raise MissingField(f"{name} is required", path=context.path_of(name))

    def basket(self, context: Members) -> _Basket:
        if not self.hook.orders_field:
            return _Basket((), ())
        orders, unreadable = read_orders(self.orders_bundle(context))
        if not self.hook.selects:
            return _Basket(tuple(orders), tuple(unreadable))
        selections = self.selections(context)
        orders, all_found = select(orders, selections)
        if not all_found:
            self.notices.append(Notice.SELECTION_POINTS_NOWHERE)
        return _Basket(tuple(orders), tuple(unreadable), selections)

    def orders_bundle(self, context: Members) -> Members:
        bundle = context.object(self.hook.orders_field)
        if bundle is not None:
            return bundle
        other = _OTHER_ORDERS_FIELD.get(self.hook.orders_field)
        bundle = context.object(other) if other else None
        if bundle is None:
            raise MissingField(
                f"{self.hook.orders_field} is required", path=context.path_of(self.hook.orders_field)
            )
        self.notices.append(Notice.OTHER_ORDERS_FIELD)
        return bundle

    def selections(self, context: Members) -> tuple[str, ...]:
        """``selections`` as far as they are strings; the rest is counted, not refused (R9)."""
        value = context.value("selections")
        found = (
            tuple(item for item in value if isinstance(item, str) and item) if isinstance(value, list) else ()
        )
        if not found or len(found) != len(value):
            self.notices.append(Notice.NO_SELECTIONS)
        return found

    def fhir_server(self) -> str | None:
        value = self.top.text("fhirServer")
        if value is None:
            return None
        try:
            parts = urlsplit(value)
        except ValueError:
            parts = urlsplit("")
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise InvalidRequest("Expected an absolute http(s) URL", path="$.fhirServer")
        if parts.scheme == "http":
            self.notices.append(Notice.PLAIN_HTTP)
        return value

    def authorization(self, fhir_server: str | None, patient_id: str) -> FhirAuthorization | None:
        members = self.top.object("fhirAuthorization")
        if members is None:
            return None
        if fhir_server is None:
            raise MissingField("cds-r-1: fhirAuthorization needs fhirServer", path="$.fhirServer")
        authorization = read_authorization(members)
        if authorization.patient is not None and patient_id_of(authorization.patient) != patient_id:
            raise InvalidRequest("The access token is for another patient", path=members.path_of("patient"))
        if not authorization.complete:
            self.notices.append(Notice.INCOMPLETE_AUTHORIZATION)
        if not authorization.names_its_patient:
            self.notices.append(Notice.TOKEN_WITHOUT_PATIENT)
        return authorization

    def extension(self) -> dict[str, msgspec.Raw]:
        """``extension`` undecoded; it can never make a request fail (T5)."""
        try:
            extension = self.top.object("extension")
        except InvalidRequest:
            self.notices.append(Notice.BAD_EXTENSION)
            return {}
        return extension.values if extension else {}
