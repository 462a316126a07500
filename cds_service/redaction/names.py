"""Other names for what identifies: the same for the same, in the order they were met."""

from __future__ import annotations

import re
from uuid import UUID, uuid5

from cds_service.redaction.vocabulary import RESOURCE_TYPES

EHR = "https://ehr.example.org/fhir"
_NAMESPACE = UUID("8c2c3f2e-6a0e-5b52-9f0a-3a3f4f1f6d10")
_LOCAL = re.compile(
    r"(?:(?P<base>https?://\S*)/|/)?(?P<kind>[A-Z][A-Za-z]+)/(?P<id>[^/\s]+)(?:/_history/\S*)?"
)


class Names:
    """Hands out ``id-1``, ``id-2`` … for ids, and UUIDs for UUIDs."""

    def __init__(self) -> None:
        self._ids: dict[str, str] = {}

    def id_of(self, given: str) -> str:
        """The new name of a bare id."""
        return self._ids.setdefault(given, f"id-{len(self._ids) + 1}")

    def uuid_of(self, given: str) -> str:
        """The new UUID of a UUID."""
        return str(uuid5(_NAMESPACE, self.id_of(given.lower())))

    def reference_of(self, given: str) -> str:
        """A reference of the same form: ``Type/id``, absolute, ``urn:uuid:``, ``#contained`` or a bare id."""
        if given.startswith("urn:uuid:"):
            return f"urn:uuid:{self.uuid_of(given.removeprefix('urn:uuid:'))}"
        if given.startswith("#"):
            return f"#{self.id_of(given[1:])}"
        found = _LOCAL.fullmatch(given)
        if found is None:
            return self.id_of(given)
        kind = found["kind"] if found["kind"] in RESOURCE_TYPES else "Basic"
        local = f"{kind}/{self.id_of(found['id'])}"
        return f"{EHR}/{local}" if found["base"] else local
