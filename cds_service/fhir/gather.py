"""One patient's record for one request: prefetch first, then the server for what is missing.

All calls run in parallel and share one deadline. When it passes, the record is
answered as it is, with a TIME_OUT gap for each list still on its way; the
threads end by their own time-outs and start no further call. Nothing is kept
for the next request.
"""

from __future__ import annotations

import logging
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass, field, replace
from queue import Empty, SimpleQueue
from typing import Final
from urllib.parse import quote

import msgspec

from cds_service.fhir.bundles import Page
from cds_service.fhir.client import FhirAccess
from cds_service.fhir.deadline import Deadline
from cds_service.fhir.fetching import Fetch
from cds_service.fhir.origins import resolve
from cds_service.fhir.patients import patient_key
from cds_service.fhir.prefetch import Following, Intake, Supplied, name_medication, read_prefetch
from cds_service.fhir.queries import Query
from cds_service.fhir.records import Gap, GapReason, PatientRecord
from cds_service.fhir.references import (
    medication_id,
    medication_of,
    names_itself,
    names_of,
    needs_reading,
    reference_of,
)
from cds_service.fhir.resources import (
    MEDICATION_RECORDS,
    Medication,
    MedicationRecord,
    Resource,
)
from cds_service.fhir.sketches import EVERYTHING, Needed

logger = logging.getLogger(__name__)

_ORDERS: Final = frozenset({"MedicationRequest", "MedicationOrder"})


@dataclass(frozen=True, slots=True)
class GatherOptions:
    """What a site can set about reading.

    ``keys`` is the client's own prefetch key map (key to resource type); prefetch may hold
    ``max_resources``: each costs work, and no chart of one patient needs more;
    ``page_size`` is added to searches as ``_count`` unless it is 0; within ``waiting`` the request
    does nothing but wait for answers.
    """

    keys: Mapping[str, str] = field(default_factory=dict)
    allow_open_servers: bool = False
    max_resources: int = 10_000
    max_pages: int = 10
    page_size: int = 200
    medication_batch: int = 20
    max_medications: int = 100
    waiting: Callable[[], AbstractContextManager[None]] = nullcontext


def gather(
    patient_id: str,
    prefetch: Mapping[str, msgspec.Raw],
    orders: Sequence[Resource],
    *,
    server: FhirAccess | None,
    wanted: Sequence[Query],
    deadline: Deadline,
    options: GatherOptions | None = None,
    named: Mapping[str, Medication] | None = None,
    needed: Needed = EVERYTHING,
) -> PatientRecord:
    """Everything that can be known of the patient within the deadline.

    :param patient_id: the context's ``patientId``, with or without ``Patient/``.
    :param prefetch: the values as they came, each undecoded.
    :param orders: the basket, so that the Medications its orders refer to are
        read too; the orders themselves do not go into the record.
    :param server: access to the client's FHIR server, ``None`` without one.
    :param wanted: the lists to be had.
    :param named: Medication entries of the basket by their full URL.
    :param needed: which resources are to be read in full; the others are only counted.

    Raises :class:`~cds_service.errors.PayloadTooLarge` for more resources than the options allow.
    """
    options = options or GatherOptions()
    record = PatientRecord(patient_key(patient_id))
    intake = Intake(record)
    supplied = read_prefetch(prefetch, intake, options.keys, needed, options.max_resources)
    _take_basket(record, orders, named or {})
    had = _lists_had(record)
    missing = [query for query in wanted if query.resource_type not in had]
    access = _usable(server, options)
    if access is None:
        _report_unasked(record, missing, supplied, _why_unasked(server))
    else:
        _Gathering(intake, orders, access, deadline, options, needed).run(missing, supplied)
    intake.report_strangers()
    _report_unresolved(record, orders)
    for gap in record.gaps:
        logger.debug("fhir gap kind=%s reason=%s count=%d", gap.kind, gap.reason, gap.count)
    return record


def _lists_had(record: PatientRecord) -> set[str]:
    """Orders are one list, whichever version's name its resources have."""
    return record.lists if _ORDERS.isdisjoint(record.lists) else record.lists | _ORDERS


def _take_basket(record: PatientRecord, orders: Iterable[Resource], named: Mapping[str, Medication]) -> None:
    for full_url, medication in named.items():
        name_medication(record.medications, medication, full_url)
    for order in orders:
        if isinstance(order, Medication):
            name_medication(record.medications, order, None)


def _usable(server: FhirAccess | None, options: GatherOptions) -> FhirAccess | None:
    if server is None or not (server.token or options.allow_open_servers):
        return None
    return server if server.allowed else None


def _why_unasked(server: FhirAccess | None) -> tuple[GapReason, str]:
    if server is not None and not server.allowed:
        return GapReason.NOT_PERMITTED, "fhirServer is not permitted"
    if server is not None and server.expired:
        return GapReason.EXPIRED, "access token has expired"
    return GapReason.NOT_SUPPLIED, "no prefetch, no server to ask"


def _report_unasked(
    record: PatientRecord, missing: Iterable[Query], supplied: Supplied, why: tuple[GapReason, str]
) -> None:
    """There is no server to ask: say of each list why it is not known, once."""
    queries = tuple(missing)
    for kind in dict.fromkeys(query.resource_type for query in queries):
        if kind in supplied.unavailable:
            _report_unavailable(record, supplied.unavailable[kind])
        elif any(query.needed for query in queries if query.resource_type == kind):
            record.gaps.append(Gap(kind, *why))
    for following in supplied.following:
        record.gaps.append(Gap(following.kind, GapReason.INCOMPLETE, "next page not read: no server to ask"))


def _report_unavailable(record: PatientRecord, gap: Gap) -> None:
    record.gaps.append(gap)
    if record.has(gap.kind):
        # some entries were had, under a key nobody knows: an incomplete list rather than none
        record.lists.add(gap.kind)


class _Gathering:
    """The calls of one request, and the waiting for them."""

    def __init__(
        self,
        intake: Intake,
        orders: Sequence[Resource],
        access: FhirAccess,
        deadline: Deadline,
        options: GatherOptions,
        needed: Needed,
    ) -> None:
        self.intake = intake
        self.record = intake.record
        self.orders = orders
        self.access = access
        self.deadline = deadline
        self.options = options
        self.needed = needed
        self.pending: dict[Future[None], Fetch] = {}
        self.done: SimpleQueue[Future[None]] = SimpleQueue()
        self.asked: set[str] = set()
        self.records_looked_through: int | None = None
        """How many there were at the last look: with no new one there is nothing to ask."""

    def run(self, missing: Iterable[Query], supplied: Supplied) -> None:
        """Start every call that is due, take in what arrives, stop at the deadline."""
        queries = tuple(missing)
        for query in queries:
            self._start(self._fetch(query))
        for following in supplied.following:
            self._follow(following)
        self._ask_medications()
        while self.pending:
            try:
                with self.options.waiting():
                    future = self.done.get(timeout=self.deadline.left())
            except Empty:
                break
            future.result()
            self._take(self.pending.pop(future))
            self._ask_medications()
        self._give_up()
        for kind in dict.fromkeys(query.resource_type for query in queries):
            gap = supplied.unavailable.get(kind)
            # what the server said of the list counts for more than an outcome in its place in prefetch
            if gap is not None and gap.reason is GapReason.INCOMPLETE and kind not in self.record.lists:
                _report_unavailable(self.record, gap)

    def _fetch(self, query: Query) -> Fetch:
        search = query.url_for(self.record.patient_id)
        is_search = "?" in search
        if is_search and self.options.page_size and "_count=" not in search:
            search += f"&_count={self.options.page_size}"
        url = self.access.url(search)
        return Fetch(query.resource_type, url, self.options.max_pages, is_search=is_search)

    def _follow(self, following: Following) -> None:
        url = resolve(following.page_url or self.access.url(following.kind), following.link)
        if self.access.same_origin(url):
            self._start(Fetch(following.kind, url, self.options.max_pages, continues=True))
        else:
            gap = Gap(following.kind, GapReason.INCOMPLETE, "next page is on another origin")
            self.record.gaps.append(gap)

    def _start(self, fetch: Fetch) -> None:
        future = self.access.client.submit(self.access, fetch.run, self.access, self.deadline, self.needed)
        self.pending[future] = fetch
        future.add_done_callback(self.done.put)

    def _give_up(self) -> None:
        """The deadline has passed: take the pages that are there, name the lists that are not."""
        for future, fetch in self.pending.items():
            future.cancel()
            late = replace(fetch, pages=list(fetch.pages))  # its thread may still add to the other
            late.failure = late.failure or Gap(fetch.kind, GapReason.TIME_OUT, "time budget spent")
            self._take(late)
        if self.pending:
            self.access.client.hang_up(self.deadline)
        self.pending.clear()

    def _take(self, fetch: Fetch) -> None:
        self.record.fetches.append(fetch.told())
        for page in fetch.pages:
            if fetch.kind == "Medication":
                self._take_medications(fetch, page)
            else:
                self._take_page(fetch.kind, page)
        if fetch.kind == "Medication":
            self._read_one_by_one(fetch)
            return
        if len(fetch.pages) == 1 and fetch.pages[0].short:
            self._note(fetch.kind, GapReason.INCOMPLETE, "fewer entries than its total")
        if fetch.failure is not None:
            self._note(fetch.kind, fetch.failure.reason, fetch.failure.detail)

    def _take_page(self, kind: str, page: Page) -> None:
        self.intake.learn_patient([page])
        if not self.intake.accept(page, "server"):
            self._note(kind, GapReason.SERVER_ERROR, "answered with other patients only")
            return
        if page.failed:
            self._note(kind, GapReason.INCOMPLETE, "OperationOutcome in the list")
        if not (page.failed and page.empty):
            self.record.lists.add(kind)

    def _note(self, kind: str, reason: GapReason, detail: str) -> None:
        logger.info("fhir %s not complete: %s (%s)", kind, reason, detail)
        self.record.gaps.append(Gap(kind, reason, detail))

    def _take_medications(self, fetch: Fetch, page: Page) -> None:
        for item in page.found:
            if not fetch.is_search:
                item.full_url = fetch.url  # the name its reference has for it
        self.intake.accept(page, "server")

    def _ask_medications(self) -> None:
        """Ask for the Medications that the orders read so far refer to, many at a time."""
        kinds = (view.__name__ for view in MEDICATION_RECORDS)
        records = sum(len(self.record.entries.get(kind, ())) for kind in kinds)
        if records == self.records_looked_through:
            return
        self.records_looked_through = records
        identities: list[str] = []
        for reference in _unread(self.record, self.orders):
            name = names_of(reference)[0]
            if name in self.asked or len(self.asked) >= self.options.max_medications:
                continue
            self.asked.add(name)
            identity = medication_id(name)
            if identity and name in {f"Medication/{identity}", self.access.url(f"Medication/{identity}")}:
                identities.append(identity)
            elif identity and self.access.covers(name):
                self._start(Fetch("Medication", name, is_search=False))
        size = self.options.medication_batch
        for first in range(0, len(identities), size):
            self._ask_batch(tuple(dict.fromkeys(identities[first : first + size])))

    def _ask_batch(self, identities: tuple[str, ...]) -> None:
        if len(identities) == 1:
            self._read_medication(identities[0])
            return
        ids = ",".join(quote(identity, safe="") for identity in identities)
        url = self.access.url(f"Medication?_id={ids}&_count={len(identities)}")
        self._start(Fetch("Medication", url, self.options.max_pages, identities=identities))

    def _read_medication(self, identity: str) -> None:
        url = self.access.url(f"Medication/{quote(identity, safe='')}")
        self._start(Fetch("Medication", url, is_search=False))

    def _read_one_by_one(self, fetch: Fetch) -> None:
        """Not every server searches by ``_id``: read what such a search did not bring."""
        if self.deadline.passed or (fetch.failure and fetch.failure.reason is GapReason.TIME_OUT):
            return
        for identity in fetch.identities:
            if f"Medication/{identity}" not in self.record.medications:
                self._read_medication(identity)


def _medication_records(record: PatientRecord, orders: Iterable[Resource]) -> list[MedicationRecord]:
    in_record = [resource for entries in record.entries.values() for resource, _ in entries]
    return [resource for resource in (*orders, *in_record) if isinstance(resource, MedicationRecord)]


def _unread(record: PatientRecord, orders: Iterable[Resource]) -> Iterator[str]:
    for resource in _medication_records(record, orders):
        reference = needs_reading(resource, record)
        if reference is not None:
            yield reference


def _report_unresolved(record: PatientRecord, orders: Sequence[Resource]) -> None:
    """One UNRESOLVED gap per type, for the resources whose medicine nobody can tell."""
    lost = [
        (type(resource).__name__, "medication not known")
        for resource in _medication_records(record, ())
        if not names_itself(resource) and medication_of(resource, None, record).gap
    ]
    lost += [
        (type(order).__name__, "medication of a draft not known")
        for order in orders
        # a draft without any medication is one still being written
        if isinstance(order, MedicationRecord)
        and reference_of(order)
        and medication_of(order, None, record).gap
    ]
    for (kind, detail), count in Counter(lost).items() if lost else ():
        record.gaps.append(Gap(kind, GapReason.UNRESOLVED, detail, count, covers_list=False))
