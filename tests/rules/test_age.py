"""LDN under 18."""

import pytest

from cds_service.chart import Person
from cds_service.rules.age import age
from cds_service.rules.finding import spoken
from tests.rules.builders import (
    CLINICAL,
    NALTREXONE,
    TABLET_50,
    chart,
    dose,
    ldn,
    only,
    order,
    text,
    topics,
)


def judged(years, *orders):
    return spoken(age(chart(*orders, person=Person(age=years)), CLINICAL))


@pytest.mark.parametrize(
    ("years", "indicator"), [(0, "warning"), (11, "warning"), (12, "info"), (17, "info")]
)
def test_under_eighteen_nothing_is_established_and_no_start_offered(years, indicator):
    finding = only(judged(years))
    assert finding.indicator == indicator and finding.withholds_start and finding.proposals == ()
    assert "not established under 18" in text(finding)


def test_an_infant_is_under_one():
    assert "under 1 year old" in only(judged(0)).summary
    assert "is 1 year old:" in only(judged(1)).summary


@pytest.mark.parametrize("years", [18, 75, None])
def test_adults_and_unknown_age_are_silent(years):
    assert judged(years) == []


def test_what_may_be_ldn_counts_and_full_doses_do_not():
    assert only(judged(15, order(NALTREXONE, dose=dose())))
    assert judged(15, order(TABLET_50, 50.0)) == []
    assert judged(15, ldn(selected=False)) == []


def test_no_adult_schedule():
    assert topics(chart(person=Person(age=15))) == [("age", "info")]
    assert topics(chart(order(TABLET_50, 4.5), person=Person(age=15)))[0] == ("product-check", "warning")
