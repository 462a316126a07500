"""What was read of a patient's record, and what was not.

:class:`PatientRecord` is the whole output of :mod:`cds_service.fhir`: typed
resources with their provenance, and one :class:`Gap` for everything that could
not be read. An empty list with no gap means "the record holds none"; an empty
list with a gap means "not known".
"""

from __future__ import annotations

from collections.abc import Iterable
from enum import StrEnum
from typing import TYPE_CHECKING, NamedTuple, TypeVar

from msgspec import Struct

from cds_service.fhir.resources import Medication, Resource

if TYPE_CHECKING:
    from cds_service.fhir.sketches import Alike

R = TypeVar("R", bound=Resource)


class GapReason(StrEnum):
    """Why something is not known."""

    NOT_SUPPLIED = "not-supplied"
    """Not in prefetch, and no FHIR server or no token to ask with."""
    NOT_PERMITTED = "not-permitted"
    """``fhirServer`` is not the client's, or is where no server may be called."""
    EXPIRED = "expired"
    """The time of the access token was over when it came."""
    TIME_OUT = "time-out"
    """The time budget ended first."""
    REFUSED = "refused"
    """The server said 401 or 403."""
    NOT_FOUND = "not-found"
    """The server said 404 or 410 to a read."""
    UNREACHABLE = "unreachable"
    """No connection (refused, DNS, TLS, hung up), or the server is left alone for now."""
    SERVER_ERROR = "server-error"
    """410 to a search, 429 or 5xx, a broken answer, a body that is no FHIR."""
    NOT_KEPT = "not-kept"
    """The server keeps no such list (404, or 400/403/405 with ``not-supported``)."""
    INCOMPLETE = "incomplete"
    """A page is missing, or the list came with an error outcome."""
    MALFORMED = "malformed"
    """A resource, or an element of it, could not be read."""
    OTHER_PATIENT = "other-patient"
    """Resources of another patient were ignored."""
    UNRESOLVED = "unresolved"
    """A Medication reference led nowhere and carries no display."""


class Gap(Struct, frozen=True):
    """One thing that is not known.

    ``kind`` is the resource type concerned (``MedicationRequest``); ``detail``
    is for integrators and the log (an HTTP status, an element path) and holds
    no patient data; ``count`` is how many resources it concerns. ``covers_list``
    is true when the whole list may be missing entries, false when single
    resources or elements of it are.
    """

    kind: str
    reason: GapReason
    detail: str = ""
    count: int = 1
    path: str | None = None
    covers_list: bool = True


class Source(Struct, frozen=True):
    """Where a resource came from: ``prefetch``, ``server`` or ``order`` (the basket)."""

    origin: str
    path: str = ""


class Fetched(NamedTuple):
    """One list or resource that the server was asked for; moments as of ``time.perf_counter``."""

    kind: str
    began: float
    ended: float
    failure: GapReason | None


class PatientRecord(Struct):
    """The resources of one patient, by type, each with its source.

    ``medications`` holds Medication resources by every name a reference can
    have for them: ``Medication/id``, the absolute URL, ``urn:uuid:…``.
    ``lists`` are the resource types for which a list was had, complete or not
    (an empty complete list counts).
    """

    patient_id: str
    entries: dict[str, list[tuple[Resource, Source]]] = {}
    medications: dict[str, Medication] = {}
    lists: set[str] = set()
    gaps: list[Gap] = []
    passed_over: dict[str, list[Alike]] = {}
    """The patient's resources that nobody needed, by type; they are in no other field."""
    fetches: list[Fetched] = []
    """What the server was asked for."""

    def of_type(self, view: type[R]) -> list[tuple[R, Source]]:
        """All resources of one view, in the order read."""
        found = self.entries.get(view.__name__)
        if not found:
            return []
        return [(resource, source) for resource, source in found if isinstance(resource, view)]

    def has(self, kind: str) -> bool:
        """Whether there is any resource of a type, needed or not."""
        return bool(self.entries.get(kind) or self.passed_over.get(kind))

    def size(self) -> int:
        """How many resources there are, needed or not."""
        passed = sum([alike.count for alikes in self.passed_over.values() for alike in alikes])
        return sum(map(len, self.entries.values())) + passed

    def gaps_of(self, kinds: Iterable[str]) -> list[Gap]:
        """The gaps that concern any of ``kinds``."""
        wanted = set(kinds)
        return [gap for gap in self.gaps if gap.kind in wanted]
