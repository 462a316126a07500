"""Findings to cards that any CDS Hooks client can show and apply."""

from __future__ import annotations

import itertools
import json
import string
from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace as changed

from cds_service.cards import SUMMARY_LIMIT, Setting, detail, escape, make_card, make_cards
from cds_service.cds_hooks import HOOKS, CardsResponse, parse_request
from cds_service.cds_hooks.response import encode
from cds_service.cds_hooks.validation import validate_response
from cds_service.chart import DoseProblem, Evidence, PatientChart, Person
from cds_service.drafts import Version
from cds_service.fhir.records import Gap, GapReason
from cds_service.knowledge import ingredients
from cds_service.knowledge.concepts import Duration, Meaning, Measure, Role
from cds_service.rules import Finding, Indicator, Prescribe, Remove, StartLater, Topic, decide
from tests.rules.builders import (
    CAPSULE,
    CLINICAL,
    CONTRAVE,
    DISULFIRAM,
    EMBEDA,
    EU,
    LDN,
    LIQUID,
    LOPERAMIDE,
    METHADONE,
    NALOXONE_KIT,
    NURSING,
    OXYCODONE,
    PREGNANT,
    SAMIDORPHAN,
    SUBLOCADE,
    SUBOXONE,
    TABLET_50,
    THIORIDAZINE,
    TODAY,
    TRAMADOL,
    UNCLEAR,
    VIVITROL,
    allergy,
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
    surgery_order,
    taken,
    with_figures,
)

Json = dict[str, Any]


def draft(of: Any, **more: Any) -> Json:
    """A valid R4 draft for an order of the builders."""
    named = {"id": of.id} if of.id else {}
    return {
        "resourceType": of.resource_type,
        **named,
        "status": "draft",
        "intent": "order",
        "medicationCodeableConcept": {"text": of.medicine.name},
        "subject": {"reference": "Patient/p"},
        "dosageInstruction": [
            {"text": "as said", "doseAndRate": [{"doseQuantity": {"value": 4.5, "unit": "mg", "code": "mg"}}]}
        ],
        **more,
    }


def setting(of: PatientChart, base_url: str | None = "https://cds.example.org") -> Setting:
    numbers = itertools.count()
    return Setting(
        patient_id="p",
        today=TODAY,
        drafts={o.path: msgspec.Raw(json.dumps(draft(o)).encode()) for o in of.orders},
        clinical=CLINICAL,
        new_id=lambda: f"00000000-0000-4000-8000-{next(numbers):012d}",
        suggestion_id=lambda card, number: f"00000000-0000-4000-9{number:03d}-{card[-12:]}",
        base_url=base_url,
    )


def test_numbers_of_a_draft_go_back_as_they_came() -> None:
    raw = msgspec.Raw(b'{"resourceType":"MedicationRequest","x":4.50,"y":1E2,"z":0.10,"n":7}')
    decoded = msgspec.structs.replace(setting(chart()), drafts={"$": raw}, decoded={}).draft("$")
    text = msgspec.json.Encoder(decimal_format="number").encode(decoded)
    assert b'"x":4.50' in text and b'"z":0.10' in text and b'"n":7' in text


def answer(of: PatientChart, **more: Any) -> list[Json]:
    cards = make_cards(decide(of, CLINICAL), setting(of, **more))
    return list(json.loads(encode(CardsResponse(cards)))["cards"])


def request_for(of: PatientChart) -> Any:
    entries = [{"resource": draft(o)} for o in of.orders]
    body = {
        "hook": "order-sign",
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": {
            "userId": "Practitioner/1",
            "patientId": "p",
            "draftOrders": {"resourceType": "Bundle", "type": "collection", "entry": entries},
        },
    }
    return parse_request(json.dumps(body).encode(), HOOKS["order-sign"])


CHARTS = {
    "opioid": chart(exposures=(taken(OXYCODONE),)),
    "basket": chart(LDN, order(OXYCODONE, id="d2"), order(TRAMADOL, id="d3")),
    "washout": chart(exposures=(ended(OXYCODONE, 6),)),
    "depot": chart(exposures=(ended(SUBLOCADE, 60),)),
    "planned": chart(ldn(starts=TODAY + timedelta(days=9)), exposures=(ended(OXYCODONE, 6),)),
    "signal": chart(problems=(problem(Meaning.OPIOID_WITHDRAWAL, days=2), problem(Meaning.LONG_TERM_OPIOID))),
    "ordered": chart(order(OXYCODONE), exposures=(taken(VIVITROL, 13.6),)),
    "duplicate": chart(
        LDN, order(CONTRAVE, 32.0, id="d2"), exposures=(taken(SAMIDORPHAN), taken(TABLET_50, 50.0))
    ),
    "pregnant": chart(pregnancy=PREGNANT),
    "unclear": chart(pregnancy=UNCLEAR),
    "nursing": chart(pregnancy=NURSING),
    "start": chart(problems=(problem(Meaning.FIBROMYALGIA), problem(Meaning.DEPRESSION))),
    "old": chart(person=Person(age=80)),
    "slip": chart(ldn(45.0)),
    "unread": chart(order(dose=dose(problem=DoseProblem.NONE_GIVEN))),
    "product": chart(order(TABLET_50, 4.5)),
    "allergy": chart(allergies=(allergy(), allergy(NALOXONE_KIT))),
    "liver": chart(
        problems=(problem(Meaning.ACUTE_HEPATITIS),), measurements=(result(Measure.ALT, multiple=7.0),)
    ),
    "kidney": chart(problems=(problem(Meaning.SEVERE_RENAL_IMPAIRMENT),)),
    "interaction": chart(
        exposures=(taken(DISULFIRAM), taken(THIORIDAZINE), taken(LOPERAMIDE, daily_mg=40.0))
    ),
    "surgery": chart(LDN, surgery_order(), surgeries=(planned_surgery(3),)),
    "child": chart(person=Person(age=8)),
    "gaps": chart(gaps=(Gap("MedicationRequest", GapReason.TIME_OUT), Gap("Condition", GapReason.REFUSED))),
    "embeda": chart(order(EMBEDA, 0.8), exposures=(taken(CAPSULE, 4.5),)),
    "liquid": chart(order(LIQUID, 4.5)),
}


@pytest.mark.parametrize("name", CHARTS)
def test_every_answer_is_valid(name: str) -> None:
    cards = answer(CHARTS[name])
    assert cards
    assert validate_response({"cards": cards}, request_for(CHARTS[name])) == []


def test_the_charts_show_every_topic() -> None:
    shown = {card["source"]["topic"]["code"] for of in CHARTS.values() for card in answer(of)}
    assert shown == {topic.value for topic in Topic}


@pytest.mark.parametrize("name", CHARTS)
def test_what_every_card_carries(name: str) -> None:
    for card in answer(CHARTS[name]):
        assert card["source"]["label"] and card["source"]["topic"]["display"]
        assert card["source"]["url"] == "https://cds.example.org/"
        link, *schedules = card["links"]
        assert all("/titration/" in schedule["url"] for schedule in schedules)
        assert link["url"] == f"https://cds.example.org/explain/{card['source']['topic']['code']}"
        assert link["type"] == "absolute"
        assert all(reason["display"] for reason in card["overrideReasons"])


@pytest.mark.parametrize("name", CHARTS)
def test_without_an_address_there_is_no_link(name: str) -> None:
    for card in answer(CHARTS[name], base_url=None):
        assert "links" not in card and "url" not in card["source"]


@pytest.mark.parametrize("name", CHARTS)
def test_a_draft_without_an_id_gets_no_update_or_delete(name: str) -> None:
    of = CHARTS[name]
    bare = replace(of, orders=tuple(changed(o, id=None) for o in of.orders))
    cards = answer(bare)
    assert validate_response({"cards": cards}, request_for(bare)) == []
    types = {a["type"] for c in cards for s in c.get("suggestions", []) for a in s["actions"]}
    assert types <= {"create"}
    for card in cards:
        assert ("selectionBehavior" in card) is ("suggestions" in card)


# --- summaries: the longest that can be --------------------------------------


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
            opioids = LONG_OPIOIDS[:count]
            yield chart(drafted, exposures=tuple(map(taken, opioids)))
            yield chart(drafted, *(order(o, id=f"o{n}") for n, o in enumerate(opioids)))
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
                taken(TABLET_50, 50.0, contradicted=Evidence("x")),
            ):  # fmt: skip
                yield chart(*(order(o, id=f"o{n}") for n, o in enumerate(opioids)), exposures=(naltrexone,))
        yield chart(drafted, exposures=(taken(LONG_SIGN), taken(medicine("lofexidine", Role.OPIOID_SIGN))))
        for meaning in Meaning:
            yield chart(drafted, problems=(problem(meaning, days=2),))
        everything = tuple(problem(meaning, days=2) for meaning in Meaning)
        yield chart(drafted, problems=everything)
        yield chart(drafted, exposures=tuple(taken(m, daily_mg=99.0) for m in LONG_GUT))
        yield chart(drafted, exposures=(taken(SAMIDORPHAN), taken(VIVITROL, 13.6), taken(CONTRAVE, 32.0)))
        enzymes = (result(Measure.ALT, multiple=123.4), result(Measure.AST, multiple=123.4))
        yield chart(drafted, measurements=enzymes)
        screens = tuple(result(m, 1, positive=True) for m in Measure)
        yield chart(drafted, measurements=screens)
        yield chart(drafted, pregnancy=PREGNANT)
        for why in (
            "recorded on a chart whose sex is male", "possible, not confirmed",
            "recorded longer ago than a pregnancy lasts, and no outcome is recorded",
        ):  # fmt: skip
            yield chart(drafted, pregnancy=changed(UNCLEAR, why_unclear=why))
        yield chart(drafted, surgeries=(planned_surgery(None),))
        yield chart(drafted, surgeries=(planned_surgery(10),))
        yield chart(drafted, person=Person(age=0))
        kinds = ("MedicationRequest", "MedicationStatement", "MedicationDispense", "MedicationAdministration")
        for some in (
            kinds,
            kinds[2:],
            ("AllergyIntolerance", "Resource"),
            ("Condition", "Resource", "Patient"),
        ):
            yield chart(drafted, gaps=tuple(Gap(kind, GapReason.TIME_OUT) for kind in some))
            yield chart(order(OXYCODONE), gaps=tuple(Gap(kind, GapReason.TIME_OUT) for kind in some))
        yield chart(drafted, unreadable_orders=tuple("$" for _ in range(123)))
    for problem_of_dose in DoseProblem:
        yield chart(order(dose=dose(problem=problem_of_dose)))
    for mg in (0.0001, 0.0333, 0.4999, 45.0, 1499.999, 123456.7891):
        yield chart(ldn(mg))
        yield chart(order(TABLET_50, mg))
        yield chart(order(VIVITROL, mg))
    disorders = (Meaning.ALCOHOL_USE_DISORDER, Meaning.OPIOID_USE_DISORDER)
    for reason in Meaning:
        yield chart(order(TABLET_50, 50.0, reasons=frozenset({reason})), pregnancy=PREGNANT)
        yield chart(ldn(4.1234, reasons=frozenset({reason})))
    yield chart(order(TABLET_50, 50.0, reasons=frozenset(disorders[:1])), pregnancy=PREGNANT)
    yield chart(order(dose=dose(0.1234, structured_mg=1234.1234, text_mg=0.1234)))
    yield chart(order(capsule(1.2345), 4.1234))
    yield chart(ldn(3.1234), ldn(4.1234, id="d2"))


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


# --- text of the EHR ---------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("oxycodone 5 mg [Roxicodone]", "oxycodone 5 mg (Roxicodone)"),
        ("0.5 ML buprenorphine", "0.5 ML buprenorphine"),
        ("a_b_c 5_mg", "a_b_c 5_mg"),
        ("*bold* __b__ _i_", r"\*bold\* \_\_b\_\_ \_i\_"),
        ("`code` ~~x~~", r"'code' \~\~x\~\~"),
        ("<b onclick=x>", "‹b onclick=x›"),
        ("a & b &lt;b&gt; &#60;", r"a & b \&lt;b\&gt; \&#60;"),
        ("# title", r"\# title"),
        ("- item", r"\- item"),
        ("---", r"\---"),
        ("1. first", r"1\. first"),
        ("2) second", r"2\) second"),
        ("> quote", "› quote"),
        ("a\n\nb\tc", "a b c"),
        ("back\\slash", "back\\\\slash"),
        ("http://evil.example www.evil.example", "http: //evil.example www .evil.example"),
        ("me@evil.example", "me at evil.example"),
        ("[x](javascript:y)", "(x)(javascript:y)"),
        ("in\u202evisible\u200b\x07", "invisible"),
    ],
)
def test_escaping(text: str, shown: str) -> None:
    assert escape(text) == shown


def test_very_long_text_is_cut() -> None:
    assert len(escape("x" * 5000)) == 120
    assert escape("x" * 5000).endswith("…")


ALIVE = ("<", ">", "`", "[", "]", "://", "@", "\n")


@given(
    st.text(alphabet=st.one_of(st.sampled_from("<>[]()`*_~#-+.1&;\\@:/w \n"), st.characters()), max_size=200)
)
def test_nothing_alive_survives(text: str) -> None:
    shown = escape(text)
    assert not [mark for mark in ALIVE if mark in shown]
    stripped = shown.replace("\\\\", "")
    assert "*" not in stripped.replace("\\*", "") and "~" not in stripped.replace("\\~", "")
    assert len(shown.splitlines()) <= 1


@given(st.text(alphabet=string.printable, max_size=80))
def test_evil_names_give_valid_cards(name: str) -> None:
    entry = changed(taken(OXYCODONE), evidence=Evidence(name, ("since 1 Jan 2026",), "medication list"))
    of = chart(exposures=(entry,))
    cards = answer(of)
    assert validate_response({"cards": cards}, request_for(of)) == []


# --- detail ------------------------------------------------------------------


def test_evidence_comes_first_is_unique_and_limited() -> None:
    found = tuple(Evidence(f"drug {n}", ("as needed",), "medication list") for n in range(9))
    text = detail(Finding(Topic.AGE, Indicator.INFO, "s", (*found, found[0]), ("**Do** this.",), "Label."))
    lines = text.splitlines()
    assert lines[0] == "**Found**" and lines[2] == "- drug 0; as needed (medication list)"
    assert "- and 3 more" in lines and "drug 6" not in text
    assert lines[-1] == "*Label.*" and lines[-3] == "**Do** this."


def test_gaps_are_a_list() -> None:
    finding = Finding(Topic.NOT_CHECKED, Indicator.INFO, "s", (), ("- one", "- two", "Then."))
    assert detail(finding) == "- one\n- two\n\nThen."


@pytest.mark.parametrize("name", CHARTS)
def test_every_detail_fits_a_screen(name: str) -> None:
    for finding in decide(CHARTS[name], CLINICAL):
        assert len([part for part in detail(finding).splitlines() if part]) <= 14


# --- suggestions -------------------------------------------------------------


def suggestions(of: PatientChart, topic: Topic) -> list[Json]:
    (card,) = [card for card in answer(of) if card["source"]["topic"]["code"] == topic.value]
    return list(card.get("suggestions", []))


def test_the_labels_of_a_start() -> None:
    usual, slow = suggestions(CHARTS["liquid"], Topic.STARTING_DOSE)
    assert usual["label"] == "Start 1.5 mg at bedtime, then 3 and 4.5 mg, 14 days each"
    assert slow["label"] == "Start slower: 0.5 mg at bedtime, then 1, 1.5, 3 and 4.5 mg, 14 days each"
    assert usual["isRecommended"] and "isRecommended" not in slow


def test_compounding_is_said_in_label_and_description() -> None:
    for suggestion in suggestions(CHARTS["product"], Topic.PRODUCT_CHECK):
        (action,) = suggestion["actions"]
        assert "compounded" in suggestion["label"] and "compounded" in action["description"]
        assert "Dispense" in action["description"] and "bedtime" in action["description"]


def test_exclusive_findings_are_at_most_one_and_others_any() -> None:
    behaviours = {
        card["source"]["topic"]["code"]: card["selectionBehavior"]
        for of in CHARTS.values()
        for card in answer(of)
        if "suggestions" in card
    }
    assert behaviours["starting-dose"] == behaviours["opioid-washout"] == "at-most-one"
    assert behaviours["opioid-signal"] == behaviours["liver"] == "any"


def test_one_suggestion_is_never_recommended() -> None:
    for of in CHARTS.values():
        for card in answer(of):
            offered = card.get("suggestions", [])
            recommended = [s for s in offered if s.get("isRecommended")]
            assert len(recommended) <= (1 if len(offered) > 1 else 0)


def test_removals_are_told_apart() -> None:
    labels = [s["label"] for s in suggestions(CHARTS["basket"], Topic.OPIOID_COPRESCRIPTION)]
    assert labels == [
        "Remove the naltrexone order",
        "Remove the oxycodone order",
        "Remove the tramadol order",
    ]
    two = chart(ldn(3.0), ldn(4.5, id="d2"), exposures=(taken(METHADONE),))
    labels = [s["label"] for s in suggestions(two, Topic.OPIOID_COPRESCRIPTION)]
    assert labels == [
        "Remove the naltrexone order of 3 mg a day",
        "Remove the naltrexone order of 4.5 mg a day",
    ]


def test_the_opioid_in_embeda_names_its_removal() -> None:
    (removal,) = suggestions(CHARTS["embeda"], Topic.OPIOID_ORDERED)
    assert removal["label"] == "Remove the morphine order"
    (action,) = removal["actions"]
    assert action == {
        "type": "delete", "description": removal["label"], "resourceId": "MedicationRequest/draft-1",
    }  # fmt: skip


def test_a_later_start_names_its_day_and_condition() -> None:
    later, _ = suggestions(CHARTS["washout"], Topic.OPIOID_WASHOUT)
    assert "26 Nov 2026" in later["label"]
    assert "opioid-free" in later["actions"][0]["description"]


def test_an_order_whose_draft_is_not_at_hand_gets_nothing() -> None:
    bare = msgspec.structs.replace(setting(chart()), drafts={})
    for proposal in (Remove(LDN), StartLater(LDN, TODAY), Prescribe(LDN, CLINICAL.titration.schedules[0])):
        assert not make_card(Finding(Topic.AGE, Indicator.INFO, "s", proposals=(proposal,)), bare).suggestions


def test_treatment_of_opioid_use_disorder_is_not_removed() -> None:
    of = chart(order(SUBOXONE), exposures=(taken(TABLET_50, 50.0),))
    assert suggestions(of, Topic.OPIOID_ORDERED) == []


@pytest.mark.parametrize("version", Version)
def test_drafted_tests_follow_the_client(version: Version) -> None:
    given_setting = msgspec.structs.replace(setting(chart()), version_hint=version)
    (finding,) = [f for f in decide(CHARTS["liver"], CLINICAL) if f.topic is Topic.LIVER]
    (suggestion,) = make_card(finding, given_setting).suggestions
    assert len(suggestion.actions) == 2 and {a.type for a in suggestion.actions} == {"create"}
