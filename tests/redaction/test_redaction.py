"""Nothing planted survives a redaction, and a redacted request still gives the same cards."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from datetime import date
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from msgspec.inspect import ListType, StrType, StructType, UnionType

from cds_service.cds_hooks.validation import validate_request
from cds_service.cli import main
from cds_service.redaction import redact
from cds_service.redaction.dates import UNREADABLE, anchor, shifted
from cds_service.redaction.resources import CODES, DATES, DROPPED, NAMED, TEXTS, _views
from cds_service.redaction.vocabulary import text
from cds_service.replay import Replayer
from cds_service.scenarios import all_names, load
from tests.replay.conftest import NOW

Json = dict[str, Any]
TODAY = NOW.date()
MARKERS = (
    "Quorn",
    "Zzyzx",
    "555-0199",
    "MRN483920",
    "quorn@example.com",
    "12 Elm Street",
    "1971-03-05T08:15:30Z",
    "eyJhbGciOi",
)
LOOKED_FOR = ("quorn", "zzyzx", "555-0199", "mrn483920", "elm", "1971-03-05", "08:15:30", "eyjhbg")
"""What would betray each marker, in lower case."""


def leaks(redacted: Any) -> list[str]:
    told = json.dumps(redacted, ensure_ascii=False).lower()
    return [mark for mark in LOOKED_FOR if mark in told]


def places(value: Any, path: tuple[Any, ...] = ()) -> Iterator[tuple[Any, ...]]:
    """Where something can be planted: every string, every object, every array."""
    yield path
    members = (
        value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    )
    for name, member in members:
        yield from places(member, (*path, name))


def at(value: Any, path: tuple[Any, ...]) -> Any:
    for name in path:
        value = value[name]
    return value


def plant(request: Json, path: tuple[Any, ...], marker: str, how: str) -> None:
    """Replace or extend a string, add a member, replace a whole value."""
    found = at(request, path)
    if isinstance(found, dict) and how != "replace":
        found[marker] = marker
        found["text" if how == "before" else "name"] = (
            {"div": marker} if how == "before" else [{"family": marker}]
        )
        return
    if not path:
        return
    holder = at(request, path[:-1])
    if isinstance(found, str) and how == "before":
        holder[path[-1]] = f"{marker} {found}"
    elif isinstance(found, str) and how == "after":
        holder[path[-1]] = f"{found} {marker}"
    else:
        holder[path[-1]] = marker


# --- nothing survives ------------------------------------------------------------


@settings(max_examples=100, deadline=None, derandomize=True, suppress_health_check=[HealthCheck.too_slow])
@given(
    name=st.sampled_from(all_names()),
    seed=st.integers(0, 10_000),
    marker=st.sampled_from(MARKERS),
    how=st.sampled_from(["replace", "before", "after"]),
)
def test_no_planted_marker_survives(name: str, seed: int, marker: str, how: str) -> None:
    scenario = load(name)
    request = scenario.request(scenario.hooks[0], NOW)
    everywhere = list(places(request))
    for path in random.Random(seed).sample(everywhere, min(12, len(everywhere))):
        try:
            plant(request, path, marker, how)
        except (KeyError, IndexError, TypeError):  # an earlier plant took the place away
            continue
    assert leaks(redact(request, TODAY)) == []


@pytest.mark.parametrize("marker", MARKERS)
def test_no_marker_survives_in_any_text_of_a_request(marker: str) -> None:
    for name in all_names()[::40]:
        scenario = load(name)
        whole = scenario.request(scenario.hooks[0], NOW)
        for path in list(places(whole)):
            if isinstance(at(whole, path), str):
                request = copy.deepcopy(whole)
                plant(request, path, marker, "after")
                assert leaks(redact(request, TODAY)) == [], path


def test_what_identifies_is_gone() -> None:
    request = load("oxycodone-active").request("order-sign", NOW)
    patient = request["prefetch"]["patient"]
    patient |= {
        "name": [{"family": "Quorn", "given": ["Zzyzx"]}],
        "telecom": [{"system": "phone", "value": "555-0199"}],
        "address": [{"line": ["12 Elm Street"]}],
        "identifier": [{"value": "MRN483920"}],
        "photo": [{"data": "eyJhbGciOi"}],
    }
    request["fhirServer"] = "https://quorn.example.org/fhir"
    request["fhirAuthorization"] = {
        "access_token": "eyJhbGciOi",
        "token_type": "Bearer",
        "scope": "patient/*.rs",
    }
    order = request["context"]["draftOrders"]["entry"][0]["resource"]
    order["note"] = [{"text": "Mrs Quorn prefers capsules"}]
    order["subject"]["display"] = "Zzyzx Quorn"
    order["requester"] = {"display": "Dr Elm"}
    order["dosageInstruction"][0]["text"] = "Take 1 capsule by mouth at bedtime, call Zzyzx Quorn 555-0199"
    redacted = redact(request, TODAY)
    assert leaks(redacted) == []
    told = json.dumps(redacted)
    assert request["hookInstance"] not in told
    assert scenario_id(request) not in told
    kept = redacted["context"]["draftOrders"]["entry"][0]["resource"]
    assert kept["dosageInstruction"][0]["text"].startswith("Take 1 capsule by mouth at bedtime, ")
    assert "note" not in kept and "requester" not in kept
    assert redacted["fhirAuthorization"]["access_token"] == "removed"


def scenario_id(request: Json) -> str:
    return str(request["context"]["patientId"])


# --- the cards stay --------------------------------------------------------------


@pytest.mark.parametrize("name", all_names())
def test_a_redacted_request_gives_the_same_cards(replayer: Replayer, name: str) -> None:
    scenario = load(name)
    expected = sorted((card.topic, card.indicator) for card in scenario.expected)
    for hook in scenario.hooks:
        redacted = redact(scenario.request(hook, NOW), TODAY)
        found = replayer.replay(json.dumps(redacted).encode())
        assert found.trace is not None and found.trace.decided_on == anchor(TODAY)
        cards = [(c["source"]["topic"]["code"], c["indicator"]) for c in found.response["cards"]]
        assert sorted(cards) == expected, hook


def test_a_redacted_request_is_a_correct_request() -> None:
    for name in all_names():
        scenario = load(name)
        assert validate_request(redact(scenario.request(scenario.hooks[0], NOW), TODAY)) == []


def test_redacting_twice_changes_nothing_more() -> None:
    once = redact(load("many-causes-at-once").request("order-sign", NOW), TODAY)
    again = redact(once, anchor(TODAY))
    assert {**again, "hookInstance": ""} == {**once, "hookInstance": ""}


def test_references_still_lead_where_they_led() -> None:
    request = load("oxycodone-behind-a-reference").request("order-sign", NOW)
    redacted = redact(request, TODAY)
    bundle = redacted["prefetch"]["medicationRequests"]["entry"]
    ids = {f"{e['resource']['resourceType']}/{e['resource']['id']}" for e in bundle}
    referred = {
        e["resource"]["medicationReference"]["reference"]
        for e in bundle
        if "medicationReference" in e["resource"]
    }
    assert referred and referred <= ids


@pytest.mark.parametrize(
    "broken",
    [
        [],
        "Quorn",
        None,
        7,
        {"context": "Quorn", "prefetch": ["Quorn"]},
        {"hook": "Quorn", "context": {"patientId": 5}},
    ],
)
def test_what_is_broken_stays_broken_and_says_nothing(broken: Any) -> None:
    redacted = redact(broken, TODAY)
    assert leaks(redacted) == []
    assert type(redacted) is type(broken)


# --- the parts ---------------------------------------------------------------------


def strings(kind: Any) -> bool:
    if isinstance(kind, UnionType):
        return any(strings(each) for each in kind.types)
    return strings(kind.item_type) if isinstance(kind, ListType) else isinstance(kind, StrType)


def structs(kind: Any) -> Iterator[StructType]:
    for each in getattr(kind, "types", (kind,)):
        inner = each.item_type if isinstance(each, ListType) else each
        if isinstance(inner, UnionType):
            yield from structs(inner)
        elif isinstance(inner, StructType):
            yield inner
            for field in inner.fields:
                yield from structs(field.type)


def test_every_text_that_the_service_reads_is_of_a_kind() -> None:
    """A new element of a view must be given a kind here before it can stay."""
    by_hand = {"system", "code", "unit"}  # of Coding and Quantity
    found = {
        field.encode_name
        for view in _views().values()
        for struct in structs(view)
        for field in struct.fields
        if strings(field.type)
    }
    assert found <= DATES | CODES | TEXTS | DROPPED | NAMED | by_hand


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("Take 1.5 capsules by mouth at bedtime", "Take 1.5 capsules by mouth at bedtime"),
        ("Percocet 5-325 1 tab po q6h prn pain", "Percocet 5-325 1 tab po q6h prn pain"),
        ("1/2 tablet daily for 14 days", "1/2 tablet daily for 14 days"),
        ("Take 1500 mg", "Take 1500 mg"),
        ("call 555-0199 or (212) 555 0199", "… or (212) 555 …"),
        ("for Rose Quorn, room 12", "for …, … 12"),
        ("Zzyzx's husband", "… husband"),
        ("MRN483920 / 483920", "… / …"),
        ("quorn@example.com", "…"),
        ("since 03/05/1971", "…"),
        ("<b>Take</b>", "…b…Take…/b…"),
        ("at 08:15:30", "at …"),
    ],
)
def test_texts(given: str, kept: str) -> None:
    assert text(given) == kept


@pytest.mark.parametrize(
    ("given", "moved"),
    [
        ("2026-10-14", "2001-01-14"),
        ("2026-10-08", "2001-01-08"),
        ("2026-09-30T23:59:59.123+02:00", "2000-12-31T23:00:00+02:00"),
        ("2026-09", "2000-12"),
        ("2025", "2000"),
        ("14 October", UNREADABLE),
        ("2026-02-30", UNREADABLE),
        ("9999-12-31", "9974-04-02"),
        ("0001-01-01", UNREADABLE),
    ],
)
def test_dates(given: str, moved: str) -> None:
    assert shifted(given, date(2026, 10, 14)) == moved


@pytest.mark.parametrize("born", ["1920-05-05", "1901", "1930-01"])
def test_the_oldest_are_ninety(born: str) -> None:
    assert shifted(born, date(2026, 10, 14), birth=True)[:4] in ("1910", "1911")


# --- the command ---------------------------------------------------------------------


def test_the_command(tmp_path: Any) -> None:
    path = tmp_path / "request.json"
    path.write_text(json.dumps(load("oxycodone-active").request("order-sign", NOW)))
    result = CliRunner().invoke(main, ["redact", str(path), "--day", "2026-10-14"])
    assert result.exit_code == 0
    assert json.loads(result.stdout)["extension"] == {"ldn-cds.today": "2001-01-14"}
    again = CliRunner().invoke(main, ["replay", "-"], input=result.stdout)
    assert "CRITICAL  opioid-coprescription" in again.output


def test_the_command_says_where_json_breaks() -> None:
    result = CliRunner().invoke(main, ["redact", "-"], input="{'a': 1}")
    assert result.exit_code == 1
    assert "line 1, column 2" in result.stderr
