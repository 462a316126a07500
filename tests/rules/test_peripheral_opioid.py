"""Opioids that act on the gut or the skin."""

import pytest

from cds_service.rules.peripheral_opioid import peripheral_opioid
from tests.rules.builders import (
    CAPSULE,
    CLINICAL,
    LDN,
    LOPERAMIDE,
    OXYCODONE,
    chart,
    ended,
    ldn,
    only,
    order,
    taken,
    topics,
)


def judged(*orders, **more):
    return list(peripheral_opioid(chart(*orders, **more), CLINICAL))


@pytest.mark.parametrize(
    ("orders", "exposures"),
    [
        ((LDN,), (taken(LOPERAMIDE),)),
        ((LDN, order(LOPERAMIDE, id="d2")), ()),
        ((ldn(selected=False), order(LOPERAMIDE, id="d2")), ()),
        ((LDN, order(LOPERAMIDE, id="d2", selected=False)), ()),
        ((order(LOPERAMIDE),), (taken(CAPSULE, 4.5),)),
    ],
)
def test_either_direction_is_info(orders, exposures):
    finding = only(judged(*orders, exposures=exposures))
    assert finding.indicator == "info" and finding.found and finding.proposals == ()


@pytest.mark.parametrize(("mg", "indicator"), [(16.0, "info"), (16.5, "warning"), (None, "info")])
def test_a_high_dose_is_a_warning(mg, indicator):
    assert only(judged(exposures=(taken(LOPERAMIDE, daily_mg=mg),))).indicator == indicator


def test_two_entries_add_up():
    both = (taken(LOPERAMIDE, daily_mg=10.0), taken(LOPERAMIDE, daily_mg=10.0))
    assert only(judged(exposures=both)).indicator == "warning"


@pytest.mark.parametrize(
    ("orders", "exposures"),
    [
        ((LDN,), (taken(OXYCODONE),)),
        ((LDN,), (ended(LOPERAMIDE, 2),)),
        ((order(LOPERAMIDE),), ()),
        ((order(LOPERAMIDE),), (ended(CAPSULE, 1, 4.5),)),
        ((order(OXYCODONE),), (taken(LOPERAMIDE), taken(CAPSULE, 4.5))),
    ],
)
def test_silent(orders, exposures):
    assert judged(*orders, exposures=exposures) == []


def test_the_start_is_still_offered():
    assert topics(chart(exposures=(taken(LOPERAMIDE),))) == [
        ("peripheral-opioid", "info"),
        ("starting-dose", "info"),
    ]
