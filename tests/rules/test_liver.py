"""Liver disease and raised transaminases."""

import pytest

from cds_service.knowledge.concepts import Meaning, Measure
from cds_service.rules.finding import spoken
from cds_service.rules.liver import liver
from tests.rules.builders import (
    CLINICAL,
    EU,
    chart,
    ldn,
    offers,
    only,
    problem,
    result,
    text,
    topics,
    with_figures,
)

DISEASES = (Meaning.ACUTE_HEPATITIS, Meaning.LIVER_FAILURE, Meaning.DECOMPENSATED_CIRRHOSIS)


def judged(*orders, clinical=CLINICAL, **more):
    return spoken(liver(chart(*orders, **more), clinical))


@pytest.mark.parametrize("meaning", DISEASES)
def test_disease_by_region(meaning):
    more = {"problems": (problem(meaning),)}
    us, eu = only(judged(**more)), only(judged(clinical=EU, **more))
    assert (us.indicator, eu.indicator) == ("warning", "critical")
    assert "contraindicate" not in us.summary and "contraindicate" in eu.summary
    for finding in (us, eu):
        assert offers(finding) == ["DraftTest liver-tests"] and finding.withholds_start


def test_a_sign_counts_beside_cirrhosis_only():
    sign, cirrhosis = problem(Meaning.DECOMPENSATION_SIGN), problem(Meaning.CIRRHOSIS)
    assert judged(problems=(sign,)) == judged(problems=(cirrhosis,)) == []
    finding = only(judged(problems=(sign, cirrhosis)))
    assert "ecompensated cirrhosis" in finding.summary and len(finding.found) == 2


def test_acute_hepatitis_is_acute_for_half_a_year():
    assert judged(problems=(problem(Meaning.ACUTE_HEPATITIS, days=183),))
    assert judged(problems=(problem(Meaning.ACUTE_HEPATITIS, days=None),))
    assert judged(problems=(problem(Meaning.ACUTE_HEPATITIS, days=184),)) == []
    assert judged(problems=(problem(Meaning.LIVER_FAILURE, days=900),))


def test_resolved_disease_is_silent():
    assert judged(problems=(problem(Meaning.ACUTE_HEPATITIS, active=False),)) == []


@pytest.mark.parametrize("measure", [Measure.ALT, Measure.AST])
def test_enzymes_above_the_expert_cut_off(measure):
    finding = only(judged(measurements=(result(measure, 90, multiple=5.1),)))
    assert finding.indicator == "warning" and "expert cut-off" in finding.summary
    assert "not label" in finding.summary


def test_enzymes_where_the_eu_label_applies():
    assert (
        only(judged(measurements=(result(Measure.ALT, multiple=6.0),), clinical=EU)).indicator == "critical"
    )


@pytest.mark.parametrize(
    "results",
    [
        (result(Measure.ALT, 3, multiple=5.0),),
        (result(Measure.ALT, 91, multiple=9.0),),
        (result(Measure.ALT, None, multiple=9.0),),
        (result(Measure.ALT, -1, multiple=9.0),),
        (result(Measure.ALT, 3),),
        (result(Measure.ALT, 30, multiple=9.0), result(Measure.ALT, 2, multiple=1.0)),
    ],
    ids=["at the cut-off", "old", "undated", "tomorrow", "no value", "newer is normal"],
)
def test_enzymes_that_are_silent(results):
    assert judged(measurements=results) == []


def test_an_enzyme_dated_tomorrow_hides_no_other():
    results = (result(Measure.ALT, -1, multiple=1.0), result(Measure.ALT, 0, multiple=9.0))
    assert [e.name for e in only(judged(measurements=results)).found] == ["alt 0"]


def test_the_cut_off_is_a_setting():
    more = {"measurements": (result(Measure.ALT, multiple=4.0),)}
    assert judged(clinical=with_figures(liver={"enzyme_multiple": 3.0}), **more)


def test_one_card_for_disease_and_enzymes():
    more = {
        "problems": (problem(Meaning.ACUTE_HEPATITIS),),
        "measurements": (result(Measure.ALT, multiple=8.0),),
    }
    finding = only(judged(**more))
    assert len(finding.found) == 2 and "2013" in text(finding)
    assert "2013" not in text(only(judged(measurements=more["measurements"])))


def test_enzymes_are_told_in_multiples_of_their_limit():
    results = (result(Measure.AST, multiple=5.14), result(Measure.ALT, multiple=8.0))
    assert "ALT 8 times and AST 5.1 times" in only(judged(measurements=results)).summary


def test_nothing_ordered_is_silent():
    assert judged(ldn(selected=False), problems=(problem(Meaning.LIVER_FAILURE),)) == []


def test_it_withholds_the_start():
    assert topics(chart(problems=(problem(Meaning.LIVER_FAILURE),))) == [("liver", "warning")]
