"""What could a rule not check, because it could not be read?"""

from __future__ import annotations

from collections.abc import Sequence

from cds_service.chart import PatientChart, listed
from cds_service.fhir.records import Gap, GapReason
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.wording import say
from cds_service.rules.finding import Finding, Findings, Indicator, Topic
from cds_service.rules.regimen import drug

TOPIC = Topic.NOT_CHECKED
NOTHING_TO_JUDGE = "no order to judge holds naltrexone or an opioid"
ORDER_LISTS = frozenset({"MedicationRequest", "MedicationOrder"})
MEDICATION_KINDS = ORDER_LISTS | {
    "MedicationStatement",
    "MedicationDispense",
    "MedicationAdministration",
    "Medication",
}
_LISTS = {
    "MedicationRequest": "medication orders",
    "MedicationOrder": "medication orders",
    "MedicationStatement": "medication list",
    "MedicationDispense": "dispensing records",
    "MedicationAdministration": "administration records",
    "Medication": "medicine names",
    "Condition": "problem list",
    "AllergyIntolerance": "allergies",
    "Observation": "test results",
    "Patient": "age and sex",
    "ServiceRequest": "planned procedures",
    "ProcedureRequest": "planned procedures",
    "Procedure": "planned procedures",
    "Resource": "a record of unknown kind",
}

_ASKED_BY_SETTING = frozenset(
    {"MedicationDispense", "MedicationAdministration", "ServiceRequest", "ProcedureRequest", "Procedure"}
)
"""Lists that no EHR need have."""
_UNKEPT = {"MedicationStatement": "medication statements"}


def not_checked(chart: PatientChart, clinical: Clinical) -> Findings:
    """One card for all gaps that concern an order to judge; a list the EHR does not keep is no gap."""
    naltrexone = chart.naltrexone_orders
    opioid = [order for order in chart.orders if order.selected and order.medicine.is_opioid]
    gaps = [gap for gap in _relevant(chart, bool(naltrexone), bool(opioid)) if not _is_detail(gap, chart)]
    if not gaps and not chart.unreadable_orders:
        return "everything the orders to judge need was read" if naltrexone or opioid else NOTHING_TO_JUDGE
    medications = [gap for gap in gaps if gap.kind in MEDICATION_KINDS]
    lines = list(dict.fromkeys(gap_in_words(gap) for gap in gaps))
    if chart.unreadable_orders:
        lines.insert(0, say(TOPIC, "order", count=_orders(chart)))
    return [
        Finding(
            topic=TOPIC,
            indicator=Indicator.WARNING if medications or chart.unreadable_orders else Indicator.INFO,
            summary=_summary(medications, gaps, chart, bool(naltrexone), drug(chart, clinical)),
            lines=(*(f"- {line}" for line in lines), say(TOPIC, "try_again")),
            basis=say(TOPIC, "basis"),
            withholds_start=bool(medications or chart.unreadable_orders),
        )
    ]


def _relevant(chart: PatientChart, naltrexone: bool, opioid: bool) -> list[Gap]:
    """Everything for naltrexone; for an opioid only what could hide naltrexone."""
    if naltrexone:
        return [gap for gap in chart.gaps if gap.kind in _LISTS]
    return [gap for gap in chart.gaps if gap.kind in MEDICATION_KINDS] if opioid else []


def _is_detail(gap: Gap, chart: PatientChart) -> bool:
    """Worth a line elsewhere, no gap: a filtered list, or a list this server does not keep."""
    if gap.reason is GapReason.INCOMPLETE and not gap.covers_list:
        return True
    if gap.reason is not GapReason.NOT_KEPT:
        return False
    if gap.kind == "MedicationStatement":
        return not _orders_unread(chart)
    return gap.kind in _ASKED_BY_SETTING


def _orders_unread(chart: PatientChart) -> bool:
    return any(gap.kind in ORDER_LISTS and gap.covers_list for gap in chart.gaps)


def unkept(chart: PatientChart) -> str:
    """The line of detail on medication lists that this EHR does not keep; empty when it keeps them all."""
    if not chart.gaps or _orders_unread(chart):
        return ""
    kinds = (g.kind for g in chart.gaps if g.reason is GapReason.NOT_KEPT and _is_detail(g, chart))
    lists = [_UNKEPT.get(kind, _LISTS[kind]) for kind in dict.fromkeys(kinds)]
    return say(TOPIC, "unkept", lists=listed(lists, last="or")) if lists else ""


def gap_in_words(gap: Gap) -> str:
    """What is not known, and why, in one line."""
    count = "1 entry" if gap.count == 1 else f"{gap.count} entries"
    return say(TOPIC, gap.reason.value, list=_LISTS.get(gap.kind, gap.kind), count=count)


def _orders(chart: PatientChart) -> str:
    count = len(chart.unreadable_orders)
    return "1 order" if count == 1 else f"{count} orders"


def _summary(
    medications: Sequence[Gap], gaps: Sequence[Gap], chart: PatientChart, naltrexone: bool, name: str
) -> str:
    """Medications first, then orders nobody could read, then the rest."""
    if not medications and chart.unreadable_orders:
        return say(TOPIC, "order", count=_orders(chart))
    kinds = list(dict.fromkeys(_LISTS.get(gap.kind, gap.kind) for gap in medications or gaps))
    what = listed(kinds) if len(kinds) <= 2 else f"{kinds[0]} and {len(kinds) - 1} more"
    if not medications:
        return say(TOPIC, "other", what=what)
    if not naltrexone:
        return say(TOPIC, "medications_opioid", what=what)
    return say(TOPIC, "medications", what=what, drug=name)
