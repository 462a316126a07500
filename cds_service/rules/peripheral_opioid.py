"""Does an opioid that acts on the gut (or the skin) meet naltrexone, in either direction?"""

from __future__ import annotations

from collections.abc import Sequence

from cds_service.chart import Exposure, Order, PatientChart, milligrams
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Role
from cds_service.knowledge.wording import say
from cds_service.rules.finding import Finding, Findings, Indicator, Topic
from cds_service.rules.names import shortened

TOPIC = Topic.PERIPHERAL_OPIOID
_NONE = "no opioid of the gut or the skin is on the lists or in the basket"


def peripheral_opioid(chart: PatientChart, clinical: Clinical) -> Findings:
    """Info; a warning for loperamide above the label's daily maximum, on the list or ordered."""
    if chart.naltrexone_orders and Role.PERIPHERAL_OPIOID not in chart.roles:
        return _NONE
    ordered = [o for o in chart.orders if o.medicine.has(Role.PERIPHERAL_OPIOID) and not o.medicine.is_opioid]
    naltrexone = chart.naltrexone_in_basket
    taken = [e for e in chart.exposed(Role.PERIPHERAL_OPIOID) if e.is_current and not e.medicine.is_opioid]
    on_naltrexone = chart.taking_naltrexone()
    if chart.naltrexone_orders:
        found = [*(e.evidence for e in taken), *(o.evidence for o in ordered)]
    elif any([order.selected for order in ordered]) and (naltrexone or on_naltrexone):
        found = [*(e.evidence for e in on_naltrexone), *(o.evidence for o in (*naltrexone, *ordered))]
        taken = [e for e in taken if _is_high([e], clinical)]
        found += [e.evidence for e in taken]
    else:
        return "neither naltrexone nor an opioid of the gut is ordered that meets the other"
    if not found or not (taken or ordered):
        return _NONE
    medicines = [e.medicine for e in taken] + [o.medicine for o in ordered]
    names = shortened(
        list(dict.fromkeys(name for m in medicines for name in m.named(Role.PERIPHERAL_OPIOID)))
    )
    high = _is_high(taken, clinical) or _is_high(ordered, clinical)
    limit = milligrams(clinical.peripheral_opioid.loperamide_high_mg)
    return [
        Finding(
            topic=TOPIC,
            indicator=Indicator.WARNING if high else Indicator.INFO,
            summary=say(TOPIC, "high" if high else "either", opioids=names, mg=limit),
            found=tuple(found),
            lines=(say(TOPIC, "high_line" if high else "line"),),
            basis=say(TOPIC, "basis"),
        )
    ]


def _is_high(entries: Sequence[Exposure | Order], clinical: Clinical) -> bool:
    """List and basket are summed apart: an order beside its own list entry is a renewal as a rule."""
    doses = [e.daily_mg or 0.0 for e in entries if "loperamide" in e.medicine.named(Role.PERIPHERAL_OPIOID)]
    return sum(doses) > clinical.peripheral_opioid.loperamide_high_mg
