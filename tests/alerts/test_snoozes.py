"""A topic is silent for a patient after certain reasons: visible, with an end, and reversible."""

from __future__ import annotations

import json

import pytest
from click.testing import CliRunner

from cds_service.cli import main
from tests.alerts.conftest import MakeEhr, about, topics


def test_it_holds_for_the_next_order_and_says_so(make_ehr: MakeEhr) -> None:
    ehr = make_ehr()
    ehr.override(about(ehr.order("breast-feeding"), "breastfeeding"))
    ehr.wait(days=3)
    cards = ehr.order("breast-feeding", id="next-order")
    assert "breastfeeding" not in topics(cards)
    words = (
        "Snoozed: breast-feeding, until 6 Dec 2026 (benefit outweighs the risk, discussed with the patient)."
    )
    assert words in cards[0]["detail"]


def test_it_ends(make_ehr: MakeEhr) -> None:
    ehr = make_ehr()
    ehr.override(about(ehr.order("breast-feeding"), "breastfeeding"))
    ehr.wait(days=15)
    assert topics(ehr.order("breast-feeding", id="next-order"))["breastfeeding"] == "info"


@pytest.mark.parametrize("reason", ["cds-not-applicable", "action-completed"])
def test_other_reasons_do_not_snooze(make_ehr: MakeEhr, reason: str) -> None:
    ehr = make_ehr()
    ehr.override(about(ehr.order("breast-feeding"), "breastfeeding"), reason)
    assert topics(ehr.order("breast-feeding", id="next-order"))["breastfeeding"] == "info"


def test_a_warning_does_not_unless_the_site_wants_it(make_ehr: MakeEhr) -> None:
    shipped, wanted = make_ehr(), make_ehr('[alerts]\nsnooze_up_to = "warning"\n')
    shipped.override(about(shipped.order("pregnant"), "pregnancy"))
    assert topics(shipped.order("pregnant", id="next-order"))["pregnancy"] == "warning"
    assert "pregnancy" not in topics(wanted.order("pregnant", id="next-order"))


def test_a_critical_card_never_does(make_ehr: MakeEhr) -> None:
    ehr = make_ehr('[alerts]\nsnooze_up_to = "warning"\n')
    ehr.override(about(ehr.order("oxycodone-active"), "opioid-coprescription"))
    assert topics(ehr.order("oxycodone-active", id="next-order"))["opioid-coprescription"] == "critical"


def test_another_dose_ends_it(make_ehr: MakeEhr) -> None:
    ehr = make_ehr()
    ehr.override(about(ehr.order("breast-feeding"), "breastfeeding"))
    again = ehr.order("breast-feeding", id="next-order", dosageInstruction=[{"text": "3 mg at bedtime"}])
    assert topics(again)["breastfeeding"] == "info"


def test_listed_and_lifted_from_the_command_line(
    make_ehr: MakeEhr, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    ehr = make_ehr()
    card = about(ehr.order("breast-feeding"), "breastfeeding")
    ehr.override(card)
    monkeypatch.setenv("DATABASE_URL", database_url)
    monkeypatch.setattr("cds_service.cli.snooze.utc_now", lambda: ehr.clock[0])
    run = CliRunner()
    (listed,) = json.loads(run.invoke(main, ["snooze", "list", "--json"]).output)
    assert (listed["card"], listed["topic"], listed["until"][:10]) == (
        card["uuid"],
        "breastfeeding",
        "2026-12-06",
    )
    assert card["uuid"] in run.invoke(main, ["snooze", "list"]).output
    assert run.invoke(main, ["snooze", "lift", card["uuid"]]).exit_code == 0
    assert topics(ehr.order("breast-feeding", id="next-order"))["breastfeeding"] == "info"
    assert json.loads(run.invoke(main, ["snooze", "list", "--json"]).output) == []
    assert run.invoke(main, ["snooze", "lift", "no-such-card"]).exit_code == 1


def test_shown_and_ended_on_the_page(make_ehr: MakeEhr) -> None:
    ehr = make_ehr()
    card = about(ehr.order("breast-feeding"), "breastfeeding")
    assert "Nothing is snoozed" in ehr.http.get("/reports/snoozes").text
    ehr.override(card)
    page = ehr.http.get("/reports/snoozes")
    assert page.headers["Cache-Control"] == "no-store"
    for words in (
        "Breast-feeding",
        "6 Dec 2026, 15:00",
        "Benefit outweighs the risk, discussed with the patient",
    ):
        assert words in page.text
    assert "ldn-breast-feeding" not in page.text  # the patient's id
    answer = ehr.http.post("/reports/snoozes", data={"card": card["uuid"]})
    assert (answer.status_code, answer.headers["Location"]) == (303, "/reports/snoozes?ended=breastfeeding")
    ended = ehr.http.get(answer.headers["Location"]).text
    assert "Ended: Breast-feeding" in ended and "Nothing is snoozed" in ended
    assert topics(ehr.order("breast-feeding", id="next-order"))["breastfeeding"] == "info"


def test_one_that_is_over_is_not_listed_while_others_could_last_longer(make_ehr: MakeEhr) -> None:
    ehr = make_ehr("[alerts.snooze_days]\nrecipient-concerns-outcomes = 14\ncds-not-applicable = 3\n")
    ehr.override(about(ehr.order("breast-feeding"), "breastfeeding"), "cds-not-applicable")
    assert "25 Nov 2026, 15:00" in ehr.http.get("/reports/snoozes").text
    ehr.wait(days=3)
    assert "Nothing is snoozed" in ehr.http.get("/reports/snoozes").text
    assert topics(ehr.order("breast-feeding", id="next-order"))["breastfeeding"] == "info"


def test_what_is_not_snoozed_cannot_be_ended(make_ehr: MakeEhr) -> None:
    ehr = make_ehr()
    card = about(ehr.order("oxycodone-active"), "opioid-coprescription")
    ehr.override(card)
    for given in (card["uuid"], "", "no-such-card"):
        answer = ehr.http.post("/reports/snoozes", data={"card": given})
        assert (answer.status_code, answer.json["resourceType"]) == (404, "OperationOutcome")
    assert ehr.http.get("/reports/snoozes?ended=<b>").text.count("Ended") == 0
