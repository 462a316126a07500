"""What could not be read."""

import pytest

from cds_service.fhir.records import Gap, GapReason
from cds_service.rules import Topic, decide
from cds_service.rules.finding import spoken
from cds_service.rules.not_checked import not_checked
from tests.rules.builders import (
    CLINICAL,
    LDN,
    LOPERAMIDE,
    NURSING,
    OXYCODONE,
    PREGNANT,
    chart,
    only,
    order,
    surgery_order,
    taken,
    text,
    topics,
)

UNREAD = [r for r in GapReason if r is not GapReason.NOT_KEPT]
LISTS = (
    "MedicationRequest",
    "MedicationStatement",
    "MedicationDispense",
    "MedicationAdministration",
    "Medication",
)


def judged(*gaps, orders=(LDN,), unreadable=()):
    return spoken(not_checked(chart(*orders, gaps=gaps, unreadable_orders=unreadable), CLINICAL))


@pytest.mark.parametrize("reason", UNREAD)
@pytest.mark.parametrize("kind", LISTS)
def test_medications_are_a_warning(kind, reason):
    finding = only(judged(Gap(kind, reason)))
    assert finding.indicator == "warning" and finding.withholds_start
    assert finding.lines[0].startswith("- ")


@pytest.mark.parametrize("kind", ["Condition", "AllergyIntolerance", "Observation", "Patient", "Resource"])
def test_the_rest_is_info(kind):
    finding = only(judged(Gap(kind, GapReason.REFUSED)))
    assert finding.indicator == "info" and not finding.withholds_start
    assert "refused" in text(finding)


@pytest.mark.parametrize(
    "gap",
    [
        Gap("MedicationStatement", GapReason.NOT_KEPT),
        Gap("MedicationDispense", GapReason.NOT_KEPT),
        Gap("MedicationAdministration", GapReason.NOT_KEPT),
        Gap("MedicationRequest", GapReason.INCOMPLETE, covers_list=False),
        Gap("Practitioner", GapReason.MALFORMED),
    ],
)
def test_what_is_no_gap(gap):
    assert judged(gap) == []


def test_statements_not_kept_and_orders_not_read():
    gaps = (Gap("MedicationStatement", GapReason.NOT_KEPT), Gap("MedicationRequest", GapReason.TIME_OUT))
    finding = only(judged(*gaps))
    assert len([line for line in finding.lines if line.startswith("- ")]) == 2


def test_orders_not_kept_are_a_gap():
    assert only(judged(Gap("MedicationRequest", GapReason.NOT_KEPT))).indicator == "warning"


def test_all_gaps_are_one_card_that_counts():
    gaps = [Gap(kind, GapReason.TIME_OUT) for kind in (*LISTS, "Condition", "Observation")]
    finding = only(judged(*gaps, Gap("MedicationRequest", GapReason.OTHER_PATIENT, count=3)))
    assert "3 entries of another patient" in text(finding)
    assert len(finding.summary) < 140


def test_an_opioid_order_needs_the_medications_only():
    of = {"orders": (order(OXYCODONE),)}
    assert judged(Gap("Condition", GapReason.TIME_OUT), **of) == []
    finding = only(judged(Gap("MedicationRequest", GapReason.TIME_OUT), **of))
    assert "naltrexone is taken" in finding.summary


@pytest.mark.parametrize("orders", [(order(LOPERAMIDE),), (surgery_order(),)])
def test_orders_of_no_concern_are_silent(orders):
    assert judged(Gap("MedicationRequest", GapReason.TIME_OUT), orders=orders) == []


def test_an_order_nobody_could_read_is_never_forgotten():
    finding = only(judged(unreadable=("$.x",)))
    assert finding.indicator == "warning" and finding.withholds_start
    assert finding.summary.startswith("1 order in the basket")
    for gap in (Gap("Condition", GapReason.TIME_OUT), Gap("MedicationRequest", GapReason.TIME_OUT)):
        both = only(judged(gap, unreadable=("$.x", "$.y")))
        assert "2 orders in the basket" in text(both)
    assert judged(unreadable=("$.x",), orders=(order(LOPERAMIDE),))


def test_the_start_beside_it():
    unread = topics(chart(gaps=(Gap("Condition", GapReason.REFUSED),)))
    assert sorted(unread) == [("not-checked", "info"), ("starting-dose", "info")]
    assert topics(chart(gaps=(Gap("MedicationRequest", GapReason.REFUSED),))) == [("not-checked", "warning")]


KEPT_ELSEWHERE = Gap("MedicationStatement", GapReason.NOT_KEPT)
LINE = "This EHR keeps no medication statements; its orders were read."


def test_a_list_not_kept_is_said_by_the_most_urgent_finding():
    pregnant = {"pregnancy": PREGNANT, "exposures": (taken(OXYCODONE),)}
    found = decide(chart(LDN, gaps=(KEPT_ELSEWHERE,), **pregnant), CLINICAL)
    assert len(found) > 1
    assert [LINE in finding.lines for finding in found] == [True, *[False] * (len(found) - 1)]


def test_a_list_not_kept_is_said_once_by_the_start():
    first, *others = sorted(
        decide(chart(LDN, gaps=(KEPT_ELSEWHERE,), pregnancy=NURSING), CLINICAL),
        key=lambda finding: finding.topic is not Topic.STARTING_DOSE,
    )
    assert LINE in text(first) and others
    assert not [finding.topic for finding in others if LINE in text(finding)]


def test_a_list_not_kept_is_no_card_of_its_own():
    renewed = chart(LDN, exposures=(taken(LDN.medicine, 4.5),), gaps=(KEPT_ELSEWHERE,))
    assert decide(renewed, CLINICAL) == []


def test_a_list_that_every_ehr_keeps_is_a_gap_where_it_is_not_kept():
    gap = Gap("Condition", GapReason.NOT_KEPT)
    assert "problem list" in only(judged(gap)).summary
    assert "keeps no" not in " ".join(text(f) for f in decide(chart(LDN, gaps=(gap,)), CLINICAL))


def test_orders_not_read_beside_a_list_not_kept():
    gaps = (Gap("MedicationDispense", GapReason.NOT_KEPT), Gap("MedicationRequest", GapReason.TIME_OUT))
    assert "its orders were read" not in " ".join(text(f) for f in decide(chart(LDN, gaps=gaps), CLINICAL))


@pytest.mark.parametrize("kind", ["ServiceRequest", "Procedure"])
def test_planned_procedures_that_were_asked_for(kind):
    assert "planned procedures" in only(judged(Gap(kind, GapReason.TIME_OUT))).summary
    assert judged(Gap(kind, GapReason.NOT_KEPT)) == []
