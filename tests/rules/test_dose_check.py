"""Doses that are slips."""

from dataclasses import replace

import pytest

from cds_service.chart import DoseProblem, Person
from cds_service.knowledge.concepts import Form, Meaning
from cds_service.rules import Prescribe, Topic
from cds_service.rules.dose_check import dose_check
from cds_service.rules.finding import spoken
from tests.rules.builders import (
    CAPSULE,
    CLINICAL,
    CONTRAVE,
    LIQUID,
    NALTREXONE,
    OXYCODONE,
    TABLET_50,
    VIVITROL,
    chart,
    dose,
    find,
    ldn,
    offers,
    only,
    order,
    problem,
    taken,
    text,
    topics,
)

AUD, OUD = Meaning.ALCOHOL_USE_DISORDER, Meaning.OPIOID_USE_DISORDER


def judged(*orders, **more):
    return spoken(dose_check(chart(*orders, **more), CLINICAL))


def corrected(finding):
    return [p.schedule.steps for p in finding.proposals if isinstance(p, Prescribe)]


@pytest.mark.parametrize(
    "drafted",
    [
        *(ldn(mg) for mg in (0.5, 1.5, 4.5, 6.0)),
        *(order(TABLET_50, mg) for mg in (12.5, 25.0, 50.0)),
        order(TABLET_50, dose=dose(50.0, every=2)),
        order(TABLET_50, dose=dose(50.0, every=3)),
        order(TABLET_50, dose=dose(3.6, per_dose_mg=25.0, every=7)),
        order(VIVITROL, dose=dose(13.6, every=28)),
        order(VIVITROL, dose=dose(18.1, every=21)),
        order(VIVITROL, dose=dose(380.0, frequency_assumed=True)),
        order(VIVITROL, dose=dose(problem=DoseProblem.NONE_GIVEN)),
        order(CONTRAVE, 32.0),
    ],
)
def test_usual_and_standard_doses_are_silent(drafted):
    assert judged(drafted) == []


def test_a_monthly_injection_written_for_every_day():
    finding = only(judged(order(VIVITROL, 380.0, reasons=frozenset({AUD}))))
    assert finding.indicator == "warning" and finding.summary.startswith("380 mg a day is above")
    assert offers(finding) == []


@pytest.mark.parametrize(
    ("mg", "meant"),
    [
        (45.0, 4.5),
        (15.0, 1.5),
        (20.0, 2.0),
        (30.0, 3.0),
        (10.0, 1.0),
        (1500.0, 1.5),
        (4500.0, 4.5),
        (0.05, 0.5),
        (0.045, 4.5),
        (0.015, 1.5),
        (0.0045, 4.5),
    ],
)
def test_a_slip_offers_the_dose_that_was_meant(mg, meant):
    finding = only(judged(ldn(mg)))
    assert finding.indicator == "warning" and finding.withholds_start
    assert corrected(finding) == [((meant, 0),)]


@pytest.mark.parametrize("mg", [7.5, 9.0, 100.0, 450.0, 0.03333])
def test_what_is_no_slip_of_ten_or_thousand_offers_nothing(mg):
    finding = only(judged(ldn(mg)))
    assert finding.indicator == "warning" and corrected(finding) == []


@pytest.mark.parametrize("mg", [0.1, 0.125, 0.25, 0.49])
def test_a_microgram_dose_is_info(mg):
    finding = only(judged(ldn(mg)))
    assert finding.indicator == "info" and corrected(finding) == []


def test_twice_a_day_of_a_standard_dose_is_none():
    assert only(judged(order(TABLET_50, dose=dose(100.0, per_dose_mg=50.0)))).indicator == "warning"


@pytest.mark.parametrize("more", [{"reasons": frozenset({AUD})}, {}])
def test_a_use_disorder_is_never_corrected_to_ldn(more):
    recorded = () if more else (problem(OUD, active=False),)
    finding = only(judged(order(TABLET_50, 30.0, **more), problems=recorded))
    assert finding.indicator == "warning" and corrected(finding) == []
    assert judged(order(TABLET_50, 20.0, **more), problems=recorded) == []


# --- not readable ----------------------------------------------------------


def test_millilitres_without_a_strength():
    finding = only(judged(order(LIQUID, dose=dose(problem=DoseProblem.VOLUME_WITHOUT_STRENGTH))))
    assert finding.indicator == "warning" and "mL" in finding.summary


@pytest.mark.parametrize(
    ("why", "indicator"),
    [
        (DoseProblem.NONE_GIVEN, "info"),
        (DoseProblem.PIECES_WITHOUT_STRENGTH, "info"),
        (DoseProblem.UNIT_UNKNOWN, "info"),
        (DoseProblem.UNIT_CONFLICT, "warning"),
    ],
)
def test_an_unreadable_dose_is_possibly_ldn(why, indicator):
    finding = only(judged(order(dose=dose(problem=why))))
    assert finding.indicator == indicator and finding.withholds_start
    assert "possibly LDN" in finding.summary


# --- coded and written -----------------------------------------------------


def test_disagreement():
    finding = only(judged(order(dose=dose(4.5, structured_mg=4.5, text_mg=45.0))))
    assert finding.indicator == "warning" and "45 mg" in finding.summary and corrected(finding) == []


def test_the_text_of_one_step_is_no_disagreement():
    assert judged(order(dose=dose(1.5, 3.0, 4.5, structured_mg=4.5, text_mg=1.5))) == []


# --- the reason ------------------------------------------------------------


def test_a_full_dose_for_an_indication_of_ldn():
    drafted = order(TABLET_50, 50.0, reasons=frozenset({Meaning.FIBROMYALGIA}))
    finding = only(judged(drafted))
    assert finding.indicator == "warning" and corrected(finding) == [((4.5, 0),)]


@pytest.mark.parametrize("meaning", [AUD, OUD])
@pytest.mark.parametrize("active", [True, False])
def test_never_with_a_use_disorder_on_the_problem_list(meaning, active):
    drafted = order(TABLET_50, 50.0, reasons=frozenset({Meaning.FIBROMYALGIA}))
    assert judged(drafted, problems=(problem(meaning, active=active),)) == []


def test_the_problem_list_alone_is_no_reason():
    assert judged(order(TABLET_50, 50.0), problems=(problem(Meaning.FIBROMYALGIA),)) == []
    assert judged(ldn(), problems=(problem(AUD),)) == []


@pytest.mark.parametrize("meaning", [AUD, OUD])
def test_a_low_dose_for_a_use_disorder(meaning):
    finding = only(judged(ldn(reasons=frozenset({meaning}))))
    assert finding.indicator == "warning" and "LDN does not treat it" in finding.summary
    assert "labelled dose" in text(finding)


# --- beside others ---------------------------------------------------------


def test_one_card_an_order():
    assert len(judged(ldn(45.0), ldn(9.0, id="d2"))) == 2


def test_a_cream_has_no_dose_to_ask_for():
    unread = dose(problem=DoseProblem.NONE_GIVEN)
    assert judged(order(replace(NALTREXONE, form=Form.TOPICAL), dose=unread, route_oral=False)) == []
    assert judged(order(NALTREXONE, dose=unread))


def test_no_correction_for_another_route():
    assert corrected(only(judged(ldn(45.0, route_oral=False)))) == []


@pytest.mark.parametrize(("years", "offered"), [(17, []), (18, [((4.5, 0),)]), (None, [((4.5, 0),)])])
def test_a_minor_is_offered_no_dose_of_adults(years, offered):
    finding = only(judged(order(CAPSULE, 45.0), person=Person(age=years)))
    assert corrected(finding) == offered and finding.indicator == "warning"


@pytest.mark.parametrize("exposure", [taken(OXYCODONE), taken(TABLET_50, 50.0)])
def test_no_correction_beside_a_finding_that_withholds_it(exposure):
    finding = find(chart(ldn(45.0), exposures=(exposure,)), Topic.DOSE_CHECK)
    assert offers(finding) == []


def test_a_tiny_dose_is_not_raised_beside_an_opioid():
    tiny = order(CAPSULE, dose=dose(0.02, structured_mg=0.02, text_mg=0.02))
    assert offers(find(chart(tiny, exposures=(taken(OXYCODONE),)), Topic.DOSE_CHECK)) == []


def test_it_withholds_the_start():
    assert topics(chart(ldn(reasons=frozenset({AUD})))) == [("dose-check", "warning")]
