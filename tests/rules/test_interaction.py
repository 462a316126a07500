"""Thioridazine and disulfiram."""

import pytest

from cds_service.rules.finding import spoken
from cds_service.rules.interaction import interaction
from tests.rules.builders import (
    CLINICAL,
    DISULFIRAM,
    LDN,
    LOPERAMIDE,
    THIORIDAZINE,
    chart,
    ended,
    ldn,
    only,
    order,
    taken,
    topics,
)


def judged(*orders, **more):
    return spoken(interaction(chart(*orders, **more), CLINICAL))


@pytest.mark.parametrize(("drug", "indicator"), [(THIORIDAZINE, "warning"), (DISULFIRAM, "info")])
def test_on_the_list_or_in_the_basket(drug, indicator):
    assert only(judged(exposures=(taken(drug),))).indicator == indicator
    assert only(judged(LDN, order(drug, id="d2"))).indicator == indicator


def test_both_are_two_causes():
    assert len(judged(exposures=(taken(THIORIDAZINE), taken(DISULFIRAM)))) == 2


def test_a_drug_that_ended_or_no_order_to_judge_is_silent():
    assert judged(exposures=(ended(THIORIDAZINE, 3), taken(LOPERAMIDE))) == []
    assert judged(ldn(selected=False), exposures=(taken(THIORIDAZINE),)) == []


@pytest.mark.parametrize("drug", [THIORIDAZINE, DISULFIRAM])
def test_the_start_is_still_offered(drug):
    assert ("starting-dose", "info") in topics(chart(exposures=(taken(drug),)))
