"""Signs of opioid use although no opioid is listed."""

import pytest

from cds_service.chart import Presence
from cds_service.knowledge.concepts import Meaning, Measure
from cds_service.rules import Topic
from cds_service.rules.finding import spoken
from cds_service.rules.opioid_signal import opioid_signal
from tests.rules.builders import (
    CLINICAL,
    FENTANYL_INJECTION,
    LDN,
    LOPERAMIDE,
    METHYLNALTREXONE,
    NALOXONE_KIT,
    OXYCODONE,
    TABLET_50,
    VIVITROL,
    chart,
    days_ago,
    dose,
    ended,
    find,
    ldn,
    offers,
    only,
    order,
    problem,
    result,
    taken,
    text,
    with_figures,
)

OUD = frozenset({Meaning.OPIOID_USE_DISORDER})


def judged(*orders, clinical=CLINICAL, **more):
    return spoken(opioid_signal(chart(*orders, **more), clinical))


@pytest.mark.parametrize(
    ("meaning", "days", "indicator"),
    [
        (Meaning.OPIOID_WITHDRAWAL, 14, "critical"),
        (Meaning.OPIOID_WITHDRAWAL, None, "warning"),
        (Meaning.NALOXONE_CHALLENGE_FAILED, 7, "critical"),
        (Meaning.OPIOID_USE_DISORDER, 900, "warning"),
        (Meaning.LONG_TERM_OPIOID, 900, "warning"),
        (Meaning.OPIOID_AGONIST_THERAPY, 900, "warning"),
        (Meaning.OPIOID_OVERDOSE, 90, "warning"),
        (Meaning.OPIOID_OVERDOSE, None, "warning"),
    ],
)
def test_recorded_signs(meaning, days, indicator):
    finding = only(judged(problems=(problem(meaning, days=days),)))
    assert finding.indicator == indicator and finding.withholds_start
    assert offers(finding) == ["DraftTest opioid-screen", "Remove draft-1"]


@pytest.mark.parametrize(
    "recorded",
    [
        problem(Meaning.OPIOID_WITHDRAWAL, days=15),
        problem(Meaning.NALOXONE_CHALLENGE_FAILED, days=15),
        problem(Meaning.OPIOID_OVERDOSE, days=91),
        problem(Meaning.OPIOID_USE_DISORDER, active=False),
        problem(Meaning.LONG_TERM_OPIOID, active=False),
        problem(Meaning.OPIOID_WITHDRAWAL, days=None, active=False),
    ],
)
def test_old_or_in_remission_is_silent(recorded):
    assert judged(problems=(recorded,)) == []


def test_long_term_use_is_not_called_a_disorder():
    for meaning, said in ((Meaning.LONG_TERM_OPIOID, False), (Meaning.OPIOID_AGONIST_THERAPY, True)):
        words = text(only(judged(problems=(problem(meaning),))))
        assert ("does not treat opioid use disorder" in words) is said


def test_a_code_for_dependence_with_old_withdrawal_still_says_dependence():
    both = problem(Meaning.OPIOID_USE_DISORDER, Meaning.OPIOID_WITHDRAWAL, days=200)
    assert only(judged(problems=(both,))).summary.startswith("Opioid use disorder recorded")


@pytest.mark.parametrize(
    ("measure", "indicator"),
    [
        (Measure.OPIOID_ASSAY, "critical"),
        (Measure.NALOXONE_CHALLENGE, "critical"),
        (Measure.OPIOID_SCREEN, "warning"),
        (Measure.DRUG_SCREEN, "warning"),
    ],
)
def test_positive_results(measure, indicator):
    positive = result(measure, 14, positive=True)
    assert only(judged(measurements=(positive,))).indicator == indicator
    for silent in (
        result(measure, 15, positive=True),
        result(measure, 1, positive=False),
        result(measure, 1),
    ):
        assert judged(measurements=(silent,)) == []


def test_a_positive_assay_without_a_date_is_a_warning():
    assert (
        only(judged(measurements=(result(Measure.OPIOID_ASSAY, None, positive=True),))).indicator == "warning"
    )


def test_an_amount_that_nobody_judged_is_said():
    finding = only(judged(measurements=(result(Measure.OPIOID_ASSAY, 3, value=450.0),)))
    assert finding.indicator == "warning" and "no cut-off" in text(finding)
    answered = (result(Measure.OPIOID_ASSAY, 3, value=450.0), result(Measure.OPIOID_ASSAY, 1, positive=False))
    for silent in (answered, (result(Measure.OPIOID_ASSAY, 15, value=450.0),), (screen_amount(),)):
        assert judged(measurements=silent) == []


def screen_amount():
    """A reading of an immunoassay: below its cut-off as often as above."""
    return result(Measure.OPIOID_SCREEN, 3, value=12.0)


@pytest.mark.parametrize(
    ("first", "then", "silent"),
    [
        (Measure.OPIOID_SCREEN, Measure.OPIOID_SCREEN, True),
        (Measure.OPIOID_SCREEN, Measure.OPIOID_ASSAY, True),
        (Measure.OPIOID_ASSAY, Measure.OPIOID_ASSAY, True),
        (Measure.OPIOID_ASSAY, Measure.OPIOID_SCREEN, False),
    ],
)
def test_what_a_newer_negative_result_answers(first, then, silent):
    results = (result(first, 5, positive=True), result(then, 2, positive=False))
    assert (judged(measurements=results) == []) is silent
    older = (result(first, 2, positive=True), result(then, 5, positive=False))
    assert judged(measurements=older)


@pytest.mark.parametrize("exposure", [taken(METHYLNALTREXONE), ended(METHYLNALTREXONE, 80)])
def test_medicines_of_people_who_take_opioids(exposure):
    finding = only(judged(exposures=(exposure,)))
    assert finding.indicator == "warning" and "Methylnaltrexone is given to people" in text(finding)


def test_such_a_medicine_in_the_basket_is_a_sign_too():
    assert only(judged(LDN, order(METHYLNALTREXONE, id="d2"))).indicator == "warning"


@pytest.mark.parametrize("exposure", [ended(METHYLNALTREXONE, 91), taken(NALOXONE_KIT), taken(LOPERAMIDE)])
def test_other_medicines_are_silent(exposure):
    assert judged(exposures=(exposure,)) == []


def test_all_signs_are_one_card():
    finding = only(
        judged(
            problems=(problem(Meaning.OPIOID_USE_DISORDER), problem(Meaning.OPIOID_WITHDRAWAL, days=3)),
            measurements=(result(Measure.OPIOID_SCREEN, positive=True),),
        )
    )
    assert finding.indicator == "critical" and len(finding.found) == 3


def test_the_first_of_several_signs_is_named_and_the_others_counted():
    meanings = (Meaning.LONG_TERM_OPIOID, Meaning.OPIOID_USE_DISORDER, Meaning.OPIOID_AGONIST_THERAPY)
    signs = tuple(problem(meaning) for meaning in meanings)
    for count in (1, 2):
        finding = only(judged(problems=signs[: count + 1]))
        assert finding.summary.startswith(f"Long-term opioid use recorded and {count} more")


# --- beside an opioid that was found ---------------------------------------


def test_silent_beside_a_card_that_is_as_urgent():
    signs = {"problems": (problem(Meaning.OPIOID_WITHDRAWAL, days=3),)}
    assert judged(exposures=(taken(OXYCODONE),), **signs) == []
    assert judged(LDN, order(OXYCODONE, id="d2"), **signs) == []
    screen = {"measurements": (result(Measure.OPIOID_SCREEN, positive=True),)}
    assert judged(exposures=(ended(OXYCODONE, 4),), **screen) == []


@pytest.mark.parametrize(
    "exposure",
    [
        ended(FENTANYL_INJECTION, 1, brief=True, first=days_ago(1)),
        ended(OXYCODONE, 5),
        taken(OXYCODONE, presence=Presence.STALE),
    ],
    ids=["procedure", "washout", "stale"],
)
def test_a_more_urgent_sign_is_not_hidden(exposure):
    of = chart(exposures=(exposure,), problems=(problem(Meaning.NALOXONE_CHALLENGE_FAILED, days=1),))
    assert find(of, Topic.OPIOID_SIGNAL).indicator == "critical"


def test_a_card_that_is_switched_off_hides_nothing():
    more = {"exposures": (ended(OXYCODONE, 4),), "problems": (problem(Meaning.OPIOID_USE_DISORDER),)}
    assert judged(**more) == []
    assert judged(clinical=with_figures(rules={"off": ("opioid-washout",)}), **more)


# --- naltrexone for opioid use disorder ------------------------------------


@pytest.mark.parametrize(
    "drafted",
    [
        order(TABLET_50, 50.0, reasons=OUD),
        order(TABLET_50, 25.0, reasons=OUD),
        order(VIVITROL, dose=dose(13.6, every=28), reasons=OUD),
    ],
)
def test_treatment_is_info_and_never_removed(drafted):
    finding = only(judged(drafted, problems=(problem(Meaning.OPIOID_USE_DISORDER),)))
    assert finding.indicator == "info" and offers(finding) == ["DraftTest opioid-screen"]
    assert "7-10" in text(finding) and "14" in text(finding)


def test_a_standard_dose_without_a_reason_treats_the_recorded_disorder():
    drafted = order(TABLET_50, 50.0)
    assert only(judged(drafted, problems=(problem(Meaning.OPIOID_USE_DISORDER),))).indicator == "info"


def test_treatment_shows_what_names_the_disorder():
    drafted, recorded = order(TABLET_50, 50.0, reasons=OUD), problem(Meaning.OPIOID_USE_DISORDER)
    assert only(judged(drafted)).found == (drafted.evidence,)
    assert only(judged(drafted, problems=(recorded,))).found == (recorded.evidence,)


def test_a_second_order_that_treats_nothing_is_told_of_the_disorder():
    drafts = order(TABLET_50, 50.0, reasons=OUD), ldn(id="d2")
    finding = only(judged(*drafts, problems=(problem(Meaning.OPIOID_USE_DISORDER),)))
    assert finding.indicator == "warning"


def test_agonist_therapy_is_a_sign_also_for_treatment():
    drafted = order(TABLET_50, 50.0, reasons=OUD)
    finding = only(judged(drafted, problems=(problem(Meaning.OPIOID_AGONIST_THERAPY),)))
    assert finding.indicator == "warning" and offers(finding) == ["DraftTest opioid-screen"]


def test_an_order_for_another_reason_does_not_treat_the_disorder():
    drafted = order(TABLET_50, 50.0, reasons=frozenset({Meaning.FIBROMYALGIA}))
    finding = only(judged(drafted, problems=(problem(Meaning.OPIOID_USE_DISORDER),)))
    assert finding.indicator == "warning" and "Remove draft-1" in offers(finding)


def test_a_low_dose_for_the_disorder_is_no_treatment():
    finding = only(judged(ldn(reasons=OUD), problems=(problem(Meaning.OPIOID_USE_DISORDER),)))
    assert finding.indicator == "warning" and "LDN does not treat" in text(finding)


def test_nothing_recorded_is_silent():
    assert judged() == [] and judged(order(OXYCODONE)) == []
