"""A new start of LDN: which schedules, and when none."""

from datetime import timedelta

import pytest

from cds_service.chart import DoseProblem, Evidence, Person, Presence
from cds_service.fhir.records import Gap, GapReason
from cds_service.knowledge.concepts import Meaning
from cds_service.rules import Prescribe
from cds_service.rules.finding import spoken
from cds_service.rules.starting_dose import starting_dose
from tests.rules.builders import (
    CAPSULE,
    CLINICAL,
    EMBEDA,
    LDN,
    LIQUID,
    NALTREXONE,
    TABLET_50,
    TODAY,
    VIVITROL,
    capsule,
    chart,
    dose,
    ended,
    ldn,
    offers,
    only,
    order,
    problem,
    taken,
    text,
    with_figures,
)


def judged(*orders, clinical=CLINICAL, **more):
    return spoken(starting_dose(chart(*orders, **more), clinical))


@pytest.mark.parametrize("mg", [1.5, 4.5, 6.0])
def test_a_new_start_offers_both_schedules(mg):
    finding = only(judged(ldn(mg)))
    assert finding.indicator == "info" and finding.exclusive and not finding.withholds_start
    assert offers(finding) == ["Prescribe usual", "Prescribe slow"]
    usual, slow = (p for p in finding.proposals if isinstance(p, Prescribe))
    assert usual.schedule.steps == ((1.5, 14), (3.0, 14), (4.5, 0))
    assert slow.schedule.steps[0] == (0.5, 14) and slow.schedule.steps[-1] == (4.5, 0)
    assert usual.recommended and not slow.recommended


@pytest.mark.parametrize("mg", [0.5, 1.0, 1.4])
def test_who_orders_less_than_the_usual_start_is_not_recommended_more(mg):
    finding = only(judged(ldn(mg)))
    assert offers(finding) == ["Prescribe slow", "Prescribe usual"]
    assert [p.recommended for p in finding.proposals] == [True, False]
    assert "since less than usual is ordered: 0.5, 1" in finding.summary and len(finding.summary) <= 140


@pytest.mark.parametrize("drug", [capsule(1.5), LIQUID, NALTREXONE])
def test_whatever_the_product(drug):
    assert only(judged(order(drug, 4.5)))


@pytest.mark.parametrize(("age", "first"), [(18, "usual"), (74, "usual"), (75, "slow"), (99, "slow")])
def test_the_slower_comes_first_from_seventy_five(age, first):
    finding = only(judged(person=Person(age=age)))
    assert offers(finding)[0] == f"Prescribe {first}"
    assert [p.recommended for p in finding.proposals] == [True, False]
    assert ("75" in finding.summary) is (first == "slow")


@pytest.mark.parametrize(
    "orders",
    [
        (order(CAPSULE, 1.5, 3.0, 4.5),),
        (ldn(1.5), ldn(3.0, id="d2"), ldn(4.5, id="d3")),
        (order(TABLET_50, 50.0),),
        (order(VIVITROL, dose=dose()),),
        (ldn(0.25),),
        (ldn(9.0),),
        (ldn(route_oral=False),),
        (order(dose=dose(problem=DoseProblem.NONE_GIVEN)),),
        (order(dose=dose(4.5, structured_mg=4.5, text_mg=1.5)),),
        (ldn(selected=False),),
    ],
    ids=[
        "stepwise",
        "three drafts",
        "50 mg",
        "injection",
        "micro",
        "9 mg",
        "route",
        "unread",
        "disagree",
        "context",
    ],
)
def test_an_order_that_is_no_plain_start_of_ldn_is_silent(orders):
    assert judged(*orders) == []


@pytest.mark.parametrize(
    "exposure", [taken(CAPSULE, 3.0), ended(CAPSULE, 30, 3.0), taken(CAPSULE, 0.25), taken(NALTREXONE)]
)
def test_a_renewal_is_silent(exposure):
    assert judged(exposures=(exposure,)) == []


@pytest.mark.parametrize(
    "exposure",
    [
        ended(CAPSULE, 31, 4.5),
        taken(CAPSULE, 4.5, presence=Presence.STALE),
        ended(TABLET_50, 5, 50.0),
        taken(EMBEDA, 0.8),
    ],
)
def test_long_ago_or_another_treatment_is_a_new_start(exposure):
    assert only(judged(exposures=(exposure,)))


def test_the_summary_follows_the_figures_in_force():
    usual, slow = CLINICAL.titration.schedules
    changed = type(usual)(name="usual", steps=((1.0, 7), (2.0, 0)))
    finding = only(judged(clinical=with_figures(titration={"schedules": (changed, slow)})))
    assert "1 then 2 mg" in finding.summary and "7 days" in finding.summary


def test_the_summary_of_many_steps_names_the_first_and_the_last():
    usual, slow = CLINICAL.titration.schedules
    long = type(usual)(name="usual", steps=(*[(0.5 * step, 7) for step in range(1, 9)], (4.5, 0)))
    finding = only(judged(clinical=with_figures(titration={"schedules": (long, slow)})))
    assert "0.5, 1, … then 4.5 mg" in finding.summary


# --- the detail ------------------------------------------------------------


def everything():
    return {
        "problems": (
            problem(Meaning.FIBROMYALGIA),
            problem(Meaning.DEPRESSION),
            problem(Meaning.SUICIDALITY),
        ),
        "other_allergies": (Evidence("Lactose", (), "allergy list"),),
        "gaps": (
            Gap("MedicationStatement", GapReason.NOT_KEPT),
            Gap("MedicationRequest", GapReason.INCOMPLETE, covers_list=False),
        ),
    }


def test_it_fits_one_screen():
    lines = only(judged(**everything())).lines
    assert len(lines) <= 9
    assert max(map(len, only(judged()).lines)) <= 150


def test_it_says_what_lists_miss_and_when_to_stop():
    words = text(only(judged()))
    for said in (
        "methadone clinic", "borrowed or online", "tramadol", "codeine cough medicine", "kratom", "patches",
        "PDMP", "12 weeks", "stop if no benefit", "immediate release", "practice, no trial", "Dizziness",
        "dreams", "morning",
    ):  # fmt: skip
        assert said in words
    assert "Mood" not in words and "filtered" not in words


def test_what_is_recorded_is_said():
    finding = only(judged(**everything()))
    words = text(finding)
    assert "depression and suicidality recorded" in words.lower()
    assert "filtered list" in words and "keeps no medication statements" in words
    assert "allergies above" in words and finding.found[0].name == "Lactose"


def test_other_gaps_are_no_filtered_list():
    gaps = (
        Gap("Condition", GapReason.INCOMPLETE, covers_list=False),
        Gap("MedicationRequest", GapReason.MALFORMED, covers_list=False),
        Gap("MedicationStatement", GapReason.INCOMPLETE),
    )
    words = text(only(judged(gaps=gaps)))
    assert "filtered" not in words and "keeps no" not in words


def test_lists_not_kept_are_one_line():
    gaps = (Gap("MedicationDispense", GapReason.NOT_KEPT), Gap("MedicationStatement", GapReason.NOT_KEPT))
    assert "keeps no dispensing records or medication statements" in text(only(judged(gaps=gaps)))


def test_an_unknown_age_is_said():
    assert "Age not known" in text(only(judged(person=Person())))
    assert "Age not known" not in text(only(judged()))


def test_the_orders_own_reason_comes_before_the_problem_list():
    more = {"problems": (problem(Meaning.FIBROMYALGIA),)}
    assert "**Fibromyalgia:** off-label" in text(only(judged(**more)))
    finding = only(judged(ldn(reasons=frozenset({Meaning.CROHNS_DISEASE})), **more))
    assert "Crohn" in text(finding) and "Fibromyalgia" not in text(finding)
    assert "none recorded" in text(only(judged()))


@pytest.mark.parametrize(
    "meaning",
    [
        Meaning.FIBROMYALGIA,
        Meaning.CRPS,
        Meaning.RHEUMATOID_ARTHRITIS,
        Meaning.LUPUS,
        Meaning.MULTIPLE_SCLEROSIS,
        Meaning.CROHNS_DISEASE,
        Meaning.ENDOMETRIOSIS,
        Meaning.ME_CFS,
        Meaning.LONG_COVID,
        Meaning.NEUROPATHIC_PAIN,
        Meaning.PELVIC_PAIN,
        Meaning.CHRONIC_PAIN,
    ],
)
def test_every_indication_has_its_line_of_evidence(meaning):
    for finding in (judged(problems=(problem(meaning),)), judged(ldn(reasons=frozenset({meaning})))):
        words = text(only(finding))
        assert "none recorded" not in words and "no LDN study" not in words


def test_a_reason_that_is_not_understood_is_no_missing_one():
    more = {"problems": (problem(Meaning.FIBROMYALGIA),)}
    finding = only(judged(ldn(has_reason=True), **more))
    assert "of the reason on this order no LDN study" in text(finding)
    assert "Fibromyalgia" not in text(finding) and "write the reason" not in text(finding)
    known = ldn(has_reason=True, reasons=frozenset({Meaning.LONG_COVID}))
    assert "**Long COVID:** off-label" in text(only(judged(known)))


def test_alcohol_use_disorder_is_named_where_no_indication_is():
    recorded = problem(Meaning.ALCOHOL_USE_DISORDER)
    assert "LDN does not treat it" in text(only(judged(problems=(recorded,))))
    both = (recorded, problem(Meaning.FIBROMYALGIA))
    assert "**Fibromyalgia:**" in text(only(judged(problems=both)))


def test_a_dated_start_is_a_start():
    assert only(judged(ldn(starts=TODAY + timedelta(days=3)))) and LDN.starts is None
