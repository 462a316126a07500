"""What was overridden with a reason is not raised again as loudly in the same order; on both databases."""

from __future__ import annotations

from tests.alerts.conftest import NOW, MakeEhr, about, topics

TWICE = [{"text": "3 capsules at bedtime"}]


def test_a_warning_overridden_while_ordering_is_information_at_signing(make_ehr: MakeEhr) -> None:
    ehr = make_ehr()
    warned = about(ehr.order("pregnant", "order-select"), "pregnancy")
    assert warned["indicator"] == "warning"
    ehr.override(warned)
    ehr.wait(minutes=2)
    repeated = about(ehr.order("pregnant", "order-sign"), "pregnancy")
    assert repeated["indicator"] == "info"
    reason = "Overridden at 15:00: benefit outweighs the risk, discussed with the patient."
    assert reason in repeated["detail"]
    assert reason not in warned["detail"]


def test_another_worker_knows_it_at_once(make_ehr: MakeEhr) -> None:
    first, second = make_ehr(), make_ehr()
    second.override(about(first.order("pregnant", "order-select"), "pregnancy"))
    assert topics(first.order("pregnant"))["pregnancy"] == "info"


def test_left_out_where_the_site_wants_it(make_ehr: MakeEhr) -> None:
    ehr = make_ehr('[alerts]\nrepeat = "omit"\n')
    ehr.override(about(ehr.order("pregnant", "order-select"), "pregnancy"))
    assert "pregnancy" not in topics(ehr.order("pregnant"))


def test_information_is_left_out_since_there_is_nothing_quieter(make_ehr: MakeEhr) -> None:
    ehr = make_ehr("[alerts]\nsnooze_days = {}\n")
    ehr.override(about(ehr.order("breast-feeding", "order-select"), "breastfeeding"))
    assert "breastfeeding" not in topics(ehr.order("breast-feeding"))
    assert "starting-dose" in topics(ehr.order("breast-feeding"))


def test_a_critical_card_is_shown_again_with_a_line(make_ehr: MakeEhr) -> None:
    ehr = make_ehr()
    ehr.override(
        about(ehr.order("oxycodone-active", "order-select"), "opioid-coprescription"), "action-completed"
    )
    ehr.wait(minutes=2)
    again = about(ehr.order("oxycodone-active"), "opioid-coprescription")
    assert again["indicator"] == "critical"
    assert "*Overridden at 15:00: " in again["detail"]


def test_a_comment_is_a_reason_and_is_not_shown(make_ehr: MakeEhr) -> None:
    ehr = make_ehr()
    ehr.override(about(ehr.order("pregnant", "order-select"), "pregnancy"), None, "Jane agreed")
    repeated = about(ehr.order("pregnant"), "pregnancy")
    assert repeated["indicator"] == "info"
    assert "Overridden at 15:00: with a comment." in repeated["detail"]
    assert "Jane" not in str(repeated)


def test_a_reason_of_the_ehrs_own_is_not_quoted(make_ehr: MakeEhr) -> None:
    ehr = make_ehr()
    ehr.override(about(ehr.order("pregnant", "order-select"), "pregnancy"), "ask Jane")
    assert (
        "Overridden at 15:00: a reason of the EHR's own."
        in about(ehr.order("pregnant"), "pregnancy")["detail"]
    )


def test_without_a_reason_nothing_changes(make_ehr: MakeEhr) -> None:
    ehr = make_ehr()
    ehr.override(about(ehr.order("pregnant", "order-select"), "pregnancy"), None)
    assert topics(ehr.order("pregnant"))["pregnancy"] == "warning"


def test_ignored_is_not_overridden(make_ehr: MakeEhr) -> None:
    ehr = make_ehr()
    ehr.order("pregnant", "order-select")
    assert topics(ehr.order("pregnant"))["pregnancy"] == "warning"


def test_another_dose_speaks_again(make_ehr: MakeEhr) -> None:
    ehr = make_ehr()
    ehr.override(about(ehr.order("pregnant", "order-select"), "pregnancy"))
    assert topics(ehr.order("pregnant", dosageInstruction=TWICE))["pregnancy"] == "warning"


def test_another_order_speaks_again(make_ehr: MakeEhr) -> None:
    ehr = make_ehr()
    ehr.override(about(ehr.order("pregnant", "order-select"), "pregnancy"))
    assert topics(ehr.order("pregnant", id="another"))["pregnancy"] == "warning"


def test_another_start_speaks_again(make_ehr: MakeEhr) -> None:
    ehr = make_ehr()
    ehr.override(about(ehr.order("pregnant", "order-select"), "pregnancy"))
    later = [
        {"text": "1 capsule at bedtime", "timing": {"repeat": {"boundsPeriod": {"start": "2027-02-01"}}}}
    ]
    assert topics(ehr.order("pregnant", dosageInstruction=later))["pregnancy"] == "warning"


def test_another_order_of_surgery_speaks_again(make_ehr: MakeEhr) -> None:
    """An order may be judged that holds neither naltrexone nor an opioid."""
    ehr, scenario = make_ehr(), "surgery-ordered-for-a-patient-on-ldn"
    ehr.override(about(ehr.order(scenario), "surgery"), "action-completed")
    assert "surgery" not in topics(ehr.order(scenario))
    assert "surgery" in topics(ehr.order(scenario, id="another"))


def test_the_last_word_on_a_card_counts(make_ehr: MakeEhr) -> None:
    ehr = make_ehr()
    card = about(ehr.order("oxycodone-stopped-six-days-ago", "order-select"), "opioid-washout")
    ehr.override(card)
    ehr.wait(seconds=5)
    ehr.accept(card)
    again = ehr.order("oxycodone-stopped-six-days-ago")
    assert topics(again)["opioid-washout"] == card["indicator"]


def test_another_finding_of_the_topic_speaks_again(make_ehr: MakeEhr) -> None:
    ehr = make_ehr()
    ehr.override(about(ehr.order("pregnant", "order-select"), "pregnancy"))
    assert topics(ehr.order("pregnant-by-due-date"))["pregnancy"] == "warning"


def test_the_next_day_it_is_news(make_ehr: MakeEhr) -> None:
    ehr = make_ehr()
    ehr.override(about(ehr.order("pregnant", "order-select"), "pregnancy"))
    ehr.wait(hours=23)
    assert "Overridden on 22 Nov 2026 at 15:00" in about(ehr.order("pregnant"), "pregnancy")["detail"]
    ehr.wait(hours=2)
    assert topics(ehr.order("pregnant"))["pregnancy"] == "warning"


def test_what_could_not_be_read_is_always_said(make_ehr: MakeEhr) -> None:
    ehr = make_ehr()
    card = about(ehr.order("problem-list-not-supplied", "order-select"), "not-checked")
    ehr.override(card)
    assert topics(ehr.order("problem-list-not-supplied"))["not-checked"] == card["indicator"]


def test_a_louder_level_speaks_again(make_ehr: MakeEhr) -> None:
    quiet = make_ehr(
        '[indicator]\naccept_lower = true\nlevel = { pregnancy = "info" }\n[alerts]\nsnooze_days = {}\n'
    )
    loud = make_ehr()
    quiet.override(about(quiet.order("pregnant", "order-select"), "pregnancy"))
    assert topics(loud.order("pregnant"))["pregnancy"] == "warning"


def test_the_clock_is_the_sites(make_ehr: MakeEhr) -> None:
    ehr = make_ehr(time_zone="Europe/Berlin")
    ehr.override(about(ehr.order("pregnant", "order-select"), "pregnancy"))
    assert f"at {NOW.hour + 1}:00" in about(ehr.order("pregnant"), "pregnancy")["detail"]
