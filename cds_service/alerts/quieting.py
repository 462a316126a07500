"""Which findings are said again, how loudly, and which not: values in, values out.

A finding that did not change and was overridden with a reason is not raised again at the same
level in the same order. A critical one always is; ``not-checked`` too, for what could not be read
may hold anything. A higher indicator than the one overridden always speaks.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime, timedelta

from msgspec.structs import replace

from cds_service.alerts.alert import Alert, Hush, Override
from cds_service.chart import day
from cds_service.knowledge.clinical import Alerts
from cds_service.knowledge.wording import override_reasons, say, titles
from cds_service.rules import Finding, Indicator, Topic


def quieten(
    alerts: Sequence[Alert], overrides: Sequence[Override], policy: Alerts, now: datetime
) -> list[Alert]:
    """``alerts`` in their order, the most urgent first, each as it is to be shown; in shadow as it is.

    :param now: the moment of decision, in the site's zone.
    """
    quieter = [_quieter(alert, overrides, policy, now) if alert.mode == "live" else alert for alert in alerts]
    return _with_snoozes_told(quieter, overrides, policy, now)


def _quieter(alert: Alert, overrides: Sequence[Override], policy: Alerts, now: datetime) -> Alert:
    if alert.finding.topic is Topic.NOT_CHECKED:
        return alert
    about = [override for override in overrides if _is_about(override, alert)]
    window = timedelta(hours=policy.repeat_hours)
    repeated = [o for o in about if o.order == alert.order and now - o.shown < window]
    if repeated:
        return _repeated(alert, max(repeated, key=lambda override: override.at), policy, now)
    if next(_snoozing(alert.finding, about, policy, now), None):
        return replace(alert, hush=Hush.SNOOZED)
    return alert


def _is_about(override: Override, alert: Alert) -> bool:
    """The same finding, overridden at this level or a higher one."""
    return (
        override.topic == alert.finding.topic.value
        and override.fingerprint == alert.fingerprint
        and override.indicator.rank <= alert.finding.indicator.rank
    )


def _repeated(alert: Alert, override: Override, policy: Alerts, now: datetime) -> Alert:
    finding = alert.finding
    line = say("alerts", "repeated", when=_moment(override.at, now), reason=_reason(override))
    if finding.indicator is Indicator.CRITICAL:
        return replace(alert, finding=_with_line(finding, line), hush=Hush.NOTED)
    if finding.indicator is Indicator.INFO or policy.repeat == "omit":
        return replace(alert, hush=Hush.REPEAT_OMITTED)
    quiet = replace(_with_line(finding, line), indicator=Indicator.INFO)
    return replace(alert, finding=quiet, hush=Hush.REPEAT)


def _snoozing(
    finding: Finding, about: Sequence[Override], policy: Alerts, now: datetime
) -> Iterator[tuple[Override, datetime]]:
    """Those of ``about`` that snooze the finding, each with its end."""
    if finding.indicator.rank < Indicator(policy.snooze_up_to).rank:
        return
    for override in about:
        end = snoozed_until(override, policy)
        if end is not None and now < end:
            yield override, end


def snoozed_until(override: Override, policy: Alerts) -> datetime | None:
    """Until when ``override`` snoozes its topic for the patient, if it does."""
    days = policy.snooze_days.get(override.reason or "", 0)
    if not days or override.lifted or override.indicator.rank < Indicator(policy.snooze_up_to).rank:
        return None
    return override.shown + timedelta(days=days)


def _with_snoozes_told(
    alerts: Sequence[Alert], overrides: Sequence[Override], policy: Alerts, now: datetime
) -> list[Alert]:
    """The first card that is shown says what is snoozed; alone, a snoozed topic is silent."""
    snoozed = [alert for alert in alerts if alert.hush is Hush.SNOOZED]
    first = next((number for number, alert in enumerate(alerts) if alert.is_shown), None)
    told = list(alerts)
    if snoozed and first is not None:
        topics = [_snoozed_in_words(alert, overrides, policy, now) for alert in snoozed]
        line = say("alerts", "snoozed", topics="; ".join(topics))
        told[first] = replace(told[first], finding=_with_line(told[first].finding, line))
    return told


def _snoozed_in_words(alert: Alert, overrides: Sequence[Override], policy: Alerts, now: datetime) -> str:
    about = [override for override in overrides if _is_about(override, alert)]
    override, end = max(_snoozing(alert.finding, about, policy, now), key=lambda found: found[1])
    title = titles()[alert.finding.topic.value].lower()
    return f"{title}, until {day(end.astimezone(now.tzinfo).date())} ({_reason(override)})"


def _with_line(finding: Finding, line: str) -> Finding:
    return replace(finding, lines=(*finding.lines, line))


def _reason(override: Override) -> str:
    """In our own words; an EHR's own reason is not kept as text, for it may say anything."""
    if override.reason is None:
        return say("alerts", "commented")
    words = dict(override_reasons(override.topic)).get(override.reason)
    return words[:1].lower() + words[1:] if words else say("alerts", "own_reason")


def _moment(at: datetime, now: datetime) -> str:
    local = at.astimezone(now.tzinfo)
    clock = f"at {local:%H:%M}"
    return clock if local.date() == now.date() else f"on {day(local.date())} {clock}"
