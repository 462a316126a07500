"""The URL of a search, taken apart: what it was asked for, and about whom."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import parse_qsl

_TYPE_NAME = re.compile(r"[A-Z][A-Za-z]+\Z")


@dataclass(slots=True)
class Search:
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
    scheme, absolute, place = address.partition("://")
    path = place.partition("/")[2] if absolute else scheme
    segments = path.rstrip("/").removesuffix("/_search").rsplit("/", 1)
    # a read or a batch request has its id, or DSTU2's doubled type name, last
    if not _TYPE_NAME.match(segments[-1]):
        return None
    pairs = parse_qsl(query) if "%" in query or "+" in query else _plain_pairs(query)
    return Search(segments[-1], {name.partition(":")[0]: value for name, value in pairs})


def _plain_pairs(query: str) -> list[tuple[str, str]]:
    """What ``parse_qsl`` gives where nothing is escaped."""
    parted = [part.partition("=") for part in query.split("&")]
    return [(name, value) for name, _, value in parted if value]
