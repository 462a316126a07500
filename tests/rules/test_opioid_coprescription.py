"""Naltrexone ordered while an opioid is active, listed or in the basket."""

import pytest

from cds_service.chart import Evidence, Presence
from cds_service.knowledge.concepts import Duration, Form, Meaning
from cds_service.rules import Topic
from cds_service.rules.finding import spoken
from cds_service.rules.opioid_coprescription import opioid_coprescription
from tests.rules.builders import (
    BUPRENORPHINE,
    BUPRENORPHINE_PATCH,
    CLINICAL,
    CODEINE,
    CONTRAVE,
    EMBEDA,
    FENTANYL_PATCH,
    KRATOM,
    LDN,
    LOPERAMIDE,
    METHADONE,
    METHYLNALTREXONE,
    MORPHINE_ER,
    NALOXONE_KIT,
    NALTREXONE,
    OXYCODONE,
    SUBLOCADE,
    SUBOXONE,
    TABLET_50,
    TIANEPTINE,
    TRAMADOL,
    VIVITROL,
    chart,
    dose,
    ended,
    find,
    ldn,
    offers,
    only,
    opioid,
    order,
    problem,
    taken,
    text,
    topics,
)

DENIED = Evidence("oxycodone", ("says not taken",), "medication list")


def judged(*args, **more):
    return spoken(opioid_coprescription(chart(*args, **more), CLINICAL))


@pytest.mark.parametrize(
    "opioid", [OXYCODONE, TRAMADOL, CODEINE, FENTANYL_PATCH, MORPHINE_ER, METHADONE, BUPRENORPHINE, EMBEDA]
)
def test_an_active_opioid_is_critical(opioid):
    finding = only(judged(exposures=(taken(opioid, as_needed=True),)))
    assert finding.indicator == "critical" and finding.withholds_start
    assert offers(finding) == ["Remove draft-1"]
    assert "Do not stop a regular opioid abruptly to make room for LDN" in text(finding)


@pytest.mark.parametrize(
    ("exposure", "words"),
    [
        (taken(OXYCODONE, presence=Presence.STALE), "an old entry says active"),
        (taken(OXYCODONE, contradicted=DENIED), "disagree"),
        (taken(KRATOM), "acts on opioid receptors"),
        (taken(TIANEPTINE), "acts on opioid receptors"),
    ],
    ids=["stale", "contradicted", "kratom", "tianeptine"],
)
def test_what_is_uncertain_is_a_warning(exposure, words):
    finding = only(judged(exposures=(exposure,)))
    assert finding.indicator == "warning" and finding.withholds_start
    assert words in finding.summary


def test_one_certain_opioid_outweighs_an_uncertain_one():
    exposures = (taken(TRAMADOL, presence=Presence.STALE), taken(OXYCODONE))
    finding = only(judged(exposures=exposures))
    assert finding.indicator == "critical"
    assert finding.summary.startswith("Oxycodone is listed as active")


@pytest.mark.parametrize("drug", [CONTRAVE, TABLET_50, VIVITROL])
def test_every_naltrexone_product_counts(drug):
    finding = only(judged(order(drug, 8.0), exposures=(taken(OXYCODONE),)))
    assert finding.indicator == "critical" and "LDN until" not in finding.summary


@pytest.mark.parametrize("drug", [NALOXONE_KIT, METHYLNALTREXONE, LOPERAMIDE])
def test_no_central_opioid_is_silent(drug):
    assert judged(exposures=(taken(drug),)) == []


def test_an_ended_opioid_is_silent():
    assert judged(exposures=(ended(OXYCODONE, 1),)) == []


def test_both_sources_are_shown_when_they_disagree():
    finding = only(judged(exposures=(taken(OXYCODONE, contradicted=DENIED),)))
    assert DENIED in finding.found and len(finding.found) == 2
    assert "disagree" in finding.summary


def test_five_opioids_are_one_card_that_lists_five():
    opioids = (OXYCODONE, TRAMADOL, CODEINE, MORPHINE_ER, METHADONE)
    finding = only(judged(exposures=tuple(map(taken, opioids))))
    assert len(finding.found) == 5
    assert finding.summary.startswith("Oxycodone and 4 more are")


# --- in the basket ---------------------------------------------------------


@pytest.mark.parametrize(("naltrexone", "opioid"), [(True, True), (True, False), (False, True)])
def test_a_pair_in_the_basket_is_one_card_whichever_is_selected(naltrexone, opioid):
    basket = (ldn(selected=naltrexone), order(OXYCODONE, id="draft-2", selected=opioid))
    finding = only(judged(*basket))
    assert finding.indicator == "critical" and finding.exclusive
    assert offers(finding) == ["Remove draft-1", "Remove draft-2"]
    assert [topic for topic, _ in topics(chart(*basket))] == ["opioid-coprescription"]


def test_neither_selected_is_silent():
    basket = (ldn(selected=False), order(OXYCODONE, id="draft-2", selected=False), order(LOPERAMIDE, id="d3"))
    assert judged(*basket, exposures=(taken(OXYCODONE),)) == []


def test_naltrexone_as_context_only_is_silent_about_the_lists():
    assert judged(ldn(selected=False), order(LOPERAMIDE, id="d2"), exposures=(taken(OXYCODONE),)) == []


def test_several_on_a_side_can_all_be_removed():
    finding = only(judged(LDN, order(OXYCODONE, id="d2"), order(TRAMADOL, id="d3")))
    assert offers(finding) == ["Remove draft-1", "Remove d2", "Remove d3"] and not finding.exclusive


def test_several_orders_of_naltrexone_can_all_be_removed():
    finding = only(judged(ldn(), ldn(id="d2"), exposures=(taken(OXYCODONE),)))
    assert offers(finding) == ["Remove draft-1", "Remove d2"] and not finding.exclusive


def test_embeda_as_a_draft_is_an_opioid_never_naltrexone():
    assert judged(order(EMBEDA, 0.8)) == []
    assert only(judged(order(EMBEDA, 0.8, id="d2"), LDN)).indicator == "critical"


def test_naltrexone_that_is_already_taken_is_said():
    finding = only(judged(LDN, order(OXYCODONE, id="d2"), exposures=(taken(VIVITROL, 13.6),)))
    assert "also listed as taken" in text(finding)
    assert any(evidence.name == "naltrexone" for evidence in finding.found[1:])


def test_who_takes_it_already_is_told_not_to_renew_it():
    ongoing = only(judged(exposures=(taken(OXYCODONE), taken(NALTREXONE, 4.5))))
    assert "Do not renew LDN yet" in ongoing.summary and "do not renew LDN" in text(ongoing)
    assert "Hold naltrexone while an opioid is needed" in text(ongoing)
    assert [evidence.name for evidence in ongoing.found] == ["oxycodone", "naltrexone"]
    micro = only(judged(exposures=(taken(OXYCODONE), taken(NALTREXONE, 0.25))))
    assert "Do not renew LDN yet" in micro.summary, "low doses are one kind"
    another = only(judged(exposures=(taken(OXYCODONE), taken(CONTRAVE, 32.0))))
    assert "Do not start LDN yet" in another.summary


def test_another_naltrexone_than_ldn_is_not_called_ldn():
    full = only(judged(order(TABLET_50, 50.0), exposures=(taken(OXYCODONE), taken(SUBOXONE))))
    assert "LDN" not in text(full).removesuffix(full.basis)
    assert "to make room for naltrexone" in text(full)


# --- microgram doses -------------------------------------------------------


def test_an_agreed_microgram_dose_is_a_warning():
    micro = order(dose=dose(0.125, structured_mg=0.125, text_mg=0.125))
    finding = only(judged(micro, exposures=(taken(OXYCODONE),)))
    assert finding.indicator == "warning" and "on purpose" in finding.summary
    assert "keep it, do not start" not in text(finding) and "abruptly" in text(finding)


@pytest.mark.parametrize(
    "given",
    [
        dose(0.125, structured_mg=0.125),
        dose(0.125, text_mg=0.125),
        dose(0.125, structured_mg=0.125, text_mg=1.25),
        dose(0.5, structured_mg=0.5, text_mg=0.5),
    ],
    ids=["coded only", "text only", "disagree", "not micro"],
)
def test_otherwise_a_small_dose_stays_critical(given):
    assert only(judged(order(dose=given), exposures=(taken(OXYCODONE),))).indicator == "critical"


# --- opioid use disorder ---------------------------------------------------


@pytest.mark.parametrize(
    "exposure",
    [
        taken(SUBOXONE),
        taken(SUBLOCADE),
        taken(METHADONE, reasons=frozenset({Meaning.OPIOID_USE_DISORDER})),
    ],
)
def test_treatment_of_opioid_use_disorder_is_kept_without_an_interval(exposure):
    words = text(only(judged(exposures=(exposure,))))
    assert "keep the treatment" in words and "LDN does not treat it" in words
    assert "Already stopped" not in words and "not before day" not in words


def test_the_problem_list_tells_what_methadone_is_for():
    more = {"exposures": (taken(METHADONE),), "problems": (problem(Meaning.OPIOID_USE_DISORDER),)}
    assert "keep the treatment" in text(only(judged(**more)))


@pytest.mark.parametrize("drug", [METHADONE, BUPRENORPHINE_PATCH])
def test_methadone_or_a_patch_for_pain_has_its_interval(drug):
    words = text(only(judged(exposures=(taken(drug),))))
    assert "not before day 14" in words and "keep the treatment" not in words


def test_nothing_is_said_of_starting_beside_a_treatment_that_is_kept():
    micro = order(dose=dose(0.125, structured_mg=0.125, text_mg=0.125))
    words = text(only(judged(micro, exposures=(taken(SUBOXONE),))))
    assert "keep the treatment" in words and "If not on purpose" not in words


@pytest.mark.parametrize("form", [Form.DEPOT, Form.IMPLANT])
def test_what_works_for_weeks_has_no_interval(form):
    words = text(
        only(judged(exposures=(taken(opioid("morphine", Duration.LONG, form=form)), taken(CODEINE))))
    )
    assert "no label gives an interval" in words and "not before day" not in words


def test_treatment_in_the_basket_is_not_offered_for_removal():
    finding = only(judged(LDN, order(SUBOXONE, id="d2")))
    assert offers(finding) == ["Remove draft-1"]


@pytest.mark.parametrize(("drug", "day"), [(OXYCODONE, 10), (MORPHINE_ER, 14), (FENTANYL_PATCH, 14)])
def test_the_interval_is_that_of_the_slowest(drug, day):
    assert f"day {day}" in text(only(judged(exposures=(taken(drug), taken(CODEINE)))))


def test_nobody_is_told_to_keep_kratom():
    assert "keep it" not in text(only(judged(exposures=(taken(KRATOM),))))


def test_it_withholds_the_start():
    of = chart(exposures=(taken(KRATOM),))
    assert find(of, Topic.STARTING_DOSE) is None
