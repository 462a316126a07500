"""The order form and the draft it stands for, in any FHIR version.

A draft stays as it was sent or suggested but for what the form changes: each
group of elements (medicine, directions, supply, reason) is written anew only
when one of its fields differs from what the draft itself says.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from msgspec import Struct
from msgspec.structs import asdict

from cds_service.conversion import convert_resource
from cds_service.products import UCUM

Json = dict[str, Any]


class OrderForm(Struct, frozen=True, kw_only=True):
    """The fields of the screen, each as it is written."""

    drug: str = ""
    dose: str = ""
    route: str = ""
    frequency: str = ""
    sig: str = ""
    quantity: str = ""
    refills: str = ""
    reason: str = ""


FREQUENCIES: Mapping[str, tuple[str, Json]] = {
    "bedtime": ("once a day at bedtime", {"frequency": 1, "period": 1, "periodUnit": "d", "when": ["HS"]}),
    "daily": ("once a day", {"frequency": 1, "period": 1, "periodUnit": "d"}),
    "morning": (
        "once a day in the morning",
        {"frequency": 1, "period": 1, "periodUnit": "d", "when": ["MORN"]},
    ),
    "twice": ("twice a day", {"frequency": 2, "period": 1, "periodUnit": "d"}),
    "every-4-hours": ("every 4 hours", {"frequency": 1, "period": 4, "periodUnit": "h"}),
    "every-6-hours": ("every 6 hours", {"frequency": 1, "period": 6, "periodUnit": "h"}),
    "alternate": ("every other day", {"frequency": 1, "period": 2, "periodUnit": "d"}),
    "monthly": ("every 4 weeks", {"frequency": 1, "period": 4, "periodUnit": "wk"}),
}
"""What the screen offers beside free text, as FHIR timings."""

_GROUPS: Mapping[str, tuple[tuple[str, ...], tuple[str, ...]]] = {
    "medicine": (("drug",), ("medicationCodeableConcept", "medicationReference", "medication")),
    "directions": (("dose", "route", "frequency", "sig"), ("dosageInstruction", "renderedDosageInstruction")),
    "supply": (("quantity", "refills"), ("dispenseRequest",)),
    "reason": (("reason",), ("reasonCode", "reasonReference", "reason", "reasonCodeableConcept")),
}
"""Fields that belong together, and the elements of all versions that say them."""

_PLURALS = {"capsule": "capsules", "tablet": "tablets", "patch": "patches"}
_AMOUNT = re.compile(r"\s*(\d+(?:[.,]\d+)?)\s*([A-Za-zµμ]+)\s*")
_UNITS = {
    "mg": "mg", "mcg": "ug", "µg": "ug", "μg": "ug", "g": "g", "ml": "mL", "capsule": "{capsule}",
    "cap": "{capsule}", "tablet": "{tbl}", "tab": "{tbl}", "patch": "{patch}",
}  # fmt: skip


def blank(number: int, patient_id: str, now: str, version: str) -> Json:
    """An empty draft, before a drug is chosen."""
    draft = {
        "resourceType": "MedicationRequest",
        "id": f"draft-{number}",
        "status": "draft",
        "intent": "order",
        "subject": {"reference": f"Patient/{patient_id}"},
        "authoredOn": now,
    }
    return draft if version == "R4" else convert_resource(draft, version)


def write(draft: Json, form: OrderForm, version: str) -> Json:
    """``draft`` with what ``form`` says otherwise, in the shapes of ``version``."""
    before, after = asdict(read(draft)), asdict(form)
    changed = [group for group, (fields, _) in _GROUPS.items() if any(before[f] != after[f] for f in fields)]
    if not changed:
        return draft
    written = deepcopy(draft)
    for group in changed:
        for name in _GROUPS[group][1]:
            written.pop(name, None)
    written.pop("text", None)  # the narrative told the old order
    added = _in_version(
        {key: value for group in changed for key, value in _elements(group, form)}, draft, version
    )
    return {**written, **added}


def _in_version(elements: Json, draft: Json, version: str) -> Json:
    """R4 elements of an order by the names and shapes they have in ``version``."""
    if version == "R4":
        return elements
    frame = {"resourceType": "MedicationRequest", "status": "draft", "subject": {}}
    shaped = convert_resource({**frame, **elements}, version)
    framed = convert_resource(dict(frame), version)
    return {key: value for key, value in shaped.items() if key not in framed}


def _elements(group: str, form: OrderForm) -> list[tuple[str, Any]]:
    if group == "medicine":
        return [("medicationCodeableConcept", {"text": form.drug})] if form.drug else []
    if group == "directions":
        dosage = _dosage(form)
        return [("dosageInstruction", [dosage])] if dosage else []
    if group == "reason":
        return [("reasonCode", [{"text": form.reason}])] if form.reason else []
    supply = _supply(form)
    return [("dispenseRequest", supply)] if supply else []


def _dosage(form: OrderForm) -> Json:
    dose = _quantity(form.dose)
    words = [] if dose or not form.dose else [form.dose]  # "1-2 tablets" stays what it is: words
    dosage: Json = {}
    if text := " ".join([*words, form.sig]).strip():
        dosage["text"] = text
    if form.frequency in FREQUENCIES:
        dosage["timing"] = {"repeat": deepcopy(FREQUENCIES[form.frequency][1])}
    if form.route:
        dosage["route"] = {"text": form.route}
    if dose:
        dosage["doseAndRate"] = [{"doseQuantity": dose}]
    return dosage


def _supply(form: OrderForm) -> Json:
    supply: Json = {}
    if form.refills.strip().isdigit():
        supply["numberOfRepeatsAllowed"] = int(form.refills)
    if quantity := _quantity(form.quantity):
        supply["quantity"] = quantity
    elif form.quantity.strip().isdigit():
        supply["quantity"] = {"value": int(form.quantity)}
    return supply


def _quantity(text: str) -> Json | None:
    """``4.5 mg`` or ``30 capsules`` as a Quantity; None for anything else."""
    found = _AMOUNT.fullmatch(text)
    if not found:
        return None
    value = float(found.group(1).replace(",", "."))
    word = found.group(2)
    code = _UNITS.get(word.casefold()) or _UNITS.get(word.casefold().removesuffix("s").removesuffix("e"))
    coded = {"system": UCUM, "code": code} if code else {}
    return {"value": int(value) if value.is_integer() else value, "unit": word, **coded}


# --- the form of a draft -------------------------------------------------------------------------


def read(draft: Mapping[str, Any]) -> OrderForm:
    """What the draft says, as the screen shows it; several steps of a dose stand in the directions."""
    dosages = as_list(draft.get("dosageInstruction"))
    first = dosages[0] if len(dosages) == 1 else {}
    supply = as_object(draft.get("dispenseRequest"))
    repeats = supply.get("numberOfRepeatsAllowed")
    return OrderForm(
        drug=medicine_name(draft),
        dose=_amount_in_words(_dose(first)),
        route=concept_in_words(as_object((dosages or [{}])[0].get("route"))),
        frequency=_frequency(first),
        sig=", then ".join(str(d["text"]) for d in dosages if d.get("text")),
        quantity=_amount_in_words(as_object(supply.get("quantity"))),
        refills="" if repeats is None else str(repeats),
        reason=_reason(draft),
    )


def medicine_name(resource: Mapping[str, Any]) -> str:
    """The medicine's text, display or contained name, in any version."""
    medication = as_object(resource.get("medication"))
    concept = as_object(resource.get("medicationCodeableConcept")) or as_object(medication.get("concept"))
    if name := concept_in_words(concept):
        return name
    reference = as_object(resource.get("medicationReference")) or as_object(medication.get("reference"))
    if reference.get("display"):
        return str(reference["display"])
    wanted = str(reference.get("reference", "")).removeprefix("#")
    contained = (c for c in as_list(resource.get("contained")) if c.get("id") == wanted)
    return next((concept_in_words(as_object(c.get("code"))) for c in contained), "")


def steps(draft: Mapping[str, Any]) -> list[str]:
    """The directions, step by step."""
    return [str(d.get("text") or _amount_in_words(_dose(d))) for d in as_list(draft.get("dosageInstruction"))]


def supply_in_words(draft: Mapping[str, Any]) -> str:
    """``30 capsule, 2 refills``; empty when nothing is said."""
    form = read(draft)
    refills = f"{form.refills} refill{'' if form.refills == '1' else 's'}" if form.refills else ""
    return ", ".join(part for part in (form.quantity, refills) if part)


def _dose(dosage: Mapping[str, Any]) -> Json:
    nested = next(iter(as_list(dosage.get("doseAndRate"))), {})
    return as_object(dosage.get("doseQuantity")) or as_object(nested.get("doseQuantity"))


def _frequency(dosage: Mapping[str, Any]) -> str:
    repeat = dict(as_object(as_object(dosage.get("timing")).get("repeat")))
    repeat = {("periodUnit" if key == "periodUnits" else key): value for key, value in repeat.items()}
    if isinstance(repeat.get("when"), str):
        repeat["when"] = [repeat["when"]]
    return next((name for name, (_, timing) in FREQUENCIES.items() if timing == repeat), "")


def _reason(draft: Mapping[str, Any]) -> str:
    given = draft.get("reasonCode") or draft.get("reason") or draft.get("reasonCodeableConcept")
    first = next(iter(as_list(given)), None) or as_object(given)
    return concept_in_words(as_object(first.get("concept")) or first)


def _amount_in_words(quantity: Mapping[str, Any]) -> str:
    value = quantity.get("value")
    unit = str(quantity.get("unit") or str(quantity.get("code") or "").strip("{}"))
    if value is None:
        return ""
    return f"{value} {unit if value == 1 else _PLURALS.get(unit, unit)}".strip()


def concept_in_words(concept: Mapping[str, Any]) -> str:
    """Its text, else its first display."""
    codings = as_list(concept.get("coding"))
    return str(concept.get("text") or next((c["display"] for c in codings if c.get("display")), ""))


def as_object(value: object) -> Json:
    """``value`` when it is an object: what was pasted may hold anything."""
    return value if isinstance(value, dict) else {}


def as_list(value: object) -> list[Json]:
    """The objects of ``value`` when it is a list."""
    return [item for item in value if isinstance(item, dict)] if isinstance(value, list) else []
