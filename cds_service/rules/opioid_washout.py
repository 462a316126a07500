"""Did an opioid end so recently that naltrexone must wait?"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

from cds_service.chart import Evidence, Exposure, Order, PatientChart, Presence, day
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Duration, Form, Role
from cds_service.knowledge.wording import say
from cds_service.rules.finding import (
    NO_NALTREXONE,
    Finding,
    Findings,
    Indicator,
    Proposal,
    Remove,
    StartLater,
    Topic,
    spoken,
    worst,
)
from cds_service.rules.names import short_names
from cds_service.rules.opioid_coprescription import interval, opioid_coprescription
from cds_service.rules.regimen import drug, for_opioid_use_disorder

TOPIC = Topic.OPIOID_WASHOUT
_SLOW = (Duration.METHADONE_BUPRENORPHINE, Duration.LONG)


@dataclass(frozen=True, slots=True)
class _Ended:
    """One opioid that ended too recently: its newest entries, and the first day naltrexone may start."""

    entries: tuple[Exposure, ...]
    indicator: Indicator
    not_before: date | None
    is_depot: bool = False
    is_brief: bool = False

    @property
    def last(self) -> Exposure:
        return max(self.entries, key=lambda e: e.ended or date.min)


def opioid_washout(chart: PatientChart, clinical: Clinical) -> Findings:
    """One card for all opioids inside their opioid-free interval."""
    orders = chart.naltrexone_orders
    if not orders:
        return NO_NALTREXONE
    ended = [found for entries in _by_ingredient(chart) if (found := _judge(entries, chart, clinical))]
    if not ended:
        return "no opioid ended within its opioid-free interval"
    if all(e.is_brief for e in ended) and _an_opioid_is_active(chart, clinical):
        return "an opioid is active: the few days of another one add nothing"
    ended.sort(key=lambda e: (e.indicator.rank, not e.is_depot, -(e.not_before or date.min).toordinal()))
    if starts := _starts_late_enough(ended, orders):
        return [_planned(ended, starts, chart, clinical)]
    return [
        Finding(
            topic=TOPIC,
            indicator=worst(*(e.indicator for e in ended)),
            summary=_summary(ended, drug(chart, clinical), clinical),
            found=_evidence(ended),
            lines=tuple(_lines(ended, chart, clinical)),
            basis=say(TOPIC, "basis"),
            proposals=(*_later(ended, chart), *(Remove(order) for order in orders)),
            exclusive=len(orders) == 1,
            withholds_start=True,
        )
    ]


def _an_opioid_is_active(chart: PatientChart, clinical: Clinical) -> bool:
    """A critical card says so, and is seen."""
    if Topic.OPIOID_COPRESCRIPTION.value in clinical.unseen:
        return False
    return any(f.indicator is Indicator.CRITICAL for f in spoken(opioid_coprescription(chart, clinical)))


def _starts_late_enough(ended: Sequence[_Ended], orders: Sequence[Order]) -> date | None:
    """The first start, when every order is dated to start after every interval (a later start was taken)."""
    starts = [order.starts for order in orders if order.starts]
    dates = [e.not_before for e in ended if e.not_before and e.last.end_documented]
    if len(starts) < len(orders) or len(dates) < len(ended) or min(starts) < max(dates):
        return None
    return min(starts)


def _planned(ended: Sequence[_Ended], starts: date, chart: PatientChart, clinical: Clinical) -> Finding:
    """Info: the interval is kept by the order's own start."""
    names = short_names([e.last.medicine for e in ended])
    return Finding(
        topic=TOPIC,
        indicator=Indicator.INFO,
        summary=say(TOPIC, "planned", opioids=names, starts=day(starts), drug=drug(chart, clinical)),
        found=_evidence(ended),
        lines=(say(TOPIC, "ask"),),
        basis=say(TOPIC, "basis"),
        withholds_start=True,
    )


def _evidence(ended: Sequence[_Ended]) -> tuple[Evidence, ...]:
    return tuple(dict.fromkeys(entry.evidence for e in ended for entry in e.entries))


def _by_ingredient(chart: PatientChart) -> Iterator[tuple[Exposure, ...]]:
    """Ended entries by opioid; one that is (also) current is the other card's cause."""
    opioids = chart.exposed(Role.OPIOID, Role.OPIOID_LIKE)
    if not any([exposure.presence is Presence.ENDED for exposure in opioids]):
        return iter(())
    grouped: dict[str, list[Exposure]] = defaultdict(list)
    current = set()
    for exposure in opioids:
        for name in exposure.medicine.named(Role.OPIOID, Role.OPIOID_LIKE):
            if exposure.presence is Presence.ENDED:
                grouped[name].append(exposure)
            else:
                current.add(name)
    return (tuple(entries) for name, entries in grouped.items() if name not in current)


def _judge(entries: Sequence[Exposure], chart: PatientChart, clinical: Clinical) -> _Ended | None:
    today = chart.today
    depots = [
        e for e in entries if e.medicine.form in (Form.DEPOT, Form.IMPLANT) and _within(e, today, clinical)
    ]
    if depots:
        return _Ended(tuple(depots), Indicator.CRITICAL, None, is_depot=True)
    waiting = [
        e
        for e in entries
        if e.ended is None or today < e.ended + timedelta(days=interval(e.medicine, clinical)[0])
    ]
    dated = [e for e in entries if e.ended]
    if dated and not any(e in waiting for e in dated):
        return None  # an undated entry beside dated ones is older than they are
    if not waiting:
        return None
    ends = [e.ended + timedelta(days=interval(e.medicine, clinical)[0]) for e in waiting if e.ended]
    slow = any(e.medicine.duration in _SLOW for e in waiting)
    brief = not slow and _all_brief(waiting, clinical)
    indicator = Indicator.CRITICAL if slow and ends else Indicator.INFO if brief else Indicator.WARNING
    return _Ended(tuple(waiting), indicator, max(ends, default=None), is_brief=brief)


def _within(exposure: Exposure, today: date, clinical: Clinical) -> bool:
    look_back = timedelta(days=clinical.opioid_free.depot_buprenorphine_look_back)
    return exposure.ended is None or today - exposure.ended <= look_back


def _all_brief(entries: Sequence[Exposure], clinical: Clinical) -> bool:
    """One procedural dose, or at most five days in all."""
    days = [d for e in entries for d in (e.first, e.ended) if d]
    span = (max(days) - min(days)).days if days else 0
    return all(e.brief for e in entries) and span <= clinical.opioid_free.brief_supply_days


def _summary(ended: Sequence[_Ended], naltrexone: str, clinical: Clinical) -> str:
    first = ended[0]
    names = short_names([e.last.medicine for e in ended if e.indicator is first.indicator])
    if first.is_depot:
        return say(TOPIC, "depot", drug=naltrexone)
    dates = [e.not_before for e in ended if e.not_before]
    if not dates or first.last.ended is None:
        days = max(interval(e.last.medicine, clinical)[0] for e in ended)
        return say(TOPIC, "undated", opioids=names, drug=naltrexone, days=days)
    given = all(entry.kind == "MedicationAdministration" for entry in first.entries)
    key = "dated" if not first.is_brief else "given" if given else "brief"
    return say(
        TOPIC,
        key,
        opioids=names,
        ended=day(first.last.ended),
        not_before=day(max(dates)),
        drug=naltrexone,
    )


def _lines(ended: Sequence[_Ended], chart: PatientChart, clinical: Clinical) -> Iterator[str]:
    for one in ended:
        if one.is_depot:
            yield say(TOPIC, "depot_line")
        elif one.is_brief:
            yield say(TOPIC, "brief_line")
        else:
            days, why = interval(one.last.medicine, clinical)
            names = short_names([one.last.medicine])
            yield say(TOPIC, "interval", days=days, opioids=names, why=say(Topic.OPIOID_COPRESCRIPTION, why))
    if any(e.not_before and not e.last.end_documented for e in ended):
        yield say(TOPIC, "reckoned")
    yield say(TOPIC, "ask")
    if any(for_opioid_use_disorder(e.last.medicine, e.last.reasons, chart) for e in ended):
        yield say(TOPIC, "treatment" if drug(chart, clinical) == "LDN" else "treatment_full")


def _later(ended: Sequence[_Ended], chart: PatientChart) -> Iterator[Proposal]:
    """A later start, only when every last dose is documented."""
    dates = [e.not_before for e in ended]
    if all(dates) and all(e.last.end_documented for e in ended):
        for order in chart.naltrexone_orders:
            yield StartLater(order, max(d for d in dates if d))
