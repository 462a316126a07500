"""Changing the prescriber's own draft, in the FHIR version it was written in.

A draft is the resource as sent, decoded to plain JSON values (numbers as
:class:`~decimal.Decimal`, so that 4.50 goes back as 4.50). Every function
returns a new draft that holds every element of the old one except those it
replaces; nothing is validated away.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from copy import deepcopy
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from enum import StrEnum
from fractions import Fraction
from functools import reduce
from math import gcd, lcm
from typing import Any

from cds_service.chart.showing import day, milligrams
from cds_service.knowledge.clinical import Schedule
from cds_service.knowledge.concepts import Form, Medicine

Draft = dict[str, Any]

UCUM = "http://unitsofmeasure.org"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
NALTREXONE = {"system": RXNORM, "code": "7243", "display": "naltrexone"}
_SMALLEST_ML = Fraction(1, 20)
_MOST_PIECES = 12


class Version(StrEnum):
    """The FHIR versions whose orders differ in shape."""

    DSTU2 = "DSTU2"
    STU3 = "STU3"
    R4 = "R4"
    R5 = "R5"


def version_of(draft: Mapping[str, Any], hint: Version = Version.R4) -> Version:
    """The version a draft is written in; ``hint`` decides where the shape does not."""
    return version_told(draft) or hint


def version_told(draft: Mapping[str, Any]) -> Version | None:
    """The version that the shape of a draft tells; None when it fits several."""
    if draft.get("resourceType") == "MedicationOrder":
        return Version.DSTU2
    if "medication" in draft:
        return Version.R5
    dosages = [d for d in draft.get("dosageInstruction") or [] if isinstance(d, dict)]
    if any("doseAndRate" in d for d in dosages):
        return Version.R4
    direct = any("doseQuantity" in d or "doseRange" in d for d in dosages)
    requester = draft.get("requester")
    if direct or "context" in draft or (isinstance(requester, dict) and "agent" in requester):
        return Version.STU3
    return None


@dataclass(frozen=True, slots=True)
class Product:
    """What the doses are counted in.

    ``unit`` is the Quantity (without value) of one piece or of a mL;
    ``mg`` the naltrexone in it. ``compounded`` is the new medication's text
    when the draft's own product cannot deliver the schedule.
    """

    mg: Fraction
    unit: Mapping[str, str]
    noun: str
    compounded: str | None = None
    doses_in_pieces: bool = False

    def amount(self, mg: float) -> Fraction:
        """Pieces or mL for ``mg``."""
        return _exact(mg) / self.mg


_PIECE_UNITS = {
    Form.CAPSULE: ({"unit": "capsule", "system": UCUM, "code": "{capsule}"}, "capsule"),
    Form.TABLET: ({"unit": "tablet", "system": UCUM, "code": "{tbl}"}, "tablet"),
}
_ML = {"unit": "mL", "system": UCUM, "code": "mL"}
_MG = {"unit": "mg", "system": UCUM, "code": "mg"}


def product_for(medicine: Medicine, schedule: Schedule, *, pieces: bool, compounded: bool) -> Product:
    """The draft's own product when it can deliver every step, else compounded naltrexone.

    ``pieces`` says that the draft's own dose was counted in pieces.
    """
    own = None if compounded else _own_product(medicine, pieces)
    if own and all(_measurable(own, mg) for mg, _ in schedule.steps):
        return own
    strength = reduce(_common, (_exact(mg) for mg, _ in schedule.steps))
    text = f"naltrexone, compounded {milligrams(float(strength))} mg capsule"
    unit, noun = _PIECE_UNITS[Form.CAPSULE]
    return Product(strength, unit, noun, compounded=text)


def _own_product(medicine: Medicine, pieces: bool) -> Product | None:
    if not medicine.naltrexone_mg or medicine.extended_release or len(medicine.ingredients) != 1:
        return None
    mg = _exact(medicine.naltrexone_mg)
    if medicine.per_ml:
        return Product(mg, _ML, "mL", doses_in_pieces=True)
    found = _PIECE_UNITS.get(medicine.form or Form.CAPSULE)
    return Product(mg, found[0], found[1], doses_in_pieces=pieces) if found else None


def _measurable(product: Product, mg: float) -> bool:
    amount = product.amount(mg)
    if product.noun == "mL":
        return amount % _SMALLEST_ML == 0
    return amount.denominator == 1 and 1 <= amount <= _MOST_PIECES


def _exact(number: float) -> Fraction:
    return Fraction(str(number))


def _common(a: Fraction, b: Fraction) -> Fraction:
    """The largest strength that divides both doses."""
    return Fraction(gcd(a.numerator, b.numerator), lcm(a.denominator, b.denominator))


def with_schedule(
    draft: Draft, version: Version, schedule: Schedule, product: Product, final_days: int
) -> Draft:
    """``draft`` with the steps of ``schedule`` as its dosage, and quantity and medication to match.

    ``final_days`` is the supply of the last, open step.
    """
    changed = deepcopy(draft)
    first = next((d for d in changed.get("dosageInstruction") or [] if isinstance(d, dict)), {})
    changed["dosageInstruction"] = [
        _dosage(first, version, product, number, step, len(schedule.steps))
        for number, step in enumerate(schedule.steps, start=1)
    ]
    if product.compounded:
        _replace_medication(changed, version, product.compounded)
    _set_supply(changed, schedule, product, final_days)
    if "renderedDosageInstruction" in changed:  # R5: the same directions once more
        changed["renderedDosageInstruction"] = in_words(schedule, product)
    return changed


def _dosage(
    first: Mapping[str, Any],
    version: Version,
    product: Product,
    number: int,
    step: tuple[float, int],
    of: int,
) -> Draft:
    """One step: everything of the draft's first dosage but its time and dose."""
    mg, days = step
    dosage = {key: deepcopy(value) for key, value in first.items() if key not in _REPLACED_IN_DOSAGE}
    if version is not Version.DSTU2:
        dosage["sequence"] = number
    dosage["text"] = step_in_words(mg, days, product)
    if "patientInstruction" in first:
        dosage["patientInstruction"] = dosage["text"]
    dosage["timing"] = _timing(first, version, days, keep=of == 1)
    quantity = (
        {"value": _decimal(product.amount(mg)), **product.unit}
        if product.doses_in_pieces
        else {"value": _decimal(_exact(mg)), **_MG}
    )
    if version in (Version.DSTU2, Version.STU3):
        dosage["doseQuantity"] = quantity
    else:
        dosage["doseAndRate"] = [{"doseQuantity": quantity}]
    return dosage


_REPLACED_IN_DOSAGE = frozenset(
    {
        "id", "sequence", "text", "timing", "patientInstruction", "doseQuantity", "doseRange", "doseAndRate",
        "asNeeded", "asNeededBoolean", "asNeededCodeableConcept", "asNeededFor", "maxDosePerPeriod",
        "maxDosePerAdministration", "maxDosePerLifetime", "rateRatio", "rateRange", "rateQuantity",
        "rateSimpleQuantity",
    }
)  # fmt: skip


def _timing(first: Mapping[str, Any], version: Version, days: int, *, keep: bool) -> Draft:
    """At bedtime, bounded by ``days``; a single corrected dose keeps the draft's own time."""
    own = first.get("timing")
    if keep and isinstance(own, dict) and own:
        return deepcopy(own)
    unit = "periodUnits" if version is Version.DSTU2 else "periodUnit"
    repeat: Draft = {"frequency": 1, "period": 1, unit: "d"}
    repeat["when"] = "HS" if version is Version.DSTU2 else ["HS"]
    if days:
        bounds = "boundsQuantity" if version is Version.DSTU2 else "boundsDuration"
        repeat = {bounds: {"value": days, "unit": "days", "system": UCUM, "code": "d"}, **repeat}
    return {"repeat": repeat}


def _replace_medication(draft: Draft, version: Version, text: str) -> None:
    concept = {"coding": [dict(NALTREXONE)], "text": text}
    old = draft.pop("medicationReference", None) or (draft.get("medication") or {}).get("reference")
    draft.pop("medicationCodeableConcept", None)
    if version is Version.R5:
        draft["medication"] = {"concept": concept}
    else:
        draft["medicationCodeableConcept"] = concept
    _drop_contained(draft, (old or {}).get("reference") if isinstance(old, dict) else None)


def _drop_contained(draft: Draft, reference: object) -> None:
    """A contained Medication that nothing refers to any more is not allowed (dom-3)."""
    if not isinstance(reference, str) or not reference.startswith("#"):
        return
    kept = [c for c in draft.get("contained") or [] if c.get("id") != reference[1:]]
    draft.pop("contained", None)
    if kept:
        draft["contained"] = kept


def _set_supply(draft: Draft, schedule: Schedule, product: Product, final_days: int) -> None:
    total, days = _supply(schedule, product, final_days)
    request = dict(draft.get("dispenseRequest") or {})
    request["quantity"] = {"value": _decimal(total), **product.unit}
    request["expectedSupplyDuration"] = {"value": days, "unit": "days", "system": UCUM, "code": "d"}
    draft["dispenseRequest"] = request


def _supply(schedule: Schedule, product: Product, final_days: int) -> tuple[Fraction, int]:
    """Pieces or mL for the whole schedule, and its days."""
    days = [step_days or final_days for _, step_days in schedule.steps]
    amounts = (product.amount(mg) * d for (mg, _), d in zip(schedule.steps, days, strict=True))
    return sum(amounts, Fraction(0)), sum(days)


def step_in_words(mg: float, days: int, product: Product) -> str:
    """``1.5 mg (1 capsule) by mouth at bedtime for 14 days``."""
    count = product.amount(mg)
    noun = product.noun if product.noun == "mL" or count == 1 else f"{product.noun}s"
    duration = f" for {days} days" if days else ""
    return f"{milligrams(mg)} mg ({_plain(count)} {noun}) by mouth at bedtime{duration}"


def in_words(schedule: Schedule, product: Product) -> str:
    """The whole schedule in one sentence."""
    return ", then ".join(step_in_words(mg, days, product) for mg, days in schedule.steps)


def supply_in_words(schedule: Schedule, product: Product, final_days: int) -> str:
    """``132 capsules for 58 days``."""
    total, days = _supply(schedule, product, final_days)
    noun = product.noun if product.noun == "mL" else f"{product.noun}s"
    return f"{_plain(total)} {noun} for {days} days"


def starting_later(draft: Draft, version: Version, not_before: date) -> Draft:
    """``draft`` as it is, its dosage bounded to start on ``not_before`` and saying so."""
    changed = deepcopy(draft)
    words = f"Not before {day(not_before)}, and only if opioid-free and without withdrawal signs."
    dosages = [d for d in changed.get("dosageInstruction") or [] if isinstance(d, dict)] or [{}]
    for dosage in dosages:
        dosage["text"] = f"{words} {dosage['text']}" if dosage.get("text") else words
        if dosage.get("patientInstruction"):
            dosage["patientInstruction"] = f"{words} {dosage['patientInstruction']}"
        repeat = dosage.setdefault("timing", {}).setdefault("repeat", {})
        if not any(key.startswith("bounds") and key != "boundsPeriod" for key in repeat):
            repeat["boundsPeriod"] = {**(repeat.get("boundsPeriod") or {}), "start": not_before.isoformat()}
    changed["dosageInstruction"] = dosages
    return changed


def counted_in_pieces(draft: Mapping[str, Any]) -> bool:
    """Whether the draft's own dose is a number of pieces rather than mg."""
    quantities = [
        q for d in draft.get("dosageInstruction") or [] if isinstance(d, dict) for q in _dose_quantities(d)
    ]
    units = {str(q.get("code") or q.get("unit") or "").strip("{}[]()").lower() for q in quantities}
    return bool(units) and not units & {"mg", "mcg", "ug", "g"}


def _dose_quantities(dosage: Mapping[str, Any]) -> Sequence[Mapping[str, Any]]:
    nested = [dose.get("doseQuantity") for dose in dosage.get("doseAndRate") or [] if isinstance(dose, dict)]
    return [q for q in (dosage.get("doseQuantity"), *nested) if isinstance(q, dict)]


@dataclass(frozen=True, slots=True)
class LabTest:
    """A test to draft: LOINC code, its display, and what to call it."""

    code: str
    display: str
    text: str


def test_order(test: LabTest, patient_id: str, version: Version, today: date) -> Draft:
    """A new draft of ``test`` in the client's version; without an id, as CDS Hooks asks of a create."""
    concept = {
        "coding": [{"system": "http://loinc.org", "code": test.code, "display": test.display}],
        "text": test.text,
    }
    subject = {"reference": f"Patient/{patient_id}"}
    if version is Version.DSTU2:
        return {
            "resourceType": "DiagnosticOrder",
            "status": "proposed",
            "subject": subject,
            "item": [{"code": concept}],
        }
    kind = "ProcedureRequest" if version is Version.STU3 else "ServiceRequest"
    code = {"concept": concept} if version is Version.R5 else concept
    return {
        "resourceType": kind,
        "status": "draft",
        "intent": "proposal",
        "code": code,
        "subject": subject,
        "authoredOn": today.isoformat(),
    }


def _decimal(number: Fraction) -> Decimal | int:
    """An exact JSON number without trailing zeros."""
    if number.denominator == 1:
        return int(number)
    return (Decimal(number.numerator) / Decimal(number.denominator)).quantize(Decimal("0.0001")).normalize()


def _plain(number: Fraction) -> str:
    return milligrams(float(number))
