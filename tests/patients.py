"""Patients and baskets made at random, by hypothesis: what hand-written cases do not think of.

Resources are written in R4, as simple as an EHR sends them, and converted to the version that is asked for.
"""

from __future__ import annotations

import copy
from dataclasses import dataclass, field, replace

from hypothesis import strategies as st

from cds_service.cds_hooks import HOOKS
from cds_service.conversion import CannotExpress, convert_resource
from cds_service.scenarios import prefetch_of
from tests.patient_entries import (
    ANY_DOSES,
    IDS,
    LOW_DOSES,
    PATIENT,
    dates,
    listed,
    naltrexone_dosage,
    order,
    quantity,
)
from tests.patient_medicines import FULL_DOSE, NALTREXONE, OPIOIDS, OTHERS, Json, coded

VERSIONS = ("R4", "STU3", "R5", "DSTU2")
SECRETS = ("planted-", "Zebedee", "Quillfeather", "555-0199")
"""What no card may hold: the patient's name, telephone number and every id of the record."""


@dataclass(frozen=True)
class Case:
    """A patient's record and a basket, in R4; ``hook`` and ``version`` are how they are sent."""

    orders: list[Json]
    record: list[Json] = field(default_factory=list)
    hook: str = "order-sign"
    version: str = "R4"

    def adding(self, *resources: Json) -> Case:
        return replace(self, record=[*self.record, *resources])

    def request(self) -> Json:
        """The request of :attr:`hook` in :attr:`version`. Raises :class:`CannotExpress`."""
        orders = [convert(order, self.version) for order in self.orders]
        return request_of(orders, [convert(r, self.version) for r in self.record], self.hook, self.version)

    def is_said_in(self, version: str) -> bool:
        """Whether ``version`` has the elements for all of it."""
        try:
            replace(self, version=version).request()
        except CannotExpress:
            return False
        return True


def convert(resource: Json, version: str) -> Json:
    """``resource`` in ``version``. Raises :class:`CannotExpress`."""
    return copy.deepcopy(resource) if version == "R4" else convert_resource(resource, version)


def request_of(orders: list[Json], record: list[Json], hook: str, version: str) -> Json:
    """A request whose prefetch is complete."""
    context: Json = {
        "userId": "Practitioner/planted-1",
        "patientId": PATIENT,
        HOOKS[hook].orders_field: {
            "resourceType": "Bundle",
            "type": "collection",
            "entry": [{"resource": order} for order in orders],
        },
    }
    if HOOKS[hook].selects:
        context["selections"] = [f"{order['resourceType']}/{order['id']}" for order in orders]
    return {
        "hook": hook,
        "hookInstance": "d1577c69-dfbe-44ad-ba6d-3e05e953b2ea",
        "context": context,
        "prefetch": prefetch_of(record, PATIENT, version),
    }


# --- what is of no concern ---------------------------------------------------------------

UNRELATED: list[Json] = [
    {
        "resourceType": "MedicationRequest",
        "id": "planted-lisinopril",
        "status": "active",
        "intent": "order",
        "subject": {"reference": f"Patient/{PATIENT}"},
        "medicationCodeableConcept": coded("rxnorm", "314076", "lisinopril 10 MG Oral Tablet"),
        "authoredOn": "2026-11-01",
    },
    {
        "resourceType": "Observation",
        "id": "planted-potassium",
        "status": "final",
        "subject": {"reference": f"Patient/{PATIENT}"},
        "code": coded("loinc", "2823-3", "Potassium [Moles/volume] in Serum or Plasma"),
        "effectiveDateTime": "2026-11-20",
        "valueQuantity": quantity(4.1, "mmol/L"),
    },
    {
        "resourceType": "Condition",
        "id": "planted-hypertension",
        "clinicalStatus": {"coding": [{"code": "active"}]},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "code": coded("icd10", "I10", "Essential (primary) hypertension"),
        "recordedDate": "2020-03-01",
    },
]


# --- the rest of the record ----------------------------------------------------------------

_CONDITIONS = (
    ("O09.90", "Supervision of high risk pregnancy, unspecified"), ("Z33.1", "Pregnant state, incidental"),
    ("F11.20", "Opioid dependence, uncomplicated"), ("F11.23", "Opioid dependence with withdrawal"),
    ("F11.21", "Opioid dependence, in remission"), ("Z79.891", "Long term (current) use of opiate analgesic"),
    ("F10.20", "Alcohol dependence"), ("B15.9", "Hepatitis A without hepatic coma"),
    ("K72.00", "Acute and subacute hepatic failure"), ("N18.4", "Chronic kidney disease, stage 4"),
    ("M79.7", "Fibromyalgia"), ("F32.9", "Depression"), ("Z39.1", "Care of lactating mother"),
    ("I10", "Hypertension"),
)  # fmt: skip
_LABS = (
    ("1742-6", "Alanine aminotransferase", "U/L", (20, 40, 199, 200, 201, 900)),
    ("1920-8", "Aspartate aminotransferase", "U/L", (20, 200, 201)),
    ("33914-3", "GFR/1.73 sq M.predicted by MDRD", "mL/min/{1.73_m2}", (15, 29, 30, 31, 90)),
    ("2823-3", "Potassium", "mmol/L", (3.5, 6.0)),
)


@st.composite
def condition(draw: st.DrawFn) -> Json:
    status = draw(st.sampled_from(("active", "active", "resolved", "remission", "inactive")))
    verified = draw(st.sampled_from(("confirmed", "confirmed", "unconfirmed", "refuted", "entered-in-error")))
    made: Json = {
        "resourceType": "Condition",
        "id": draw(IDS),
        "clinicalStatus": {"coding": [{"code": status}]},
        "verificationStatus": {"coding": [{"code": verified}]},
        "subject": {"reference": f"Patient/{PATIENT}"},
        "code": coded("icd10", *draw(st.sampled_from(_CONDITIONS))),
    }
    for name in ("onsetDateTime", "recordedDate"):
        if draw(st.booleans()):
            made[name] = draw(dates(latest=0))
    return made


@st.composite
def observation(draw: st.DrawFn) -> Json:
    made: Json = {
        "resourceType": "Observation",
        "id": draw(IDS),
        "status": draw(st.sampled_from(("final", "final", "preliminary", "entered-in-error"))),
        "subject": {"reference": f"Patient/{PATIENT}"},
    }
    if draw(st.booleans()):
        made["effectiveDateTime"] = draw(dates(latest=0))
    if draw(st.integers(0, 2)) == 0:
        answer = draw(st.sampled_from((("LA15173-0", "Pregnant"), ("LA26683-5", "Not pregnant"))))
        return made | {
            "code": coded("loinc", "82810-3", "Pregnancy status"),
            "valueCodeableConcept": coded("loinc", *answer),
        }
    code, name, unit, values = draw(st.sampled_from(_LABS))
    return made | {
        "code": coded("loinc", code, name),
        "valueQuantity": quantity(draw(st.sampled_from(values)), unit),
    }


@st.composite
def allergy(draw: st.DrawFn) -> Json:
    return {
        "resourceType": "AllergyIntolerance",
        "id": draw(IDS),
        "clinicalStatus": {"coding": [{"code": draw(st.sampled_from(("active", "inactive")))}]},
        "verificationStatus": {"coding": [{"code": draw(st.sampled_from(("confirmed", "refuted")))}]},
        "type": draw(st.sampled_from(("allergy", "intolerance"))),
        "patient": {"reference": f"Patient/{PATIENT}"},
        "code": {"text": draw(st.sampled_from(("naltrexone", "naloxone", "lactose", "penicillin")))},
    }


@st.composite
def patient(draw: st.DrawFn) -> Json:
    made: Json = {
        "resourceType": "Patient",
        "id": PATIENT,
        "name": [{"family": "Quillfeather", "given": ["Zebedee"]}],
        "telecom": [{"system": "phone", "value": "555-0199"}],
    }
    if draw(st.integers(0, 4)):
        made["gender"] = draw(st.sampled_from(("female", "male", "other", "unknown")))
    if draw(st.integers(0, 4)):
        years = draw(st.sampled_from((0, 8, 11, 12, 17, 18, 19, 30, 45, 59, 60, 61, 74, 75, 76, 101)))
        made["birthDate"] = f"{2026 - years}-{draw(st.sampled_from(('01-05', '11-22', '11-23', '12-30')))}"
    return made


@st.composite
def records(draw: st.DrawFn, medicines: int = 3) -> list[Json]:
    """A patient with lists of anything; ids are never shared."""
    concepts = st.one_of(
        st.sampled_from(OPIOIDS), st.sampled_from(NALTREXONE + FULL_DOSE), st.sampled_from(OTHERS)
    )  # fmt: skip
    found = [draw(patient()), *draw(st.lists(listed(concepts), max_size=medicines))]
    found += draw(st.lists(condition(), max_size=2))
    found += draw(st.lists(observation(), max_size=2))
    found += draw(st.lists(allergy(), max_size=1))
    return list({resource["id"]: resource for resource in found}.values())


@st.composite
def quiet_records(draw: st.DrawFn) -> list[Json]:
    """A patient about whose medicines nothing is known."""
    return draw(records(medicines=0))


@st.composite
def ldn_orders(draw: st.DrawFn, doses: tuple[float, ...] = LOW_DOSES) -> Json:
    return draw(order(draw(st.sampled_from(NALTREXONE)), draw(naltrexone_dosage(doses))))


@st.composite
def baskets(draw: st.DrawFn) -> list[Json]:
    """An order of naltrexone nearly always, alone or with another naltrexone, an opioid or something else."""
    found = [draw(ldn_orders(ANY_DOSES))] if draw(st.integers(0, 7)) else []
    if not found or draw(st.integers(0, 3)) == 0:
        concepts = draw(st.sampled_from((OPIOIDS, OTHERS, FULL_DOSE, NALTREXONE)))
        found.append(draw(order(draw(st.sampled_from(concepts)))))
    return list({resource["id"]: resource for resource in found}.values())


@st.composite
def cases(draw: st.DrawFn, versions: tuple[str, ...] = VERSIONS) -> Case:
    """Any basket for any patient, as any hook and version that can say it."""
    hook = draw(st.sampled_from(("order-select", "order-sign")))
    return Case(draw(baskets()), draw(records()), hook, draw(st.sampled_from(versions)))
