"""Opioids that act on the gut or the skin."""

import pytest

from cds_service.rules.finding import spoken
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
    return spoken(peripheral_opioid(chart(*orders, **more), CLINICAL))


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


@pytest.mark.parametrize(("mg", "indicator"), [(16.0, "info"), (24.0, "warning"), (None, "info")])
@pytest.mark.parametrize("selected", ["loperamide", "naltrexone"])
def test_a_high_dose_that_is_ordered_is_a_warning_too(mg, indicator, selected):
    drafts = (
        ldn(selected=selected == "naltrexone"),
        order(LOPERAMIDE, id="d2", daily_mg=mg, selected=selected == "loperamide"),
    )
    assert only(judged(*drafts)).indicator == indicator


def test_a_high_dose_ordered_for_a_patient_on_naltrexone():
    high, low = (
        only(judged(order(LOPERAMIDE, daily_mg=mg), exposures=(taken(CAPSULE, 4.5),))) for mg in (24.0, 8.0)
    )
    assert (high.indicator, low.indicator) == ("warning", "info")
    assert set(high.lines).isdisjoint(low.lines)


def test_one_selected_order_among_others_is_enough():
    drafts = (order(LOPERAMIDE, selected=False), order(LOPERAMIDE, id="d2"))
    assert only(judged(*drafts, exposures=(taken(CAPSULE, 4.5),)))


def test_a_high_dose_on_the_list_is_not_hidden_by_a_small_order():
    listed = (taken(CAPSULE, 4.5), taken(LOPERAMIDE, daily_mg=24.0))
    finding = only(judged(order(LOPERAMIDE, daily_mg=4.0), exposures=listed))
    assert finding.indicator == "warning"
    assert len(finding.found) == 3


def test_a_renewal_does_not_count_twice():
    listed = (taken(LOPERAMIDE, daily_mg=12.0), taken(CAPSULE, 4.5))
    assert only(judged(order(LOPERAMIDE, daily_mg=12.0), exposures=listed)).indicator == "info"


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
def test_without_both_at_once_it_is_silent(orders, exposures):
    assert judged(*orders, exposures=exposures) == []


def test_the_start_is_still_offered():
    assert topics(chart(exposures=(taken(LOPERAMIDE),))) == [
        ("peripheral-opioid", "info"),
        ("starting-dose", "info"),
    ]
