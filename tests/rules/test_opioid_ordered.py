"""An opioid ordered for a patient on naltrexone."""

from dataclasses import replace

import pytest

from cds_service.chart import Evidence, Presence
from cds_service.knowledge.concepts import Meaning
from cds_service.rules.finding import spoken
from cds_service.rules.opioid_ordered import opioid_ordered
from tests.rules.builders import (
    CAPSULE,
    CLINICAL,
    CONTRAVE,
    EMBEDA,
    LOPERAMIDE,
    NALTREXONE,
    OXYCODONE,
    SUBOXONE,
    TABLET_50,
    TODAY,
    TRAMADOL,
    VIVITROL,
    chart,
    ended,
    ldn,
    offers,
    only,
    order,
    taken,
    text,
    topics,
    with_figures,
)

DENIED = Evidence("naltrexone", ("says not taken",), "medication list")


ORDERED = (order(OXYCODONE),)


def judged(*exposures, orders=ORDERED, clinical=CLINICAL):
    return spoken(opioid_ordered(chart(*orders, exposures=exposures), clinical))


@pytest.mark.parametrize(
    ("exposure", "indicator", "words"),
    [
        (taken(VIVITROL, 13.6), "critical", "injection"),
        (taken(TABLET_50, 50.0), "critical", "Full-dose"),
        (taken(TABLET_50, 25.0), "critical", "Full-dose"),
        (taken(TABLET_50), "critical", "Full-dose"),
        (taken(CONTRAVE, 32.0), "critical", "Naltrexone/bupropion"),
        (ended(TABLET_50, 3, 50.0), "critical", "ended 19 Nov 2026"),
        (taken(CAPSULE, 4.5), "warning", "low dose"),
        (taken(CAPSULE, 9.0), "warning", "low dose"),
        (taken(CAPSULE, 4.5, ended=TODAY), "warning", "takes low dose"),
        (ended(CAPSULE, 3, 4.5), "warning", "LDN ended"),
        (taken(NALTREXONE), "warning", "unknown dose"),
        (taken(TABLET_50, 50.0, presence=Presence.STALE), "warning", "old entry"),
        (taken(TABLET_50, 50.0, contradicted=DENIED), "warning", "Sources disagree"),
        (taken(replace(NALTREXONE, low_dose=True)), "warning", "takes low dose"),
        (ended(VIVITROL, 20, 13.6, kind="MedicationStatement"), "critical", "injection"),
    ],
)
def test_naltrexone_that_may_block(exposure, indicator, words):
    finding = only(judged(exposure))
    assert finding.indicator == indicator and words in finding.summary
    assert offers(finding) == ["Remove draft-1"]


@pytest.mark.parametrize(
    "exposure",
    [
        ended(TABLET_50, 4, 50.0),
        ended(CAPSULE, 4, 4.5),
        ended(CAPSULE, None, 4.5),
        ended(VIVITROL, 1, 13.6, kind="MedicationAdministration"),
        ended(VIVITROL, 31, 13.6, kind="MedicationStatement"),
        ended(VIVITROL, 1, 13.6, end_documented=False),
        taken(EMBEDA, 0.8),
    ],
)
def test_naltrexone_that_is_gone_is_silent(exposure):
    assert judged(exposure) == []


def test_a_site_may_raise_ldn():
    raised = with_figures(opioid_on_naltrexone={"low_dose_indicator": "critical"})
    assert only(judged(taken(CAPSULE, 4.5), clinical=raised)).indicator == "critical"


def test_what_it_always_says():
    words = text(only(judged(taken(CAPSULE, 4.5))))
    for said in (
        "Hold LDN",
        "Relief may fail",
        "Do not overcome",
        "overdose deaths",
        "In an emergency",
        "regional",
    ):
        assert said in words


def test_each_product_has_its_own_pause():
    assert "24-72 h" in text(only(judged(taken(CAPSULE, 4.5))))
    assert "3 days" in text(only(judged(taken(TABLET_50, 50.0))))
    assert "up to 30 days" in text(only(judged(taken(VIVITROL, 13.6))))
    assert "3 days" in text(only(judged(taken(NALTREXONE))))


def test_treatment_of_opioid_use_disorder_is_never_removed():
    reasons = frozenset({Meaning.OPIOID_USE_DISORDER})
    drafts = (order(SUBOXONE, id="d1", reasons=reasons), order(OXYCODONE, id="d2"))
    finding = only(judged(taken(TABLET_50, 50.0), orders=drafts))
    assert offers(finding) == ["Remove d2"] and "addiction care" in text(finding)
    alone = only(judged(taken(TABLET_50, 50.0), orders=drafts[:1]))
    assert offers(alone) == [] and "In an emergency" not in text(alone)


def test_embeda_as_a_draft_is_an_opioid():
    assert only(judged(taken(CAPSULE, 4.5), orders=(order(EMBEDA, 0.8),))).indicator == "warning"


def test_several_opioids_are_one_card():
    drafts = (order(OXYCODONE, id="d1"), order(TRAMADOL, id="d2"))
    finding = only(judged(taken(CAPSULE, 4.5), taken(TABLET_50, 50.0), orders=drafts))
    assert finding.indicator == "critical" and len(finding.found) == 4
    assert offers(finding) == ["Remove d1", "Remove d2"]


@pytest.mark.parametrize("orders", [(order(LOPERAMIDE),), (order(OXYCODONE, selected=False),)])
def test_no_opioid_to_judge_is_silent(orders):
    assert judged(taken(TABLET_50, 50.0), orders=orders) == []


def test_naltrexone_in_the_basket_is_the_other_cards_cause():
    of = chart(ldn(selected=False), order(OXYCODONE, id="d2"), exposures=(taken(CAPSULE, 4.5),))
    assert [topic for topic, _ in topics(of)] == ["opioid-coprescription"]
