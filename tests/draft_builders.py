"""Drafts of every FHIR version, and what becomes of them, for the tests of drafts and products."""

from __future__ import annotations

import json
from decimal import Decimal
from typing import Any

from fhir.resources.medicationrequest import MedicationRequest as R5Request
from fhir.resources.R4B.medicationrequest import MedicationRequest as R4Request
from fhir.resources.STU3.medicationrequest import MedicationRequest as STU3Request

from cds_service.drafts import (
    Draft,
    Version,
    counted_in_pieces,
    with_schedule,
)
from cds_service.knowledge.clinical import Schedule
from cds_service.knowledge.concepts import Medicine
from cds_service.products import Product, product_for
from tests.rules.builders import CLINICAL, NALTREXONE

Json = dict[str, Any]

USUAL = CLINICAL.titration.schedule("usual")
SLOW = CLINICAL.titration.schedule("slow")
ONE = Schedule(name="corrected", steps=((4.5, 0),))
UCUM = "http://unitsofmeasure.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
MODELS = {Version.STU3: STU3Request, Version.R4: R4Request, Version.R5: R5Request}
EXTENSION = {"url": "https://ehr.example.org/x", "valueString": "kept"}


def quantity(value: Any = Decimal("4.50"), unit: str = "mg") -> Json:
    return {"value": value, "unit": unit, "system": UCUM, "code": unit}


def draft(version: Version, timing: Json | None = None, dose: Json | None = None, **more: Any) -> Draft:
    """A valid draft of ``version`` with elements of every kind to be kept."""
    concept = {"coding": [{"system": RXNORM, "code": "7243"}], "text": "naltrexone"}
    repeat = {"frequency": 1, "period": 1, "periodUnit": "d"}
    dosage: Json = {
        "text": "4.5 mg nightly",
        "timing": {"repeat": repeat} if timing is None else timing,
        "route": {"text": "oral"},
        "extension": [EXTENSION],
    }
    dose = dose or quantity()
    if version in (Version.R4, Version.R5):
        dosage["doseAndRate"] = [{"doseQuantity": dose}]
    else:
        dosage["doseQuantity"] = dose
    made: Draft = {
        "resourceType": "MedicationRequest",
        "id": "d1",
        "extension": [EXTENSION],
        "status": "draft",
        "intent": "order",
        "subject": {"reference": "Patient/p"},
        "note": [{"text": "call me"}],
        "dosageInstruction": [dosage],
        "dispenseRequest": {
            "numberOfRepeatsAllowed": 2,
            "quantity": quantity(30, "capsule"),
            "expectedSupplyDuration": {"value": 30, "unit": "days", "system": UCUM, "code": "d"},
        },
        **more,
    }
    if version is Version.R5:
        made["medication"] = {"concept": concept}
    else:
        made["medicationCodeableConcept"] = concept
    if version is Version.DSTU2:
        del made["intent"], made["subject"]
        made |= {"resourceType": "MedicationOrder", "patient": {"reference": "Patient/p"}, "note": "call me"}
        if timing is None:
            repeat["periodUnits"] = repeat.pop("periodUnit")
    return made


def own(medicine: Medicine, schedule: Schedule = USUAL, pieces: bool = False) -> Product:
    return product_for(medicine, schedule, pieces=pieces, compounded=False)


def changed(
    version: Version, schedule: Schedule = USUAL, medicine: Medicine = NALTREXONE, **more: Any
) -> Draft:
    given_draft = draft(version, **more)
    product = own(medicine, schedule, counted_in_pieces(given_draft))
    return with_schedule(given_draft, version, schedule, product, 30)


def valid(version: Version, resource: Draft) -> None:
    """By the models of the version; DSTU2 has none here, its shape has tests of its own."""
    plain = json.loads(json.dumps(resource, default=float))
    if version in MODELS:
        MODELS[version].model_validate(plain)


def doses(resource: Draft) -> list[Json]:
    return [
        d.get("doseQuantity") or d["doseAndRate"][0]["doseQuantity"] for d in resource["dosageInstruction"]
    ]
