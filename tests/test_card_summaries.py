"""No summary is ever cut: charts whose fields are as long as fields get."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace as changed

from cds_service.cards import SUMMARY_LIMIT, make_card
from cds_service.chart import DoseProblem, Evidence, Order, PatientChart, Person
from cds_service.fhir.records import Gap, GapReason
from cds_service.knowledge import ingredients
from cds_service.knowledge.concepts import Duration, Meaning, Measure, Medicine, Role
from cds_service.rules import Finding, Indicator, Topic, decide
from tests.card_builders import setting
from tests.rules.builders import (
    CAPSULE,
    CLINICAL,
    CONTRAVE,
    EU,
    LDN,
    OXYCODONE,
    PREGNANT,
    SAMIDORPHAN,
    TABLET_50,
    TODAY,
    UNCLEAR,
    VIVITROL,
    capsule,
    chart,
    dose,
    ended,
    ldn,
    medicine,
    order,
    planned_surgery,
    problem,
    result,
    taken,
    with_figures,
)


def longest(*roles: Role) -> str:
    return max((i.name for i in ingredients.by_name().values() if i.role in roles), key=len)


LONG_OPIOIDS = tuple(
    medicine(name, Role.OPIOID, Duration.METHADONE_BUPRENORPHINE)
    for name in sorted(
        (i.name for i in ingredients.by_name().values() if i.role is Role.OPIOID), key=len, reverse=True
    )[:12]
)
LONG_SIGN = medicine(longest(Role.OPIOID_SIGN), Role.OPIOID_SIGN)
LONG_GUT = tuple(
    medicine(i.name, Role.PERIPHERAL_OPIOID)
    for i in ingredients.by_name().values()
    if i.role is Role.PERIPHERAL_OPIOID
)
UNKNOWN_ORDER = order(dose=dose(problem=DoseProblem.NONE_GIVEN))  # called naltrexone, not LDN


def extremes() -> Iterator[PatientChart]:
    """Charts whose fields are as long as fields get."""
    for drafted in (LDN, UNKNOWN_ORDER):
        for count in (1, 2, 12):
            yield from _of_opioids(drafted, LONG_OPIOIDS[:count])
        yield from _of_other_medicines(drafted)
        yield from _of_the_patient(drafted)
        yield from _of_gaps(drafted)
    yield from _of_doses()
    yield from _of_reasons()


def _of_opioids(drafted: Order, opioids: Sequence[Medicine]) -> Iterator[PatientChart]:
    ordered = [order(opioid, id=f"o{number}") for number, opioid in enumerate(opioids)]
    yield chart(drafted, exposures=tuple(map(taken, opioids)))
    yield chart(drafted, *ordered)
    yield chart(drafted, exposures=tuple(ended(o, 1) for o in opioids))
    yield chart(drafted, exposures=tuple(ended(o, None) for o in opioids))
    yield chart(drafted, exposures=tuple(ended(o, 1, end_documented=False) for o in opioids))
    brief = tuple(replace(o, duration=Duration.SHORT) for o in opioids)
    yield chart(drafted, exposures=tuple(ended(o, 1, brief=True) for o in brief))
    stale = tuple(changed(taken(o), contradicted=Evidence("x")) for o in opioids)
    yield chart(drafted, exposures=stale)
    late = changed(drafted, starts=TODAY + timedelta(days=30))
    yield chart(late, exposures=tuple(ended(o, 1) for o in opioids))
    for naltrexone in (
        taken(VIVITROL, 13.6), taken(CONTRAVE, 32.0), taken(TABLET_50, 50.0), taken(CAPSULE, 4.5),
        ended(CONTRAVE, 1, 32.0), ended(CAPSULE, 1, 4.5), taken(replace(CAPSULE, form=None)),
        ended(CONTRAVE, None, 32.0), ended(VIVITROL, None), ended(replace(CAPSULE, form=None), None),
        taken(TABLET_50, 50.0, contradicted=Evidence("x")),
    ):  # fmt: skip
        yield chart(*ordered, exposures=(naltrexone,))


def _of_other_medicines(drafted: Order) -> Iterator[PatientChart]:
    yield chart(drafted, exposures=(taken(LONG_SIGN), taken(medicine("lofexidine", Role.OPIOID_SIGN))))
    yield chart(drafted, exposures=tuple(taken(m, daily_mg=99.0) for m in LONG_GUT))
    yield chart(drafted, exposures=(taken(SAMIDORPHAN), taken(VIVITROL, 13.6), taken(CONTRAVE, 32.0)))


def _of_the_patient(drafted: Order) -> Iterator[PatientChart]:
    for meaning in Meaning:
        yield chart(drafted, problems=(problem(meaning, days=2),))
    yield chart(drafted, problems=tuple(problem(meaning, days=2) for meaning in Meaning))
    enzymes = (result(Measure.ALT, multiple=123.4), result(Measure.AST, multiple=123.4))
    yield chart(drafted, measurements=enzymes)
    yield chart(drafted, measurements=tuple(result(measure, 1, positive=True) for measure in Measure))
    yield chart(drafted, pregnancy=PREGNANT)
    for why in (
        "recorded on a chart whose sex is male", "possible, not confirmed",
        "recorded longer ago than a pregnancy lasts, and no outcome is recorded",
    ):  # fmt: skip
        yield chart(drafted, pregnancy=changed(UNCLEAR, why_unclear=why))
    yield chart(drafted, surgeries=(planned_surgery(None),))
    yield chart(drafted, surgeries=(planned_surgery(10),))
    yield chart(drafted, person=Person(age=0))


def _of_gaps(drafted: Order) -> Iterator[PatientChart]:
    kinds = ("MedicationRequest", "MedicationStatement", "MedicationDispense", "MedicationAdministration")
    for some in (kinds, kinds[2:], ("AllergyIntolerance", "Resource"), ("Condition", "Resource", "Patient")):
        gaps = tuple(Gap(kind, GapReason.TIME_OUT) for kind in some)
        yield chart(drafted, gaps=gaps)
        yield chart(order(OXYCODONE), gaps=gaps)
    yield chart(drafted, unreadable_orders=tuple("$" for _ in range(123)))


def _of_doses() -> Iterator[PatientChart]:
    for problem_of_dose in DoseProblem:
        yield chart(order(dose=dose(problem=problem_of_dose)))
    for mg in (0.0001, 0.0333, 0.4999, 45.0, 1499.999, 123456.7891):
        yield chart(ldn(mg))
        yield chart(order(TABLET_50, mg))
        yield chart(order(VIVITROL, mg))
    yield chart(order(dose=dose(0.1234, structured_mg=1234.1234, text_mg=0.1234)))
    yield chart(order(capsule(1.2345), 4.1234))
    yield chart(ldn(3.1234), ldn(4.1234, id="d2"))


def _of_reasons() -> Iterator[PatientChart]:
    for reason in Meaning:
        yield chart(order(TABLET_50, 50.0, reasons=frozenset({reason})), pregnancy=PREGNANT)
        yield chart(ldn(4.1234, reasons=frozenset({reason})))


@pytest.mark.parametrize("clinical", [CLINICAL, EU], ids=["US", "EU"])
def test_no_summary_is_ever_cut(clinical: Any) -> None:
    too_long = {
        finding.summary
        for of in extremes()
        for finding in decide(of, clinical)
        if len(finding.summary) > SUMMARY_LIMIT
    }
    assert too_long == set()


def test_a_summary_that_a_site_made_too_long_is_cut() -> None:
    finding = Finding(Topic.AGE, Indicator.INFO, "x" * 300)
    assert len(make_card(finding, setting(chart())).summary) <= SUMMARY_LIMIT


def test_a_site_with_a_long_schedule_still_has_a_whole_summary() -> None:
    usual, slow = CLINICAL.titration.schedules
    steps = tuple((0.25 * n, 14) for n in range(1, 14)) + ((4.5, 0),)
    long = with_figures(titration={"schedules": (type(usual)(name="usual", steps=steps), slow)})
    (finding,) = decide(chart(), long)
    assert len(finding.summary) <= SUMMARY_LIMIT
