"""All rules together: the order of findings, and what withholds a start."""

from dataclasses import replace

import pytest

from cds_service.chart import DoseProblem, Person
from cds_service.fhir.records import Gap, GapReason
from cds_service.knowledge.concepts import Meaning, Measure, Role
from cds_service.rules import RULES, Topic, decide
from tests.rules.builders import (
    CAPSULE,
    CLINICAL,
    DISULFIRAM,
    EU,
    FENTANYL_INJECTION,
    KRATOM,
    LDN,
    LOPERAMIDE,
    METHADONE,
    NURSING,
    OXYCODONE,
    PREGNANT,
    TABLET_50,
    THIORIDAZINE,
    UNCLEAR,
    allergy,
    chart,
    dose,
    ended,
    find,
    ldn,
    medicine,
    order,
    planned_surgery,
    problem,
    result,
    taken,
    topics,
    with_figures,
)

WITHHOLDING = {
    "opioid-coprescription": {"exposures": (taken(KRATOM),)},
    "opioid-washout": {"exposures": (ended(FENTANYL_INJECTION, 1, brief=True),)},
    "opioid-signal": {"problems": (problem(Meaning.LONG_TERM_OPIOID),)},
    "pregnancy": {"pregnancy": PREGNANT},
    "liver": {"measurements": (result(Measure.ALT, multiple=9.0),)},
    "naltrexone-duplicate": {"exposures": (taken(TABLET_50, 50.0),)},
    "age": {"person": Person(age=17)},
    "not-checked": {"gaps": (Gap("MedicationStatement", GapReason.INCOMPLETE),)},
    "hypersensitivity": {"allergies": (allergy(),)},
}
NOT_WITHHOLDING = {
    "breastfeeding": {"pregnancy": NURSING},
    "peripheral-opioid": {"exposures": (taken(LOPERAMIDE, daily_mg=40.0),)},
    "pregnancy-unclear": {"pregnancy": UNCLEAR},
    "kidney": {"problems": (problem(Meaning.SEVERE_RENAL_IMPAIRMENT),)},
    "interaction": {"exposures": (taken(DISULFIRAM), taken(THIORIDAZINE))},
    "surgery": {"surgeries": (planned_surgery(3),)},
    "hypersensitivity": {"allergies": (allergy(intolerance=True),)},
    "not-checked": {"gaps": (Gap("Observation", GapReason.TIME_OUT),)},
}
DRAFTS = {
    "dose-check": ldn(reasons=frozenset({Meaning.ALCOHOL_USE_DISORDER})),
    "product-check": order(TABLET_50, 4.5),
}


def of_patients(more):
    return [topic for topic, _ in topics(chart(**more))]


@pytest.mark.parametrize("topic", WITHHOLDING)
def test_what_withholds_the_start(topic):
    found = of_patients(WITHHOLDING[topic])
    assert topic in found and "starting-dose" not in found


@pytest.mark.parametrize("topic", NOT_WITHHOLDING)
def test_what_does_not(topic):
    found = of_patients(NOT_WITHHOLDING[topic])
    assert topic in found and "starting-dose" in found


@pytest.mark.parametrize("topic", DRAFTS)
def test_what_of_the_order_itself_withholds(topic):
    assert [t for t, _ in topics(chart(DRAFTS[topic]))] == [topic]


@pytest.mark.parametrize(
    "drafted",
    [ldn(route_oral=False), order(dose=dose(problem=DoseProblem.NONE_GIVEN))],
    ids=["route", "unread"],
)
def test_a_route_or_a_dose_that_is_not_known_withholds(drafted):
    assert find(chart(drafted), Topic.STARTING_DOSE) is None


def test_every_topic_is_listed_above_or_is_none_of_the_orders_of_naltrexone():
    listed = {*WITHHOLDING, *NOT_WITHHOLDING, *DRAFTS}
    assert {topic.value for topic in Topic} - listed == {"starting-dose", "opioid-ordered-on-naltrexone"}


def test_the_eu_withholds_for_the_kidney():
    assert topics(chart(**NOT_WITHHOLDING["kidney"]), EU) == [("kidney", "critical")]


def test_a_topic_switched_off_is_neither_shown_nor_withholds():
    off = with_figures(rules={"off": ("pregnancy",)})
    assert topics(chart(pregnancy=PREGNANT), off) == [("starting-dose", "info")]


def test_findings_are_ordered_by_urgency():
    of = chart(
        exposures=(ended(METHADONE, 2), taken(DISULFIRAM), taken(THIORIDAZINE)),
        pregnancy=PREGNANT,
        problems=(problem(Meaning.SEVERE_RENAL_IMPAIRMENT),),
    )
    ranks = [finding.indicator.rank for finding in decide(of, CLINICAL)]
    assert ranks == sorted(ranks) and len(ranks) == 5


def test_one_cause_is_one_card():
    of = chart(
        exposures=(taken(OXYCODONE), taken(OXYCODONE), taken(METHADONE)),
        problems=(problem(Meaning.LONG_TERM_OPIOID), problem(Meaning.OPIOID_USE_DISORDER)),
    )
    assert topics(of) == [("opioid-coprescription", "critical")]


@pytest.mark.parametrize(
    "name", ["azathioprine", "levothyroxine", "methotrexate", "gabapentin", "pregabalin", "amoxicillin"]
)
def test_medicines_of_no_concern_are_silent(name):
    other = medicine(name, Role.OTHER)
    assert topics(chart(exposures=(taken(other),))) == [("starting-dose", "info")]
    assert topics(chart(order(other), exposures=(taken(CAPSULE, 4.5), taken(OXYCODONE)))) == []


def test_ldn_stopped_more_than_three_days_before_an_opioid_is_silent():
    assert topics(chart(order(OXYCODONE), exposures=(ended(CAPSULE, 4, 4.5),))) == []


def test_an_empty_chart_gives_the_start_alone():
    assert topics(chart()) == [("starting-dose", "info")]
    assert topics(replace(chart(), orders=())) == []


def test_every_rule_asks_one_question():
    assert len(RULES) == len(set(RULES)) == 18
    assert all((rule.__doc__ or "").strip() for rule in RULES)


def test_context_is_never_judged():
    assert topics(chart(ldn(selected=False), order(LOPERAMIDE, id="d2", selected=False))) == []
    assert LDN.selected


def test_a_site_makes_a_topic_louder_and_never_quieter_by_accident() -> None:
    kratom = chart(exposures=(taken(KRATOM),))
    louder = with_figures(indicator={"level": {"opioid-coprescription": "critical"}})
    assert topics(kratom, louder) == [("opioid-coprescription", "critical")]
    surgery = chart(surgeries=(planned_surgery(3),))
    warned = with_figures(indicator={"level": {"surgery": "warning"}})
    assert ("surgery", "warning") in topics(surgery, warned)
    assert ("starting-dose", "info") in topics(surgery, warned)
