"""The small checks that the validators are made of. Each yields the violations it finds."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit
from uuid import UUID


@dataclass(frozen=True, slots=True)
class Violation:
    """A rule broken at a JSON path; ``message`` quotes nothing of the message checked."""

    rule: str
    path: str
    message: str


def text(
    holder: dict[str, Any], name: str, path: str, rule: str, *, invariant: str = ""
) -> Iterator[Violation]:
    """A required string that is not blank."""
    value = holder.get(name)
    if not isinstance(value, str) or not value.strip():
        yield Violation(rule, f"{path}.{name}", f"{invariant}Expected a string that is not blank")


def optional_text(holder: dict[str, Any], name: str, path: str, rule: str) -> Iterator[Violation]:
    if name in holder:
        yield from text(holder, name, path, rule)


def optional_flag(holder: dict[str, Any], name: str, path: str, rule: str) -> Iterator[Violation]:
    if not isinstance(holder.get(name, False), bool):
        yield Violation(rule, f"{path}.{name}", "Expected true or false")


def one_of(
    holder: dict[str, Any], name: str, allowed: Collection[str], path: str, rule: str
) -> Iterator[Violation]:
    value = holder.get(name)
    if not isinstance(value, str) or value not in allowed:
        yield Violation(rule, f"{path}.{name}", f"Expected one of {', '.join(sorted(allowed))}")


def url(holder: dict[str, Any], name: str, path: str, rule: str) -> Iterator[Violation]:
    """An absolute http(s) URL."""
    if not is_absolute_url(holder.get(name)):
        yield Violation(rule, f"{path}.{name}", "Expected an absolute URL")


def array(holder: dict[str, Any], name: str, path: str, rule: str) -> Iterator[Violation]:
    """An optional array that is not empty, of objects."""
    if name not in holder:
        return
    value = holder[name]
    if not isinstance(value, list) or not value:
        yield Violation(rule, f"{path}.{name}", "Expected an array that is not empty")
        return
    for index, item in enumerate(value):
        if not isinstance(item, dict):
            yield Violation(rule, f"{path}.{name}[{index}]", "Expected an object")


def items(holder: dict[str, Any], name: str, path: str) -> list[tuple[str, dict[str, Any]]]:
    """The objects of an array with their paths; anything else is left to :func:`array`."""
    value = holder.get(name)
    if not isinstance(value, list):
        return []
    return [(f"{path}.{name}[{i}]", item) for i, item in enumerate(value) if isinstance(item, dict)]


def no_empty_values(
    value: object, path: str, allowed: Collection[str] = (), *, in_array: bool = False
) -> Iterator[Violation]:
    """T4: neither null nor "", [] or {}, but for the paths allowed.

    FHIR's own JSON has null as an element of arrays, to keep the place of an
    element that has extensions only.
    """
    if path in allowed:
        return
    if value in ("", [], {}) or (value is None and not in_array):
        yield Violation("T4", path, "Null or empty: leave the element out")
    if isinstance(value, dict):
        for name, member in value.items():
            yield from no_empty_values(member, f"{path}.{name}", allowed)
    if isinstance(value, list):
        for index, member in enumerate(value):
            yield from no_empty_values(member, f"{path}[{index}]", allowed, in_array=True)


def extension(holder: dict[str, Any], path: str) -> Iterator[Violation]:
    """T5: an object whose keys look like reversed domains."""
    value = holder.get("extension", {})
    if not isinstance(value, dict):
        yield Violation("T5", f"{path}.extension", "Expected an object")
        return
    for name in value:
        if "." not in name:
            yield Violation("T5", f"{path}.extension", "Expected reverse-domain keys")


def is_absolute_url(value: object) -> bool:
    try:
        parts = urlsplit(value) if isinstance(value, str) else urlsplit("")
    except ValueError:
        return False
    return parts.scheme in ("http", "https") and bool(parts.hostname)


def is_uuid(value: object) -> bool:
    try:
        UUID(str(value))
    except ValueError:
        return False
    return isinstance(value, str)
