"""The URL of a search, taken apart: what it was asked for, and about whom."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl

from msgspec import Struct

_TYPE_NAME = re.compile(r"[A-Z][A-Za-z]+\Z")


class Search(Struct):
    """A search URL: the type asked for and its parameters, names without modifiers."""

    kind: str
    parameters: dict[str, str]

    def patients(self) -> set[str]:
        """Whom it is about: the ids in ``patient``, ``subject`` or, for a Patient, ``_id``."""
        names = ("patient", "subject", "_id") if self.kind == "Patient" else ("patient", "subject")
        values = [self.parameters[name] for name in names if name in self.parameters]
        return {
            part.strip().rsplit("/", 1)[-1] for value in values for part in value.split(",") if part.strip()
        }

    def is_about(self, patient_id: str) -> bool:
        """Whether it is about the patient, or names nobody."""
        if self.parameters.get("patient") == patient_id:
            return True
        asked = self.patients()
        return not asked or patient_id in asked


def read_search(url: str | None) -> Search | None:
    """Take a ``self`` link apart: ``…/Condition?patient=1``, ``…/Condition/_search?…``."""
    if not url:
        return None
    address, _, query = url.strip().partition("#")[0].partition("?")
    path, _, kind = address.rstrip("/").removesuffix("/_search").rpartition("/")
    # a read or a batch request has its id, or DSTU2's doubled type name, last; a mere host is no type
    if not _TYPE_NAME.match(kind) or path.endswith(":/"):
        return None
    return Search(kind, _parameters(query))


def _parameters(query: str) -> dict[str, str]:
    """Those that have a value; most queries have nothing escaped."""
    if "%" in query or "+" in query:
        return {name.partition(":")[0]: value for name, value in parse_qsl(query)}
    parameters = {}
    for part in query.split("&"):
        name, _, value = part.partition("=")
        if value:
            parameters[name.partition(":")[0]] = value
    return parameters
