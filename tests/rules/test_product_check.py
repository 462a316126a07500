"""A low dose on a product that cannot deliver it."""

from dataclasses import replace

import pytest

from cds_service.chart import DailyStep, NaltrexoneDose
from cds_service.knowledge.concepts import Form
from cds_service.rules import Prescribe, Topic
from cds_service.rules.finding import spoken
from cds_service.rules.product_check import product_check
from tests.rules.builders import (
    CAPSULE,
    CLINICAL,
    CONTRAVE,
    LIQUID,
    NALTREXONE,
    OXYCODONE,
    PREGNANT,
    TABLET_50,
    VIVITROL,
    capsule,
    chart,
    dose,
    find,
    ldn,
    offers,
    only,
    order,
    taken,
    topics,
)


def judged(*orders, **more):
    return spoken(product_check(chart(*orders, **more), CLINICAL))


@pytest.mark.parametrize(
    ("drug", "words"),
    [
        (TABLET_50, "50 mg tablet"),
        (VIVITROL, "injection"),
        (replace(VIVITROL, form=Form.IMPLANT), "implant"),
        (CONTRAVE, "extended release or combined"),
        (replace(CAPSULE, extended_release=True), "extended release"),
        (capsule(3.0), "3 mg capsules"),
    ],
)
def test_a_product_that_cannot(drug, words):
    finding = only(judged(order(drug, 4.5)))
    assert finding.indicator == "warning" and words in finding.summary
    assert finding.summary.startswith(("4.5 mg ", "This product is no naltrexone for a low dose"))
    assert finding.withholds_start and finding.exclusive
    assert offers(finding) == ["Prescribe usual", "Prescribe slow"]
    assert all(p.compounded for p in finding.proposals)


@pytest.mark.parametrize(
    "drug",
    [
        NALTREXONE,
        CAPSULE,
        capsule(4.5),
        capsule(1.5),
        capsule(0.5),
        LIQUID,
        replace(capsule(3.0), form=Form.TABLET),
    ],
)
def test_a_product_that_can_is_silent(drug):
    assert judged(order(drug, 4.5)) == []


def test_less_than_a_piece_is_none_of_it():
    assert "0.02 mg" in only(judged(order(capsule(4.5), 0.02))).summary


def test_every_step_is_looked_at():
    finding = only(judged(order(capsule(4.5), 1.5, 3.0, 4.5)))
    assert finding.summary.startswith("1.5 mg cannot")
    assert judged(order(capsule(1.5), 1.5, 3.0, 4.5)) == []


def test_twice_a_day_looks_at_the_single_dose():
    twice = NaltrexoneDose((DailyStep(3.0),), per_dose_mg=1.5)
    assert judged(order(capsule(1.5), dose=twice)) == []
    assert only(judged(order(capsule(3.0), dose=twice)))


@pytest.mark.parametrize(
    "drafted", [order(TABLET_50, 50.0), order(VIVITROL, dose=dose()), order(CONTRAVE, 32.0)]
)
def test_full_doses_are_silent(drafted):
    assert judged(drafted) == []


@pytest.mark.parametrize(
    ("drafted", "more", "steps"),
    [
        (order(TABLET_50, 4.5), {"exposures": (taken(CAPSULE, 4.5),)}, ((4.5, 0),)),
        (order(TABLET_50, 1.5, 3.0), {}, ((1.5, 14), (3.0, 0))),
        (order(TABLET_50, 0.25), {}, ((0.25, 0),)),
    ],
    ids=["renewal", "stepwise", "micro"],
)
def test_what_is_no_new_start_keeps_its_dose(drafted, more, steps):
    (proposal,) = only(judged(drafted, **more)).proposals
    assert isinstance(proposal, Prescribe) and proposal.schedule.steps == steps and proposal.compounded


def test_another_route_gets_no_capsules():
    assert offers(only(judged(order(TABLET_50, 4.5, route_oral=False)))) == []
    assert offers(only(judged(order(VIVITROL, 4.5, route_oral=False))))


@pytest.mark.parametrize(
    "more",
    [{"exposures": (taken(OXYCODONE),)}, {"pregnancy": PREGNANT}, {"exposures": (taken(VIVITROL, 13.6),)}],
)
def test_nothing_is_offered_beside_a_finding_that_withholds(more):
    finding = find(chart(order(TABLET_50, 4.5), **more), Topic.PRODUCT_CHECK)
    assert offers(finding) == [] and "ffered" not in finding.summary


def test_two_undeliverable_orders_do_not_each_get_a_titration():
    of = chart(order(TABLET_50, 1.5), order(TABLET_50, 3.0, id="d2"))
    assert [t for t, _ in topics(of)] == ["product-check", "product-check"]
    assert offers(find(of, Topic.PRODUCT_CHECK)) == []


def test_it_replaces_the_starting_dose_card():
    assert topics(chart(order(TABLET_50, 4.5))) == [("product-check", "warning")]
    assert topics(chart(ldn())) == [("starting-dose", "info")]
