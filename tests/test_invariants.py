"""What must hold for every patient: generated records and baskets against the running application.

``make invariants EXAMPLES=5000`` asks as many of each, new ones each time; without ``INVARIANT_EXAMPLES``
a few are asked, always the same.
"""

from __future__ import annotations

import copy
import json
import os
import random
from collections.abc import Callable
from dataclasses import replace
from functools import cache

from flask.testing import FlaskClient
from hypothesis import HealthCheck, Phase, assume, given, settings
from hypothesis import strategies as st

from cds_service import create_app
from cds_service.cds_hooks import HOOKS, parse_request
from cds_service.cds_hooks.validation import validate_request, validate_response
from cds_service.settings import Settings
from tests import patient_entries, patients
from tests import patient_medicines as medicines
from tests.fhir_models import check_resource
from tests.patient_entries import NOW
from tests.patient_medicines import Json
from tests.patients import VERSIONS, Case

EXAMPLES = int(os.environ.get("INVARIANT_EXAMPLES", "0"))
URGENCY = ("critical", "warning", "info", "")
START, WASHOUT, TAKEN = "starting-dose", "opioid-washout", "opioid-coprescription"
WITHHOLD = {
    TAKEN, WASHOUT, "opioid-signal", "pregnancy", "naltrexone-duplicate", "dose-check", "product-check",
    "age",
}  # fmt: skip
"""Beside which a start is never offered, however urgent they are (the decision table).

Liver and kidney depend on the region; an intolerance is a warning that leaves the start to the prescriber.
"""

PER_CAUSE = {"dose-check", "product-check", "interaction"}
"""Two orders can each have a wrong dose, and two medicines each interact: these are causes of their own."""

invariant = settings(
    max_examples=EXAMPLES or 15,
    deadline=None,
    derandomize=not EXAMPLES,
    database=None,
    phases=(Phase.generate, Phase.shrink),
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
)


@cache
def service() -> FlaskClient:
    app = create_app(
        Settings(cds_environment="development", database_url="sqlite://", log_level="ERROR", audit_days=0),
        now=lambda: NOW,
    )
    return app.test_client()


def answer(request: Json) -> tuple[int, list[Json]]:
    """Status and cards; what is answered breaks no rule of the specification."""
    got = service().post(f"/cds-services/ldn-{request['hook']}", json=request)
    assert got.status_code in (200, 412), got.text
    body = got.get_json()
    if got.status_code == 412:
        return 412, []
    parsed = parse_request(json.dumps(request).encode(), HOOKS[request["hook"]])
    assert validate_response(body, parsed) == []
    cards: list[Json] = body["cards"]
    for card in cards:
        sound(card)
    once = [topic_of(card) for card in cards if topic_of(card) not in PER_CAUSE]
    assert len(set(once)) == len(once), "one card a topic"
    return 200, cards


def cards_of(case: Case) -> list[Json]:
    """The cards for a complete record, in a version that can say it."""
    assume(case.is_said_in(case.version))
    request = case.request()
    assert validate_request(request) == []
    status, cards = answer(request)
    assert status == 200
    return cards


def sound(card: Json) -> None:
    """What each card alone must be: evidence or a reason, a next step, a source, nothing of the person."""
    assert len(card["summary"]) < 140 and not card["summary"].endswith("…"), card["summary"]
    assert card["source"]["label"] and card["source"]["topic"]["code"]
    assert card["detail"].count("\n\n") >= 1, card
    if topic_of(card) not in ("not-checked", START):
        assert "**Found**" in card["detail"], card
    shown = json.dumps({key: card[key] for key in ("summary", "detail", "links", "source")})
    assert not [secret for secret in patients.SECRETS if secret in shown], card


def topic_of(card: Json) -> str:
    return str(card["source"]["topic"]["code"])


def told(cards: list[Json]) -> dict[str, str]:
    """The most urgent indicator by topic; cards come with the most urgent first."""
    return {topic_of(card): card["indicator"] for card in reversed(cards)}


def rank(said: dict[str, str], *topics: str) -> int:
    """The most urgent of ``topics``, or of all: 0 is critical, 3 is silence."""
    return min((URGENCY.index(said.get(topic, "")) for topic in topics or said), default=3)


def offered(cards: list[Json]) -> list[tuple[str, Json]]:
    """(topic, resource) of every order that a suggestion would change."""
    return [
        (topic_of(card), action["resource"])
        for card in cards
        for suggestion in card.get("suggestions", [])
        for action in suggestion["actions"]
        if action["type"] == "update"
    ]


def worded(cards: list[Json]) -> list[tuple[str, str, str]]:
    return [(topic_of(card), card["indicator"], card["summary"]) for card in cards]


# --- opioids are never missed ----------------------------------------------------


@st.composite
def taken_with_ldn(draw: st.DrawFn) -> Case:
    record = [
        *draw(patients.quiet_records()),
        draw(patient_entries.active(draw(st.sampled_from(medicines.OPIOIDS)))),
    ]
    hook = draw(st.sampled_from(("order-select", "order-sign")))
    return Case([draw(patients.ldn_orders())], record, hook, draw(st.sampled_from(VERSIONS)))


@invariant
@given(taken_with_ldn())
def test_an_opioid_that_is_taken_is_critical_beside_ldn(case: Case) -> None:
    """However it is named, whichever list names it, in every version."""
    said = told(cards_of(case))
    assert said.get(TAKEN) == "critical", said


@st.composite
def opioids_for_patients_on_naltrexone(draw: st.DrawFn) -> Case:
    taken = draw(patient_entries.active(draw(st.sampled_from(medicines.NALTREXONE + medicines.FULL_DOSE))))
    ordered = draw(patient_entries.order(draw(st.sampled_from(medicines.OPIOIDS))))
    hook = draw(st.sampled_from(("order-select", "order-sign")))
    return Case([ordered], [*draw(patients.quiet_records()), taken], hook, draw(st.sampled_from(VERSIONS)))


@invariant
@given(opioids_for_patients_on_naltrexone())
def test_an_opioid_ordered_on_naltrexone_is_said(case: Case) -> None:
    said = told(cards_of(case))
    assert said.get("opioid-ordered-on-naltrexone") in ("critical", "warning"), said


@invariant
@given(patients.cases(("R4",)))
def test_every_version_tells_the_same(case: Case) -> None:
    expected = told(cards_of(case))
    for version in VERSIONS[1:]:
        if case.is_said_in(version):
            assert told(cards_of(replace(case, version=version))) == expected, version


@st.composite
def ends(draw: st.DrawFn) -> tuple[list[Json], list[Json], Json, list[int], str]:
    kind = draw(st.sampled_from(patient_entries.KINDS))
    concept = draw(st.sampled_from(medicines.SHORT_OPIOIDS + medicines.SLOW_OPIOIDS + medicines.OPIOIDS))
    days = sorted(draw(st.sets(st.integers(0, 40), min_size=2, max_size=4)))
    order = draw(patients.ldn_orders())
    assume("boundsPeriod" not in order["dosageInstruction"][0]["timing"]["repeat"])  # one to start after it
    return [order], draw(patients.quiet_records()), concept, days, kind


@invariant
@given(ends(), st.integers(1, 30))
def test_an_earlier_end_is_never_more_urgent(
    given_: tuple[list[Json], list[Json], Json, list[int], str], lasted: int
) -> None:
    orders, record, concept, days, kind = given_
    ranks = []
    for ago in days:
        entry = patient_entries.ended(concept, ago, lasted, "planted-ended", kind)
        ranks.append(rank(told(cards_of(Case(orders, [*record, entry]))), TAKEN, WASHOUT))
    assert ranks == sorted(ranks), list(zip(days, ranks, strict=True))


@invariant
@given(ends())
def test_an_opioid_that_ended_yesterday_is_always_said(
    given_: tuple[list[Json], list[Json], Json, list[int], str],
) -> None:
    """Whichever list says so: a card, and no start today."""
    orders, record, concept, _, kind = given_
    for version in VERSIONS:
        case = Case(
            orders, [*record, patient_entries.ended(concept, 1, 20, "planted-ended", kind)], version=version
        )
        if case.is_said_in(version):
            said = told(cards_of(case))
            assert rank(said, TAKEN, WASHOUT) <= 1, (version, said)
            assert START not in said


# --- what makes no difference ------------------------------------------------------


@invariant
@given(patients.cases(), st.sampled_from(patients.UNRELATED))
def test_what_is_unrelated_changes_nothing(case: Case, unrelated: Json) -> None:
    assert worded(cards_of(case.adding(unrelated))) == worded(cards_of(case))


@invariant
@given(patients.cases(), st.randoms(use_true_random=False))
def test_order_and_duplicates_change_nothing(case: Case, rng: random.Random) -> None:
    assume(case.is_said_in(case.version))
    request = case.request()
    shuffled = copy.deepcopy(request)
    for bundle in shuffled["prefetch"].values():
        entries = (bundle or {}).get("entry", [])
        entries += [copy.deepcopy(entry) for entry in entries if rng.random() < 0.3]
        rng.shuffle(entries)
    keys = list(shuffled["prefetch"])
    rng.shuffle(keys)
    shuffled["prefetch"] = {key: shuffled["prefetch"][key] for key in keys}
    assert sorted(told(answer(shuffled)[1]).items()) == sorted(told(answer(request)[1]).items())


@invariant
@given(patients.cases())
def test_the_hook_changes_nothing_when_all_is_selected(case: Case) -> None:
    other = "order-sign" if case.hook == "order-select" else "order-select"
    assert worded(cards_of(replace(case, hook=other))) == worded(cards_of(case))


# --- worse data are never better news ----------------------------------------------


@invariant
@given(patients.cases(), st.data())
def test_an_opioid_more_never_calms(case: Case, data: st.DataObject) -> None:
    """A sign of opioids gives way to the opioid itself; every other warning stays, and no start appears."""
    before = cards_of(case)
    more = data.draw(patient_entries.active(data.draw(st.sampled_from(medicines.OPIOIDS))))
    after = cards_of(case.adding(more))
    told_before, told_after = told(before), told(after)
    for topic in told_before.keys() - {"opioid-signal", WASHOUT, START}:
        assert rank(told_after, topic) <= rank(told_before, topic), topic
    assert rank(told_after) <= rank(told_before) or set(told_before) <= {START}
    assert {topic for topic, _ in offered(after)} <= {topic for topic, _ in offered(before)}


_OUTCOME: Json = {
    "resourceType": "OperationOutcome",
    "issue": [{"severity": "error", "code": "exception", "diagnostics": "no"}],
}


def _with_outcome(bundle: Json) -> None:
    bundle.setdefault("entry", []).append({"resource": _OUTCOME, "search": {"mode": "outcome"}})


def _with_next(bundle: Json) -> None:
    bundle.setdefault("link", []).append({"relation": "next", "url": "https://ehr.example.org/fhir?page=2"})


_GAPS: tuple[Callable[[Json], None], ...] = (_with_outcome, _with_next)
_LISTS = ("medicationStatements", "medicationRequests", "conditions", "allergies", "observations")


@invariant
@given(patients.cases(), st.sampled_from(_LISTS), st.sampled_from(_GAPS))
def test_a_gap_never_calms_and_is_said(case: Case, name: str, spoil: Callable[[Json], None]) -> None:
    """Everything that was read still counts; what was not is said whenever naltrexone is ordered."""
    before = cards_of(case)
    request = case.request()
    spoil(request["prefetch"][name])
    status, after = answer(request)
    told_before, told_after = told(before), told(after)
    assert status == 200
    assert told_before.keys() - {START} <= told_after.keys()
    assert all(rank(told_after, topic) <= rank(told_before, topic) for topic in told_before.keys() - {START})
    medications = name.startswith("medication")
    if _orders_naltrexone(case):
        assert rank(told_after, "not-checked") <= (1 if medications else 2), told_after
    if medications:
        assert START not in told_after and not offered(after)


@invariant
@given(patients.cases(), st.sets(st.sampled_from(_LISTS), min_size=1))
def test_a_list_that_is_missing_is_said_or_refused(case: Case, names: set[str]) -> None:
    assume(case.is_said_in(case.version) and _orders_naltrexone(case))
    request = case.request()
    for name in names:
        del request["prefetch"][name]
    status, cards = answer(request)
    if status == 412:
        assert {"medicationStatements", "medicationRequests"} <= names
        return
    said = told(cards)
    assert rank(said, "not-checked") <= 2, said
    if any(name.startswith("medication") for name in names):
        assert rank(said, "not-checked") == 1 and START not in said and not offered(cards)


def _orders_naltrexone(case: Case) -> bool:
    concepts = [order["medicationCodeableConcept"] for order in case.orders]
    return any(concept in medicines.NALTREXONE for concept in concepts)


# --- what is offered ---------------------------------------------------------------


@invariant
@given(patients.cases())
def test_no_start_beside_what_withholds_it(case: Case) -> None:
    cards = cards_of(case)
    said = told(cards)
    if START in said:
        assert rank(said) == 2 or not WITHHOLD & said.keys(), said
        assert not WITHHOLD & said.keys() and "critical" not in said.values(), said
    for topic, _ in offered(cards):
        others = {t: i for t, i in said.items() if t != topic}
        assert "critical" not in others.values() and not WITHHOLD & others.keys(), (topic, said)


@invariant
@given(patients.cases())
def test_what_is_offered_is_a_valid_order_and_a_quiet_one(case: Case) -> None:
    """Signed again, it gives no new card but information, and the start is not offered twice.

    A corrected dose is an LDN order from then on: its start is offered then, for the first time.
    """
    cards = cards_of(case)
    before = told(cards)
    for topic, resource in offered(cards):
        check_resource(json.loads(json.dumps(resource)), case.version)
        if topic in (START, "product-check"):
            rises(resource)
        orders = [
            resource if order["id"] == resource["id"] else convert(order, case) for order in case.orders
        ]
        record = [patients.convert(r, case.version) for r in case.record]
        after = told(answer(patients.request_of(orders, record, case.hook, case.version))[1])
        assert START not in after or topic == "dose-check", (topic, after)
        louder = {t for t in after if rank(after, t) < min(2, rank(before, t))}
        assert not louder, (topic, before, after, resource)


def convert(order: Json, case: Case) -> Json:
    return patients.convert(order, case.version)


def rises(resource: Json) -> None:
    """Steps in order, each dose above the one before, none above the range; words and dose agree."""
    doses = []
    for dosage in resource["dosageInstruction"]:
        quantity = dosage.get("doseQuantity") or dosage["doseAndRate"][0]["doseQuantity"]
        doses.append(quantity["value"])
        if quantity.get("code") == "mg":
            assert f"{quantity['value']:g} mg" in dosage["text"], dosage
            assert quantity["value"] <= 4.5
        else:
            assert f"{quantity['value']:g}" in dosage["text"], dosage
    assert doses == sorted(doses) and (len(set(doses)) == len(doses)), doses
    assert resource["dispenseRequest"]["quantity"]["value"] > 0
    assert resource["dispenseRequest"]["expectedSupplyDuration"]["value"] > 0


@st.composite
def new_starts(draw: st.DrawFn) -> Case:
    """LDN in mg for a patient of whom no medicine is known."""
    order = draw(patients.ldn_orders())
    given_as = order["dosageInstruction"][0].get("doseAndRate", [{"doseQuantity": {"code": "mg"}}])
    assume(given_as[0]["doseQuantity"].get("code") in ("mg", "ug"))
    return Case([order], draw(patients.quiet_records()), version=draw(st.sampled_from(VERSIONS)))


@invariant
@given(new_starts())
def test_a_new_start_is_never_met_with_silence(case: Case) -> None:
    """Either a start is offered, or a card says what withholds it."""
    said = told(cards_of(case))
    withheld = (WITHHOLD | {"liver"}) & said.keys()
    assert START in said or withheld or "critical" in said.values(), said
    assert not (START in said and withheld), said
