"""Charts and the cards that are made of them, for the tests of cards."""

from __future__ import annotations

import itertools
import json
from datetime import timedelta
from typing import Any

import msgspec

from cds_service.cards import Setting, make_cards
from cds_service.cds_hooks import HOOKS, CardsResponse, parse_request
from cds_service.cds_hooks.response import encode
from cds_service.chart import DoseProblem, PatientChart, Person
from cds_service.fhir.records import Gap, GapReason
from cds_service.knowledge.concepts import Meaning, Measure
from cds_service.rules import decide
from tests.rules.builders import (
    CAPSULE,
    CLINICAL,
    CONTRAVE,
    DISULFIRAM,
    EMBEDA,
    LDN,
    LIQUID,
    LOPERAMIDE,
    NALOXONE_KIT,
    NURSING,
    OXYCODONE,
    PREGNANT,
    SAMIDORPHAN,
    SUBLOCADE,
    TABLET_50,
    THIORIDAZINE,
    TODAY,
    TRAMADOL,
    UNCLEAR,
    VIVITROL,
    allergy,
    chart,
    dose,
    ended,
    ldn,
    order,
    planned_surgery,
    problem,
    result,
    surgery_order,
    taken,
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
