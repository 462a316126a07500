"""The orders of the basket: what each is, how much of it, why, and whether it is to be judged."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from datetime import date
from enum import IntEnum
from typing import Protocol

from msgspec import Raw, Struct

from cds_service.chart.clock import Clock
from cds_service.chart.doses import DOSED, naltrexone_dose
from cds_service.chart.medicines import medicine_of
from cds_service.chart.model import Basket, Evidence, NaltrexoneDose, Order
from cds_service.chart.peripheral_doses import daily_mg
from cds_service.chart.problems import name_of
from cds_service.chart.showing import medicine_name, milligrams
from cds_service.chart.surgeries import is_surgery
from cds_service.chart.times import ends, periods_of
from cds_service.fhir.codes import codes_of, text_of
from cds_service.fhir.datatypes import CodeableConcept, Reference
from cds_service.fhir.dosage import is_as_needed, read_dosages
from cds_service.fhir.reading import read_resource
from cds_service.fhir.records import Gap, PatientRecord
from cds_service.fhir.references import reference_of
from cds_service.fhir.resources import (
    MedicationOrder,
    MedicationRecord,
    MedicationRequest,
    Procedure,
    Resource,
    ServiceRequest,
)
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Form, Meaning, Medicine, Role

_MEDICATION_ORDERS = (MedicationRequest, MedicationOrder)
_SERVICES = (ServiceRequest, Procedure)
_MAY_FORBID = (MedicationRequest, ServiceRequest)
_DEAD = {"cancelled", "entered-in-error", "stopped", "revoked"}
_ORAL_CODES = {"26643006", "po", "c38288"}
_ORAL_WORDS = re.compile(r"\b(oral(ly)?|per os|mouth|po|p\.o|swallow(ed)?)\b")
_OTHER_FORMS = {
    Form.DEPOT,
    Form.IMPLANT,
    Form.INJECTION,
    Form.PATCH,
    Form.TOPICAL,
    Form.NASAL,
    Form.SUPPOSITORY,
}
_JUDGED_ROLES = (Role.OPIOID, Role.OPIOID_LIKE, Role.PERIPHERAL_OPIOID)


class DraftOrder(Protocol):
    """An order as the protocol layer hands it over."""

    @property
    def raw(self) -> Raw: ...
    @property
    def path(self) -> str: ...
    @property
    def selected(self) -> bool: ...


class Draft(Struct, frozen=True, gc=False):
    """An order read; ``resource`` is None when it is of a kind no rule needs."""

    path: str
    selected: bool
    resource: Resource | None
    gaps: tuple[Gap, ...] = ()
    medicine: Medicine | None = None
    """Of an order that names its medicine itself; None where only the record can tell."""

    @property
    def id(self) -> str | None:
        """The draft's id."""
        return self.resource.id if self.resource else None

    @property
    def resource_type(self) -> str:
        """The draft's resource type."""
        return type(self.resource).__name__


def read_drafts(orders: Iterable[DraftOrder]) -> tuple[Draft, ...]:
    """The basket, read; void orders are left out."""
    drafts = []
    for order in orders:
        read = read_resource(order.raw, order.path)
        if not _is_void(read.resource):
            medicine = _own_medicine(read.resource)
            drafts.append(Draft(order.path, order.selected, read.resource, read.gaps, medicine))
    return tuple(drafts)


_NO_RECORD = PatientRecord("")


def _own_medicine(resource: Resource | None) -> Medicine | None:
    if not isinstance(resource, _MEDICATION_ORDERS) or reference_of(resource):
        return None
    return medicine_of(resource, _NO_RECORD)[0]


def _is_void(resource: Resource | None) -> bool:
    """Cancelled, or the order *not* to give something."""
    do_not = isinstance(resource, _MAY_FORBID) and resource.do_not_perform
    return bool(do_not) or getattr(resource, "status", None) in _DEAD


class Concern(IntEnum):
    """How much of the record the orders to judge need."""

    NONE = 0
    MEDICATIONS = 1
    """An opioid or surgery: whether the patient takes naltrexone."""
    EVERYTHING = 2
    """Naltrexone, or an order whose medicine cannot be told yet."""


def concern(drafts: Sequence[Draft], clinical: Clinical) -> Concern:
    """What the orders to judge need, before the record is read."""
    return max([_concern(draft, clinical) for draft in drafts if draft.selected], default=Concern.NONE)


def _concern(draft: Draft, clinical: Clinical) -> Concern:
    resource = draft.resource
    if isinstance(resource, _SERVICES):
        return Concern.MEDICATIONS if is_surgery(resource, clinical) else Concern.NONE
    if not isinstance(resource, _MEDICATION_ORDERS):
        return Concern.NONE
    medicine, gap = (draft.medicine, None) if draft.medicine else medicine_of(resource, _NO_RECORD)
    if medicine.is_naltrexone or (gap and reference_of(resource)):
        return Concern.EVERYTHING
    return Concern.MEDICATIONS if medicine.has(*_JUDGED_ROLES) else Concern.NONE


def unidentified(drafts: Sequence[Draft], record: PatientRecord) -> tuple[str, ...]:
    """JSON paths of orders to judge whose medicine is a reference that led nowhere."""
    return tuple(
        [
            draft.path
            for draft in drafts
            if draft.selected
            and isinstance(draft.resource, _MEDICATION_ORDERS)
            and reference_of(draft.resource)
            and medicine_of(draft.resource, record)[1]
        ]
    )


ReasonsOf = Callable[[MedicationRecord], frozenset[Meaning]]


def read_basket(
    drafts: Sequence[Draft],
    record: PatientRecord,
    reasons: ReasonsOf,
    clock: Clock,
    clinical: Clinical,
    gaps: list[Gap],
) -> tuple[Order, ...]:
    """The orders; what could not be read of them is added to ``gaps``."""
    orders = []
    for draft in drafts:
        gaps.extend(draft.gaps)
        resource = draft.resource
        if isinstance(resource, _MEDICATION_ORDERS):
            medicine = draft.medicine or medicine_of(resource, record)[0]
            orders.append(_medication_order(draft, resource, medicine, reasons(resource), clock))
        elif isinstance(resource, _SERVICES):
            orders.append(_service_order(draft, resource, clock, clinical))
    return tuple(orders)


def _medication_order(
    draft: Draft,
    resource: MedicationRequest | MedicationOrder,
    medicine: Medicine,
    reasons: frozenset[Meaning],
    clock: Clock,
) -> Order:
    steps = read_dosages(resource.dosage_instruction) if medicine.has(*DOSED) else ()
    dose = (
        naltrexone_dose(steps, _directions(resource), medicine)
        if Role.NALTREXONE in medicine.roles
        else NaltrexoneDose()
    )
    mg = daily_mg(steps, _directions(resource), medicine) if medicine.has(Role.PERIPHERAL_OPIOID) else None
    starts, until = _dates(resource, clock)
    return Order(
        path=draft.path,
        resource_type=draft.resource_type,
        id=resource.id,
        medicine=medicine,
        selected=draft.selected,
        dose=dose,
        route_oral=_is_oral(resource, medicine),
        reasons=reasons,
        has_reason=_has_reason(resource),
        replaces=tuple([r.reference for r in _replaced(resource) if r.reference]),
        starts=starts,
        until=until,
        as_needed=any([is_as_needed(dosage) for dosage in resource.dosage_instruction]),
        daily_mg=mg,
        evidence=_evidence(medicine, dose, mg),
    )


def _has_reason(resource: MedicationRequest | MedicationOrder) -> bool:
    given = (
        resource.reason,
        resource.reason_code,
        resource.reason_codeable_concept,
        resource.reason_reference,
    )
    return any(given)


def _directions(resource: MedicationRequest | MedicationOrder) -> list[str]:
    """The directions as written; the patient's own wording only where there is nothing else."""
    texts = [d.text for d in resource.dosage_instruction if d.text]
    if not texts and isinstance(resource, MedicationRequest) and resource.rendered_dosage_instruction:
        texts = [resource.rendered_dosage_instruction]
    return texts or [d.patient_instruction for d in resource.dosage_instruction if d.patient_instruction]


def _replaced(resource: MedicationRequest | MedicationOrder) -> list[Reference]:
    based_on = resource.based_on if isinstance(resource, MedicationRequest) else None
    listed = based_on if isinstance(based_on, list) else [based_on]
    return [reference for reference in (resource.prior_prescription, *listed) if reference]


def _dates(resource: MedicationRequest | MedicationOrder, clock: Clock) -> tuple[date | None, date | None]:
    periods = periods_of(resource.dosage_instruction)
    if resource.dispense_request and resource.dispense_request.validity_period and not periods:
        periods = [resource.dispense_request.validity_period]
    return ends(periods, clock)


def _is_oral(resource: MedicationRequest | MedicationOrder, medicine: Medicine) -> bool:
    """By mouth unless a route or a form says otherwise; a route that is not understood is not the mouth."""
    if medicine.form in _OTHER_FORMS:
        return False
    return all([_names_mouth(dosage.route) for dosage in resource.dosage_instruction if dosage.route])


def _names_mouth(route: CodeableConcept) -> bool:
    """One that says nothing names no other place."""
    if not _ORAL_CODES.isdisjoint([coding.code for coding in route.coding]):
        return True
    codings, text = codes_of(route), text_of(route)
    codes = {(code or "").lower() for _, code, _ in codings}
    if codes & _ORAL_CODES or not (codings or text):
        return True
    said = " ".join([text or "", *(display or "" for _, _, display in codings)]).lower()
    return bool(_ORAL_WORDS.search(said))


def _evidence(medicine: Medicine, dose: NaltrexoneDose, daily: float | None) -> Evidence:
    if daily is not None:
        facts = [f"{milligrams(daily)} mg a day"]
    elif not medicine.is_naltrexone:  # the naltrexone in Embeda is not what is dosed
        facts = []
    elif dose.problem:
        facts = [f"dose not read: {dose.problem.value}"]
    elif dose.is_stepwise:
        facts = ["stepwise schedule"]
    else:
        facts = [f"{milligrams(step.mg)} mg a day" for step in dose.steps[:1]]
    return Evidence(medicine_name(medicine), tuple(facts), "this basket")


def _service_order(
    draft: Draft, resource: ServiceRequest | Procedure, clock: Clock, clinical: Clinical
) -> Order:
    name = name_of(resource.code, "service")
    surgery = is_surgery(resource, clinical)
    period = resource.occurrence_period
    when = clock.earliest(resource.occurrence_date_time, period.start if period else None)
    return Order(
        path=draft.path,
        resource_type=draft.resource_type,
        id=resource.id,
        medicine=Medicine(name=name),
        selected=draft.selected,
        kind=Basket.SURGERY if surgery else Basket.OTHER,
        starts=when,
        evidence=Evidence(name, (), "this basket"),
    )
