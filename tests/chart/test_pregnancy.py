"""The newest sign decides; an outcome beats a pregnancy on the same day; old and open is unclear."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from cds_service.chart import PatientChart
from tests.chart.builders import TODAY, ago, chart, condition, observation, person

ICD = "http://hl7.org/fhir/sid/icd-10-cm"
SNOMED = "http://snomed.info/sct"
PREGNANT = (SNOMED, "77386006")
NOT_PREGNANT_ANSWER = {"coding": [{"system": "http://loinc.org", "code": "LA26683-5"}]}


def state(*resources: dict[str, Any], **who: Any) -> str:
    return full(*resources, **who).pregnancy.state


def full(*resources: dict[str, Any], **who: Any) -> PatientChart:
    numbered = [{**resource, "id": f"r{number}"} for number, resource in enumerate(resources)]
    return chart(person(**who), *numbered)


def status(answer: dict[str, Any], day: str) -> dict[str, Any]:
    return observation("82810-3", effectiveDateTime=day, valueCodeableConcept=answer)


def test_nothing_recorded_is_not_pregnant() -> None:
    assert state() == "none"


def test_an_active_condition() -> None:
    assert state(condition(PREGNANT, onsetDateTime=ago(60))) == "pregnant"


def test_an_active_condition_without_a_date() -> None:
    assert state(condition(PREGNANT)) == "pregnant"


@pytest.mark.parametrize(
    "elements",
    [
        {"verificationStatus": {"coding": [{"code": "refuted"}]}},
        {"verificationStatus": {"coding": [{"code": "entered-in-error"}]}},
        {"clinicalStatus": {"coding": [{"code": "resolved"}]}},
        {"clinicalStatus": "resolved"},
        {"abatementDateTime": "2026-11-01"},
    ],
)
def test_refuted_and_resolved_are_not(elements: dict[str, Any]) -> None:
    assert state(condition(PREGNANT, onsetDateTime=ago(60), **elements)) == "none"


def test_unconfirmed_is_unclear() -> None:
    unconfirmed = {"coding": [{"code": "unconfirmed"}]}
    assert state(condition(PREGNANT, onsetDateTime=ago(60), verificationStatus=unconfirmed)) == "unclear"


def test_not_pregnant_observed_later_beats_an_active_condition() -> None:
    assert state(condition(PREGNANT, onsetDateTime=ago(60)), status(NOT_PREGNANT_ANSWER, ago(2))) == "none"


def test_not_pregnant_observed_earlier_does_not() -> None:
    assert (
        state(condition(PREGNANT, onsetDateTime=ago(60)), status(NOT_PREGNANT_ANSWER, ago(90))) == "pregnant"
    )


@pytest.mark.parametrize("outcome", ["O80", "Z37.0", "Z39.2"])
def test_an_outcome_after_antenatal_care_ends_it(outcome: str) -> None:
    found = state(
        condition((ICD, "Z34.80"), recordedDate=ago(120)), condition((ICD, outcome), recordedDate=ago(20))
    )
    assert found == "none"


def test_outcome_and_weeks_of_one_encounter() -> None:
    assert (
        state(condition((ICD, "Z3A.39"), recordedDate=ago(20)), condition((ICD, "O80"), recordedDate=ago(20)))
        == "none"
    )


@pytest.mark.parametrize(
    "value",
    [
        {"valueQuantity": {"value": 20, "unit": "wk"}},
        {"valueQuantity": {"value": 20}},
        {"valueQuantity": {"value": 140, "unit": "days"}},
        {"valueString": "20 weeks"},
        {"valueString": "20+3"},
    ],
    ids=str,
)
@pytest.mark.parametrize(("days", "expected"), [(150, "pregnant"), (160, "unclear")])
def test_weeks_of_gestation_are_counted_to_the_term(value: dict[str, Any], days: int, expected: str) -> None:
    """Of 42 weeks, 20 leave 154 days."""
    assert state(observation("49051-6", effectiveDateTime=ago(days), **value)) == expected


@pytest.mark.parametrize(
    "code", ["49051-6", "11778-8", "82810-3", "2106-3"], ids=["weeks", "due", "status", "test"]
)
def test_an_observation_without_a_value_says_nothing(code: str) -> None:
    assert state(observation(code, effectiveDateTime=ago(9), valueString="see note")) == "none"


def test_weeks_of_gestation_alone() -> None:
    assert state(condition((ICD, "Z3A.20"), recordedDate=ago(70))) == "pregnant"
    assert state(condition((ICD, "Z3A.38"), recordedDate=ago(70))) == "unclear"


def test_recorded_three_years_ago_and_never_closed_is_unclear() -> None:
    found = full(condition(PREGNANT, onsetDateTime=ago(1095))).pregnancy
    assert found.state == "unclear"
    assert "longer ago than a pregnancy lasts" in found.why_unclear


def test_a_new_pregnancy_after_a_birth() -> None:
    assert (
        state(condition((ICD, "O80"), recordedDate=ago(600)), condition(PREGNANT, onsetDateTime=ago(50)))
        == "pregnant"
    )


@pytest.mark.parametrize(("days", "expected"), [(60, "pregnant"), (-10, "pregnant"), (-40, "unclear")])
def test_a_due_date(days: int, expected: str) -> None:
    due = (TODAY + timedelta(days=days)).isoformat()
    assert state(observation("11778-8", effectiveDateTime=ago(100), valueDateTime=due)) == expected


def test_status_by_boolean() -> None:
    assert state(observation("82810-3", effectiveDateTime=ago(9), valueBoolean=True)) == "pregnant"
    assert state(observation("82810-3", effectiveDateTime=ago(9), valueBoolean=False)) == "none"


def test_a_value_that_is_absent_says_nothing() -> None:
    absent = {"coding": [{"code": "unknown"}]}
    assert state(observation("82810-3", effectiveDateTime=ago(9), dataAbsentReason=absent)) == "none"


def test_a_positive_test_is_a_suspicion_and_a_later_negative_one_ends_it() -> None:
    positive = observation("2106-3", effectiveDateTime=ago(20), valueCodeableConcept={"text": "Positive"})
    negative = observation("2106-3", effectiveDateTime=ago(3), valueCodeableConcept={"text": "Negative"})
    assert state(positive) == "unclear"
    assert state(positive, negative) == "none"


def test_a_negative_test_puts_a_recorded_pregnancy_in_doubt() -> None:
    negative = observation("2106-3", effectiveDateTime=ago(3), valueCodeableConcept={"text": "Negative"})
    assert state(condition(PREGNANT, onsetDateTime=ago(60)), negative) == "unclear"


def test_an_older_negative_test_leaves_a_pregnancy_as_it_is() -> None:
    negative = observation("2106-3", effectiveDateTime=ago(70), valueCodeableConcept={"text": "Negative"})
    positive = observation("2106-3", effectiveDateTime=ago(3), valueCodeableConcept={"text": "Positive"})
    assert state(condition(PREGNANT, onsetDateTime=ago(60)), negative) == "pregnant"
    assert state(negative, positive) == "unclear"


def test_a_man_s_chart_is_unclear_only_when_it_says_pregnant() -> None:
    assert state(gender="male") == "none"
    found = full(condition(PREGNANT, onsetDateTime=ago(60)), gender="male").pregnancy
    assert (found.state, found.why_unclear) == ("unclear", "recorded on a chart whose sex is male")


def test_from_sixty_a_recorded_pregnancy_is_doubted_and_an_old_one_silent() -> None:
    elderly = (TODAY - timedelta(days=66 * 366)).isoformat()
    found = full(condition(PREGNANT, onsetDateTime=ago(60)), birthDate=elderly).pregnancy
    assert (found.state, found.why_unclear) == ("unclear", "recorded at the age of 66")
    assert state(condition(PREGNANT, onsetDateTime=ago(9000)), birthDate=elderly) == "none"


def test_a_positive_test_is_named_as_the_reason() -> None:
    positive = observation("2106-3", effectiveDateTime=ago(3), valueCodeableConcept={"text": "Positive"})
    suspected = condition(PREGNANT, verificationStatus="provisional", onsetDateTime=ago(9))
    assert full(positive).pregnancy.why_unclear == "likely by a positive test, not confirmed"
    assert full(suspected, positive).pregnancy.why_unclear == "likely by a positive test, not confirmed"
    assert full(suspected, positive).pregnancy.likely and not full(suspected).pregnancy.likely
    assert full(suspected).pregnancy.why_unclear == "possible, not confirmed"


def test_a_newborn_s_chart_that_mentions_delivery() -> None:
    born = (TODAY - timedelta(days=3)).isoformat()
    record = (
        condition((ICD, "Z38.00"), text="Single liveborn infant, delivered vaginally"),
        condition(text="Normal pregnancy and delivery of mother"),
    )
    assert state(*record, birthDate=born) == "none"


@pytest.mark.parametrize(("years", "expected"), [(7, "none"), (8, "pregnant")])
def test_a_child_s_chart_speaks_of_the_child_from_eight_years(years: int, expected: str) -> None:
    born = TODAY.replace(year=TODAY.year - years).isoformat()
    assert state(condition(PREGNANT, onsetDateTime=ago(60)), birthDate=born) == expected


def test_placenta_previa_resolved_long_ago() -> None:
    assert state(condition((ICD, "O44.00"), clinicalStatus="resolved", onsetDateTime=ago(2000))) == "none"


# --- breast-feeding ----------------------------------------------------------


def feeding(*resources: dict[str, Any]) -> int:
    return len(full(*resources).pregnancy.breastfeeding)


def test_breastfeeding_by_condition_and_by_status() -> None:
    assert feeding(condition((SNOMED, "413712001"), recordedDate=ago(30))) == 1
    currently = {"coding": [{"system": "http://loinc.org", "code": "LA29252-6"}]}
    assert feeding(observation("63895-7", effectiveDateTime=ago(30), valueCodeableConcept=currently)) == 1


def test_a_newer_no_ends_it() -> None:
    no = {"coding": [{"system": "http://loinc.org", "code": "LA29253-4"}]}
    ended = observation("63895-7", effectiveDateTime=ago(3), valueCodeableConcept=no)
    assert feeding(condition((SNOMED, "413712001"), recordedDate=ago(30)), ended) == 0


def test_a_status_without_an_answer_ends_nothing() -> None:
    unanswered = observation("63895-7", effectiveDateTime=ago(3), valueString="see note")
    assert feeding(condition((SNOMED, "413712001"), recordedDate=ago(30)), unanswered) == 1


def test_a_record_of_three_years_ago_is_not_now() -> None:
    assert feeding(condition((SNOMED, "413712001"), recordedDate=ago(1095))) == 0
