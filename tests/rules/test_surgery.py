"""Surgery planned for a patient on naltrexone."""

from datetime import timedelta

import pytest

from cds_service.chart import PlannedSurgery
from cds_service.rules.finding import spoken
from cds_service.rules.surgery import surgery
from tests.rules.builders import (
    CAPSULE,
    CLINICAL,
    LDN,
    NALTREXONE,
    OXYCODONE,
    TABLET_50,
    TODAY,
    VIVITROL,
    chart,
    dose,
    ldn,
    only,
    order,
    planned_surgery,
    surgery_order,
    taken,
    text,
    topics,
)


def judged(*orders, **more):
    return spoken(surgery(chart(*orders, **more), CLINICAL))


def in_basket(days=5, **more):
    drafted = surgery_order(starts=TODAY + timedelta(days=days), **more)
    return drafted, {"surgeries": (PlannedSurgery(drafted.evidence, drafted.starts),)}


@pytest.mark.parametrize(
    ("drafted", "indicator", "pause"),
    [
        (LDN, "info", "24 to 72 hours"),
        (order(TABLET_50, 50.0), "warning", "3 days"),
        (order(VIVITROL, dose=dose()), "warning", "24 to 30 days"),
        (order(NALTREXONE, dose=dose()), "info", "3 days"),
    ],
)
def test_naltrexone_ordered_before_surgery(drafted, indicator, pause):
    finding = only(judged(drafted, surgeries=(planned_surgery(14),)))
    assert finding.indicator == indicator and pause in finding.summary
    assert "anaesthesia" in text(finding) and "weak" in text(finding)


def test_an_injection_cannot_be_taken_back():
    assert "cannot be taken back" in text(
        only(judged(order(VIVITROL, dose=dose()), surgeries=(planned_surgery(5),)))
    )
    assert "cannot be taken back" not in text(only(judged(surgeries=(planned_surgery(5),))))


@pytest.mark.parametrize("days", [15, -1])
def test_outside_the_window_is_silent(days):
    assert judged(surgeries=(planned_surgery(days),)) == []


def test_planned_without_a_date_counts():
    assert "Surgery planned and LDN" in only(judged(surgeries=(planned_surgery(None),))).summary


@pytest.mark.parametrize("days", [0, 5, 60])
def test_surgery_in_the_basket_of_a_patient_on_ldn(days):
    drafted, more = in_basket(days)
    finding = only(judged(drafted, exposures=(taken(CAPSULE, 4.5),), **more))
    assert finding.indicator == "info" and len(finding.found) == 2


def test_the_first_day_of_several_is_named():
    finding = only(judged(surgeries=(planned_surgery(9), planned_surgery(None), planned_surgery(4))))
    assert "on 26 Nov 2026" in finding.summary and len(finding.found) == 3


def test_surgery_beside_another_order():
    drafted, more = in_basket()
    finding = only(judged(drafted, order(OXYCODONE, id="d2"), exposures=(taken(CAPSULE, 4.5),), **more))
    assert "on 27 Nov 2026" in finding.summary


def test_surgery_ordered_together_with_ldn():
    drafted, more = in_basket(selected=False)
    assert only(judged(LDN, drafted, **more)).indicator == "info"


def test_the_injection_that_is_taken_decides():
    finding = only(judged(surgeries=(planned_surgery(3),), exposures=(taken(VIVITROL, 13.6),)))
    assert finding.indicator == "warning" and "24 to 30 days" in finding.summary


def test_silent_without_naltrexone_or_without_an_order_of_concern():
    drafted, more = in_basket()
    assert judged(drafted, **more) == []
    assert judged(order(OXYCODONE), surgeries=(planned_surgery(3),), exposures=(taken(CAPSULE, 4.5),)) == []
    assert judged(ldn(selected=False), surgeries=(planned_surgery(3),)) == []


def test_the_start_is_still_offered():
    assert ("starting-dose", "info") in topics(chart(surgeries=(planned_surgery(3),)))
