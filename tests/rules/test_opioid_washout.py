"""An opioid that ended within its opioid-free interval."""

from datetime import timedelta

import pytest

from cds_service.chart import Person, Presence
from cds_service.knowledge.concepts import Meaning
from cds_service.rules import StartLater, Topic
from cds_service.rules.finding import spoken
from cds_service.rules.opioid_washout import opioid_washout
from tests.rules.builders import (
    BUPRENORPHINE,
    CAPSULE,
    CLINICAL,
    CODEINE,
    FENTANYL_INJECTION,
    FENTANYL_PATCH,
    KRATOM,
    LDN,
    METHADONE,
    MORPHINE_ER,
    OXYCODONE,
    SUBLOCADE,
    SUBOXONE,
    TABLET_50,
    TODAY,
    chart,
    days_ago,
    dose,
    ended,
    find,
    ldn,
    offers,
    only,
    order,
    taken,
    text,
    topics,
    with_figures,
)


def judged(*exposures, orders=(LDN,), clinical=CLINICAL):
    return spoken(opioid_washout(chart(*orders, exposures=exposures), clinical))


@pytest.mark.parametrize(
    ("drug", "days", "indicator"),
    [
        (OXYCODONE, 0, "warning"),
        (OXYCODONE, 9, "warning"),
        (KRATOM, 3, "warning"),
        (METHADONE, 13, "critical"),
        (BUPRENORPHINE, 12, "critical"),
        (MORPHINE_ER, 13, "critical"),
        (FENTANYL_PATCH, 13, "critical"),
    ],
)
def test_inside_the_interval(drug, days, indicator):
    finding = only(judged(ended(drug, days)))
    assert finding.indicator == indicator and finding.withholds_start and finding.exclusive
    assert offers(finding) == ["StartLater draft-1", "Remove draft-1"]


@pytest.mark.parametrize(
    ("drug", "days"), [(OXYCODONE, 10), (METHADONE, 14), (BUPRENORPHINE, 14), (MORPHINE_ER, 14)]
)
def test_after_the_interval_is_silent(drug, days):
    assert judged(ended(drug, days)) == []


def test_the_day_is_counted_from_the_last_dose():
    finding = only(judged(ended(OXYCODONE, 6)))
    (later,) = [p for p in finding.proposals if isinstance(p, StartLater)]
    assert later.not_before == TODAY + timedelta(days=4)
    assert "Not before 26 Nov 2026" in finding.summary and "opioid-free" in finding.summary


def test_the_interval_of_long_acting_products_is_configurable():
    assert judged(ended(MORPHINE_ER, 12), clinical=with_figures(opioid_free={"long": 10})) == []


def test_a_reckoned_end_offers_no_date():
    finding = only(judged(ended(OXYCODONE, 6, end_documented=False)))
    assert offers(finding) == ["Remove draft-1"]
    assert "reckoned" in text(finding)


def test_an_end_without_a_day_is_asked_for():
    finding = only(judged(ended(METHADONE, None)))
    assert finding.indicator == "warning" and "date is not recorded" in finding.summary
    assert "14 opioid-free days" in finding.summary and "reckoned" not in text(finding)


def test_an_undated_entry_beside_an_older_dated_one_is_silent():
    assert judged(ended(OXYCODONE, None), ended(OXYCODONE, 30)) == []


def test_a_current_entry_of_the_same_opioid_is_the_other_cards_cause():
    assert judged(ended(OXYCODONE, 2), taken(OXYCODONE)) == []
    assert judged(ended(OXYCODONE, 2), taken(OXYCODONE, presence=Presence.STALE)) == []


def test_no_naltrexone_order_is_silent():
    assert judged(ended(OXYCODONE, 2), orders=(ldn(selected=False),)) == []


# --- one dose, a few days --------------------------------------------------


def test_one_procedural_dose_is_info():
    finding = only(judged(ended(FENTANYL_INJECTION, 1, brief=True, first=days_ago(1))))
    assert finding.indicator == "info" and "written for dependence" in text(finding)
    assert finding.summary.startswith("Short course of fentanyl")


def test_a_dose_that_was_given_is_not_asked_for():
    given = ended(FENTANYL_INJECTION, 1, brief=True, first=days_ago(1), kind="MedicationAdministration")
    assert only(judged(given)).summary.startswith("Fentanyl last given 21 Nov 2026")


def test_a_few_days_of_one_opioid_add_nothing_to_a_critical_card_about_another():
    given = ended(FENTANYL_INJECTION, 1, brief=True, first=days_ago(1))
    assert judged(given, taken(OXYCODONE)) == []
    assert only(judged(given, taken(OXYCODONE, presence=Presence.STALE))).indicator == "info"
    assert only(judged(given, ended(METHADONE, 3), taken(OXYCODONE))).indicator == "critical"


def test_nothing_is_left_to_a_card_that_nobody_sees():
    given = ended(FENTANYL_INJECTION, 1, brief=True, first=days_ago(1))
    unseen = with_figures(rules={"off": (Topic.OPIOID_COPRESCRIPTION.value,)})
    assert only(judged(given, taken(OXYCODONE), clinical=unseen)).indicator == "info"


def test_a_course_of_which_not_all_was_given_is_asked_for():
    given = ended(FENTANYL_INJECTION, 1, brief=True, first=days_ago(1), kind="MedicationAdministration")
    ordered = ended(FENTANYL_INJECTION, 2, brief=True, first=days_ago(2))
    assert only(judged(given, ordered)).summary.startswith("Short course of fentanyl")


@pytest.mark.parametrize(("began", "indicator"), [(6, "info"), (7, "warning")])
def test_brief_use_lasts_five_days_at_most(began, indicator):
    assert only(judged(ended(OXYCODONE, 1, brief=True, first=days_ago(began)))).indicator == indicator


def test_repeated_brief_supplies_are_no_brief_use():
    first, second = (ended(OXYCODONE, days, brief=True, first=days_ago(days + 3)) for days in (8, 1))
    assert only(judged(first, second)).indicator == "warning"


def test_a_brief_supply_of_a_long_acting_opioid_stays_critical():
    assert only(judged(ended(MORPHINE_ER, 3, brief=True, first=days_ago(5)))).indicator == "critical"


# --- depots ----------------------------------------------------------------


@pytest.mark.parametrize("days", [0, 14, 150, 365])
def test_a_depot_within_twelve_months_gets_no_date(days):
    finding = only(judged(ended(SUBLOCADE, days)))
    assert finding.indicator == "critical" and offers(finding) == ["Remove draft-1"]
    assert "addiction specialist" in finding.summary and "Not before" not in text(finding)


def test_a_depot_longer_ago_is_silent():
    assert judged(ended(SUBLOCADE, 366)) == []


def test_a_depot_speaks_before_an_opioid_with_a_date():
    finding = only(judged(ended(METHADONE, 8), ended(SUBLOCADE, 150)))
    assert "Depot" in finding.summary and offers(finding) == ["Remove draft-1"]
    assert len(finding.found) == 2


# --- several, planned, withheld --------------------------------------------


def test_several_opioids_are_one_card_with_the_latest_day():
    finding = only(judged(ended(OXYCODONE, 6), ended(METHADONE, 2), ended(CODEINE, 1)))
    assert finding.indicator == "critical" and len(finding.found) == 3
    assert "Methadone ended" in finding.summary and "Not before 4 Dec 2026" in finding.summary


def test_a_stopped_treatment_of_opioid_use_disorder_is_offered_again():
    assert "offer it again" in text(only(judged(ended(SUBOXONE, 5))))
    assert "offer it again" not in text(only(judged(ended(OXYCODONE, 5))))


def test_a_full_dose_is_told_to_plan_the_change_and_nothing_of_ldn():
    told = text(only(judged(ended(SUBOXONE, 5), orders=(order(TABLET_50, 50.0),))))
    assert "plan the change" in told and "LDN does not treat" not in told


def test_an_order_that_starts_after_the_interval_is_info():
    late = ldn(starts=TODAY + timedelta(days=4))
    finding = only(judged(ended(OXYCODONE, 6), orders=(late,)))
    assert finding.indicator == "info" and "starts 26 Nov 2026" in finding.summary
    assert finding.withholds_start and finding.proposals == ()


@pytest.mark.parametrize("early", [ldn(starts=TODAY + timedelta(days=3)), LDN])
def test_an_order_that_starts_too_early_is_not(early):
    assert only(judged(ended(OXYCODONE, 6), orders=(early,))).indicator == "warning"


def test_of_two_orders_one_that_starts_too_early_is_enough():
    orders = [ldn(starts=TODAY + timedelta(days=days), id=f"d{days}") for days in (3, 30)]
    assert only(judged(ended(OXYCODONE, 6), orders=orders)).indicator == "warning"


def test_the_first_start_of_several_late_ones_is_named():
    orders = [ldn(starts=TODAY + timedelta(days=days), id=f"d{days}") for days in (30, 4)]
    finding = only(judged(ended(OXYCODONE, 6), orders=orders))
    assert finding.indicator == "info" and "starts 26 Nov 2026" in finding.summary


def test_one_reckoned_end_among_others_is_said():
    ends = ended(OXYCODONE, 6, end_documented=False), ended(METHADONE, 2)
    finding = only(judged(*ends))
    assert "reckoned" in text(finding) and offers(finding) == ["Remove draft-1"]


def test_a_reckoned_end_is_not_settled_by_a_later_start():
    late = ldn(starts=TODAY + timedelta(days=4))
    finding = only(judged(ended(OXYCODONE, 6, end_documented=False), orders=(late,)))
    assert finding.indicator == "warning"


@pytest.mark.parametrize(
    "drafted",
    [order(TABLET_50, 4.5), order(CAPSULE, 45.0), order(dose=dose(4.5, structured_mg=4.5, text_mg=45.0))],
    ids=["product", "tenfold", "disagree"],
)
def test_a_doubtful_order_is_not_offered_for_later(drafted):
    finding = find(chart(drafted, exposures=(ended(OXYCODONE, 6),)), Topic.OPIOID_WASHOUT)
    assert offers(finding) == ["Remove draft-1"]


def test_a_later_start_is_not_offered_to_a_child():
    of = chart(person=Person(age=15), exposures=(ended(OXYCODONE, 6),))
    assert offers(find(of, Topic.OPIOID_WASHOUT)) == ["Remove draft-1"]


def test_it_withholds_the_start():
    assert topics(chart(exposures=(ended(FENTANYL_INJECTION, 1, brief=True),))) == [
        ("opioid-washout", "info")
    ]


def test_the_reasons_of_an_entry_name_the_treatment():
    entry = ended(METHADONE, 3, reasons=frozenset({Meaning.OPIOID_USE_DISORDER}))
    assert "offer it again" in text(only(judged(entry)))
