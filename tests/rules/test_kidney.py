"""Severe renal impairment."""

import pytest

from cds_service.knowledge.concepts import Meaning, Measure
from cds_service.rules.finding import spoken
from cds_service.rules.kidney import kidney
from tests.rules.builders import CLINICAL, EU, chart, ldn, only, problem, result, topics

SEVERE = {"problems": (problem(Meaning.SEVERE_RENAL_IMPAIRMENT),)}


def egfr(value, days=3):
    return {"measurements": (result(Measure.EGFR, days, value=value),)}


def judged(*orders, clinical=CLINICAL, **more):
    return spoken(kidney(chart(*orders, **more), clinical))


@pytest.mark.parametrize("more", [SEVERE, egfr(29.9), egfr(22.0, 365), egfr(22.0, 0)])
def test_by_region(more):
    us, eu = only(judged(**more)), only(judged(clinical=EU, **more))
    assert (us.indicator, us.withholds_start) == ("info", False)
    assert (eu.indicator, eu.withholds_start) == ("critical", True)
    assert "contraindicate" in eu.summary and "contraindicate" not in us.summary


@pytest.mark.parametrize(
    "more",
    [
        egfr(30.0),
        egfr(22.0, 366),
        egfr(22.0, None),
        egfr(22.0, -1),
        egfr(None),
        {"problems": (problem(Meaning.SEVERE_RENAL_IMPAIRMENT, active=False),)},
        {"measurements": (result(Measure.EGFR, 30, value=22.0), result(Measure.EGFR, 2, value=48.0))},
    ],
)
def test_mild_old_or_inactive_is_silent(more):
    assert judged(**more) == []


def test_a_result_dated_tomorrow_hides_no_other():
    results = (result(Measure.EGFR, -1, value=60.0), result(Measure.EGFR, 2, value=22.0))
    assert [e.name for e in only(judged(measurements=results)).found] == ["egfr 2"]


def test_the_number_is_told_or_else_the_problem_list():
    assert "(eGFR 22)" in only(judged(**egfr(22.0), **SEVERE)).summary
    assert "(on the problem list)" in only(judged(**SEVERE)).summary


def test_nothing_ordered_is_silent():
    assert judged(ldn(selected=False), **SEVERE) == []


def test_the_start_beside_it():
    assert topics(chart(**SEVERE)) == [("kidney", "info"), ("starting-dose", "info")]
    assert topics(chart(**SEVERE), EU) == [("kidney", "critical")]
