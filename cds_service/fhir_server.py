"""What a FHIR server says of itself: its version, and which of the lists that are read it keeps."""

from __future__ import annotations

from dataclasses import dataclass

import msgspec

from cds_service.fhir.queries import standard_queries
from cds_service.outbound import ANYWHERE, read_document

_SECONDS = 10.0
_LARGEST = 20_000_000
_VERSIONS = {"1.0": "DSTU2", "3.0": "STU3", "4.0": "R4", "4.3": "R4", "5.0": "R5"}


@dataclass(frozen=True, slots=True)
class Capabilities:
    """``version`` is FHIR's own (``4.0.1``); ``kinds`` are the resource types it serves."""

    version: str | None
    software: str | None
    kinds: frozenset[str]

    @property
    def release(self) -> str:
        """DSTU2, STU3, R4 (R4B too) or R5; R4 where it does not say."""
        return _VERSIONS.get(".".join((self.version or "").split(".")[:2]), "R4")

    def lacking(self) -> list[str]:
        """The types that are read and that it does not name."""
        wanted = [query.resource_type for query in standard_queries(self.release)]
        return [kind for kind in wanted if kind not in self.kinds]


class _Type(msgspec.Struct):
    type: str = ""


class _Rest(msgspec.Struct):
    resource: list[_Type] = []


class _Software(msgspec.Struct):
    name: str | None = None


class _Statement(msgspec.Struct):
    resourceType: str = ""
    fhirVersion: str | None = None
    software: _Software | None = None
    rest: list[_Rest] = []


def read_capabilities(base: str, verify: bool | str = True) -> Capabilities:
    """``GET {base}/metadata``, which asks for no token. Raises ``OSError`` in words.

    :param verify: whether TLS certificates are; or the file of those who may sign them.
    """
    url = f"{base.rstrip('/')}/metadata"
    body = read_document(
        url, ANYWHERE, user_agent="ldn-cds", verify=verify, seconds=_SECONDS, max_bytes=_LARGEST
    )
    try:
        statement = msgspec.json.decode(body, type=_Statement)
    except msgspec.DecodeError:
        raise OSError("/metadata is no JSON capability statement") from None
    if statement.resourceType not in ("CapabilityStatement", "Conformance"):
        raise OSError("/metadata is no capability statement")
    kinds = frozenset(kind.type for rest in statement.rest for kind in rest.resource)
    software = statement.software.name if statement.software else None
    return Capabilities(statement.fhirVersion, software, kinds)
