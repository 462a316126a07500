"""In shadow everything is decided and recorded, and nothing is shown."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import select

from cds_service import create_app
from cds_service.cds_hooks.authentication import Caller, Client
from cds_service.scenarios import load
from cds_service.settings import Settings
from cds_service.store.schema import cards
from tests.alerts.conftest import NOW, MakeEhr, topics


def recorded(store: Any) -> set[tuple[str, str, str]]:
    store.load()
    with store.reading() as connection:
        return {
            tuple(row) for row in connection.execute(select(cards.c.topic, cards.c.indicator, cards.c.mode))
        }


def test_a_topic_in_shadow(make_ehr: MakeEhr) -> None:
    ehr = make_ehr('[alerts]\nshadow = ["pregnancy"]\n')
    shown = ehr.order("pregnant")
    assert "pregnancy" not in topics(shown)
    assert "starting-dose" not in topics(shown), "what is in shadow withholds a start all the same"
    store = ehr.http.application.extensions["store"]
    assert ("pregnancy", "warning", "shadow") in recorded(store)


def test_what_nobody_sees_says_nothing_for_others(make_ehr: MakeEhr) -> None:
    """A sign of opioid use is left to the card about the opioid only where that card is shown."""
    ehr = make_ehr('[alerts]\nshadow = ["opioid-coprescription"]\n')
    body = load("oxycodone-active").request("order-sign", NOW)
    withdrawal = {
        "resourceType": "Condition",
        "id": "w",
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "subject": {"reference": f"Patient/{body['context']['patientId']}"},
        "code": {"text": "Opioid withdrawal"},
        "recordedDate": "2026-11-20",
    }
    body["prefetch"]["conditions"].setdefault("entry", []).append({"resource": withdrawal})
    shown = ehr.http.post("/cds-services/ldn-order-sign", json=body).json["cards"]
    assert topics(shown) == {"opioid-signal": "critical"}


def test_what_nobody_sees_proves_nothing(make_ehr: MakeEhr) -> None:
    """Without a medication list the answer is 412, unless a critical card is shown."""
    body = load("oxycodone-in-the-same-basket").request("order-sign", NOW, prefetch=False)
    answers = [
        make_ehr(site).http.post("/cds-services/ldn-order-sign", json=body).status_code
        for site in ("", '[alerts]\nshadow = ["opioid-coprescription"]\n')
    ]
    assert answers == [200, 412]


def test_what_was_not_checked_cannot_be_in_shadow(make_ehr: MakeEhr) -> None:
    with pytest.raises(ValueError, match="not-checked is always shown"):
        make_ehr('[alerts]\nshadow = ["not-checked"]\n')


@pytest.fixture
def shadowed(database_url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Any:
    """A production service whose only client is in shadow; its token is taken on trust here."""
    client = Client(id="general", iss="i", jwks_url="https://ehr.example.org/keys", shadow=True)
    monkeypatch.setattr(
        "cds_service.application.authentication", lambda *given, **named: lambda request: Caller(client, None)
    )
    settings = Settings(
        database_url=database_url, journal_dir=str(tmp_path / "journal"), allow_unreviewed=True, audit_days=0
    )
    app = create_app(settings, now=lambda: NOW)
    yield app
    app.extensions["store"].close()


def test_a_client_in_shadow(shadowed: Any) -> None:
    body = load("oxycodone-active").request("order-sign", NOW)
    answer = shadowed.test_client().post("/cds-services/ldn-order-sign", json=body)
    assert (answer.status_code, answer.json) == (200, {"cards": []})
    assert ("opioid-coprescription", "critical", "shadow") in recorded(shadowed.extensions["store"])


def test_a_client_in_shadow_sees_no_refusal_either(shadowed: Any) -> None:
    body = load("oxycodone-active").request("order-sign", NOW, prefetch=False)
    answer = shadowed.test_client().post("/cds-services/ldn-order-sign", json=body)
    assert (answer.status_code, answer.json) == (200, {"cards": []})
    assert ("not-checked", "warning", "shadow") in recorded(shadowed.extensions["store"])


def test_what_is_in_shadow_counts_as_no_card_shown(shadowed: Any) -> None:
    http = shadowed.test_client()
    http.post("/cds-services/ldn-order-sign", json=load("oxycodone-active").request("order-sign", NOW))
    metrics = http.get("/metrics").text
    assert "ldn_cds_cards_total{" not in metrics
    assert 'ldn_cds_requests_total{service="ldn-order-sign",status="200"} 1.0' in metrics
