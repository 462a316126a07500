"""Lists that come in pages: followed on their own origin, and with an end."""

from __future__ import annotations

import pytest

from cds_service.fhir import (
    GatherOptions,
)
from tests.fhir.asking import CONDITIONS, TOKEN, Ask
from tests.fhir.bodies import (
    bundle,
    condition,
    gaps,
    ids,
)
from tests.fhir.server import Answer, FhirServer


def pages(server: FhirServer, *links: str) -> None:
    """Pages of one Condition each; ``links`` are their next links."""
    for number, link in enumerate((*links, ""), start=1):
        path = "Condition" if number == 1 else f"Condition?page={number}"
        server.routes[path] = Answer(bundle(condition(f"c{number}"), next_link=link))


@pytest.mark.parametrize(
    "link", ["Condition?page=2", "?page=2", "/fhir/Condition?page=2", "{base}/Condition?page=2"]
)
def test_next_links_are_followed(ask: Ask, server: FhirServer, link: str) -> None:
    pages(server, link.format(base=server.base))
    record = ask(*CONDITIONS)
    assert ids(record, "Condition") == ["c1", "c2"]
    assert record.gaps == []
    assert server.headers[1]["Authorization"] == f"Bearer {TOKEN}"


def test_a_next_link_to_another_origin_is_not_followed(
    ask: Ask, server: FhirServer, elsewhere: FhirServer
) -> None:
    pages(server, f"{elsewhere.base}/Condition?page=2")
    record = ask(*CONDITIONS)
    assert ids(record, "Condition") == ["c1"]
    assert gaps(record, "Condition") == [("incomplete", True)]
    assert elsewhere.asked == []


def test_pages_are_capped(ask: Ask, server: FhirServer) -> None:
    pages(server, *(f"Condition?page={number}" for number in range(2, 9)))
    record = ask(*CONDITIONS, options=GatherOptions(max_pages=3))
    assert ids(record, "Condition") == ["c1", "c2", "c3"]
    assert gaps(record, "Condition") == [("incomplete", True)]
    assert len(server.asked) == 3


def test_pages_in_a_circle_end(ask: Ask, server: FhirServer) -> None:
    pages(server, "Condition?page=2", "Condition?page=2")
    record = ask(*CONDITIONS)
    assert ids(record, "Condition") == ["c1", "c2"]
    assert gaps(record, "Condition") == [("incomplete", True)]


@pytest.mark.parametrize("status", [404, 403, 500])
def test_a_page_that_fails_leaves_the_list_incomplete(ask: Ask, server: FhirServer, status: int) -> None:
    pages(server, "Condition?page=2")
    server.routes["Condition?page=2"] = Answer({}, status=status)
    record = ask(*CONDITIONS)
    assert ids(record, "Condition") == ["c1"]
    assert gaps(record, "Condition") == [("incomplete", True)]


def test_the_pages_prefetch_began_are_followed(ask: Ask, server: FhirServer) -> None:
    server.routes["Condition?page=2"] = Answer(bundle(condition("c2"), next_link="Condition?page=3"))
    server.routes["Condition?page=3"] = Answer(bundle(condition("c3")))
    first = bundle(condition("c1"), next_link=f"{server.base}/Condition?page=2")
    record = ask(*CONDITIONS, prefetch={"x": first})
    assert ids(record, "Condition") == ["c1", "c2", "c3"]
    assert record.gaps == []
    assert len(server.asked) == 2


def test_a_prefetch_page_elsewhere_is_not_followed(
    ask: Ask, server: FhirServer, elsewhere: FhirServer
) -> None:
    first = bundle(condition("c1"), next_link=f"{elsewhere.base}/Condition?page=2")
    record = ask(*CONDITIONS, prefetch={"x": first})
    assert gaps(record, "Condition") == [("incomplete", True)]
    assert elsewhere.asked == server.asked == []


def test_the_pages_that_came_in_time_are_kept(ask: Ask, server: FhirServer) -> None:
    pages(server, "Condition?page=2")
    server.routes["Condition?page=2"] = Answer(hang=True)
    record = ask(*CONDITIONS, seconds=0.5)
    assert ids(record, "Condition") == ["c1"]
    assert "Condition" in record.lists
    assert gaps(record, "Condition") == [("time-out", True)]
