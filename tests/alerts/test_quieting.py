"""What becomes of a finding that was overridden before, value by value: no store, no clock."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from cds_service.alerts.alert import Alert, Hush, Override
from cds_service.alerts.quieting import quieten, snoozed_until
from cds_service.knowledge.clinical import Alerts, load_clinical
from cds_service.rules import Finding, Indicator, Topic

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
DISCUSSED = "recipient-concerns-outcomes"
SHIPPED = load_clinical().alerts
POLICY: Alerts = replace(SHIPPED, repeat_hours=24, snooze_days={DISCUSSED: 14}, snooze_up_to="info")


def alert(topic: Topic = Topic.PREGNANCY, indicator: str = "warning", **more: Any) -> Alert:
    given = {"order": "this order", "fingerprint": "as found", **more}
    return Alert(Finding(topic, Indicator(indicator), "s"), **given)


def override(topic: Topic = Topic.PREGNANCY, indicator: str = "warning", **more: Any) -> Override:
    """An override of :func:`alert` a minute after it was shown, an hour ago."""
    shown = more.setdefault("shown", NOW - timedelta(hours=1))
    given = {"order": "this order", "fingerprint": "as found", "at": shown + timedelta(minutes=1), **more}
    return Override("card-1", topic.value, Indicator(indicator), **given)


def hush(of: Alert, *overrides: Override, policy: Alerts = POLICY) -> Hush | None:
    (found,) = quieten([of], overrides, policy, NOW)
    return found.hush


@pytest.mark.parametrize(
    ("indicator", "repeat", "expected"),
    [
        ("critical", "info", Hush.NOTED),
        ("critical", "omit", Hush.NOTED),
        ("warning", "info", Hush.REPEAT),
        ("warning", "omit", Hush.REPEAT_OMITTED),
        ("info", "info", Hush.REPEAT_OMITTED),
    ],
)
def test_in_the_same_order(indicator: str, repeat: Any, expected: Hush) -> None:
    policy = replace(POLICY, repeat=repeat)
    assert hush(alert(indicator=indicator), override(indicator=indicator), policy=policy) is expected


@pytest.mark.parametrize(
    "other",
    [
        {"topic": Topic.LIVER},
        {"fingerprint": "of something else"},
        {"fingerprint": None},
        {"indicator": "info"},
        {"order": "another order"},
        {"shown": NOW - timedelta(hours=24)},
    ],
    ids=["topic", "found", "unknown", "quieter", "order", "a day ago"],
)
def test_what_was_not_overridden_speaks(other: dict[str, Any]) -> None:
    assert hush(alert(), override(**other)) is None


def test_what_is_in_shadow_stays_as_it_is() -> None:
    in_shadow = alert(mode="shadow")
    assert quieten([in_shadow], [override()], POLICY, NOW) == [in_shadow]


def test_what_could_not_be_read_is_never_quieter() -> None:
    of = alert(Topic.NOT_CHECKED, "info")
    assert hush(of, override(Topic.NOT_CHECKED, "info", reason=DISCUSSED)) is None


def test_the_last_of_several_overrides_is_told() -> None:
    early, late = override(shown=NOW - timedelta(hours=3)), override(shown=NOW - timedelta(hours=1))
    (found,) = quieten([alert()], [late, early], POLICY, NOW)
    assert "at 14:01" in found.finding.lines[-1]


# --- snoozes -----------------------------------------------------------------


NURSING = alert(Topic.BREASTFEEDING, "info", order="the next order")


def snooze(days: int = 1, **more: Any) -> Override:
    more.setdefault("indicator", "info")
    return override(Topic.BREASTFEEDING, reason=DISCUSSED, shown=NOW - timedelta(days=days), **more)


@pytest.mark.parametrize(("days", "expected"), [(1, Hush.SNOOZED), (13, Hush.SNOOZED), (14, None)])
def test_a_snooze_holds_for_its_days_and_ends(days: int, expected: Hush | None) -> None:
    assert hush(NURSING, snooze(days)) is expected


@pytest.mark.parametrize(
    "of",
    [
        snooze(lifted=True),
        snooze(indicator="warning"),
        override(Topic.BREASTFEEDING, "info", order=None, reason="cds-not-applicable"),
        override(Topic.BREASTFEEDING, "info", order=None),
    ],
    ids=["lifted", "a warning", "another reason", "a comment"],
)
def test_what_snoozes_nothing(of: Override) -> None:
    assert snoozed_until(of, POLICY) is None
    assert hush(NURSING, of) is None


def test_a_warning_is_not_silenced_by_a_snooze_of_less() -> None:
    louder = alert(Topic.BREASTFEEDING, "warning", order="the next order")
    assert hush(louder, snooze(indicator="critical")) is None


def test_the_first_card_that_is_shown_tells_the_latest_end() -> None:
    hidden, shown, last = alert(mode="shadow"), alert(Topic.LIVER), alert(Topic.KIDNEY, "info")
    found = quieten([hidden, shown, NURSING, last], [snooze(9), snooze(2)], POLICY, NOW)
    told = [" ".join(each.finding.lines) for each in found]
    assert "breast-feeding, until 4 Dec 2026" in told[1]
    assert (told[0], told[2], told[3]) == ("", "", "")


def test_alone_a_snoozed_topic_is_silent() -> None:
    (found,) = quieten([NURSING], [snooze()], POLICY, NOW)
    assert not found.is_shown and found.finding.lines == ()
