"""Allergy or intolerance to naltrexone or naloxone."""

import pytest

from cds_service.knowledge.concepts import Meaning
from cds_service.rules.finding import spoken
from cds_service.rules.hypersensitivity import hypersensitivity
from tests.rules.builders import (
    CLINICAL,
    CONTRAVE,
    LDN,
    NALOXONE_KIT,
    OXYCODONE,
    allergy,
    chart,
    ldn,
    offers,
    only,
    order,
    problem,
    topics,
)


def judged(*orders, **more):
    return spoken(hypersensitivity(chart(*orders, **more), CLINICAL))


@pytest.mark.parametrize(
    ("more", "indicator", "offered"),
    [
        ({"allergies": (allergy(),)}, "critical", ["Remove draft-1"]),
        ({"problems": (problem(Meaning.NALTREXONE_ALLERGY),)}, "critical", ["Remove draft-1"]),
        ({"allergies": (allergy(intolerance=True),)}, "warning", ["Remove draft-1"]),
        ({"allergies": (allergy(NALOXONE_KIT),)}, "info", []),
        ({"problems": (problem(Meaning.NALOXONE_ALLERGY),)}, "info", []),
    ],
)
def test_the_worst_entry_speaks(more, indicator, offered):
    finding = only(judged(**more))
    assert finding.indicator == indicator and offers(finding) == offered
    assert finding.found


def test_an_allergy_to_a_combination_may_be_to_the_other_drug():
    finding = only(judged(allergies=(allergy(CONTRAVE), allergy(intolerance=True))))
    assert finding.indicator == "warning" and "ask which of them" in finding.summary
    assert topics(chart(allergies=(allergy(CONTRAVE),))) == [("hypersensitivity", "warning")]
    assert only(judged(allergies=(allergy(CONTRAVE), allergy()))).indicator == "critical"


def test_an_intolerance_to_a_combination_is_an_intolerance():
    finding = only(judged(allergies=(allergy(CONTRAVE, intolerance=True),)))
    assert finding.indicator == "warning" and "ask which of them" not in finding.summary
    assert not finding.withholds_start


def test_allergy_before_intolerance():
    finding = only(judged(allergies=(allergy(intolerance=True), allergy(), allergy(NALOXONE_KIT))))
    assert finding.indicator == "critical"


@pytest.mark.parametrize(
    ("orders", "more"),
    [
        ((LDN,), {}),
        ((ldn(selected=False),), {"allergies": (allergy(),)}),
        ((LDN,), {"allergies": (allergy(OXYCODONE),)}),
    ],
)
def test_another_allergy_or_no_order_to_judge_is_silent(orders, more):
    assert judged(*orders, **more) == []


def test_every_order_can_be_removed():
    assert offers(only(judged(LDN, order(id="d2"), allergies=(allergy(),)))) == [
        "Remove draft-1",
        "Remove d2",
    ]


def test_only_an_allergy_withholds_the_start():
    assert topics(chart(allergies=(allergy(),))) == [("hypersensitivity", "critical")]
    assert ("starting-dose", "info") in topics(chart(allergies=(allergy(intolerance=True),)))
    assert ("starting-dose", "info") in topics(chart(allergies=(allergy(NALOXONE_KIT),)))
