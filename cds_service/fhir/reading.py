"""One resource, from JSON to its typed view.

A resource is decoded strictly first, since nearly all fit; one that does not
is read again forgivingly (:mod:`cds_service.fhir.coercion`), and what still
cannot be read becomes a MALFORMED :class:`Gap` with its JSON path.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import reduce
from operator import or_
from typing import Any, Final

import msgspec

from cds_service.fhir import resources as views
from cds_service.fhir.coercion import coerce, decode_object
from cds_service.fhir.datatypes import View
from cds_service.fhir.records import Gap, GapReason
from cds_service.fhir.resources import Resource

UNKNOWN_TYPE: Final = "Resource"
"""The :attr:`Gap.kind` of something that does not say what it is."""

_MOST_GAPS: Final = 10

VIEWS: Final[dict[str, type[Resource]]] = {
    view.__name__: view
    for view in (
        *views.MEDICATION_RECORDS,
        views.Medication,
        views.Condition,
        views.AllergyIntolerance,
        views.Observation,
        views.Patient,
        views.ServiceRequest,
        views.ProcedureRequest,
        views.Procedure,
        views.OperationOutcome,
    )
}
"""The resource types that are read; any other is passed over."""

# Elements bound to FHIR's own code lists, which are lower case without blanks
# (AllergyIntolerance.criticality is not: DSTU2 writes CRITL).
_ENUMS: Final[dict[str, tuple[str, ...]]] = {
    name: tuple(
        element
        for element in (
            "status",
            "intent",
            "taken",
            "gender",
            "clinical_status",
            "verification_status",
        )
        if element in view.__struct_fields__
    )
    for name, view in VIEWS.items()
}


# Codes that need no look, since nearly every resource has one of them.
_USUAL: Final = frozenset(
    {"active", "completed", "stopped", "inactive", "resolved", "confirmed", "final", "order", "plan", "draft"}
)


class Read(msgspec.Struct, frozen=True):
    """What came of reading one resource.

    ``resource`` is ``None`` when it could not be read (then ``gaps`` says why)
    or is of a type nothing here needs (then ``other`` names that type).
    """

    resource: Resource | None
    gaps: tuple[Gap, ...] = ()
    other: str | None = None


class _Head(View):
    resource_type: str | None = None


_decode_head = msgspec.json.Decoder(_Head).decode
_decode = msgspec.json.Decoder(reduce(or_, VIEWS.values())).decode


def read_resource(raw: bytes | msgspec.Raw, path: str) -> Read:
    """Read one resource, or draft, of any FHIR version; ``path`` is where it stands in the request."""
    try:
        resource: Resource = _decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return _read_misfit(raw, path)
    return Read(_normalised(resource, type(resource).__name__))


def read_object(value: Mapping[str, Any], path: str) -> Read:
    """Read a resource that is a dict already: a ``contained`` one."""
    kind = value.get("resourceType")
    if not isinstance(kind, str) or not kind:
        return Read(None, (_malformed(path, "no resourceType"),))
    if kind not in VIEWS:
        return Read(None, other=kind)
    resource, dropped = coerce(VIEWS[kind], dict(value), path)
    assert isinstance(resource, Resource)
    return Read(_normalised(resource, kind), _dropped(kind, dropped))


def _read_misfit(raw: bytes | msgspec.Raw, path: str) -> Read:
    """A type nothing here reads, or a resource that breaks its type."""
    try:
        kind = _decode_head(raw).resource_type
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        kind = None
    if kind and kind not in VIEWS:
        return Read(None, other=kind)
    return _read_forgivingly(bytes(raw), path)


def _read_forgivingly(raw: bytes, path: str) -> Read:
    try:
        value = decode_object(raw)
        return read_object(value, path) if value is not None else _not_an_object(path)
    except (msgspec.DecodeError, UnicodeDecodeError):
        return _read_repaired(raw, path)
    except RecursionError:
        return Read(None, (_malformed(path, "nested too deeply"),))


def _read_repaired(raw: bytes, path: str) -> Read:
    """Text that is no UTF-8, or half a surrogate pair, in a name must not cost an opioid order."""
    try:
        value = json.loads(raw.decode("utf-8", "replace"), parse_constant=lambda _: None)
        value = json.loads(json.dumps(value, ensure_ascii=False).encode("utf-8", "replace"))
    except (ValueError, RecursionError):
        return Read(None, (_malformed(path, "not JSON"),))
    if not isinstance(value, dict):
        return _not_an_object(path)
    read = read_object(value, path)
    damaged = Gap(
        type(read.resource).__name__ if read.resource else UNKNOWN_TYPE,
        GapReason.MALFORMED,
        detail="text that is not UTF-8",
        path=path,
        covers_list=False,
    )
    return Read(read.resource, (damaged, *read.gaps)) if read.resource else read


def _not_an_object(path: str) -> Read:
    return Read(None, (_malformed(path, "not a JSON object"),))


def _malformed(path: str, detail: str, kind: str = UNKNOWN_TYPE) -> Gap:
    return Gap(kind, GapReason.MALFORMED, detail=detail, path=path, covers_list=False)


def _dropped(kind: str, paths: list[str]) -> tuple[Gap, ...]:
    """One gap per element left out; beyond ten, the last one counts the rest."""
    named = paths[:_MOST_GAPS]
    gaps = [_malformed(path, "element left out", kind) for path in named]
    if len(paths) > len(named):
        rest = len(paths) - len(named)
        gaps.append(
            Gap(kind, GapReason.MALFORMED, "further elements left out", rest, covers_list=False),
        )
    return tuple(gaps)


def _normalised(resource: Resource, kind: str) -> Resource:
    for element in _ENUMS[kind]:
        value = getattr(resource, element)
        if isinstance(value, str):
            if value not in _USUAL:
                setattr(resource, element, normal_code(value))
        elif value is not None:
            for coding in value.coding:
                if coding.code and coding.code not in _USUAL:
                    coding.code = normal_code(coding.code)
    return resource


def normal_code(text: str) -> str:
    """A code as FHIR writes its own: ``" Entered_in error"`` is ``entered-in-error``."""
    return "-".join(text.strip().lower().replace("_", " ").split())
