"""Searches and reads against a FHIR server, page by page.

A :class:`Fetch` runs in a thread and puts each page where the waiting request
can see it, so that a list cut off by the deadline keeps the pages it got.
"""

from __future__ import annotations

from codecs import BOM_UTF8
from dataclasses import dataclass, field
from time import perf_counter
from typing import Final

import msgspec

from cds_service.fhir.bundles import Page, Shape, issue_codes, read_pages, read_plain
from cds_service.fhir.client import FetchFailed, FhirAccess, Reply
from cds_service.fhir.deadline import Deadline
from cds_service.fhir.origins import resolve
from cds_service.fhir.records import Fetched, Gap, GapReason
from cds_service.fhir.sketches import EVERYTHING, Needed

_GONE: Final = 410
_NOT_THERE: Final = frozenset({404, _GONE})
_MAYBE_NOT_KEPT: Final = frozenset({400, 403, 405})
_FAILED: Final = frozenset(
    {"exception", "transient", "timeout", "throttled", "lock-error", "no-store", "incomplete"}
    | {"security", "login", "expired", "forbidden"}
)
"""Issue types (https://hl7.org/fhir/valueset-issue-type.html) that tell of a failure, whatever the status."""
_REFUSED: Final = frozenset({401, 403})


@dataclass(slots=True)
class Fetch:
    """One list being fetched. ``kind`` is the type asked for.

    ``pages`` grows while the thread runs; ``failure`` is set when it could not
    be had to the end. ``is_search`` is false for a read of one resource;
    ``continues`` is true for the further pages of a list that prefetch began;
    ``identities`` are the ids that a search for Medications asks for.
    """

    kind: str
    url: str = field(repr=False)
    max_pages: int = 10
    is_search: bool = True
    continues: bool = False
    identities: tuple[str, ...] = ()
    pages: list[Page] = field(default_factory=list)
    failure: Gap | None = None
    began: float | None = None
    ended: float | None = None

    def run(self, access: FhirAccess, deadline: Deadline, needed: Needed = EVERYTHING) -> None:
        """Get all pages, or say why not; resources that are not ``needed`` are only counted."""
        self.began = perf_counter()
        try:
            self._run(access, deadline, needed)
        except FetchFailed as failed:
            self.failure = self._gap(failed)
        finally:
            self.ended = perf_counter()

    def told(self) -> Fetched:
        """How long it took, and what came of it; one that is still under way ends now."""
        now = perf_counter()
        failure = self.failure.reason if self.failure else None
        return Fetched(self.kind, self.began or now, self.ended or now, failure)

    def _gap(self, failed: FetchFailed) -> Gap:
        """A list that broke off is incomplete, whatever the server said of the further page."""
        if failed.reason is not GapReason.TIME_OUT and (self.pages or self.continues):
            return Gap(self.kind, GapReason.INCOMPLETE, f"further page: {failed.detail}")
        return Gap(self.kind, failed.reason, failed.detail)

    def _run(self, access: FhirAccess, deadline: Deadline, needed: Needed) -> None:
        url, seen = self.url, {self.url}
        while True:
            reply = access.get(url, deadline)
            page = read_reply(reply, self.kind, needed, is_search=self.is_search, first=not self.pages)
            self.pages.append(page)
            if page.next_link is None:
                return
            url = resolve(reply.url, page.next_link)
            if url in seen:
                raise FetchFailed(GapReason.INCOMPLETE, "pages go round in a circle")
            if not access.same_origin(url):
                raise FetchFailed(GapReason.INCOMPLETE, "next page is on another origin")
            if len(self.pages) >= self.max_pages:
                raise FetchFailed(GapReason.INCOMPLETE, f"more than {self.max_pages} pages")
            seen.add(url)


def read_reply(
    reply: Reply, kind: str, needed: Needed = EVERYTHING, *, is_search: bool, first: bool = True
) -> Page:
    """The page in a reply, or :class:`FetchFailed` with the reason that its status and body give."""
    if reply.status != 200:
        raise _refusal(reply, is_search=is_search)
    body = reply.body.removeprefix(BOM_UTF8)
    page = read_plain(body, "$", needed) or _only_page(body, needed)
    if page.shape is Shape.BARE and page.outcomes:
        raise FetchFailed(GapReason.SERVER_ERROR, "HTTP 200 with OperationOutcome")
    if not _is_of_kind(page, kind, first=first, is_search=is_search):
        raise FetchFailed(GapReason.SERVER_ERROR, f"HTTP 200 without {kind}")
    return page


def _only_page(body: bytes, needed: Needed) -> Page:
    if not _is_json(body):
        raise FetchFailed(GapReason.SERVER_ERROR, "HTTP 200 without JSON")
    pages = read_pages(body, "$", needed)
    if len(pages) != 1 or pages[0].shape is Shape.LIST:
        raise FetchFailed(GapReason.SERVER_ERROR, "HTTP 200 without FHIR")
    return pages[0]


def _is_of_kind(page: Page, kind: str, *, first: bool, is_search: bool) -> bool:
    present = {type(item.resource).__name__ for item in page.found} | {gap.kind for gap in page.gaps}
    present |= {each.kind for each in page.passed_over}
    if page.shape is Shape.BARE:
        return present == {kind}
    # a first page of nothing but other types answers another question; "Resource" is an unreadable entry
    if page.empty or not first or present & {kind, "Resource"}:
        return True
    return is_search and not present and not page.others


def _is_json(body: bytes) -> bool:
    try:
        msgspec.json.decode(body, type=msgspec.Raw)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return False
    return True


def _refusal(reply: Reply, *, is_search: bool) -> FetchFailed:
    detail = f"HTTP {reply.status}"
    if reply.status in _NOT_THERE and not is_search:
        return FetchFailed(GapReason.NOT_FOUND, detail)
    # "gone" says that there was a list: what it held may be anywhere, so only a 404 says "not kept"
    if reply.status == 404 and not _FAILED & _issue_codes(reply.body):
        return FetchFailed(GapReason.NOT_KEPT, detail)
    if reply.status in _MAYBE_NOT_KEPT and is_search and "not-supported" in _issue_codes(reply.body):
        return FetchFailed(GapReason.NOT_KEPT, f"{detail}, not-supported")
    if reply.status in _REFUSED:
        return FetchFailed(GapReason.REFUSED, detail)
    return FetchFailed(GapReason.SERVER_ERROR, detail)


def _issue_codes(body: bytes) -> set[str]:
    if not _is_json(body):
        return set()
    return issue_codes([outcome for page in read_pages(body, "$") for outcome in page.outcomes])
