"""Bundles taken apart, those that fit no type member by member."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cds_service.fhir.bundles import Page, Shape, is_null, read_pages

CONDITION = {"resourceType": "Condition", "id": "c1"}
LOOSE: dict[str, Any] = {"resourceType": "Bundle", "total": "many"}
"""No plain Bundle: its total is no number."""


def pages(value: Any) -> list[Page]:
    return read_pages(json.dumps(value).encode(), "$")


def only(value: Any) -> Page:
    (page,) = pages(value)
    return page


@pytest.mark.parametrize(
    ("raw", "expected"), [(b"null", True), (b" \n null  ", True), (b'"null"', False), (b"", False)]
)
def test_null(raw: bytes, expected: bool) -> None:
    assert is_null(raw) is expected


@pytest.mark.parametrize("bundle", [{"resourceType": "Bundle"}, LOOSE], ids=["plain", "loose"])
def test_an_entry_without_a_resource_is_no_gap(bundle: dict[str, Any]) -> None:
    entries = [{"resource": None}, {"resource": CONDITION}, {"fullUrl": "urn:x", "resource": CONDITION}]
    page = only({**bundle, "entry": entries})
    assert [found.path for found in page.found] == ["$.entry[1].resource", "$.entry[2].resource"]
    assert [found.full_url for found in page.found] == [None, "urn:x"]
    assert (page.gaps, page.entries) == ([], 3)


@pytest.mark.parametrize("bundle", [{"resourceType": "Bundle"}, LOOSE], ids=["plain", "loose"])
def test_links_and_includes(bundle: dict[str, Any]) -> None:
    links = [
        {"relation": "Self", "url": "s"},
        {"relation": "next"},
        {"url": "x"},
        {"relation": "next", "url": "n"},
    ]
    entry = [{"resource": CONDITION, "search": {"mode": mode}} for mode in ("match", "include")]
    page = only({**bundle, "link": links, "entry": entry})
    assert (page.self_link, page.next_link, page.shape) == ("s", "n", Shape.BUNDLE)
    assert [found.included for found in page.found] == [False, True]
    assert page.kinds() == {"Condition"}


def test_a_resource_in_the_place_of_its_entry() -> None:
    assert [found.path for found in only({**LOOSE, "entry": CONDITION}).found] == ["$.entry[0]"]


def test_the_bundles_of_a_list_are_pages_of_their_own() -> None:
    bundle = {"resourceType": "Bundle", "entry": [{"resource": CONDITION}]}
    assert [page.path for page in pages([bundle, bundle])] == ["$[0]", "$[1]"]
    assert [page.path for page in pages([bundle, CONDITION])] == ["$", "$[0]"]


@pytest.mark.parametrize(
    ("total", "link", "short"),
    [(1, [], False), (2, [], True), (2, [{"relation": "next", "url": "n"}], False), (None, [], False)],
)
def test_more_announced_than_held(total: int | None, link: list[Any], short: bool) -> None:
    bundle = {"resourceType": "Bundle", "total": total, "link": link, "entry": [{"resource": CONDITION}]}
    assert only(bundle).short is short


@pytest.mark.parametrize(
    ("severities", "failed"),
    [
        (["information", "warning", "success"], False),
        (["information", "error"], True),
        ([None], True),
        ([], True),
    ],
)
def test_an_outcome_fails_by_its_worst_issue(severities: list[str | None], failed: bool) -> None:
    outcome = {"resourceType": "OperationOutcome", "issue": [{"severity": each} for each in severities]}
    assert only(outcome).failed is failed
