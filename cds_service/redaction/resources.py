"""Resources reduced to what the service reads of them, each leaf by its kind."""

from __future__ import annotations

import re
from collections.abc import Iterator
from datetime import date
from functools import cache
from typing import Any
from urllib.parse import parse_qsl, urlsplit

import msgspec.inspect as inspect
from msgspec.inspect import (
    BoolType,
    DictType,
    Field,
    FloatType,
    IntType,
    ListType,
    StrType,
    StructType,
    Type,
    UnionType,
)

from cds_service.fhir import resources as views
from cds_service.fhir.datatypes import (
    Annotation,
    CodeableConcept,
    Coding,
    Quantity,
    Reference,
)
from cds_service.fhir.resources import Resource
from cds_service.redaction import vocabulary
from cds_service.redaction.dates import shifted
from cds_service.redaction.names import EHR, Names

Json = dict[str, Any]

DATES = frozenset({
    "abatementDate", "abatementDateTime", "assertedDate", "authoredOn", "birthDate", "dateAsserted",
    "dateEnded", "dateRecorded", "dateWritten", "deceasedDateTime", "effectiveDateTime",
    "effectiveInstant", "effectiveTimeDateTime", "end", "event", "issued", "occurenceDateTime",
    "occurrenceDateTime", "onset", "onsetDateTime", "orderedOn", "performedDateTime", "recorded",
    "recordedDate", "scheduledDateTime", "start", "statusChanged", "valueDateTime",
    "whenHandedOver", "whenPrepared",
})  # fmt: skip
CODES = frozenset({
    "clinicalStatus", "comparator", "criticality", "dayOfWeek", "durationUnit", "gender", "intent",
    "periodUnit", "periodUnits", "severity", "status", "taken", "type", "verificationStatus",
    "when",
})  # fmt: skip
TEXTS = frozenset({
    "abatementString", "description", "display", "patientInstruction", "renderedDosageInstruction",
    "text", "valueString",
})  # fmt: skip
DROPPED = frozenset({"note", "diagnostics", "details", "timeOfDay"})
"""Notes and messages are free text about a person; nothing is decided on them."""
NAMED = frozenset({"id", "reference"})
_OF_PEOPLE = frozenset({"subject", "patient"})
_LARGEST = 100_000
_PARAMETERS = frozenset(
    [
        "patient",
        "subject",
        "code",
        "status",
        "category",
        "intent",
        "clinical-status",
        "_id",
        "_count",
        "_sort",
        "date",
        "page",
    ]
)
_MOST_MODES = ("match", "include", "outcome")


def stand_in(value: Any) -> Any:
    """Something of the same JSON type without its content, so that what was wrong stays wrong."""
    if isinstance(value, str):
        return "text" if value else ""
    if isinstance(value, dict):
        return {}
    if isinstance(value, list):
        return []
    return value if value is None or isinstance(value, bool) else _number(value)


def _number(value: float) -> float:
    return value if abs(value) < _LARGEST else 0


class Redactor:
    """Redacts the resources of one request: one set of names, one shift of dates."""

    def __init__(self, names: Names, today: date) -> None:
        self.names, self.today = names, today

    # --- bundles ---------------------------------------------------------------

    def prefetched(self, value: Any) -> Any:
        """A prefetch value: null, a Bundle, a resource, or what should be none of them."""
        if isinstance(value, list):
            return [self.prefetched(item) for item in value]
        if isinstance(value, dict) and value.get("resourceType") == "Bundle":
            return self.bundle(value)
        return self.resource(value)

    def bundle(self, value: Any) -> Any:
        """Entries, total and links; of links their search parameters as far as they are known."""
        if not isinstance(value, dict):
            return stand_in(value)
        kept: Json = {}
        if "resourceType" in value:
            kept["resourceType"] = _kind(value["resourceType"])
        if "type" in value:
            kept["type"] = _code(value["type"])
        if "total" in value:
            kept["total"] = stand_in(value["total"])
        for name, make in (("link", self._link), ("entry", self._entry)):
            if name in value:
                members = value[name]
                kept[name] = [make(m) for m in members] if isinstance(members, list) else stand_in(members)
        return kept

    def _link(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return stand_in(value)
        kept = {"relation": _code(value["relation"])} if "relation" in value else {}
        if "url" in value:
            kept["url"] = (
                self._search(value["url"]) if isinstance(value["url"], str) else stand_in(value["url"])
            )
        return kept

    def _search(self, url: str) -> str:
        try:
            parts = urlsplit(url)
        except ValueError:
            return EHR
        kind = parts.path.rstrip("/").rsplit("/", 1)[-1]
        path = f"/{kind}" if kind in vocabulary.RESOURCE_TYPES else ""
        pairs = parse_qsl(parts.query)
        told = [f"{name}={self._parameter(name, v)}" for name, v in pairs if name in _PARAMETERS]
        return f"{EHR}{path}{'?' if told else ''}{'&'.join(told)}"

    def _parameter(self, name: str, value: str) -> str:
        if name in ("patient", "subject", "_id"):
            return ",".join(self.names.reference_of(part) for part in value.split(","))
        if name == "code":
            return ",".join("|".join(x or "" for x in _token(part)) for part in value.split(","))
        return ",".join(str(_code(part)) if not part.isdigit() else part[:4] for part in value.split(","))

    def _entry(self, value: Any) -> Any:
        if not isinstance(value, dict):
            return stand_in(value)
        if "resource" not in value and "resourceType" in value:
            return self.resource(value)
        kept: Json = {}
        if "fullUrl" in value:
            url = value["fullUrl"]
            kept["fullUrl"] = self.names.reference_of(url) if isinstance(url, str) else stand_in(url)
        if "resource" in value:
            kept["resource"] = self.prefetched(value["resource"])
        search = value.get("search")
        if isinstance(search, dict) and search.get("mode") in _MOST_MODES:
            kept["search"] = {"mode": search["mode"]}
        return kept

    # --- resources -------------------------------------------------------------

    def resource(self, value: Any) -> Any:
        """The elements that its view names; of a type the service does not read, the type and id alone."""
        if not isinstance(value, dict):
            return stand_in(value)
        kept: Json = {}
        if "resourceType" in value:
            kept["resourceType"] = _kind(value["resourceType"])
        view = _views().get(str(value.get("resourceType")))
        if view is None:
            return {**kept, **({"id": self._leaf("id", value["id"])} if "id" in value else {})}
        return {**kept, **self._members(value, view)}

    def _members(self, value: Json, view: StructType) -> Json:
        fields = {field.encode_name: field for field in view.fields}
        return {
            name: self._element(member, fields[name])
            for name, member in value.items()
            if name in fields and name not in DROPPED
        }

    def _element(self, value: Any, field: Field) -> Any:
        return self._walk(value, field.encode_name, tuple(_flat(field.type)))

    def _walk(self, value: Any, name: str, kinds: tuple[Type, ...]) -> Any:
        if isinstance(value, list):
            return [self._walk(item, name, kinds) for item in value]
        if isinstance(value, dict):
            return self._object(value, name, kinds)
        if isinstance(value, str):
            return self._string(value, name, kinds)
        return stand_in(value)

    def _object(self, value: Json, name: str, kinds: tuple[Type, ...]) -> Any:
        if any(isinstance(kind, DictType) for kind in kinds):
            return self.resource(value)
        struct = next((kind for kind in kinds if isinstance(kind, StructType)), None)
        if struct is None or struct.cls is Annotation:
            return {}
        if struct.cls is Coding:
            return _coding(value)
        kept = self._members(value, struct)
        if struct.cls is Quantity:
            kept |= {part: vocabulary.unit(str(value[part])) for part in ("unit", "code") if part in value}
            kept |= {"system": "http://unitsofmeasure.org"} if "system" in value else {}
        if struct.cls is Reference and name in _OF_PEOPLE:
            kept.pop("display", None)
        return kept

    def _string(self, value: str, name: str, kinds: tuple[Type, ...]) -> Any:
        if any(isinstance(kind, StrType) for kind in kinds):
            return self._leaf(name, value)
        if any(isinstance(kind, StructType) and kind.cls is CodeableConcept for kind in kinds):
            return vocabulary.text(value)
        numeric = any(isinstance(kind, (FloatType, IntType, BoolType)) for kind in kinds)
        if numeric and re.fullmatch(r"-?\d{1,5}(\.\d{1,5})?|true|false", value):
            return value
        return stand_in(value)

    def _leaf(self, name: str, value: Any) -> Any:
        if not isinstance(value, str):
            return stand_in(value)
        if name == "id":
            return self.names.id_of(value)
        if name == "reference":
            return self.names.reference_of(value)
        if name in DATES:
            return shifted(value, self.today, birth=name == "birthDate")
        if name in TEXTS:
            return vocabulary.text(value)
        return _code(value)


def _coding(value: Json) -> Json:
    given = {
        part: value.get(part) if isinstance(value.get(part), str) else None for part in ("system", "code")
    }
    system, code = vocabulary.coding(given["system"], given["code"])
    kept: Json = {"system": system, "code": code}
    if isinstance(value.get("display"), str):
        kept["display"] = vocabulary.text(value["display"])
    return {part: made for part, made in kept.items() if made is not None}


def _token(part: str) -> tuple[str | None, ...]:
    system, bar, code = part.rpartition("|")
    return vocabulary.coding(system, code) if bar else (vocabulary.GONE,)


def _code(value: Any) -> Any:
    if not isinstance(value, str):
        return stand_in(value)
    return value if value.strip().lower() in vocabulary.CODES else "unknown"


def _kind(value: Any) -> Any:
    if not isinstance(value, str):
        return stand_in(value)
    return value if value in vocabulary.RESOURCE_TYPES else "Basic"


@cache
def _views() -> dict[str, StructType]:
    """What the service reads of each resource type."""
    found = {}
    for view in vars(views).values():
        if (
            isinstance(view, type)
            and issubclass(view, Resource)
            and view.__name__ in vocabulary.RESOURCE_TYPES
        ):
            described = inspect.type_info(view)
            assert isinstance(described, StructType)
            found[view.__name__] = described
    return found


def _flat(kind: Type) -> Iterator[Type]:
    """The alternatives of a type, those of list items too: clients send one for many and many for one."""
    if isinstance(kind, UnionType):
        for each in kind.types:
            yield from _flat(each)
    elif isinstance(kind, ListType):
        yield from _flat(kind.item_type)
    else:
        yield kind
