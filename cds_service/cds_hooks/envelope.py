"""Reading the JSON around FHIR resources without decoding the resources (RFC 8259).

An object is read one level at a time into :class:`Members`, whose values stay
:class:`msgspec.Raw` until somebody asks for one, and every complaint carries
the JSON path of the element. Nothing here ever echoes a value: a path and a
rule are all that an error says.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from cds_service.errors import InvalidJSON, InvalidRequest, MissingField

T = TypeVar("T")

_BOM = b"\xef\xbb\xbf"
_MEMBER_START = re.compile(
    rb'[ \t\r\n]*[{,][ \t\r\n]*"[^"\\]*(?:\\.[^"\\]*)*"[ \t\r\n]*:[ \t\r\n]*', re.DOTALL
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


def read_document(body: bytes) -> Members:
    """A whole request body: UTF-8 (a byte order mark is tolerated), one JSON object."""
    body = body.removeprefix(_BOM)
    if not body.isascii():
        try:
            body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InvalidJSON("The body is not UTF-8", path="$") from error
    return read_object(body, "$")


def read_object(text: bytes, path: str) -> Members:
    """The members of one object, each key once.

    RFC 8259 leaves a repeated key undefined, so two readers of one order could
    see two different orders: refused.
    """
    raws = decode(_object, text, path, "an object")
    if not _each_key_once(text, raws):
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


def _each_key_once(text: bytes, raws: dict[str, msgspec.Raw]) -> bool:
    """Walk the object from value to value; a value the decoder replaced breaks the walk.

    The decoder keeps the place of a key's first value and the bytes of its last.
    Comparing bytes is far cheaper than decoding the values.
    """
    position = 0
    for raw in raws.values():
        start = _MEMBER_START.match(text, position)
        if start is None or not text.startswith(raw, start.end()):
            return False
        position = start.end() + len(memoryview(raw))
    return _OBJECT_END.fullmatch(text, position) is not None
