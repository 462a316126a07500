"""What an answer must not do: import what only builds, read what it does not need."""

from __future__ import annotations

import json
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest

from cds_service.cds_hooks import ORDER_SIGN, CallContext
from cds_service.cds_hooks.request import parse_request
from cds_service.decision import Decider
from cds_service.fhir import PatientRecord
from cds_service.knowledge import load_clinical
from cds_service.scenarios import load
from cds_service.settings import Settings
from cds_service.sources import Sources

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
_ANSWER = """
import sys
from pathlib import Path
from cds_service import create_app
from cds_service.settings import Settings
client = create_app(Settings(cds_environment="development", database_url=sys.argv[1])).test_client()
for path in sys.argv[2:]:
    body = Path(path).read_bytes()
    answer = client.post("/cds-services/ldn-order-sign", data=body, content_type="application/json")
    assert answer.status_code == 200 and answer.json["cards"], answer.data
print([name for name in sys.modules if name.split(".")[0] in {"fhir", "fhir_core", "pydantic"}])
"""


def test_fhir_models_are_not_imported_by_an_answer(tmp_path: Path) -> None:
    """A card with a titration and one with a draft test are made: what builds resources has run."""
    files = []
    for name in ("fibromyalgia-nothing-else", "oxycodone-active", "acute-hepatitis"):
        files.append(tmp_path / f"{name}.json")
        files[-1].write_text(json.dumps(load(name).request("order-sign", datetime.now(UTC))))
    line = [sys.executable, "-c", _ANSWER, f"sqlite:///{tmp_path}/x.sqlite3", *map(str, files)]
    told = subprocess.run(line, capture_output=True, text=True, timeout=120, check=False)
    assert told.stdout.strip() == "[]", told.stderr


def decider() -> Decider:
    settings = Settings(cds_environment="development")
    return Decider(load_clinical(None), Sources.from_settings(settings, "test"), lambda: NOW)


def request(patient: str, medicine: str | None = None) -> dict[str, Any]:
    body: dict[str, Any] = load(patient).request("order-sign", NOW)
    if medicine:
        draft = body["context"]["draftOrders"]["entry"][0]["resource"]
        draft["medicationCodeableConcept"] = {"text": medicine}
    return body


@pytest.mark.parametrize(
    "medicine", ["amoxicillin 500 mg capsule", "methotrexate 2.5 mg", "naloxone 4 mg nasal spray"]
)
def test_nothing_of_the_record_is_read_for_an_order_no_rule_judges(
    medicine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def read(*args: object, **kwargs: object) -> PatientRecord:
        raise AssertionError("the record is read")

    monkeypatch.setattr(Sources, "gather", read)
    body = request("oxycodone-active", medicine) | {"prefetch": {"conditions": {"never": ["looked", "at"]}}}
    asked = parse_request(json.dumps(body).encode(), ORDER_SIGN)
    assert not decider().answer(asked, CallContext(None, "r")).cards


@pytest.mark.parametrize(
    "medicine", ["oxycodone 5 mg tablet", "naltrexone 4.5 mg capsule", "loperamide 2 mg"]
)
def test_the_record_is_read_for_an_order_that_is_judged(
    medicine: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = []
    gather = Sources.gather

    def read(*args: Any, **kwargs: Any) -> PatientRecord:
        seen.append(args)
        return gather(*args, **kwargs)

    monkeypatch.setattr(Sources, "gather", read)
    asked = parse_request(json.dumps(request("oxycodone-active", medicine)).encode(), ORDER_SIGN)
    decider().answer(asked, CallContext(None, "r"))
    assert len(seen) == 1


def test_an_answer_is_the_same_with_and_without_the_glance() -> None:
    """Nothing that a rule needs is passed over; see also the scenarios, which run with it."""
    from cds_service.chart.relevance import Relevance

    for name in (
        "oxycodone-active",
        "acute-hepatitis",
        "five-opioids-one-card",
        "ldn-beside-naltrexone-50-mg",
    ):
        asked = parse_request(json.dumps(request(name)).encode(), ORDER_SIGN)
        whole = decider()
        needed = Relevance(whole.clinical).judges
        glance = Decider(whole.clinical, whole.sources, whole.now, needed=needed)
        answers = [one.answer(asked, CallContext(None, "r")) for one in (whole, glance)]
        plain = [
            [msgspec.structs.replace(card, uuid=None, suggestions=()) for card in a.cards] for a in answers
        ]
        assert plain[0] == plain[1]
