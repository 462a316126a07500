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
        (taken(CAPSULE, 30.0), "critical", "Full-dose"),
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
        ended(VIVITROL, 1, 13.6, kind="MedicationAdministration"),
        ended(VIVITROL, 31, 13.6, kind="MedicationStatement"),
        ended(VIVITROL, 1, 13.6, end_documented=False),
        taken(EMBEDA, 0.8),
    ],
)
def test_naltrexone_that_is_gone_is_silent(exposure):
    assert judged(exposure) == []


@pytest.mark.parametrize(
    ("exposure", "indicator", "words"),
    [
        (ended(TABLET_50, None, 50.0), "warning", "Full-dose naltrexone has ended"),
        (ended(CONTRAVE, None, 32.0), "warning", "Naltrexone/bupropion has ended"),
        (
            ended(VIVITROL, None, kind="MedicationStatement"),
            "warning",
            "Naltrexone injection or implant has ended",
        ),
        (ended(NALTREXONE, None), "warning", "Naltrexone, dose not recorded, has ended"),
        (ended(CAPSULE, None, 4.5), "info", "LDN has ended"),
        (ended(TABLET_50, 0, 50.0, end_documented=False), "critical", "Full-dose naltrexone has ended"),
        (ended(CAPSULE, 2, 4.5, end_documented=False), "warning", "LDN has ended"),
    ],
)
def test_an_end_on_a_day_that_nobody_recorded_is_asked_for(exposure, indicator, words):
    """Unknown is not long ago; and a reckoned day is not shown as a recorded one."""
    finding = only(judged(exposure))
    assert finding.indicator == indicator
    assert finding.summary.startswith(words) and "no day recorded" in finding.summary
    assert "2026" not in finding.summary


def test_what_is_over_is_not_to_be_held():
    assert "**Wait** until 3 days after" in text(only(judged(ended(TABLET_50, 2, 50.0))))
    assert "**Wait** 24-72 h after" in text(only(judged(ended(CAPSULE, 2, 4.5))))
    both = text(only(judged(ended(TABLET_50, 2, 50.0), taken(CAPSULE, 4.5))))
    assert "**Hold naltrexone**" in both and "**Wait**" not in both


def test_the_last_dose_is_asked_for_unless_it_was_injected():
    asked = "**Ask** when naltrexone was last taken"
    assert asked in text(only(judged(taken(CAPSULE, 4.5))))
    assert asked in text(only(judged(ended(VIVITROL, None, kind="MedicationStatement"))))
    assert asked not in text(only(judged(taken(VIVITROL, 13.6))))


def test_an_opioid_that_is_taken_as_well_is_not_to_be_stopped_abruptly():
    finding = only(judged(taken(CAPSULE, 4.5), taken(OXYCODONE)))
    assert "Do not stop a regular opioid abruptly" in text(finding)
    assert "oxycodone" in [evidence.name for evidence in finding.found][1]


@pytest.mark.parametrize(
    "opioid",
    [
        ended(OXYCODONE, 3),
        taken(OXYCODONE, presence=Presence.STALE),
        taken(OXYCODONE, contradicted=DENIED),
    ],
)
def test_an_opioid_that_is_perhaps_not_taken_changes_nothing(opioid):
    finding = only(judged(taken(CAPSULE, 4.5), opioid))
    assert "abruptly" not in text(finding) and len(finding.found) == 2


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
    assert "oxycodone may fail" in finding.summary
    treatment = only(judged(taken(TABLET_50, 50.0), orders=drafts[:1]))
    assert offers(treatment) == [] and treatment.summary.startswith("The patient takes naltrexone")
    assert "In an emergency" not in text(treatment)
    over = only(judged(ended(TABLET_50, 2, 50.0), orders=drafts[:1]))
    assert over.summary.startswith("Naltrexone may still act")


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
