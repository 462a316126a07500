"""What a search brought: a Bundle, a list or a single resource, taken apart.

Prefetch values and server answers have the same shapes, so both are read into
a :class:`Page` here (https://hl7.org/fhir/bundle.html#searchset). Nothing
here knows which patient is meant.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Final, TypeVar

import msgspec

from cds_service.fhir.datatypes import View
from cds_service.fhir.reading import UNKNOWN_TYPE, Read, read_resource
from cds_service.fhir.records import Gap, GapReason
from cds_service.fhir.resources import OperationOutcome, Resource
from cds_service.fhir.sketches import EVERYTHING, Alike, AnySketch, Needed, Sketch, alike, in_full

T = TypeVar("T")

_DEEPEST: Final = 5
_HARMLESS: Final = frozenset({"information", "warning", "success"})


class Found(msgspec.Struct):
    """One resource of a page. ``included`` was not asked for itself (``_include``)."""

    resource: Resource
    path: str
    full_url: str | None = None
    included: bool = False


class Shape(StrEnum):
    """What a page was before it was taken apart."""

    BUNDLE = "bundle"
    LIST = "list"
    BARE = "bare"
    """A single resource, in no Bundle."""


class Page(msgspec.Struct):
    """One Bundle, list or bare resource, with what it held."""

    shape: Shape
    path: str
    found: list[Found] = []
    gaps: list[Gap] = []
    passed_over: list[Alike] = []
    """What is not needed; only whose it is will be looked at."""
    others: list[str] = []
    outcomes: list[OperationOutcome] = []
    self_link: str | None = None
    next_link: str | None = None
    total: int | None = None
    entries: int = 0

    @property
    def failed(self) -> bool:
        """An OperationOutcome says that something went wrong, not just that nothing was found."""
        return bool(self.outcomes) and any(map(is_failure, self.outcomes))

    @property
    def short(self) -> bool:
        """The Bundle announces more matches than it holds, and no further page."""
        return self.total is not None and self.next_link is None and self.total > self.entries

    @property
    def empty(self) -> bool:
        """Nothing in it but, perhaps, outcomes."""
        return not (self.found or self.passed_over or self.gaps or self.others)

    def kinds(self) -> set[str]:
        """The resource types it has entries of, other than includes."""
        kinds = {type(item.resource).__name__ for item in self.found if not item.included}
        kinds.update(each.kind for each in self.passed_over)
        kinds.update(gap.kind for gap in self.gaps if gap.kind != UNKNOWN_TYPE)
        return kinds

    def add(self, read: Read, path: str, full_url: str | None, *, included: bool) -> None:
        """Take in what came of reading one resource."""
        if isinstance(read.resource, OperationOutcome):
            self.outcomes.append(read.resource)
        elif read.resource is not None:
            self.found.append(Found(read.resource, path, full_url, included))
        elif read.other:
            self.others.append(read.other)
        self.gaps.extend(read.gaps)


def resources_in(pages: Iterable[Page]) -> int:
    """How many resources they hold, of whatever type."""
    count = 0
    for page in pages:
        count += len(page.found) + len(page.others) + len(page.outcomes)
        for each in page.passed_over:
            count += each.count
    return count


def is_failure(outcome: OperationOutcome) -> bool:
    """Severity error or fatal, or none given (Epic: information or warning means no data)."""
    return not outcome.issue or any(
        (issue.severity or "error").strip().lower() not in _HARMLESS for issue in outcome.issue
    )


def issue_codes(outcomes: list[OperationOutcome]) -> set[str]:
    """The FHIR issue types of some outcomes, lower case."""
    return {issue.code.strip().lower() for outcome in outcomes for issue in outcome.issue if issue.code}


class _Link(View):
    relation: str | None = None
    url: str | None = None


class _SearchMode(View):
    mode: str | None = None


class _Response(View):
    status: str | None = None
    outcome: msgspec.Raw = msgspec.Raw()


class _Entry(View):
    full_url: str | None = None
    resource: AnySketch | None = None
    search: _SearchMode | None = None
    resource_type: None = None
    """Where a resource stands in the place of its entry; no such Bundle is plain."""


class _PlainBundle(View, tag_field="resourceType", tag="Bundle"):
    """What nearly every Bundle is: its resources are of types that are read here, its elements fit."""

    total: int | None = None
    link: list[_Link] = []
    entry: list[_Entry] = []


@dataclass(frozen=True, slots=True)
class _LooseEntry:
    """An entry by itself, where the whole did not fit; ``misplaced``: the resource stands in its place."""

    resource: msgspec.Raw
    full_url: str | None = None
    included: bool = False
    misplaced: bool = False


class _Envelope(View):
    """Any other object, member by member."""

    resource_type: str | None
    total: int | None = None
    link: list[_Link] = []
    entry: list[_LooseEntry] = []
    response: _Response | None = None
    resource: msgspec.Raw = msgspec.Raw()


_NOT_JSON: Final = (msgspec.DecodeError, UnicodeDecodeError, RecursionError)
_decode_plain = msgspec.json.Decoder(_PlainBundle | AnySketch).decode
_decode_members = msgspec.json.Decoder(dict[str, msgspec.Raw]).decode
_decode_items = msgspec.json.Decoder(list[msgspec.Raw]).decode
_decode_sketch = msgspec.json.Decoder(AnySketch).decode


def is_null(raw: bytes | msgspec.Raw) -> bool:
    """Whether the JSON value is ``null``."""
    return len(raw) < 16 and bytes(raw).strip() == b"null"


def read_pages(raw: bytes | msgspec.Raw, path: str, needed: Needed = EVERYTHING) -> list[Page]:
    """Read a Bundle, a bare resource, a ``{response, resource}`` pair or a list of any of them.

    A Bundle within a Bundle becomes a page of its own; JSON ``null`` gives no page.
    Resources that are not ``needed`` are passed over: counted, and not read further.
    """
    page = read_plain(raw, path, needed)
    if page is not None:
        return [page]
    reading = _Reading(needed)
    reading.value(raw, path, 0)
    return reading.pages


def read_plain(raw: bytes | msgspec.Raw, path: str, needed: Needed = EVERYTHING) -> Page | None:
    """What nearly every value is, in one pass: a Bundle or a bare resource in which everything fits.

    None of any other value: :func:`read_pages` reads it.
    """
    try:
        found = _decode_plain(raw)
    except _NOT_JSON:
        return None
    if isinstance(found, _PlainBundle):
        return _plain_bundle(found, path, needed)
    page = Page(Shape.BARE, path)
    judge = needed.get(type(found))
    if judge is None or judge(found):
        page.add(in_full(found, path), path, None, included=False)
    else:
        page.passed_over = alike([found])
    return page


def _plain_bundle(bundle: _PlainBundle, path: str, needed: Needed) -> Page:
    page = _page(path, bundle.link, bundle.total, len(bundle.entry))
    left: list[Sketch] = []
    for index, entry in enumerate(bundle.entry):
        sketch, search = entry.resource, entry.search
        if sketch is None:
            continue
        included = search is not None and search.mode == "include"
        judge = needed.get(type(sketch))
        if included or judge is None or judge(sketch):
            place = f"{path}.entry[{index}].resource"
            page.add(in_full(sketch, place), place, entry.full_url, included=included)
        else:
            left.append(sketch)
    page.passed_over = alike(left)
    return page


def _page(path: str, link: Sequence[_Link], total: int | None, entries: int) -> Page:
    page = Page(Shape.BUNDLE, path, total=total, entries=entries)
    for each in link:
        relation = each.relation.lower() if each.relation and each.url else ""
        if relation == "self":
            page.self_link = each.url
        elif relation == "next":
            page.next_link = each.url
    return page


class _Reading:
    """The taking apart of a value that is no plain Bundle: the pages it has given so far."""

    def __init__(self, needed: Needed) -> None:
        self.pages: list[Page] = []
        self._needed = needed

    def value(self, raw: bytes | msgspec.Raw, path: str, depth: int) -> None:
        if is_null(raw):
            return
        if depth > _DEEPEST:
            self.pages.append(Page(Shape.BARE, path, gaps=[_malformed(path, "nested too deeply")]))
        elif bytes(memoryview(raw)[:64]).lstrip()[:1] == b"[":
            self._list(raw, path, depth)
        else:
            self._object(raw, path, depth)

    def _list(self, raw: bytes | msgspec.Raw, path: str, depth: int) -> None:
        page = Page(Shape.LIST, path)
        self.pages.append(page)
        try:
            items = _decode_items(raw)
        except _NOT_JSON:
            page.gaps.append(_malformed(path, "not a list"))
            return
        for index, item in enumerate(items):
            self._loose(_loose_entry(item), f"{path}[{index}]", page, depth)
        if len(self.pages) > 1 and page.empty:
            self.pages.remove(page)

    def _object(self, raw: bytes | msgspec.Raw, path: str, depth: int) -> None:
        page = read_plain(raw, path, self._needed)
        if page is not None:
            self.pages.append(page)
            return
        envelope = _taken_apart(raw)
        if envelope.resource_type == "Bundle":
            self._bundle(envelope, path, depth)
        elif envelope.resource_type is None and _has(envelope.resource):
            self.value(envelope.resource, f"{path}.resource", depth + 1)
        elif envelope.resource_type is None and envelope.response is not None:
            self._response(envelope.response, path)
        else:
            page = Page(Shape.BARE, path)
            self.pages.append(page)
            self._add(_LooseEntry(msgspec.Raw(raw)), path, page)

    def _response(self, response: _Response, path: str) -> None:
        """A ``{response}`` without a resource, from before CDS Hooks 1.0: a failed search, or nothing."""
        page = Page(Shape.BARE, path)
        if _has(response.outcome):
            self._add(_LooseEntry(response.outcome), f"{path}.response.outcome", page)
        elif not (response.status or "").startswith("2"):
            page.outcomes.append(OperationOutcome())
        if page.outcomes:
            self.pages.append(page)

    def _bundle(self, envelope: _Envelope, path: str, depth: int) -> None:
        page = _page(path, envelope.link, envelope.total, len(envelope.entry))
        self.pages.append(page)
        for index, entry in enumerate(envelope.entry):
            self._loose(entry, f"{path}.entry[{index}]", page, depth)

    def _loose(self, entry: _LooseEntry, path: str, page: Page, depth: int) -> None:
        if not len(entry.resource):
            return
        place = path if entry.misplaced else f"{path}.resource"
        if not self._add(entry, place, page) and not is_null(entry.resource):
            self.value(entry.resource, place, depth + 1)

    def _add(self, entry: _LooseEntry, path: str, page: Page) -> bool:
        """Read one resource into the page; false for what is none: a Bundle, to be opened, or null."""
        sketch = None if entry.included else _sketch(entry.resource)
        judge = self._needed.get(type(sketch)) if sketch is not None else None
        if sketch is not None and judge is not None and not judge(sketch):
            page.passed_over += alike([sketch])
            return True
        read = read_resource(entry.resource, path)
        if read.resource is None and (read.other == "Bundle" or is_null(entry.resource)):
            return False
        page.add(read, path, entry.full_url, included=entry.included)
        return True


def _has(raw: msgspec.Raw) -> bool:
    return len(raw) > 0 and not is_null(raw)


def _sketch(raw: msgspec.Raw) -> Sketch | None:
    try:
        return _decode_sketch(raw)
    except _NOT_JSON:
        return None


def _taken_apart(raw: bytes | msgspec.Raw) -> _Envelope:
    """A bare resource, a pair, a Bundle with a wrong type somewhere (``"entry": null``) or with others."""
    try:
        members = _decode_members(raw)
    except _NOT_JSON:
        return _Envelope(resource_type=UNKNOWN_TYPE)
    return _Envelope(
        resource_type=_member(members, "resourceType", str),
        total=_member(members, "total", int),
        link=[link for link in map(_link, _items(members.get("link"))) if link],
        entry=[_loose_entry(item) for item in _items(members.get("entry"))],
        response=_member(members, "response", _Response),
        resource=members.get("resource", msgspec.Raw()),
    )


def _loose_entry(raw: msgspec.Raw) -> _LooseEntry:
    """An entry, or what stands in its place: early clients, and plain lists, have the resource there."""
    try:
        members = _decode_members(raw)
    except _NOT_JSON:
        return _LooseEntry(raw, misplaced=True)
    if "resourceType" in members or "resource" not in members:
        return _LooseEntry(raw, misplaced=True)
    search = _member(members, "search", _SearchMode)
    included = search is not None and search.mode == "include"
    return _LooseEntry(members["resource"], _member(members, "fullUrl", str), included)


def _member(members: dict[str, msgspec.Raw], name: str, kind: type[T]) -> T | None:
    try:
        return msgspec.json.decode(members[name], type=kind) if name in members else None
    except _NOT_JSON:
        return None


def _link(raw: msgspec.Raw) -> _Link | None:
    return _member({"link": raw}, "link", _Link)


def _items(raw: msgspec.Raw | None) -> list[msgspec.Raw]:
    """The items of a list, or the one object given in place of a list."""
    if raw is None or is_null(raw):
        return []
    try:
        return _decode_items(raw)
    except _NOT_JSON:
        return [raw]


def _malformed(path: str, detail: str) -> Gap:
    return Gap(UNKNOWN_TYPE, GapReason.MALFORMED, detail=detail, path=path, covers_list=False)
