"""Charts for the rules, built value by value: no FHIR, no clock."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import msgspec

from cds_service.chart import (
    Allergy,
    DailyStep,
    Evidence,
    Exposure,
    Measurement,
    NaltrexoneDose,
    Order,
    PatientChart,
    Person,
    PlannedSurgery,
    Pregnancy,
    Presence,
    Problem,
)
from cds_service.chart.model import Basket
from cds_service.knowledge.clinical import Clinical, load_clinical
from cds_service.knowledge.concepts import Duration, Form, Ingredient, Meaning, Measure, Medicine, Role
from cds_service.rules import Finding, Prescribe, Remove, StartLater, Topic, decide

TODAY = date(2026, 11, 22)
CLINICAL = load_clinical()


def days_ago(days: int) -> date:
    return TODAY - timedelta(days=days)


def with_figures(**sections: dict[str, Any]) -> Clinical:
    """The shipped figures with some of them changed: ``with_figures(label={"region": "EU"})``."""
    changed = {
        name: msgspec.structs.replace(getattr(CLINICAL, name), **values) for name, values in sections.items()
    }
    return msgspec.structs.replace(CLINICAL, **changed)


EU = with_figures(label={"region": "EU"})


# --- medicines -------------------------------------------------------------


def medicine(name: str, role: Role, duration: Duration | None = None, **more: Any) -> Medicine:
    more.setdefault("form", Form.TABLET)
    return Medicine(name=name, ingredients=(Ingredient(name, role, duration),), duration=duration, **more)


def opioid(name: str = "oxycodone", duration: Duration = Duration.SHORT, **more: Any) -> Medicine:
    return medicine(name, Role.OPIOID, duration, **more)


OXYCODONE = opioid()
TRAMADOL = opioid("tramadol")
CODEINE = opioid("codeine", form=Form.LIQUID)
FENTANYL_PATCH = opioid("fentanyl", Duration.LONG, form=Form.PATCH)
FENTANYL_INJECTION = opioid("fentanyl", form=Form.INJECTION)
MORPHINE_ER = opioid("morphine", Duration.LONG, extended_release=True)
METHADONE = opioid("methadone", Duration.METHADONE_BUPRENORPHINE)
BUPRENORPHINE = opioid("buprenorphine", Duration.METHADONE_BUPRENORPHINE)
BUPRENORPHINE_PATCH = replace(BUPRENORPHINE, form=Form.PATCH)
SUBLOCADE = replace(BUPRENORPHINE, form=Form.DEPOT)
SUBOXONE = replace(
    BUPRENORPHINE,
    form=Form.FILM,
    ingredients=(*BUPRENORPHINE.ingredients, Ingredient("naloxone", Role.RESCUE_ANTAGONIST)),
)
KRATOM = medicine("kratom", Role.OPIOID_LIKE, Duration.SHORT)
TIANEPTINE = medicine("tianeptine", Role.OPIOID_LIKE, Duration.SHORT)
LOPERAMIDE = medicine("loperamide", Role.PERIPHERAL_OPIOID)
METHYLNALTREXONE = medicine("methylnaltrexone", Role.OPIOID_SIGN)
NALOXONE_KIT = medicine("naloxone", Role.RESCUE_ANTAGONIST, form=Form.NASAL)
SAMIDORPHAN = medicine("samidorphan", Role.ANTAGONIST)
THIORIDAZINE = medicine("thioridazine", Role.THIORIDAZINE)
DISULFIRAM = medicine("disulfiram", Role.DISULFIRAM)

NALTREXONE = medicine("naltrexone", Role.NALTREXONE, form=None)
CAPSULE = replace(NALTREXONE, form=Form.CAPSULE)
TABLET_50 = replace(NALTREXONE, form=Form.TABLET, naltrexone_mg=50.0)
VIVITROL = replace(NALTREXONE, form=Form.DEPOT, naltrexone_mg=380.0)
LIQUID = replace(NALTREXONE, form=Form.LIQUID, naltrexone_mg=1.0, per_ml=True)
CONTRAVE = Medicine(
    "naltrexone / bupropion",
    (Ingredient("naltrexone", Role.NALTREXONE), Ingredient("bupropion", Role.OTHER)),
    form=Form.TABLET,
    extended_release=True,
    naltrexone_mg=8.0,
)
EMBEDA = Medicine(
    "morphine / naltrexone",
    (Ingredient("morphine", Role.OPIOID, Duration.SHORT), Ingredient("naltrexone", Role.NALTREXONE)),
    form=Form.CAPSULE,
    extended_release=True,
    duration=Duration.LONG,
    naltrexone_mg=0.8,
)


def capsule(mg: float) -> Medicine:
    return replace(CAPSULE, naltrexone_mg=mg)


# --- doses, orders, entries ------------------------------------------------


def dose(*mg: float, days: int = 14, every: float = 1.0, **more: Any) -> NaltrexoneDose:
    """Steps of ``days`` in mg a day, the last open; ``every`` days apart the dose is larger."""
    steps = tuple(DailyStep(each, days) for each in mg[:-1]) + tuple(DailyStep(each) for each in mg[-1:])
    more.setdefault("per_dose_mg", max(mg) * every if mg else None)
    return NaltrexoneDose(steps=steps, every_days=every, **more)


def order(drug: Medicine = CAPSULE, *mg: float, id: str = "draft-1", **more: Any) -> Order:
    """A draft of ``drug`` at ``mg`` a day (several: steps)."""
    if drug.has(Role.NALTREXONE) and not mg and "dose" not in more:
        mg = (4.5,)
    more.setdefault("dose", dose(*mg) if mg else NaltrexoneDose())
    more.setdefault("evidence", Evidence(drug.name, (), "this basket"))
    return Order(f"$.{id}", "MedicationRequest", id, drug, **more)


LDN = order()


def ldn(mg: float = 4.5, **more: Any) -> Order:
    return order(CAPSULE, mg, **more)


def surgery_order(**more: Any) -> Order:
    evidence = Evidence("Knee replacement", (), "this basket")
    return Order(
        "$.s", "ServiceRequest", "s-1", Medicine("Knee"), kind=Basket.SURGERY, evidence=evidence, **more
    )


def taken(drug: Medicine, *mg: float, **more: Any) -> Exposure:
    """``drug`` on the list of medications, active unless said otherwise."""
    more.setdefault("presence", Presence.ACTIVE)
    more.setdefault("kind", "MedicationRequest")
    more.setdefault("evidence", Evidence(drug.name, (more["presence"].value,), "medication order"))
    return Exposure(drug, dose=dose(*mg) if mg else None, **more)


def ended(drug: Medicine, days: int | None, *mg: float, **more: Any) -> Exposure:
    """``drug`` that ended ``days`` ago, on a recorded day (None: no day recorded)."""
    more.setdefault("end_documented", days is not None)
    last = days_ago(days) if days is not None else None
    return taken(drug, *mg, presence=Presence.ENDED, ended=last, **more)


def problem(*meanings: Meaning, days: int | None = 100, **more: Any) -> Problem:
    recorded = days_ago(days) if days is not None else None
    return Problem(
        frozenset(meanings), Evidence(meanings[0].value, (), "problem list"), recorded=recorded, **more
    )


def result(measure: Measure, days: int | None = 3, **more: Any) -> Measurement:
    when = days_ago(days) if days is not None else None
    return Measurement(frozenset({measure}), Evidence(f"{measure.value} {days}", (), "result"), when, **more)


def allergy(drug: Medicine = NALTREXONE, intolerance: bool = False) -> Allergy:
    return Allergy(drug, Evidence(drug.name, (), "allergy list"), intolerance)


def planned_surgery(days: int | None) -> PlannedSurgery:
    when = TODAY + timedelta(days=days) if days is not None else None
    return PlannedSurgery(Evidence("Hernia repair", (), "planned procedure"), when)


PREGNANT = Pregnancy("pregnant", (Evidence("Pregnant", (), "problem list"),))
LIKELY = Pregnancy(
    "unclear", (Evidence("hCG", (), "observations"),), "likely by a positive test", likely=True
)
UNCLEAR = Pregnancy("unclear", (Evidence("Perhaps", (), "problem list"),), "possible, not confirmed")
NURSING = Pregnancy(breastfeeding=(Evidence("Lactating", (), "observation"),))


def chart(*orders: Order, **more: Any) -> PatientChart:
    """An adult of 44 with ``orders`` in the basket and nothing else known."""
    more.setdefault("person", Person(age=44, sex="female"))
    more["orders"] = orders or (LDN,)
    return PatientChart(today=TODAY, **more)


# --- answers ---------------------------------------------------------------


def topics(of: PatientChart, clinical: Clinical = CLINICAL) -> list[tuple[str, str]]:
    """(topic, indicator) of every finding, in order."""
    return [(finding.topic.value, finding.indicator.value) for finding in decide(of, clinical)]


def only(findings: Any) -> Finding:
    (finding,) = list(findings)
    return finding  # type: ignore[no-any-return]


def find(of: PatientChart, topic: Topic, clinical: Clinical = CLINICAL) -> Finding | None:
    return next((finding for finding in decide(of, clinical) if finding.topic is topic), None)


def offers(finding: Finding) -> list[str]:
    """The kinds of the proposals, with what they concern."""
    named = []
    for proposal in finding.proposals:
        kind = type(proposal).__name__
        if isinstance(proposal, Remove | StartLater):
            named.append(f"{kind} {proposal.order.id}")
        elif isinstance(proposal, Prescribe):
            named.append(f"{kind} {proposal.schedule.name}")
        else:
            named.append(f"{kind} {proposal.test}")
    return named


def text(finding: Finding) -> str:
    return " ".join((finding.summary, *finding.lines, finding.basis))
