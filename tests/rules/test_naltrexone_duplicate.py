"""A second opioid antagonist, or LDN orders that add up."""

from dataclasses import replace
from datetime import timedelta

import pytest
from msgspec.structs import replace as changed

from cds_service.chart import Presence
from cds_service.knowledge.concepts import Meaning
from cds_service.rules import are_sequential
from cds_service.rules.finding import spoken
from cds_service.rules.naltrexone_duplicate import naltrexone_duplicate
from tests.rules.builders import (
    CAPSULE,
    CLINICAL,
    CONTRAVE,
    EMBEDA,
    LDN,
    NALOXONE_KIT,
    NALTREXONE,
    SAMIDORPHAN,
    SUBOXONE,
    TABLET_50,
    TODAY,
    VIVITROL,
    chart,
    days_ago,
    dose,
    ended,
    ldn,
    offers,
    only,
    order,
    taken,
    text,
    topics,
)


def judged(*orders, **more):
    return spoken(naltrexone_duplicate(chart(*orders, **more), CLINICAL))


@pytest.mark.parametrize(
    ("exposure", "words"),
    [
        (taken(TABLET_50, 50.0), "Naltrexone 50 mg:** stop it the day LDN starts"),
        (taken(TABLET_50), "no substitute"),
        (taken(VIVITROL, 13.6), "about 4 weeks"),
        (taken(CONTRAVE, 32.0), "Naltrexone/bupropion"),
        (taken(SAMIDORPHAN), "Samidorphan"),
        (taken(CAPSULE, 9.0), "naltrexone 9 mg"),
        (taken(NALTREXONE), "dose not recorded"),
    ],
)
def test_another_antagonist_on_the_list(exposure, words):
    finding = only(judged(exposures=(exposure,)))
    assert finding.indicator == "warning" and finding.withholds_start
    assert words in text(finding) and offers(finding) == ["Remove draft-1"]


@pytest.mark.parametrize(
    "exposure",
    [
        taken(SUBOXONE),
        taken(NALOXONE_KIT),
        taken(EMBEDA, 0.8),
        ended(TABLET_50, 1, 50.0),
        taken(CAPSULE, 4.5),
        taken(CAPSULE, 3.0, supply_until=days_ago(0)),
        taken(replace(NALTREXONE, low_dose=True)),
    ],
    ids=["naloxone in buprenorphine", "rescue kit", "Embeda", "ended", "renewal", "supply used up", "LDN"],
)
def test_what_is_no_second_treatment_is_silent(exposure):
    assert judged(exposures=(exposure,)) == []


@pytest.mark.parametrize(
    ("drafted", "exposure"),
    [
        (order(TABLET_50, 50.0), taken(TABLET_50, 50.0)),
        (order(TABLET_50, dose=dose()), taken(TABLET_50, 50.0)),
        (order(VIVITROL, dose=dose()), taken(VIVITROL, 13.6)),
        (order(CONTRAVE, 32.0), taken(CONTRAVE, 16.0)),
    ],
    ids=["50 mg", "50 mg, dose not yet written", "injection", "combination"],
)
def test_a_renewal_of_the_same_treatment_is_silent(drafted, exposure):
    assert judged(drafted, exposures=(exposure,)) == []


def test_ldn_without_a_dose_is_called_ldn():
    called_ldn = taken(replace(NALTREXONE, low_dose=True))
    assert (
        "opioid antagonist: LDN. Keep"
        in only(judged(order(TABLET_50, 50.0), exposures=(called_ldn,))).summary
    )


def test_the_same_class_of_another_drug_is_no_renewal():
    assert only(judged(order(CONTRAVE, 32.0), exposures=(taken(SAMIDORPHAN),)))
    assert only(judged(order(TABLET_50, 50.0), exposures=(taken(VIVITROL, 13.6),)))


def test_a_full_dose_for_a_patient_on_ldn():
    finding = only(judged(order(TABLET_50, 50.0), exposures=(taken(CAPSULE, 4.5),)))
    assert "LDN 4.5 mg:** stop it the day naltrexone starts" in text(finding)
    assert offers(finding) == ["Remove draft-1"]


def test_a_full_dose_that_treats_a_use_disorder_does_not_give_way_to_ldn():
    treats = order(TABLET_50, 50.0, reasons=frozenset({Meaning.ALCOHOL_USE_DISORDER}))
    assert offers(only(judged(treats, exposures=(taken(CAPSULE, 4.5),)))) == []
    assert offers(only(judged(treats, exposures=(taken(CONTRAVE, 32.0),)))) == ["Remove draft-1"]


def test_ldn_beside_a_combination_in_one_basket_is_called_ldn():
    finding = only(judged(LDN, order(CONTRAVE, 32.0, id="d2")))
    assert finding.summary.endswith("Keep one, and stop the other before LDN starts.")


# --- replacement -----------------------------------------------------------


def test_a_replacement_is_silent_with_the_statement_of_the_same_treatment():
    drafted = ldn(4.5, replaces=("MedicationRequest/old",))
    old = taken(CAPSULE, 3.0, id="old")
    statement = taken(CAPSULE, 3.0, id="s-1", kind="MedicationStatement")
    assert judged(drafted, exposures=(old, statement)) == []
    assert judged(drafted, exposures=(statement, old)) == []
    full = (taken(TABLET_50, 50.0, id="old"), taken(TABLET_50, 50.0, kind="MedicationStatement"))
    assert judged(drafted, exposures=full) == []


def test_an_injection_cannot_be_replaced():
    drafted = ldn(replaces=("MedicationRequest/old",))
    assert judged(drafted, exposures=(taken(VIVITROL, 13.6), taken(VIVITROL, 13.6, id="old")))


# --- sums ------------------------------------------------------------------


def test_overlapping_orders_above_the_range():
    finding = only(judged(ldn(4.5), exposures=(taken(CAPSULE, 3.0),)))
    assert "7.5 mg" in finding.summary and len(finding.found) == 2


def test_an_order_and_the_statement_of_it_count_once():
    both = (taken(CAPSULE, 1.5), taken(CAPSULE, 1.5, kind="MedicationStatement"))
    assert judged(ldn(4.5), exposures=both) == []


def test_several_strengths_up_to_six_milligrams_are_silent():
    assert judged(ldn(1.5), ldn(4.5, id="d2")) == []
    assert "7.5 mg" in only(judged(ldn(3.0), ldn(4.5, id="d2"))).summary


def test_two_drafts_are_named_apart_for_removal():
    assert offers(only(judged(ldn(3.0), ldn(4.5, id="d2")))) == ["Remove draft-1", "Remove d2"]


def test_the_next_order_after_a_supply_is_silent():
    later = ldn(4.5, starts=TODAY + timedelta(days=20))
    running = taken(CAPSULE, 3.0, supply_until=TODAY + timedelta(days=19))
    assert judged(later, exposures=(running,)) == []
    assert judged(ldn(4.5), exposures=(running,))


def test_a_stepwise_draft_continues_its_own_step():
    stepwise = order(CAPSULE, 1.5, 3.0, 4.5)
    assert judged(stepwise, exposures=(taken(CAPSULE, 3.0),)) == []


# --- the basket ------------------------------------------------------------


@pytest.mark.parametrize("first", [True, False])
@pytest.mark.parametrize(
    "other",
    [
        order(CONTRAVE, 32.0, id="d2"),
        order(TABLET_50, 50.0, id="d2"),
        order(VIVITROL, dose=dose(), id="d2"),
        order(SAMIDORPHAN, id="d2"),
    ],
    ids=["Contrave", "50 mg", "injection", "samidorphan"],
)
def test_ldn_and_another_antagonist_in_one_basket(other, first):
    finding = only(judged(*((LDN, other) if first else (other, LDN))))
    assert finding.indicator == "warning" and len(finding.found) == 1


def test_the_lone_order_is_no_second():
    for lone in (order(CONTRAVE, 32.0), order(TABLET_50, 50.0), order(VIVITROL, dose=dose())):
        assert judged(lone) == []


def sequence():
    first = ldn(3.0, starts=TODAY, until=TODAY + timedelta(days=14))
    return first, ldn(4.5, id="d2", starts=TODAY + timedelta(days=14))


def test_sequential_steps_by_date_are_silent():
    assert judged(*sequence()) == [] and are_sequential(sequence())
    assert are_sequential(tuple(reversed(sequence())))


def test_sequential_steps_by_bounds_are_silent():
    bounded = (order(CAPSULE, dose=dose(3.0, 3.0)), ldn(4.5, id="d2"))
    bounded = (
        changed(bounded[0], dose=replace(bounded[0].dose, steps=bounded[0].dose.steps[:1])),
        bounded[1],
    )
    assert judged(*bounded) == []
    assert not are_sequential((ldn(3.0), ldn(4.5)))
    assert not are_sequential((LDN,))


def test_dates_that_overlap_are_no_sequence():
    first, second = sequence()
    assert judged(changed(first, until=TODAY + timedelta(days=20)), second)


def test_dates_without_an_end_are_no_sequence():
    first, second = sequence()
    assert judged(changed(first, until=None), second)


def test_lists_as_context_only():
    assert judged(ldn(selected=False), exposures=(taken(TABLET_50, 50.0),)) == []


def test_it_withholds_the_start():
    of = chart(exposures=(taken(TABLET_50, 50.0, presence=Presence.STALE),))
    assert topics(of) == [("naltrexone-duplicate", "warning")]
