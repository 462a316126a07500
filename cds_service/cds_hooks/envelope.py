"""Reading the JSON around FHIR resources without decoding the resources (RFC 8259).

An object is read one level at a time into :class:`Members`, whose values stay
:class:`msgspec.Raw` until somebody asks for one, and every complaint carries
the JSON path of the element. Nothing here ever echoes a value: a path and a
rule are all that an error says.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import msgspec

from cds_service.errors import InvalidJSON, InvalidRequest, MissingField

T = TypeVar("T")

_MALFORMED = "JSON is malformed: "
_BOM = b"\xef\xbb\xbf"


class _Key:
    """A key as the decoder meets it. No two are equal, so that one that occurs twice is seen twice."""

    __slots__ = ("name",)

    def __init__(self, kind: type, name: str) -> None:
        self.name = name


_Pairs = dict[_Key, msgspec.Raw]
_Opened = dict[_Key, _Pairs | str | None]

_object = msgspec.json.Decoder(_Pairs, dec_hook=_Key)
_envelope = msgspec.json.Decoder(_Opened, dec_hook=_Key)
_array = msgspec.json.Decoder(list[msgspec.Raw])
_text = msgspec.json.Decoder(str)
_anything = msgspec.json.Decoder()


@dataclass(slots=True)
class Members:
    """The members of one JSON object, and the path of that object.

    Undecoded; but those of an envelope are decoded if strings, and taken apart if objects.
    """

    values: dict[str, Any]
    path: str

    def path_of(self, name: str) -> str:
        return f"{self.path}.{name}"

    def raw(self, name: str) -> msgspec.Raw | None:
        """The undecoded value; ``null`` is an absent value (T4)."""
        value: msgspec.Raw | None = self.values.get(name)
        return None if value is None or is_null(value) else value

    def text(self, name: str) -> str | None:
        """A string; ``None`` if absent, null or empty (T4). Another type is an error."""
        value = self.values.get(name)
        if isinstance(value, msgspec.Raw):
            value = None if is_null(value) else decode(_text, value, self.path_of(name), "a string")
        elif isinstance(value, dict):
            raise InvalidRequest("Expected a string", path=self.path_of(name))
        return value or None

    def required_text(self, name: str) -> str:
        value = self.text(name)
        if value is None:
            raise MissingField(f"{name} is required", path=self.path_of(name))
        return value

    def object(self, name: str) -> Members | None:
        """An object; ``None`` if absent or null. Another type is an error."""
        value = self.values.get(name)
        if isinstance(value, msgspec.Raw):
            return None if is_null(value) else read_object(value, self.path_of(name))
        if isinstance(value, str):
            raise InvalidRequest("Expected an object", path=self.path_of(name))
        return None if value is None else _members(value, self.path_of(name))

    def array(self, name: str) -> list[msgspec.Raw]:
        """The elements of an array; none if absent or null. Another type is an error."""
        value = self.raw(name)
        return [] if value is None else decode(_array, value, self.path_of(name), "an array")

    def value(self, name: str) -> Any:
        """The decoded value, whatever its type; for elements whose defects are tolerated."""
        value = self.values.get(name)
        if isinstance(value, msgspec.Raw):
            return decode(_anything, value, self.path_of(name), "a value")
        if isinstance(value, dict):
            return {
                key.name: decode(_anything, raw, self.path_of(name), "a value") for key, raw in value.items()
            }
        return value


def is_null(value: msgspec.Raw) -> bool:
    return len(value) == 4 and bytes(value) == b"null"


def read_document(body: bytes) -> Members:
    """A whole request body: UTF-8 (a byte order mark is tolerated), one JSON object."""
    return read_object(_checked(body), "$")


def read_envelope(body: bytes) -> Members:
    """A document of strings and objects, both levels of it in one pass over the bytes.

    One that has anything else, or a defect, is read as every document is, which says what is wrong.
    """
    body = _checked(body)
    try:
        found = _envelope.decode(body)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return read_object(body, "$")
    return _members(found, "$")


def _checked(body: bytes) -> bytes:
    body = body.removeprefix(_BOM)
    if not body or body.isspace():
        raise InvalidJSON("The body is empty", path="$")
    if not body.isascii():
        try:
            body.decode("utf-8")
        except UnicodeDecodeError as error:
            raise InvalidJSON("The body is not UTF-8", path="$") from error
    return body


def read_object(text: bytes | msgspec.Raw, path: str) -> Members:
    """The members of one object, each key once."""
    return _members(decode(_object, text, path, "an object"), path)


def _members(found: _Pairs | _Opened, path: str) -> Members:
    """RFC 8259 leaves a repeated key undefined: two readers of one order could see two orders. Refused."""
    values = {key.name: value for key, value in found.items()}
    if len(values) != len(found):
        raise InvalidJSON("A key occurs twice in one object", path=path)
    return Members(values, path)


def decode(decoder: msgspec.json.Decoder[T], text: bytes | msgspec.Raw, path: str, expected: str) -> T:
    """Decode, turning all that can go wrong in reading JSON into an error with a path."""
    try:
        return decoder.decode(text)
    except msgspec.ValidationError as error:
        kind = InvalidJSON if path == "$" else InvalidRequest
        raise kind(f"Expected {expected}", path=path) from error
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InvalidJSON(f"The body is not valid JSON{_where(error, path)}", path=path) from error
    except RecursionError as error:
        raise InvalidJSON("The JSON is nested too deeply", path=path) from error


def _where(error: Exception, path: str) -> str:
    """What the decoder expected, and at which byte of the body; its words are fixed and quote nothing."""
    if path != "$" or not isinstance(error, msgspec.DecodeError):
        return ""
    told = str(error)
    return ": it ends too early" if "truncated" in told else f": {told.removeprefix(_MALFORMED)}"
