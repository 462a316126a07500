"""The prescriber's draft, changed: nothing lost, the right shape, numbers and words that agree."""

from __future__ import annotations

from copy import deepcopy
from datetime import date
from decimal import Decimal
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cds_service.drafts import (
    Draft,
    Version,
    by_mouth,
    counted_in_pieces,
    starting_later,
    time_of_day,
    version_of,
    with_schedule,
)
from cds_service.knowledge.clinical import Schedule
from cds_service.knowledge.concepts import Medicine
from cds_service.products import in_words
from tests.draft_builders import (
    EXTENSION,
    ONE,
    RXNORM,
    SLOW,
    USUAL,
    Json,
    changed,
    doses,
    draft,
    own,
    quantity,
    valid,
)
from tests.rules.builders import LIQUID, NALTREXONE, TABLET_50, VIVITROL, capsule

# --- which version -----------------------------------------------------------


@pytest.mark.parametrize("version", Version)
def test_the_version_is_told_by_the_shape(version: Version) -> None:
    assert version_of(draft(version)) is version


def test_a_bare_draft_follows_the_hint() -> None:
    bare = {"resourceType": "MedicationRequest", "status": "draft"}
    assert version_of(bare) is Version.R4 and version_of(bare, Version.STU3) is Version.STU3
    assert version_of({**bare, "requester": {"agent": {}}}) is Version.STU3


# --- nothing lost --------------------------------------------------------------


@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("schedule", [USUAL, SLOW, ONE], ids=lambda s: s.name)
def test_every_other_element_is_kept(version: Version, schedule: Schedule) -> None:
    odd = {
        "contained": [{"resourceType": "Organization", "id": "o"}],
        "category": {"text": "an object where an array belongs"},
        "unknownElement": {"deep": [{"x": Decimal("4.50")}]},
    }
    before = draft(version, **odd)
    untouched = deepcopy(before)
    after = with_schedule(before, version, schedule, own(capsule(0.5), schedule), 30)
    assert before == untouched
    replaced = {"dosageInstruction", "dispenseRequest"}
    assert {k: v for k, v in after.items() if k not in replaced} == {
        k: v for k, v in before.items() if k not in replaced
    }
    assert after["dispenseRequest"]["numberOfRepeatsAllowed"] == 2
    for dosage in after["dosageInstruction"]:
        assert dosage["extension"] == [EXTENSION] and dosage["route"] == {"text": "oral"}


@pytest.mark.parametrize("version", Version)
@pytest.mark.parametrize("schedule", [USUAL, SLOW, ONE], ids=lambda s: s.name)
@pytest.mark.parametrize("medicine", [TABLET_50, LIQUID, capsule(1.5), VIVITROL], ids=lambda m: str(m.form))
def test_a_valid_draft_stays_valid(version: Version, schedule: Schedule, medicine: Medicine) -> None:
    valid(version, draft(version))
    valid(version, changed(version, schedule, medicine))
    valid(version, starting_later(draft(version), version, date(2026, 12, 1)))


def test_extensions_of_replaced_primitives_go_with_them() -> None:
    before = draft(Version.R4)
    before["dosageInstruction"][0] |= {
        "_text": {"extension": [EXTENSION]},
        "id": "one",
        "asNeededBoolean": True,
    }
    after = with_schedule(before, Version.R4, USUAL, own(NALTREXONE), 30)
    assert all("_text" not in d and "asNeededBoolean" not in d for d in after["dosageInstruction"])
    assert [d.get("id") for d in after["dosageInstruction"]] == ["one", None, None]


def test_a_first_fill_of_the_old_dose_goes() -> None:
    before = draft(Version.R4)
    before["dispenseRequest"]["initialFill"] = {"quantity": quantity(5, "tablet")}
    after = with_schedule(before, Version.R4, USUAL, own(NALTREXONE), 30)
    assert "initialFill" not in after["dispenseRequest"]


def test_rendered_directions_and_narrative_tell_the_new_dose() -> None:
    narrative = {"status": "generated", "div": "<div>4.5 mg nightly</div>"}
    before = draft(Version.R5, renderedDosageInstruction="4.5 mg nightly", text=narrative)
    words = in_words(USUAL, own(NALTREXONE))
    after = with_schedule(before, Version.R5, USUAL, own(NALTREXONE), 30)
    assert after["renderedDosageInstruction"] == words and words in after["text"]["div"]
    valid(Version.R5, after)
    later = starting_later(before, Version.R5, date(2026, 12, 1))
    assert later["renderedDosageInstruction"].startswith("Not before 1 Dec 2026")
    assert "Not before 1 Dec 2026" in later["text"]["div"]


# --- shapes --------------------------------------------------------------------


def test_the_steps_of_each_version() -> None:
    for version in Version:
        steps = changed(version)["dosageInstruction"]
        repeats = [step["timing"]["repeat"] for step in steps]
        dstu2, old = version is Version.DSTU2, version in (Version.DSTU2, Version.STU3)
        bounds = "boundsQuantity" if dstu2 else "boundsDuration"
        assert [r.get(bounds, {}).get("value") for r in repeats] == [14, 14, None]
        assert all(
            r["frequency"] == 1 and r["periodUnits" if dstu2 else "periodUnit"] == "d" for r in repeats
        )
        assert [r.get("when") for r in repeats] == [None if dstu2 else ["HS"]] * 3  # DSTU2: tim-3
        assert [s.get("sequence") for s in steps] == ([None] * 3 if dstu2 else [1, 2, 3])
        assert all(("doseQuantity" in s) is old and ("doseAndRate" in s) is not old for s in steps)
        assert [q["value"] for q in doses(changed(version))] == [Decimal("1.5"), 3, Decimal("4.5")]


def test_a_dated_start_stays_the_first_day() -> None:
    timing = {
        "repeat": {"frequency": 1, "period": 1, "periodUnit": "d", "boundsPeriod": {"start": "2026-12-01"}}
    }
    for version in (Version.STU3, Version.R4, Version.R5):
        after = changed(version, timing=timing)
        periods = [d["timing"]["repeat"]["boundsPeriod"] for d in after["dosageInstruction"]]
        assert periods == [
            {"start": "2026-12-01", "end": "2026-12-14"},
            {"start": "2026-12-15", "end": "2026-12-28"},
            {"start": "2026-12-29"},
        ]
        valid(version, after)


@pytest.mark.parametrize("version", Version)
def test_a_compounded_product_replaces_the_medication(version: Version) -> None:
    after = changed(version, medicine=TABLET_50)
    concept = after["medication"]["concept"] if version is Version.R5 else after["medicationCodeableConcept"]
    assert concept["text"] == "naltrexone, compounded 1.5 mg capsule"
    assert concept["coding"][0]["code"] == "7243" and concept["coding"][0]["system"] == RXNORM


@pytest.mark.parametrize("kept", [[], [{"resourceType": "Practitioner", "id": "who"}]])
def test_a_contained_medication_goes_when_nothing_refers_to_it(kept: list[Json]) -> None:
    before = draft(Version.R4, contained=[{"resourceType": "Medication", "id": "m"}, *kept])
    del before["medicationCodeableConcept"]
    before["medicationReference"] = {"reference": "#m"}
    after = with_schedule(before, Version.R4, USUAL, own(TABLET_50), 30)
    assert "medicationReference" not in after and after.get("contained", []) == kept
    before = draft(Version.R5, contained=[{"resourceType": "Medication", "id": "m"}])
    before["medication"] = {"reference": {"reference": "#m"}}
    assert "contained" not in with_schedule(before, Version.R5, USUAL, own(TABLET_50), 30)


def test_dstu2_names_no_other_product_to_supply() -> None:
    before = draft(Version.DSTU2)
    before["dispenseRequest"]["medicationCodeableConcept"] = {"text": "naltrexone 50 mg tablet"}
    after = with_schedule(before, Version.DSTU2, USUAL, own(TABLET_50), 30)
    assert "medicationCodeableConcept" not in after["dispenseRequest"]


def test_an_injection_gives_way_to_capsules_by_mouth() -> None:
    before = draft(Version.R4)
    before["dosageInstruction"][0] |= {"route": {"text": "intramuscular"}, "site": {"text": "gluteal"}}
    dosage = by_mouth(before)["dosageInstruction"][0]
    assert dosage["route"]["text"] == "oral" and "site" not in dosage
    assert before["dosageInstruction"][0]["route"] == {"text": "intramuscular"}


# --- one dose ------------------------------------------------------------------


def repeat(**more: Any) -> Json:
    return {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d", **more}}


@pytest.mark.parametrize(
    ("timing", "words"),
    [
        (repeat(when=["MORN"]), "in the morning"),
        (repeat(when=["HS"]), "at bedtime"),
        (repeat(), "once a day"),
        (repeat(frequency=2), "at bedtime"),
        (repeat(when=["MORN", "HS"]), "at bedtime"),
        (repeat(periodUnit="wk"), "at bedtime"),
        ({}, "at bedtime"),
        ({"code": {"text": "BID"}}, "at bedtime"),
    ],
)
def test_a_single_dose_keeps_its_own_time_only_when_that_is_once_a_day(timing: Json, words: str) -> None:
    after = changed(Version.R4, ONE, timing=timing)
    (dosage,) = after["dosageInstruction"]
    assert time_of_day(draft(Version.R4, timing=timing), ONE) == words and words in dosage["text"]
    kept = dosage["timing"]["repeat"]
    assert kept["frequency"] == 1 and kept["period"] == 1 and kept["periodUnit"] == "d"
    assert (kept.get("when") == ["HS"]) is (words == "at bedtime")


# --- starting later --------------------------------------------------------------

DAY = date(2026, 12, 1)


@pytest.mark.parametrize("version", Version)
def test_a_later_start_keeps_all_and_says_so(version: Version) -> None:
    before = draft(version)
    after = starting_later(before, version, DAY)
    (dosage,) = after["dosageInstruction"]
    assert dosage["timing"]["repeat"]["boundsPeriod"] == {"start": "2026-12-01"}
    assert dosage["text"].startswith(
        "Not before 1 Dec 2026, and only if opioid-free and without withdrawal signs."
    )
    assert dosage["text"].endswith("4.5 mg nightly") and doses(after) == doses(before)
    assert {k: v for k, v in after.items() if k != "dosageInstruction"} == {
        k: v for k, v in before.items() if k != "dosageInstruction"
    }
    assert before == draft(version)


@pytest.mark.parametrize("bounds", ["boundsDuration", "boundsQuantity", "boundsRange"])
def test_a_length_stays_and_the_supply_names_the_day(bounds: str) -> None:
    before = draft(Version.R4, timing=repeat(**{bounds: {"value": 30}}))
    after = starting_later(before, Version.R4, DAY)
    (dosage,) = after["dosageInstruction"]
    assert "boundsPeriod" not in dosage["timing"]["repeat"] and dosage["text"].startswith("Not before")
    assert after["dispenseRequest"]["validityPeriod"]["start"] == "2026-12-01"


def test_dated_steps_move_together() -> None:
    before = draft(Version.R4)
    first = before["dosageInstruction"][0]
    periods = [("2026-11-22", "2026-12-05"), ("2026-12-06", None)]
    before["dosageInstruction"] = [
        {**first, "sequence": n, "timing": repeat(boundsPeriod={"start": s} | ({"end": e} if e else {}))}
        for n, (s, e) in enumerate(periods, start=1)
    ]
    moved = [
        d["timing"]["repeat"]["boundsPeriod"]
        for d in starting_later(before, Version.R4, DAY)["dosageInstruction"]
    ]
    assert moved == [{"start": "2026-12-01", "end": "2026-12-14"}, {"start": "2026-12-15"}]


def test_a_start_that_is_later_still_is_not_moved() -> None:
    before = draft(Version.R4, timing=repeat(boundsPeriod={"start": "2027-01-05"}))
    after = starting_later(before, Version.R4, DAY)
    assert after["dosageInstruction"][0]["timing"]["repeat"]["boundsPeriod"]["start"] == "2027-01-05"


def test_a_draft_without_a_dosage_gets_one() -> None:
    before = draft(Version.R4)
    del before["dosageInstruction"]
    after = starting_later(before, Version.R4, DAY)
    assert after["dosageInstruction"][0]["text"].startswith("Not before 1 Dec 2026")
    valid(Version.R4, after)


# --- anything a client can send ----------------------------------------------------

NAMES = st.sampled_from(
    ["repeat", "boundsPeriod", "start", "reference", "doseQuantity", "code", "text", "when", "value", "id"]
)
JUNK = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=2) | st.dictionaries(NAMES, inner, max_size=3),
    max_leaves=6,
)
TOUCHED = st.sampled_from(
    [
        "dosageInstruction",
        "dispenseRequest",
        "contained",
        "medication",
        "medicationReference",
        "requester",
        "text",
        "renderedDosageInstruction",
    ]
)
IN_DOSAGE = st.sampled_from(["timing", "text", "doseAndRate", "doseQuantity", "patientInstruction"])


@given(st.sampled_from(Version), st.dictionaries(TOUCHED, JUNK), st.dictionaries(IN_DOSAGE, JUNK))
def test_no_draft_breaks_us(version: Version, top: Json, inner: Json) -> None:
    strange: Draft = {"resourceType": "MedicationRequest", "dosageInstruction": [inner], **top}
    version_of(strange)
    counted_in_pieces(strange)
    by_mouth(strange)
    with_schedule(strange, version, USUAL, own(TABLET_50), 30)
    with_schedule(strange, version, ONE, own(LIQUID), 30)
    starting_later(strange, version, DAY)
