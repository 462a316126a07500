"""Status and dates decide together whether a list entry is an exposure."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cds_service.chart import Exposure, Presence
from tests.chart.builders import (
    BUPRENORPHINE,
    METHADONE,
    NALTREXONE,
    OXYCODONE,
    PATIENT,
    RXNORM,
    TABLET_50,
    TODAY,
    ago,
    chart,
    medication_request,
    statement,
    supply,
)

FENTANYL_PATCH = {
    "coding": [{"system": RXNORM, "code": "245136"}],
    "text": "72 HR fentanyl 0.1 MG/HR Transdermal System",
}
SUBLOCADE = {"text": "Sublocade 300 mg/1.5 mL extended-release injection"}
VIVITROL = {"coding": [{"system": RXNORM, "code": "637216"}]}


def only(*resources: dict[str, Any]) -> Exposure:
    """The one exposure of ``resources``."""
    (exposure,) = chart(*resources).exposures
    return exposure


def days_ago(exposure: Exposure) -> int:
    """How long ago the exposure ended."""
    assert exposure.ended is not None
    return (TODAY - exposure.ended).days


# --- orders ----------------------------------------------------------------


@pytest.mark.parametrize(
    "elements",
    [
        {"status": "entered-in-error"},
        {"status": "draft"},
        {"status": "cancelled"},
        {"intent": "plan"},
        {"intent": "proposal"},
        {"intent": "option"},
        {"doNotPerform": True},
    ],
)
def test_no_exposure(elements: dict[str, Any]) -> None:
    assert chart(medication_request(**{"authoredOn": ago(5), **elements})).exposures == ()


@pytest.mark.parametrize("status", ["active", "on-hold", "ACTIVE", " Active "])
def test_active_and_on_hold_are_active(status: str) -> None:
    assert only(medication_request(status=status, authoredOn=ago(20))).presence is Presence.ACTIVE


def test_active_without_any_date_is_active() -> None:
    assert only(medication_request()).presence is Presence.ACTIVE


def test_active_without_intent_is_active() -> None:
    request = medication_request(authoredOn=ago(20))
    del request["intent"]
    assert only(request).presence is Presence.ACTIVE


@pytest.mark.parametrize(
    ("medication", "days", "expected"),
    [
        (OXYCODONE, 90, Presence.ACTIVE),
        (OXYCODONE, 91, Presence.STALE),
        (METHADONE, 365, Presence.ACTIVE),
        (METHADONE, 366, Presence.STALE),
        (BUPRENORPHINE, 200, Presence.ACTIVE),
    ],
)
def test_long_past_its_supply_is_stale(medication: dict[str, Any], days: int, expected: Presence) -> None:
    order = medication_request(medication, authoredOn=ago(days + 30), dispenseRequest=supply(30))
    assert only(order).presence is expected


def test_active_since_1989_is_stale_and_shows_its_date() -> None:
    exposure = only(medication_request(authoredOn="1989-03-01"))
    assert exposure.presence is Presence.STALE
    assert "ordered 1 Mar 1989" in exposure.evidence.facts


def test_refills_prolong_the_supply() -> None:
    order = medication_request(
        authoredOn=ago(100), dispenseRequest={**supply(30), "numberOfRepeatsAllowed": 2}
    )
    assert only(order).supply_until == TODAY - timedelta(days=10)


def test_quantity_over_daily_pieces_is_the_supply() -> None:
    order = medication_request(
        authoredOn=ago(12),
        dosageInstruction=[
            {
                "timing": {"repeat": {"frequency": 4, "period": 1, "periodUnit": "d"}},
                "doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}],
            }
        ],
        dispenseRequest={"quantity": {"value": 40, "unit": "tablet"}},
    )
    assert only(order).supply_until == TODAY - timedelta(days=2)


def test_a_quantity_says_nothing_without_pieces_a_day() -> None:
    order = medication_request(
        authoredOn=ago(12),
        dosageInstruction=[{"doseAndRate": [{"doseQuantity": {"value": 1, "unit": "tablet"}}]}],
        dispenseRequest={"quantity": {"value": 40, "unit": "tablet"}},
    )
    assert only(order).supply_until is None


def test_an_order_lasts_as_long_as_its_dosage_says() -> None:
    repeat = {"frequency": 4, "period": 1, "periodUnit": "d", "boundsDuration": {"value": 5, "unit": "d"}}
    order = medication_request(authoredOn=ago(12), dosageInstruction=[{"timing": {"repeat": repeat}}])
    assert only(order).supply_until == TODAY - timedelta(days=7)


def test_completed_order_ended_with_its_supply() -> None:
    order = medication_request(status="completed", authoredOn=ago(36), dispenseRequest=supply(30))
    exposure = only(order)
    assert exposure.presence is Presence.ENDED
    assert days_ago(exposure) == 6
    assert not exposure.end_documented


def test_completed_order_ended_at_the_latest_today() -> None:
    order = medication_request(status="completed", authoredOn=ago(6), dispenseRequest=supply(30))
    assert days_ago(only(order)) == 0


def test_completed_long_ago_without_supply_is_not_recent() -> None:
    assert days_ago(only(medication_request(status="completed", authoredOn=ago(3650)))) == 3620


def test_long_acting_order_that_ended_at_an_unknown_time() -> None:
    exposure = only(medication_request(METHADONE, status="stopped", authoredOn=ago(200)))
    assert (exposure.presence, exposure.ended) == (Presence.ENDED, None)


def test_a_statement_that_runs_on_is_active_however_old() -> None:
    running = statement(effectivePeriod={"start": ago(400), "end": "2026-12-24"})
    assert only(running).presence is Presence.ACTIVE


def test_stopped_order_without_any_date_has_an_unknown_end() -> None:
    exposure = only(medication_request(status="stopped"))
    assert (exposure.presence, exposure.ended) == (Presence.ENDED, None)
    assert "ended, date not recorded" in exposure.evidence.facts


def test_dstu2_order_names_its_end() -> None:
    order = {
        "resourceType": "MedicationOrder",
        "id": "m1",
        "status": "stopped",
        "patient": PATIENT,
        "dateWritten": ago(60),
        "dateEnded": ago(12),
        "medicationCodeableConcept": BUPRENORPHINE,
    }
    exposure = only(order)
    assert days_ago(exposure) == 12
    assert exposure.end_documented


def test_a_partial_date_takes_the_cautious_end() -> None:
    order = medication_request(status="completed", authoredOn="2026-10", dispenseRequest=supply(14))
    assert days_ago(only(order)) == 8  # 31 October and 14 days


# --- statements ------------------------------------------------------------


def test_statement_ends_with_its_period() -> None:
    exposure = only(statement(status="completed", effectivePeriod={"start": ago(40), "end": ago(6)}))
    assert (exposure.presence, days_ago(exposure)) == (Presence.ENDED, 6)
    assert exposure.end_documented
    assert exposure.evidence.facts == ("since 13 Oct 2026", "ended 16 Nov 2026")


def test_active_statement_whose_period_is_over_has_ended() -> None:
    exposure = only(statement(effectivePeriod={"start": ago(40), "end": ago(6)}))
    assert (exposure.presence, days_ago(exposure)) == (Presence.ENDED, 6)


@pytest.mark.parametrize(
    "elements",
    [
        {"status": "not-taken"},
        {"status": "active", "wasNotTaken": True},
        {"status": "active", "taken": "n"},
        {"status": "recorded", "adherence": {"code": {"coding": [{"code": "not-taking"}]}}},
        {"status": "intended"},
        {"status": "entered-in-error"},
    ],
)
def test_not_taken_without_use_before_is_no_exposure(elements: dict[str, Any]) -> None:
    assert chart(statement(**{"dateAsserted": ago(3), **elements})).exposures == ()


@pytest.mark.parametrize(
    ("code", "expected"),
    [("taking", Presence.ACTIVE), ("on-hold", Presence.ACTIVE), ("stopped", Presence.ENDED)],
)
def test_r5_adherence_speaks_for_the_status(code: str, expected: Presence) -> None:
    entry = statement(
        status="recorded",
        adherence={"code": {"coding": [{"code": code}]}},
        effectivePeriod={"start": ago(30)},
        dateAsserted=ago(2),
    )
    del entry["medicationCodeableConcept"]
    assert only({**entry, "medication": {"concept": OXYCODONE}}).presence is expected


def test_not_taken_against_a_live_order_is_a_contradiction() -> None:
    exposure = only(
        medication_request(authoredOn=ago(20)), statement(status="not-taken", dateAsserted=ago(3))
    )
    assert exposure.presence is Presence.ACTIVE
    assert exposure.contradicted is not None
    assert "says not taken, 19 Nov 2026" in exposure.contradicted.facts


def test_an_older_denial_contradicts_nothing() -> None:
    exposure = only(
        medication_request(authoredOn=ago(2)), statement(status="not-taken", dateAsserted=ago(30))
    )
    assert exposure.contradicted is None


def test_not_taken_ends_a_use_before_its_supply_does() -> None:
    order = medication_request(status="completed", authoredOn=ago(20), dispenseRequest=supply(30))
    exposure = only(order, statement(status="not-taken", dateAsserted=ago(8)))
    assert days_ago(exposure) == 8


def test_a_denial_of_another_opioid_says_nothing() -> None:
    exposure = only(
        medication_request(authoredOn=ago(20)), statement(METHADONE, status="not-taken", dateAsserted=ago(3))
    )
    assert exposure.contradicted is None


# --- dispensing and administration -----------------------------------------


def dispense(medication: dict[str, Any], handed_over: str, **elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationDispense",
        "id": "d1",
        "status": "completed",
        "subject": PATIENT,
        "medicationCodeableConcept": medication,
        "whenHandedOver": handed_over,
        **elements,
    }


def administration(medication: dict[str, Any], given: str, **elements: Any) -> dict[str, Any]:
    return {
        "resourceType": "MedicationAdministration",
        "id": "a1",
        "status": "completed",
        "subject": PATIENT,
        "medicationCodeableConcept": medication,
        "effectiveDateTime": given,
        **elements,
    }


def test_dispensed_supply_is_exposure_until_it_is_used_up() -> None:
    lasting = dispense(OXYCODONE, ago(20), daysSupply={"value": 30, "unit": "days"})
    used_up = dispense(OXYCODONE, ago(20), daysSupply={"value": 14, "unit": "days"})
    assert only(lasting).presence is Presence.ACTIVE
    assert days_ago(only(used_up)) == 6


def test_a_dispense_of_a_cancelled_order_is_exposure() -> None:
    exposure = only(medication_request(status="cancelled"), dispense(OXYCODONE, ago(2)))
    assert exposure.kind == "MedicationDispense"


def test_one_administered_dose_is_brief() -> None:
    exposure = only(administration({"text": "fentanyl citrate 0.05 mg/mL injection"}, ago(1)))
    assert (exposure.presence, exposure.brief, days_ago(exposure)) == (Presence.ENDED, True, 1)
    assert exposure.evidence.facts == ("given 21 Nov 2026",)


def test_a_dose_not_given_is_none() -> None:
    assert chart(administration(OXYCODONE, ago(1), status="not-done")).exposures == ()
    assert chart(administration(OXYCODONE, ago(1), notGiven=True)).exposures == ()


def test_a_patch_ends_when_it_comes_off() -> None:
    assert only(administration(FENTANYL_PATCH, ago(2))).presence is Presence.ACTIVE
    assert days_ago(only(administration(FENTANYL_PATCH, ago(5)))) == 2


def test_a_depot_is_active_for_its_interval() -> None:
    assert only(administration(SUBLOCADE, ago(20))).presence is Presence.ACTIVE
    assert days_ago(only(administration(SUBLOCADE, ago(60)))) == 32
    assert only(administration(VIVITROL, ago(29))).presence is Presence.ACTIVE
    assert only(administration(VIVITROL, ago(31))).presence is Presence.ENDED


# --- the list as a whole ----------------------------------------------------


def test_medicines_of_no_concern_leave_no_exposure() -> None:
    names = [
        "levothyroxine 50 mcg tablet",
        "methotrexate 2.5 mg",
        "gabapentin 300 mg capsule",
        "tiotropium 18 mcg",
    ]
    entries = [statement({"text": name}, id=f"s{i}") for i, name in enumerate(names)]
    assert chart(*entries).exposures == ()


def test_a_resigned_order_is_not_its_own_duplicate() -> None:
    order = medication_request(NALTREXONE, id="x1")
    assert chart(order, orders=(order,)).exposures == ()


def test_other_patients_and_broken_entries_lose_only_themselves() -> None:
    found = chart(
        medication_request(subject={"reference": "Patient/other"}),
        {"resourceType": "MedicationRequest", "id": "b", "status": {"value": 1}, "subject": PATIENT},
        medication_request(id="m2", authoredOn=ago(3)),
    )
    assert [e.id for e in found.exposures] == ["m2"]
    assert {str(gap.reason) for gap in found.gaps} >= {"other-patient", "malformed"}


# --- what was stopped, and what goes on working ------------------------------


@pytest.mark.parametrize("depot", [SUBLOCADE, VIVITROL, {"text": "Probuphine implant"}])
def test_a_depot_that_was_stopped_still_works_and_no_entry_disputes_it(depot: dict[str, Any]) -> None:
    period = {"start": ago(200), "end": ago(14)}
    exposure = only(statement(depot, status="stopped", effectivePeriod=period))
    assert (exposure.presence, exposure.contradicted) == (Presence.ACTIVE, None)


@pytest.mark.parametrize(
    ("ended", "presence"), [(28, Presence.ACTIVE), (30, Presence.ACTIVE), (60, Presence.ENDED)]
)
def test_a_depot_that_was_stopped_works_no_longer_than_one_injection(ended: int, presence: Presence) -> None:
    period = {"start": ago(200), "end": ago(ended)}
    assert only(statement(VIVITROL, status="stopped", effectivePeriod=period)).presence is presence


def test_a_depot_ordered_and_not_taken_is_a_contradiction() -> None:
    order = medication_request(VIVITROL, authoredOn=ago(10))
    first, *_ = chart(order, statement(VIVITROL, status="not-taken", dateAsserted=ago(1))).exposures
    assert first.contradicted


@pytest.mark.parametrize("status", ["completed", "stopped"])
@pytest.mark.parametrize(("began", "days"), [(12, 0), (50, 20), (400, 370)])
def test_a_use_without_an_end_did_not_end_on_its_first_day(status: str, began: int, days: int) -> None:
    exposure = only(statement(status=status, effectivePeriod={"start": ago(began)}))
    assert (days_ago(exposure), exposure.end_documented) == (days, False)


@pytest.mark.parametrize(
    ("elements", "days"),
    [
        ({"effectivePeriod": {"start": ago(50)}, "dateAsserted": ago(7)}, 7),
        ({"effectiveDateTime": ago(12), "dateAsserted": ago(7)}, 12),
        ({"effectiveDateTime": ago(12)}, 12),
    ],
    ids=["said over", "one day", "one day alone"],
)
def test_a_use_that_is_over_ended_on_its_day_or_when_that_was_said(
    elements: dict[str, Any], days: int
) -> None:
    assert days_ago(only(statement(status="completed", **elements))) == days


@pytest.mark.parametrize("status", ["completed", "stopped"])
@pytest.mark.parametrize(
    ("listed", "days"),
    [
        ({"authoredOn": ago(12)}, 0),
        ({"authoredOn": ago(31)}, None),
        ({"authoredOn": ago(120)}, None),
        ({"authoredOn": ago(121)}, 91),
        ({"effectivePeriod": {"start": ago(365)}}, None),
        ({"effectivePeriod": {"start": ago(366)}}, 336),
    ],
)
def test_naltrexone_without_supply_or_end_may_have_ended_yesterday(
    status: str, listed: dict[str, Any], days: int | None
) -> None:
    """For as long as an active entry of it would be believed: it may still block an opioid."""
    entry = medication_request if "authoredOn" in listed else statement
    exposure = only(entry(TABLET_50, status=status, **listed))
    ended = TODAY - timedelta(days=days) if days is not None else None
    assert (exposure.presence, exposure.ended) == (Presence.ENDED, ended)
    assert not exposure.end_documented


def test_an_injection_ends_with_its_effect_whatever_is_recorded() -> None:
    exposure = only(medication_request(VIVITROL, status="stopped", authoredOn=ago(50)))
    assert days_ago(exposure) == 20


def test_a_reckoned_end_is_not_shown_as_a_recorded_one() -> None:
    reckoned = only(medication_request(TABLET_50, status="stopped", authoredOn=ago(12)))
    assert reckoned.evidence.facts[-1] == "ended by 22 Nov 2026 at the latest"
    recorded = only(statement(status="stopped", effectivePeriod={"start": ago(30), "end": ago(2)}))
    assert recorded.evidence.facts[-1] == "ended 20 Nov 2026"


def test_what_was_said_before_it_began_names_no_end() -> None:
    period = {"start": ago(12)}
    exposure = only(statement(status="completed", effectivePeriod=period, dateAsserted=ago(40)))
    assert (days_ago(exposure), exposure.end_documented) == (0, False)


def test_a_long_acting_opioid_without_an_end_may_have_ended_yesterday() -> None:
    exposure = only(statement(METHADONE, status="stopped", effectivePeriod={"start": ago(100)}))
    assert (exposure.presence, exposure.ended) == (Presence.ENDED, None)


def test_a_period_names_its_last_day_itself() -> None:
    timing = {"repeat": {"boundsPeriod": {"start": ago(60), "end": ago(5)}}}
    order = medication_request(status="stopped", authoredOn=ago(60), dosageInstruction=[{"timing": timing}])
    assert days_ago(only(order)) == 5


# --- which product a denial means ------------------------------------------

TABLET_5 = {"text": "oxycodone 5 mg tablet"}


def first(*resources: dict[str, Any]) -> Exposure:
    """The exposure of the first of ``resources``."""
    return chart(*resources).exposures[0]


def stopped(text: str, days: int | None = 3) -> dict[str, Any]:
    """A statement of what was stopped; without a day, one that only says so."""
    period = {"effectivePeriod": {"start": ago(200), "end": ago(days)}} if days is not None else {}
    return statement({"text": text}, status="stopped", **period)


@pytest.mark.parametrize(
    "denial",
    [
        stopped("OxyContin 20 mg tablet"),
        stopped("oxycodone 10 mg tablet"),
        stopped("Percocet 5-325 tablet"),
        stopped("oxycodone 5 mg/5 mL oral solution"),
        stopped("oxycodone", None),
        stopped("oxycodone 5 mg tablet", 20),
    ],
    ids=["long-acting", "strength", "combination", "form", "no day", "the day it began"],
)
def test_another_product_that_was_stopped_disputes_nothing(denial: dict[str, Any]) -> None:
    taken = first(medication_request(TABLET_5, authoredOn=ago(20)), denial)
    assert (taken.presence, taken.contradicted) == (Presence.ACTIVE, None)


@pytest.mark.parametrize("text", ["oxycodone", "Oxycodone 5 mg tablets", "oxycodone tablet"])
def test_the_same_product_that_was_stopped_is_a_contradiction(text: str) -> None:
    assert first(medication_request(TABLET_5, authoredOn=ago(20)), stopped(text)).contradicted


def test_a_long_acting_product_does_not_end_the_short_acting_one_earlier() -> None:
    order = medication_request(TABLET_5, status="completed", authoredOn=ago(20), dispenseRequest=supply(18))
    assert days_ago(first(order, stopped("OxyContin 20 mg tablet", 12))) == 2


@pytest.mark.parametrize(
    ("elements", "days"),
    [
        ({"statusChanged": ago(2)}, 2),
        ({"statusChanged": ago(2), "dispenseRequest": supply(100)}, 20),
        ({"statusChanged": ago(30), "dispenseRequest": supply(100)}, 30),
    ],
    ids=["no supply", "supply ended before", "stopped before its supply ended"],
)
def test_r5_tells_the_day_an_order_was_stopped(elements: dict[str, Any], days: int) -> None:
    exposure = only(medication_request(status="stopped", authoredOn=ago(120), **elements))
    assert days_ago(exposure) == days
