"""The forgiving read: fit a JSON value that breaks its FHIR type into a view.

Real servers send a single object where a list is due, ``null`` inside lists,
numbers as strings. Whatever can be understood is kept; an element that cannot
is left out and named by its JSON path, and never takes its resource with it.
This is slow, so :mod:`cds_service.fhir.reading` only comes here after a strict
decode has failed.
"""

from __future__ import annotations

import math
from functools import cache
from typing import Any, Final

import msgspec
from msgspec import inspect as mi

from cds_service.fhir.datatypes import (
    Annotation,
    CodeableConcept,
    Quantity,
    Reference,
    View,
)

DROP: Final = object()
"""Stands for a value that could not be understood."""

# A bare string or number where the view has an object: the one element it can only mean.
_FROM_TEXT: Final[dict[type, str]] = {CodeableConcept: "text", Reference: "reference", Annotation: "text"}
_FROM_NUMBER: Final[dict[type, str]] = {Quantity: "value"}
_LONGEST_NUMBER: Final = 40


def coerce(view: type[View], value: dict[str, Any], path: str) -> tuple[View, list[str]]:
    """Fit ``value`` into ``view``; also the JSON paths of the elements left out."""
    dropped: list[str] = []
    return _struct(view, value, path, dropped), dropped


@cache
def _fields(view: type) -> tuple[tuple[str, str, mi.Type], ...]:
    info = mi.type_info(view)
    assert isinstance(info, mi.StructType)
    return tuple((field.name, field.encode_name, field.type) for field in info.fields)


def _struct(view: type[View], value: dict[str, Any], path: str, dropped: list[str]) -> View:
    kept: dict[str, Any] = {}
    for name, json_name, kind in _fields(view):
        given = value.get(json_name)
        if given is None:
            continue
        place = f"{path}.{json_name}"
        fitted = _fit(kind, given, place, dropped)
        if fitted is DROP:
            dropped.append(place)
        else:
            kept[name] = fitted
    return view(**kept)


def _fit(kind: mi.Type, value: Any, path: str, dropped: list[str]) -> Any:
    if isinstance(kind, mi.UnionType):
        return _union(kind, value, path, dropped)
    if isinstance(kind, mi.ListType):
        return _list(kind, value, path, dropped)
    if isinstance(value, list) and not isinstance(kind, mi.AnyType):
        return _only_item(kind, value, path, dropped)
    if isinstance(kind, mi.StructType) and issubclass(kind.cls, View):
        return _object(kind.cls, value, path, dropped)
    if isinstance(kind, mi.StrType):
        return _text(kind, value, path, dropped)
    return _scalar(kind, value)


def _list(kind: mi.ListType, value: Any, path: str, dropped: list[str]) -> Any:
    items = value if isinstance(value, list) else [value]
    kept = []
    for index, item in enumerate(items):
        if item is None:
            continue
        place = f"{path}[{index}]" if items is value else path
        fitted = _fit(kind.item_type, item, place, dropped)
        if fitted is not DROP:
            kept.append(fitted)
        elif items is value:
            dropped.append(place)
        else:
            return DROP
    return kept


def _only_item(kind: mi.Type, value: list[Any], path: str, dropped: list[str]) -> Any:
    """A list where one value is due: the first one, and the others are named."""
    items = [(index, item) for index, item in enumerate(value) if item is not None]
    if not items:
        return DROP
    dropped.extend(f"{path}[{index}]" for index, _ in items[1:])
    first, item = items[0]
    return DROP if isinstance(item, list) else _fit(kind, item, f"{path}[{first}]", dropped)


def _union(kind: mi.UnionType, value: Any, path: str, dropped: list[str]) -> Any:
    members = [member for member in kind.types if not isinstance(member, mi.NoneType)]
    for member in members:
        if _same_shape(member, value):
            return _fit(member, value, path, dropped)
    for member in members:
        fitted = _fit(member, value, path, dropped)
        if fitted is not DROP:
            return fitted
    return DROP


def _same_shape(kind: mi.Type, value: Any) -> bool:
    if isinstance(value, list):
        return isinstance(kind, mi.ListType)
    if isinstance(value, dict):
        return isinstance(kind, mi.StructType | mi.DictType)
    return isinstance(value, str) and isinstance(kind, mi.StrType)


def _object(view: type[View], value: Any, path: str, dropped: list[str]) -> Any:
    if isinstance(value, dict):
        return _struct(view, value, path, dropped)
    if isinstance(value, str) and view in _FROM_TEXT:
        return _struct(view, {_FROM_TEXT[view]: value}, path, dropped)
    if _is_number(value) and view in _FROM_NUMBER:
        return _struct(view, {_FROM_NUMBER[view]: value}, path, dropped)
    return DROP


def _scalar(kind: mi.Type, value: Any) -> Any:
    if isinstance(kind, mi.BoolType):
        return _boolean(value)
    if isinstance(kind, mi.IntType | mi.FloatType):
        return _number(kind, value)
    if isinstance(kind, mi.DictType):
        return value if isinstance(value, dict) else DROP
    return value


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _text(kind: mi.StrType, value: Any, path: str, dropped: list[str]) -> Any:
    """Text beyond what its element may hold is cut, since a name stands at the beginning, and is told."""
    if not isinstance(value, str):
        return str(value) if _is_number(value) else DROP
    if kind.max_length is not None and len(value) > kind.max_length:
        dropped.append(path)
        return value[: kind.max_length]
    return value


def _number(kind: mi.IntType | mi.FloatType, value: Any) -> Any:
    """A number within the bounds of its element, in digits or in words of digits."""
    if (
        isinstance(value, bool)
        or not isinstance(value, int | float | str)
        or len(str(value)) > _LONGEST_NUMBER
    ):
        return DROP
    try:
        number = float(value)
    except ValueError:
        return DROP
    if not (_or(kind.ge, -math.inf) <= number <= _or(kind.le, math.inf) and math.isfinite(number)):
        return DROP
    if isinstance(kind, mi.FloatType):
        return number
    return int(number) if number.is_integer() else DROP


def _or(bound: float | None, none: float) -> float:
    return none if bound is None else bound


def _boolean(value: Any) -> Any:
    if isinstance(value, bool):
        return value
    word = value.strip().lower() if isinstance(value, str) else None
    return {"true": True, "false": False}.get(word or "", DROP)


def decode_object(raw: bytes) -> dict[str, Any] | None:
    """The JSON object in ``raw`` as a dict, or ``None`` when it is something else."""
    value = msgspec.json.decode(raw)
    return value if isinstance(value, dict) else None
