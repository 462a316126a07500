"""Reading the JSON around FHIR resources without decoding the resources (RFC 8259).

An object is read one level at a time into :class:`Members`, whose values stay
:class:`msgspec.Raw` until somebody asks for one, and every complaint carries
the JSON path of the element. Nothing here ever echoes a value: a path and a
rule are all that an error says.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, TypeVar

import msgspec

from cds_service.errors import InvalidJSON, InvalidRequest, MissingField

T = TypeVar("T")

_BOM = b"\xef\xbb\xbf"
_MEMBER_START = re.compile(
    rb'[ \t\r\n]*[{,][ \t\r\n]*"([^"\\]*(?:\\.[^"\\]*)*)"[ \t\r\n]*:[ \t\r\n]*', re.DOTALL
)
_OBJECT_END = re.compile(rb"[ \t\r\n]*(?:\{[ \t\r\n]*)?\}[ \t\r\n]*")

_object = msgspec.json.Decoder(dict[str, msgspec.Raw])
_array = msgspec.json.Decoder(list[msgspec.Raw])
_text = msgspec.json.Decoder(str)
_anything = msgspec.json.Decoder()


@dataclass(frozen=True, slots=True)
class Members:
    """The members of one JSON object, undecoded, and the path of that object."""

    raws: dict[str, msgspec.Raw]
    path: str
    opened: Mapping[str, Members] = field(default_factory=dict)
    """Those that are taken apart already; they are not among the raws."""

    def __contains__(self, name: str) -> bool:
        return self.raw(name) is not None

    def path_of(self, name: str) -> str:
        return f"{self.path}.{name}"

    def raw(self, name: str) -> msgspec.Raw | None:
        """The undecoded value; ``null`` is an absent value (T4)."""
        value = self.raws.get(name)
        return None if value is None or is_null(value) else value

    def text(self, name: str) -> str | None:
        """A string; ``None`` if absent, null or empty (T4). Another type is an error."""
        value = self.raw(name)
        if value is None:
            return None
        return decode(_text, value, self.path_of(name), "a string") or None

    def required_text(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise MissingField(f"{name} is required", path=self.path_of(name))
        return value

    def object(self, name: str) -> Members | None:
        """An object; ``None`` if absent or null. Another type is an error."""
        if name in self.opened:
            return self.opened[name]
        value = self.raw(name)
        return None if value is None else read_object(bytes(value), self.path_of(name))

    def array(self, name: str) -> list[msgspec.Raw]:
        """The elements of an array; none if absent or null. Another type is an error."""
        value = self.raw(name)
        return [] if value is None else decode(_array, value, self.path_of(name), "an array")

    def value(self, name: str) -> Any:
        """The decoded value, whatever its type; for elements whose defects are tolerated."""
        value = self.raw(name)
        return None if value is None else decode(_anything, value, self.path_of(name), "a value")


def is_null(value: msgspec.Raw) -> bool:
    return bytes(memoryview(value)[:4]) == b"null"


class Outline:
    """What a document usually has, so that it and its largest member are taken apart in one pass."""

    def __init__(self, members: Iterable[str], largest: str) -> None:
        absent = msgspec.Raw()
        raws = [(name, msgspec.Raw, absent) for name in members]
        largest_one: tuple[str, Any, Any] = (largest, dict[str, msgspec.Raw], {})
        made = msgspec.defstruct("Outline", [*raws, largest_one], forbid_unknown_fields=True)
        self._decoder = msgspec.json.Decoder(made)
        self._largest = largest
        self._absent = absent

    def read(self, text: bytes) -> Members | None:
        """None of a document that has anything else, or a defect: :func:`read_object` says which."""
        try:
            found = msgspec.structs.asdict(self._decoder.decode(text))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return None
        inner: dict[str, msgspec.Raw] = found.pop(self._largest)
        raws = {name: raw for name, raw in found.items() if raw is not self._absent}
        if not self._each_once(text, raws, inner):
            return None
        opened = {self._largest: Members(inner, f"$.{self._largest}")} if inner else {}
        return Members(raws, "$", opened)

    def _each_once(
        self, text: bytes, raws: Mapping[str, msgspec.Raw], inner: Mapping[str, msgspec.Raw]
    ) -> bool:
        """Walk from member to member, in whatever order they stand, and through the largest."""
        left = {name.encode() for name in (*raws, *([self._largest] if inner else []))}
        position = 0
        while left:
            start = _MEMBER_START.match(text, position)
            if start is None or start[1] not in left:
                return False
            left.remove(start[1])
            name = start[1].decode()
            end = (
                _past(raws[name], text, start.end())
                if name in raws
                else _past_object(inner, text, start.end())
            )
            if end is None:
                return False
            position = end
        return _OBJECT_END.fullmatch(text, position) is not None


def read_document(body: bytes, outline: Outline | None = None) -> Members:
    """A whole request body: UTF-8 (a byte order mark is tolerated), one JSON object.

    :param outline: what it usually has, to be quicker about it; the result is the same.
    """
    body = body.removeprefix(_BOM)
    if not body.isascii():
        try:
            body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InvalidJSON("The body is not UTF-8", path="$") from error
    return (outline.read(body) if outline else None) or read_object(body, "$")


def read_object(text: bytes, path: str) -> Members:
    """The members of one object, each key once.

    RFC 8259 leaves a repeated key undefined, so two readers of one order could
    see two different orders: refused.
    """
    raws = decode(_object, text, path, "an object")
    if _past_object(raws, text, 0) != len(text):
        raise InvalidJSON("A key occurs twice in one object", path=path)
    return Members(raws, path)


def decode(decoder: msgspec.json.Decoder[T], text: bytes | msgspec.Raw, path: str, expected: str) -> T:
    """Decode, turning all that can go wrong in reading JSON into an error with a path."""
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        kind = InvalidJSON if path == "$" else InvalidRequest
        raise kind(f"Expected {expected}", path=path) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidJSON("The body is not valid JSON", path=path) from error
    except RecursionError as error:
        raise InvalidJSON("The JSON is nested too deeply", path=path) from error


def _past_object(raws: Mapping[str, msgspec.Raw], text: bytes, position: int) -> int | None:
    """Where the object that begins at ``position`` ends, if it has these members, each once.

    Walked from value to value; a value the decoder replaced breaks the walk, since the decoder keeps
    the place of a key's first value and the bytes of its last. Comparing bytes is far cheaper than
    decoding the values.
    """
    for raw in raws.values():
        start = _MEMBER_START.match(text, position)
        end = _past(raw, text, start.end()) if start else None
        if end is None:
            return None
        position = end
    close = _OBJECT_END.match(text, position)
    return close.end() if close else None


def _past(raw: msgspec.Raw, text: bytes, position: int) -> int | None:
    """Where ``raw`` ends, if it stands at ``position``."""
    return position + len(memoryview(raw)) if text.startswith(raw, position) else None
