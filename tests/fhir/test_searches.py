"""A search URL taken apart."""

from __future__ import annotations

import pytest

from cds_service.fhir.searches import read_search


@pytest.mark.parametrize(
    ("url", "kind", "parameters"),
    [
        ("https://ehr.example/r4/Condition?patient=p1", "Condition", {"patient": "p1"}),
        ("Condition?patient=p1", "Condition", {"patient": "p1"}),
        ("https://ehr.example/Condition", "Condition", {}),
        ("/r4/Observation/_search?subject=p1&code=a%7Cb", "Observation", {"subject": "p1", "code": "a|b"}),
        (" https://ehr.example/r4/Condition/?patient:Patient=p1#x ", "Condition", {"patient": "p1"}),
        ("Condition?a=b=c&&empty=&=x&patient=p1", "Condition", {"a": "b=c", "": "x", "patient": "p1"}),
        ("Condition?category=a+b&empty=", "Condition", {"category": "a b"}),
    ],
)  # fmt: skip
def test_a_search(url: str, kind: str, parameters: dict[str, str]) -> None:
    search = read_search(url)
    assert search is not None
    assert (search.kind, search.parameters) == (kind, parameters)


@pytest.mark.parametrize(
    "url",
    [
        None,
        "",
        "https://ehr.example/r4/Condition/12",
        "https://Condition",
        "https://Condition/?patient=p1",
        "x",
    ],
)
def test_no_search(url: str | None) -> None:
    assert read_search(url) is None


@pytest.mark.parametrize(
    ("url", "is_about"),
    [
        ("Condition?patient=p1", True),
        ("Condition?patient=Patient/p1", True),
        ("Condition?patient=other,p1", True),
        ("Condition?subject=Patient/other", False),
        ("Condition?code=1", True),
        ("Patient?_id=other", False),
        ("Condition?_id=other", True),
    ],
)
def test_whom_it_is_about(url: str, is_about: bool) -> None:
    search = read_search(url)
    assert search is not None
    assert search.is_about("p1") is is_about
