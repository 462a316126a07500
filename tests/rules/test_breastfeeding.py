"""Breast-feeding now."""

from cds_service.rules.breastfeeding import breastfeeding
from cds_service.rules.finding import spoken
from tests.rules.builders import CLINICAL, NURSING, chart, ldn, only, text, topics


def test_info_that_never_says_contraindicated():
    finding = only(spoken(breastfeeding(chart(pregnancy=NURSING), CLINICAL)))
    assert finding.indicator == "info" and finding.proposals == ()
    assert "contraindicated" not in text(finding).lower() and "1.06 %" in text(finding)
    assert finding.found == NURSING.breastfeeding


def test_no_breast_feeding_or_no_order_to_judge_is_silent():
    assert spoken(breastfeeding(chart(), CLINICAL)) == []
    assert spoken(breastfeeding(chart(ldn(selected=False), pregnancy=NURSING), CLINICAL)) == []


def test_the_start_is_still_offered():
    assert topics(chart(pregnancy=NURSING)) == [("breastfeeding", "info"), ("starting-dose", "info")]
