"""What the client sent along.

Keys are the site's to name, so a resource is recognised by what it is; only a
value that holds nothing is understood by its key. The shapes kept apart
(https://cds-hooks.hl7.org/2.0/#providing-fhir-resources-to-a-cds-service):

* key absent: not supplied, to be fetched;
* ``null``: the client has no data, if the key is one we know;
* a Bundle without entries: no data of the type its key, else its ``self``
  link, else the site's key map names; otherwise it says nothing;
* an OperationOutcome: not available; within a Bundle it is "no data" unless
  its severity is error or fatal, which makes the list incomplete;
* a Bundle with a ``next`` link, or with fewer entries than its ``total``.

A ``self`` link that filters by status, date and the like leaves the list
"had", with an INCOMPLETE gap whose ``covers_list`` is false: the site chose
that filter, and what it leaves out (stopped orders, say) is worth a line of
detail but does not make the list unread. One that picks single medications
(``code=``) makes the list had only under a key that is known.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import chain
from typing import Final

import msgspec

from cds_service.errors import PayloadTooLarge
from cds_service.fhir.bundles import Page, Shape, issue_codes, read_pages, resources_in
from cds_service.fhir.patients import is_about, patient_key
from cds_service.fhir.records import Gap, GapReason, PatientRecord, Source
from cds_service.fhir.resources import Medication, Patient, Resource
from cds_service.fhir.searches import Search, read_search
from cds_service.fhir.sketches import EVERYTHING, Alike, Needed, whose

KNOWN_KEYS: Final[dict[str, tuple[str, ...]]] = {
    "patient": ("Patient",),
    "medicationStatements": ("MedicationStatement",),
    "medicationRequests": ("MedicationRequest", "MedicationOrder"),
    "conditions": ("Condition",),
    "allergies": ("AllergyIntolerance",),
    "observations": ("Observation",),
}

# Search parameters that pick single medications or problems rather than bound a list.
_PICKING: Final = frozenset({"code", "medication", "_id", "identifier", "substance", "clinical-code"})
_BOUNDING: Final = frozenset(
    {"status", "clinical-status", "intent", "category", "authoredon", "datewritten", "effective",
     "effective-time", "date", "encounter", "context", "onset-date", "recorded-date", "_lastupdated"}
)  # fmt: skip
_FILTERING: Final = _BOUNDING | _PICKING
_STOPPED: Final = frozenset({"stopped", "completed"})


@dataclass(frozen=True, slots=True)
class Following:
    """A further page of a list that prefetch began."""

    kind: str
    link: str = field(repr=False)
    page_url: str | None = field(default=None, repr=False)


class Supplied(msgspec.Struct):
    """What prefetch left to do, beside what it put in the record.

    ``unavailable`` has, by type, the gap to report if the list cannot be
    fetched either: an OperationOutcome in its place, or single resources
    under a key nobody knows.
    """

    following: list[Following] = []
    unavailable: dict[str, Gap] = {}


class Intake:
    """Puts resources into one patient's record: right patient only, each once, Medications by name."""

    def __init__(self, record: PatientRecord) -> None:
        self.record = record
        self.aliases: set[str] = set()
        self._seen: set[tuple[str, str]] = set()
        self._subjects: dict[tuple[bytes, bytes], bool] = {}
        self._strangers: dict[str, int] = {}

    def learn_patient(self, pages: Iterable[Page]) -> None:
        """Note the full URL of the patient's own entry, which may be a ``urn:uuid:``."""
        for page in pages:
            for item in page.found:
                is_patient = isinstance(item.resource, Patient)
                if is_patient and item.full_url and is_about(item.resource, self.record.patient_id):
                    self.aliases.add(item.full_url)

    def accept(self, page: Page, origin: str) -> bool:
        """Take a page in; false when it holds other patients' resources and none of this one's."""
        strangers = own = 0
        for item in page.found:
            if not is_about(item.resource, self.record.patient_id, self.aliases):
                strangers += 1
                self._note_strangers(type(item.resource).__name__, 1)
            else:
                own += not item.included and not isinstance(item.resource, Medication)
                self._keep(item.resource, Source(origin, item.path), item.full_url)
        for alike in page.passed_over:
            if self._are_own(alike):
                own += alike.count
                self.record.passed_over.setdefault(alike.kind, []).append(alike)
            else:
                strangers += alike.count
                self._note_strangers(alike.kind, alike.count)
        self.record.gaps.extend(page.gaps)
        return own > 0 or strangers == 0

    def _are_own(self, alike: Alike) -> bool:
        """Whether those that name their patient so are the patient's."""
        sketch = alike.some[0]
        written = bytes(sketch.subject), bytes(sketch.patient)
        if written not in self._subjects:
            said = whose(sketch)
            known = said is None or is_about(said, self.record.patient_id, self.aliases)
            self._subjects[written] = known
        return self._subjects[written]

    def _note_strangers(self, kind: str, count: int) -> None:
        self._strangers[kind] = self._strangers.get(kind, 0) + count

    def report_strangers(self) -> None:
        """One OTHER_PATIENT gap per type."""
        for kind, count in sorted(self._strangers.items()):
            gap = Gap(kind, GapReason.OTHER_PATIENT, "ignored", count, covers_list=False)
            self.record.gaps.append(gap)

    def _keep(self, resource: Resource, source: Source, full_url: str | None) -> None:
        if isinstance(resource, Medication):
            name_medication(self.record.medications, resource, full_url)
            return
        kind = type(resource).__name__
        if resource.id is not None:
            if (kind, resource.id) in self._seen:
                return
            self._seen.add((kind, resource.id))
        self.record.entries.setdefault(kind, []).append((resource, source))
        if kind == "Patient":
            self.record.lists.add(kind)  # one is all there is, an include as good as any


def name_medication(names: dict[str, Medication], medication: Medication, full_url: str | None) -> None:
    """File a Medication under every name a reference can have for it."""
    if medication.id:
        names.setdefault(f"Medication/{medication.id}", medication)
    if full_url:
        names.setdefault(full_url, medication)
        if "/Medication/" in full_url:
            names.setdefault(f"Medication/{patient_key(full_url)}", medication)


def read_prefetch(
    prefetch: Mapping[str, msgspec.Raw],
    intake: Intake,
    keys: Mapping[str, str],
    needed: Needed = EVERYTHING,
    most: int | None = None,
) -> Supplied:
    """Read all prefetch values into the record; ``keys`` is the site's own key map (key to type).

    Raises :class:`~cds_service.errors.PayloadTooLarge` for more than ``most`` resources.
    """
    supplied = Supplied()
    values = {key: read_pages(raw, f"$.prefetch.{key}", needed) for key, raw in prefetch.items()}
    every_page = list(chain.from_iterable(values.values()))
    if most is not None and resources_in(every_page) > most:
        raise PayloadTooLarge(f"More than {most} resources")
    intake.learn_patient(every_page)
    for key, pages in values.items():
        known = KNOWN_KEYS.get(key, ())
        mapped = known or ((keys[key],) if key in keys else ())
        if not pages:
            intake.record.lists.update(mapped)
        for page in pages:
            _read_page(page, known, mapped, intake, supplied)
    for kind in intake.record.lists:
        supplied.unavailable.pop(kind, None)
    return supplied


def _read_page(
    page: Page, known: tuple[str, ...], mapped: tuple[str, ...], intake: Intake, supplied: Supplied
) -> None:
    ours = intake.accept(page, "prefetch")
    search = read_search(page.self_link)
    if not ours or not (search is None or search.is_about(intake.record.patient_id)):
        return
    if page.shape is Shape.BARE:
        _read_bare(page, mapped, intake.record, supplied)
        return
    kinds = _kinds(page, search, known, mapped)
    if search is not None and not mapped and _picks(search):
        _note_unavailable(supplied, kinds, "only some were searched for")
    elif not (page.found or page.passed_over or page.gaps) and (page.failed or page.short):
        _note_unavailable(
            supplied, kinds, "an error in place of entries" if page.failed else "no entries sent"
        )
    else:
        intake.record.lists.update(kinds)
        intake.record.gaps.extend(_page_gaps(page, search, kinds))
        if page.next_link and kinds:
            supplied.following.append(
                Following(_main_kind(page, search, kinds), page.next_link, page.self_link)
            )


def _read_bare(page: Page, mapped: tuple[str, ...], record: PatientRecord, supplied: Supplied) -> None:
    """A resource in no Bundle: the whole answer under a known key, or for the Patient; else one of many."""
    if page.outcomes:
        for kind in mapped:
            supplied.unavailable.setdefault(kind, _outcome_gap(page, kind))
        return
    kinds = page.kinds()
    record.lists.update(kind for kind in kinds if kind == "Patient" or kind in mapped)
    _note_unavailable(supplied, kinds - record.lists, "single resources, not a list")


def _note_unavailable(supplied: Supplied, kinds: set[str], detail: str) -> None:
    for kind in kinds:
        supplied.unavailable.setdefault(kind, Gap(kind, GapReason.INCOMPLETE, detail))


def _outcome_gap(page: Page, kind: str) -> Gap:
    codes = issue_codes(page.outcomes)
    if "not-supported" in codes:
        return Gap(kind, GapReason.NOT_KEPT, "prefetch: not-supported", path=page.path)
    if codes & {"forbidden", "security", "login"}:
        return Gap(kind, GapReason.REFUSED, "prefetch: refused", path=page.path)
    return Gap(kind, GapReason.NOT_SUPPLIED, "prefetch: OperationOutcome", path=page.path)


def _kinds(page: Page, search: Search | None, known: tuple[str, ...], mapped: tuple[str, ...]) -> set[str]:
    """The types a Bundle is the list of. A ``self`` link tells matches from includes."""
    if search is not None and page.passed_over and page.passed_over[0].kind == search.kind:  # nearly always
        return {search.kind}
    present = page.kinds() - {"Medication"}
    if search is not None and search.kind in present:
        return {search.kind}
    if present:
        return present
    if page.others and not page.gaps:
        return set()
    if known or search is None:
        return set(known or mapped)
    return {search.kind}


def _main_kind(page: Page, search: Search | None, kinds: set[str]) -> str:
    if search is not None and search.kind in kinds:
        return search.kind
    present = (
        *(type(item.resource).__name__ for item in page.found),
        *(alike.kind for alike in page.passed_over),
    )
    return next((kind for kind in present if kind in kinds), min(kinds))


def _page_gaps(page: Page, search: Search | None, kinds: set[str]) -> list[Gap]:
    filtered = search is not None and not _FILTERING.isdisjoint(map(str.lower, search.parameters))
    if not (page.failed or page.short or filtered):
        return []
    gaps = []
    for kind in sorted(kinds):
        if page.failed:
            gaps.append(Gap(kind, GapReason.INCOMPLETE, "OperationOutcome in the list", path=page.path))
        elif page.short:
            gaps.append(Gap(kind, GapReason.INCOMPLETE, "fewer entries than its total", path=page.path))
        if search is not None and filtered and (filters := _filters(search, kind)):
            detail = f"searched by {', '.join(filters)}"
            gaps.append(Gap(kind, GapReason.INCOMPLETE, detail, path=page.path, covers_list=False))
    return gaps


def _picks(search: Search) -> bool:
    return search.kind not in {"Observation", "Patient"} and not _PICKING.isdisjoint(search.parameters)


def _filters(search: Search, kind: str) -> list[str]:
    """The parameters of a medication search that leave some orders out."""
    if not kind.startswith("Medication"):
        return []
    names = {name.lower() for name in search.parameters} & _FILTERING
    if not names:
        return []
    statuses = set(search.parameters.get("status", "").split(","))
    if statuses >= _STOPPED:
        names.discard("status")
    return sorted(names - {"_id"})
