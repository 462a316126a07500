"""Orders of what is on no list, and the name that stands in their directions."""

from __future__ import annotations

import pytest

from cds_service.knowledge import is_placeholder, name_in_directions


@pytest.mark.parametrize(
    "name",
    [
        "COMPOUNDED MEDICATION",
        "Compound Rx",
        "Compounded (see comments)",
        "UNABLE TO FIND",
        "Non-formulary medication",
        "NONFORMULARY",
        "Miscellaneous compounded product",
        "misc medication",
        "Free text medication",
        "Patient's own supply",
    ],
)
def test_names_that_name_nothing(name: str) -> None:
    assert is_placeholder([], [name])
    assert is_placeholder([("urn:oid:1.2.3", "1", name)], [])


@pytest.mark.parametrize("name", ["lisinopril 10 mg", "compounded naltrexone", "Compound W", "other", ""])
def test_names_that_are_names(name: str) -> None:
    assert not is_placeholder([], [name])


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("LDN 4.5 mg capsule, 1 nightly", "LDN 4.5 mg capsule, 1 nightly"),
        ("LDN 4.5 mg. Stop tramadol first", "LDN 4.5 mg"),
        ("Ketamine spray do not take with tramadol", "Ketamine spray "),
        ("Estriol cream; was on codeine", "Estriol cream"),
        ("Not before 29 Nov 2026, and only if opioid-free. LDN 4.5 mg. 1 nightly", "LDN 4.5 mg"),
        ("x" * 200 + " tramadol", "x" * 100),
    ],
)
def test_the_name_stands_at_the_beginning(text: str, name: str) -> None:
    assert name_in_directions(text) == name
