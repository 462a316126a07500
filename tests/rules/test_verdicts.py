"""Every rule says why it is silent, and every finding what became of it, in step with ``decide``."""

from __future__ import annotations

import pytest

from cds_service.chart import PatientChart, Person
from cds_service.knowledge.concepts import Meaning
from cds_service.rules import RULES, Topic, decide
from cds_service.rules.verdicts import Verdict, verdicts
from tests.rules.builders import (
    CLINICAL,
    KRATOM,
    NURSING,
    OXYCODONE,
    TODAY,
    chart,
    ldn,
    order,
    problem,
    taken,
    with_figures,
)


def of(found: tuple[Verdict, ...], name: str) -> Verdict:
    return next(verdict for verdict in found if verdict.rule == name)


def test_every_rule_that_does_not_speak_says_why() -> None:
    for patient in (PatientChart(today=TODAY), chart(ldn()), chart(order(OXYCODONE))):
        for verdict in verdicts(patient, CLINICAL):
            assert bool(verdict.spoken) != bool(verdict.silent), verdict


def test_each_rule_has_one_verdict_in_order() -> None:
    names = [verdict.rule for verdict in verdicts(chart(ldn()), CLINICAL)]
    assert names == [rule.__name__ for rule in RULES]


@pytest.mark.parametrize(
    ("name", "patient", "why"),
    [
        ("age", chart(ldn(), person=Person()), "the age is not known"),
        ("age", chart(ldn(), person=Person(age=40)), "the patient is 40 years old"),
        ("age", chart(order(OXYCODONE)), "no order to judge is a low dose"),
        ("opioid_coprescription", chart(order(OXYCODONE)), "the basket holds no naltrexone"),
        ("opioid_coprescription", chart(ldn()), "no opioid is active on the lists or in the basket"),
        ("opioid_ordered", chart(ldn()), "no order to judge holds an opioid"),
        ("opioid_ordered", chart(ldn(), order(OXYCODONE, id="draft-2")), "that is opioid-coprescription"),
        ("liver", chart(ldn()), "no ALT or AST above 5 times its limit in 90 days"),
        ("kidney", chart(ldn()), "no eGFR below 30 within 365 days"),
        ("starting_dose", chart(ldn(4.5), ldn(1.5, id="draft-2")), "more than one order of naltrexone"),
        ("starting_dose", chart(ldn(), exposures=(taken(ldn().medicine, 4.5),)), "continued, not started"),
        ("dose_check", chart(ldn()), "nothing speaks against the dose (LDN)"),
        ("not_checked", chart(ldn()), "everything the orders to judge need was read"),
    ],
)
def test_the_reason_is_the_one_that_holds(name: str, patient: PatientChart, why: str) -> None:
    assert why in (of(verdicts(patient, CLINICAL), name).silent or "")


def test_what_withholds_an_offer_is_named() -> None:
    found = verdicts(chart(ldn(), exposures=(taken(KRATOM),)), CLINICAL)
    (start,) = of(found, "starting_dose").spoken
    assert start.shown_as is None
    assert start.withheld_by == (Topic.OPIOID_COPRESCRIPTION,)


def test_a_topic_that_is_switched_off_withholds_nothing() -> None:
    off = with_figures(rules={"off": ("opioid-coprescription",)})
    found = verdicts(chart(ldn(), exposures=(taken(KRATOM),)), off)
    assert of(found, "opioid_coprescription").spoken[0].switched_off
    assert of(found, "starting_dose").spoken[0].shown_as == "info"


CHARTS = (
    chart(ldn()),
    chart(ldn(), exposures=(taken(KRATOM),)),
    chart(ldn(), exposures=(taken(OXYCODONE),), person=Person(age=8)),
    chart(order(OXYCODONE), exposures=(taken(ldn().medicine, 4.5),)),
)


@pytest.mark.parametrize("patient", CHARTS)
def test_what_is_shown_is_what_decide_shows(patient: PatientChart) -> None:
    shown = [
        (spoken.finding.topic.value, spoken.shown_as)
        for verdict in verdicts(patient, CLINICAL)
        for spoken in verdict.spoken
        if spoken.shown_as
    ]
    decided = [(finding.topic.value, finding.indicator.value) for finding in decide(patient, CLINICAL)]
    assert sorted(shown) == sorted(decided)


def test_what_offers_nothing_is_withheld_by_nobody() -> None:
    patient = chart(pregnancy=NURSING, problems=(problem(Meaning.LIVER_FAILURE),))
    (nursing,) = of(verdicts(patient, CLINICAL), "breastfeeding").spoken
    assert (nursing.shown_as, nursing.withheld_by) == ("info", ())


def test_a_corrected_dose_that_is_withheld_is_told_with_its_reason() -> None:
    patient = chart(ldn(45.0), exposures=(taken(OXYCODONE),))
    (slip,) = of(verdicts(patient, CLINICAL), "dose_check").spoken
    assert (slip.shown_as, slip.withheld_by) == ("warning", (Topic.OPIOID_COPRESCRIPTION,))
