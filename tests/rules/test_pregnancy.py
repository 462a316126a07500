"""Pregnant now, or perhaps."""

import pytest

from cds_service.chart import Person, Pregnancy
from cds_service.knowledge.concepts import Meaning
from cds_service.rules.finding import spoken
from cds_service.rules.pregnancy import pregnancy
from tests.rules.builders import (
    CLINICAL,
    LIKELY,
    PREGNANT,
    TABLET_50,
    UNCLEAR,
    VIVITROL,
    chart,
    dose,
    ldn,
    offers,
    only,
    order,
    problem,
    text,
    topics,
)

AUD = frozenset({Meaning.ALCOHOL_USE_DISORDER})


def judged(*orders, state=PREGNANT, **more):
    return spoken(pregnancy(chart(*orders, pregnancy=state, **more), CLINICAL))


def test_ldn_in_pregnancy_is_a_warning_with_removal():
    finding = only(judged())
    assert (finding.topic, finding.indicator) == ("pregnancy", "warning")
    assert offers(finding) == ["Remove draft-1"] and finding.withholds_start
    assert "contraindicated" not in text(finding)


@pytest.mark.parametrize(
    "drafted", [order(TABLET_50, 50.0, reasons=AUD), order(VIVITROL, dose=dose(13.6, every=28), reasons=AUD)]
)
def test_treatment_of_a_use_disorder_is_info(drafted):
    finding = only(judged(drafted))
    assert finding.indicator == "info" and offers(finding) == []
    assert "do not stop by default" in finding.summary and "addiction care" in finding.summary


@pytest.mark.parametrize("active", [True, False])
def test_the_problem_list_tells_what_a_standard_dose_treats(active):
    recorded = (problem(Meaning.OPIOID_USE_DISORDER, active=active),)
    assert only(judged(order(TABLET_50, 50.0), problems=recorded)).indicator == "info"


def test_a_standard_dose_for_nothing_known_is_a_warning_without_removal():
    finding = only(judged(order(TABLET_50, 50.0)))
    assert finding.indicator == "warning" and offers(finding) == []


def test_a_low_dose_for_a_use_disorder_is_no_treatment():
    finding = only(judged(ldn(reasons=AUD)))
    assert finding.indicator == "warning" and offers(finding) == ["Remove draft-1"]


def test_a_standard_dose_for_fibromyalgia_is_no_treatment():
    drafted = order(TABLET_50, 50.0, reasons=frozenset({Meaning.FIBROMYALGIA}))
    assert only(judged(drafted, problems=(problem(Meaning.ALCOHOL_USE_DISORDER),))).indicator == "warning"


def test_one_order_that_is_no_treatment_keeps_the_warning():
    assert only(judged(order(TABLET_50, 50.0, reasons=AUD), ldn(id="d2"))).indicator == "warning"


def test_unclear_is_info_with_a_test():
    finding = only(judged(state=UNCLEAR))
    assert (finding.topic, finding.indicator) == ("pregnancy-unclear", "info")
    assert offers(finding) == ["DraftTest pregnancy-test"] and not finding.withholds_start


@pytest.mark.parametrize(
    ("who", "doubted"),
    [
        (Person(age=44, sex="male"), True),
        (Person(age=60, sex="female"), True),
        (Person(age=59, sex="female"), False),
        (Person(), False),
    ],
)
def test_where_the_chart_itself_is_in_doubt_the_entry_is_to_be_checked(who, doubted):
    assert ("belongs to this patient" in text(only(judged(state=UNCLEAR, person=who)))) is doubted


def test_a_positive_test_is_a_warning_and_no_start_is_offered():
    finding = only(judged(state=LIKELY))
    assert (finding.topic, finding.indicator) == ("pregnancy-unclear", "warning")
    assert offers(finding) == ["DraftTest pregnancy-test"] and finding.withholds_start
    assert only(judged(order(TABLET_50, 50.0, reasons=AUD), state=LIKELY)).indicator == "info"


def test_not_pregnant_or_nothing_ordered_is_silent():
    assert judged(state=Pregnancy()) == []
    assert judged(ldn(selected=False)) == []


def test_what_it_withholds():
    assert topics(chart(pregnancy=PREGNANT)) == [("pregnancy", "warning")]
    assert topics(chart(pregnancy=LIKELY)) == [("pregnancy-unclear", "warning")]
    assert topics(chart(pregnancy=UNCLEAR)) == [("pregnancy-unclear", "info"), ("starting-dose", "info")]
