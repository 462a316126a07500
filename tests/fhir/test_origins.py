"""Which URLs belong to a base, and which calls stay below it."""

from __future__ import annotations

from urllib.parse import urlsplit

import pytest
import requests
from hypothesis import given
from hypothesis import strategies as st
from urllib3.util import parse_url

from cds_service.fhir.origins import belongs, leads_below, origin_of, resolve

BASE = "https://ehr.example.org/fhir/r4"

THEIRS = [
    BASE,
    f"{BASE}/",
    f"{BASE}/tenant-1",
    "HTTPS://EHR.Example.ORG/fhir/r4",
    "https://ehr.example.org:443/fhir/r4",
    "https://ehr.example.org:/fhir/r4",
    "https://ehr.example.org:0443/fhir/r4",
]


@pytest.mark.parametrize("url", THEIRS)
def test_these_are_the_base_or_part_of_it(url: str) -> None:
    assert belongs(url, [BASE])
    assert belongs(url, ["https://other.example/fhir", f"{BASE}/"])


NOT_THEIRS = [
    "https://ehr.example.org.evil/fhir/r4",
    "https://ehr.example.org@evil/fhir/r4",
    "https://ehr.example.org./fhir/r4",
    "https://ehr..example.org/fhir/r4",
    "https://.ehr.example.org/fhir/r4",
    "https://ehr.example.org:444/fhir/r4",
    "https://ehr.example.org:4430/fhir/r4",
    "https://ehr.example.org:65979/fhir/r4",  # 443 modulo 65536
    "https://ehr.example.org:443:80/fhir/r4",
    "https://ehr.example.org:\u0664\u0664\u0663/fhir/r4",
    "https://[ehr.example.org/fhir/r4",
    "https://ehr.example.org]/fhir/r4",
    "http://ehr.example.org/fhir/r4",
    "http://ehr.example.org:443/fhir/r4",
    "https:/ehr.example.org/fhir/r4",
    "https:ehr.example.org/fhir/r4",
    "https:///ehr.example.org/fhir/r4",
    "https://ehr.example.org/fhir",
    "https://ehr.example.org/fhir/r",
    "https://ehr.example.org/fhir/r4evil",
    "https://ehr.example.org/fhir/R4",
    "https://ehr.example.org/fhir/r4/..",
    "https://ehr.example.org/fhir/r4/../../admin",
    "https://ehr.example.org/fhir/./r4",
    "https://ehr.example.org/fhir/r4/%2e%2e/%2E%2e/admin",
    "https://ehr.example.org/fhir%2fr4",
    "https://ehr.example.org/fhir/%72%34",
    "https://ehr.example.org//fhir/r4",
    "https://ehr.example.org/fhir/r4//x",
    "https://ehr.example.org/fhir/r4;v=1",
    "https://ehr.example.org/fhir/r4?",
    "https://ehr.example.org/fhir/r4#",
    "https://ehr.example.org\\fhir\\r4",
    "https://ehr.example.org/fhir/r4\t",
    "https://ehr.example.org\n/fhir/r4",
    "\x00https://ehr.example.org/fhir/r4",
    "https://ehr.example.\uff4frg/fhir/r4",  # full-width o
    "https://ehr.e\u200bxample.org/fhir/r4",  # zero-width space
    "https://ehr\u3002example\u3002org/fhir/r4",
    "https://ehr.example.org%00/fhir/r4",
    "",
    "fhir/r4",
]


@pytest.mark.parametrize("url", NOT_THEIRS)
def test_these_belong_to_nobody_here(url: str) -> None:
    assert not belongs(url, [BASE])


def test_a_letter_that_lower_case_makes_ascii_is_another_letter() -> None:
    kelvin = "https://\u212aehr.example.org/fhir"
    assert origin_of(kelvin) == origin_of("https://kehr.example.org/fhir")  # why it needs a rule of its own
    assert not belongs(kelvin, ["https://kehr.example.org/fhir"])


@pytest.mark.parametrize(
    "base", [f"{BASE}?", f"{BASE}#x", "https://ehr.example.org/%66hir", "ehr.example.org"]
)
def test_a_base_that_can_be_read_in_two_ways_has_nothing(base: str) -> None:
    assert not belongs(base, [base])
    assert not leads_below("https://ehr.example.org/fhir/r4/Patient", [base])


STAYING = [
    f"{BASE}/MedicationRequest?patient=p1&code=http://loinc.org|1%2C2&x=../..#f",
    f"{BASE}?_getpages=1",
    f"{BASE}/Bundle/a%3D%3D",
    f"{BASE}/Medication/a%20b",
    f"{BASE}//Condition?page=2",
]
LEAVING = [
    "https://ehr.example.org/admin?/fhir/r4",
    "https://ehr.example.org/fhir/r4x?a=1",
    f"{BASE}/../../admin?a=1",
    f"{BASE}/%2e%2e/%2e%2e/admin",
    f"{BASE}/.%2E/admin",
    f"{BASE}/..%2fadmin",
    f"{BASE}/..%5cadmin",
    f"{BASE}/%252e%252e/admin",
    f"{BASE}/..;/..;/admin",
    f"{BASE}/..%3b/admin",
    f"{BASE}/x%00",
    "https://ehr.example.org/fhir%2fr4/x",
    "https://evil.example/fhir/r4/x",
    "https://[::1",
]


@pytest.mark.parametrize("url", STAYING)
def test_calls_that_stay(url: str) -> None:
    assert leads_below(url, [BASE])


@pytest.mark.parametrize("url", LEAVING)
def test_calls_that_leave(url: str) -> None:
    assert not leads_below(url, [BASE])


PIECES = st.sampled_from(
    [
        "https:", "http:", "/", "//", "\\", "@", ":", "443", "80", "ehr.example.org", "evil.example", "fhir",
        "r4", "..", ".", "%2e", "%2E%2e", "%2f", "%5c", "%25", "%61", "?", "#", ";", "&", "[", "]", "::1",
        " ", "\t", "\r\n", "\u3002", "\uff0f", "\u2044", "\u212a", "\u00ad", "x",
    ]
)  # fmt: skip
URLS = st.builds(
    lambda start, pieces: start + "".join(pieces),
    st.sampled_from(["", "https://", "https://ehr.example.org", BASE, f"{BASE}/"]),
    st.lists(PIECES, max_size=8),
)


@given(URLS)
def test_what_is_called_is_what_was_judged(url: str) -> None:
    """The library that calls has a parser of its own and changes URLs: what goes out must be theirs too."""
    for called in (url, resolve(f"{BASE}/MedicationRequest", url)):
        if not (belongs(called, [BASE]) or leads_below(called, [BASE])):
            continue
        sent = parse_url(requests.Request("GET", called).prepare().url)
        assert (sent.scheme, sent.host, sent.port or 443, sent.auth) == (
            "https",
            "ehr.example.org",
            443,
            None,
        )
        assert sent.path == "/fhir/r4" or (sent.path or "").startswith("/fhir/r4/")
        assert ".." not in (sent.path or "").split("/")
        assert urlsplit(called).hostname == "ehr.example.org"
