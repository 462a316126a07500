"""Orders and list entries of medicines made at random, by hypothesis: their dates, dosages and states.

Resources are written in R4, as simple as an EHR sends them.
"""

from __future__ import annotations

import copy
from datetime import UTC, datetime, timedelta
from typing import Any

from hypothesis import strategies as st

from tests.patient_medicines import Json, coded

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
PATIENT = "planted-patient-77"

# --- dates -------------------------------------------------------------------------

_BORDERS = (
    0, 1, 2, 3, 4, 5, 6, 7, 9, 10, 11, 13, 14, 15, 16, 29, 30, 31, 60, 90, 91, 120, 364, 366, 400, 2000,
)  # fmt: skip
"""Days ago at which a rule may decide otherwise, and their neighbours."""


def day(ago: int) -> str:
    return (NOW.date() - timedelta(days=ago)).isoformat()


@st.composite
def days_ago(draw: st.DrawFn, earliest: int = 2000, latest: int = 0) -> int:
    near = [d for d in _BORDERS if latest <= d <= earliest]
    return draw(st.sampled_from(near) if near else st.integers(latest, earliest))


@st.composite
def dates(draw: st.DrawFn, latest: int = -20) -> str:
    """A date before, on or after today, to the day, the month, the year or the second."""
    ago = draw(st.one_of(days_ago(), st.integers(latest, 0)))
    length = draw(st.sampled_from((10, 10, 10, 10, 7, 4, 25)))
    return f"{day(ago)}T12:00:00+00:00" if length == 25 else day(ago)[:length]


# --- dosages -------------------------------------------------------------------------


def quantity(value: float, unit: str) -> Json:
    return {"value": value, "unit": unit, "system": "http://unitsofmeasure.org", "code": unit}


_DAILY = {"repeat": {"frequency": 1, "period": 1, "periodUnit": "d"}}
LOW_DOSES = (0.5, 1.0, 1.5, 2.0, 2.25, 3.0, 4.0, 4.5, 6.0)
ANY_DOSES = (*LOW_DOSES, 0.05, 0.25, 0.001, 6.1, 9.0, 15.0, 25.0, 45.0, 50.0, 100.0, 380.0)


@st.composite
def naltrexone_dosage(draw: st.DrawFn, doses: tuple[float, ...] = ANY_DOSES) -> Json:
    """Coded, in words, both, in micrograms, in pieces, in mL; once or twice a day, as needed, bounded."""
    mg = draw(st.sampled_from(doses))
    shape = draw(st.sampled_from(("coded", "coded", "coded", "words", "both", "mcg", "mL", "capsule")))
    timing = copy.deepcopy(_DAILY)
    made: Json = {"timing": timing, "route": {"text": draw(st.sampled_from(("oral", "Oral use")))}}
    if shape != "words":
        given_as = {
            "mcg": quantity(mg * 1000, "ug"),
            "mL": quantity(mg, "mL"),
            "capsule": {"value": draw(st.sampled_from((1, 2, 0.5))), "unit": "capsule"},
        }
        made["doseAndRate"] = [{"doseQuantity": given_as.get(shape, quantity(mg, "mg"))}]
    if shape in ("words", "both"):
        made["text"] = f"Take {mg:g} mg by mouth " + draw(
            st.sampled_from(("at bedtime", "nightly", "once daily"))
        )
    if draw(st.integers(0, 5)) == 0:
        timing["repeat"]["boundsPeriod"] = {"start": day(draw(st.integers(-20, 0)))}
    elif draw(st.integers(0, 5)) == 0:
        timing["repeat"]["boundsDuration"] = quantity(14, "d")
    return made


# --- entries of the lists ---------------------------------------------------------------

IDS = st.integers(0, 10**9).map(lambda n: f"planted-{n}")
_DRAFT_IDS = st.integers(0, 10**9).map(lambda n: f"planted-draft-{n}")
"""A draft that is on the lists as well is one order, signed again: here they are always two."""
_ACTIVE_IDS = st.integers(0, 10**9).map(lambda n: f"planted-active-{n}")


REASONS = (
    ("M79.7", "Fibromyalgia"),
    ("F10.20", "Alcohol dependence, uncomplicated"),
    ("F11.20", "Opioid dependence"),
)


@st.composite
def order(draw: st.DrawFn, concept: Json, dosage: Json | None = None) -> Json:
    """A draft of the basket."""
    made: Json = {
        "resourceType": "MedicationRequest",
        "id": draw(_DRAFT_IDS),
        "status": "draft",
        "intent": "order",
        "subject": {"reference": f"Patient/{PATIENT}", "display": "Zebedee Quillfeather"},
        "medicationCodeableConcept": copy.deepcopy(concept),
        "authoredOn": day(0),
    }
    if dosage:
        made["dosageInstruction"] = [dosage]
    if draw(st.booleans()):
        made["dispenseRequest"] = {
            "numberOfRepeatsAllowed": draw(st.integers(0, 3)),
            "quantity": {"value": 30, "unit": "capsule"},
            "expectedSupplyDuration": quantity(30, "d"),
        }
    if draw(st.integers(0, 3)) == 0:
        reason = draw(st.sampled_from(REASONS))
        made["reasonCode"] = [coded("icd10", *reason)]
    return made


_STATUS = {
    "MedicationRequest": (
        "active", "active", "on-hold", "completed", "stopped", "cancelled", "entered-in-error", "draft",
    ),
    "MedicationStatement": (
        "active", "active", "completed", "stopped", "on-hold", "not-taken", "intended", "entered-in-error",
        "unknown",
    ),
    "MedicationDispense": ("completed", "completed", "in-progress", "on-hold", "entered-in-error", "stopped"),
    "MedicationAdministration": (
        "completed", "completed", "in-progress", "not-done", "entered-in-error", "stopped",
    ),
}  # fmt: skip
KINDS = tuple(_STATUS)


def entry(kind: str, concept: Json, status: str, identifier: str, **elements: Any) -> Json:
    """A list entry; ``identifier`` is its id."""
    made: Json = {
        "resourceType": kind,
        "id": identifier,
        "status": status,
        "subject": {"reference": f"Patient/{PATIENT}", "display": "Zebedee Quillfeather"},
        "medicationCodeableConcept": copy.deepcopy(concept),
        **elements,
    }
    if kind == "MedicationRequest":
        made.setdefault("intent", "order")
    return made


@st.composite
def listed(draw: st.DrawFn, concepts: st.SearchStrategy[Json]) -> Json:
    """An entry of any type and status, with any dates."""
    kind = draw(st.sampled_from(KINDS))
    made = entry(kind, draw(concepts), draw(st.sampled_from(_STATUS[kind])), draw(IDS))
    if kind == "MedicationRequest":
        made["intent"] = draw(st.sampled_from(("order", "order", "order", "plan", "proposal")))
        if draw(st.booleans()):
            made["authoredOn"] = draw(dates())
        if draw(st.booleans()):
            made["dispenseRequest"] = {
                "expectedSupplyDuration": quantity(draw(st.sampled_from((1, 3, 5, 7, 30, 90))), "d"),
                "numberOfRepeatsAllowed": draw(st.integers(0, 2)),
            }
    elif kind == "MedicationStatement":
        if draw(st.booleans()):
            made["effectivePeriod"] = draw(periods())
        elif draw(st.booleans()):
            made["effectiveDateTime"] = draw(dates())
        if draw(st.booleans()):
            made["dateAsserted"] = draw(dates(latest=0))
    elif kind == "MedicationDispense":
        if draw(st.integers(0, 3)):
            made["whenHandedOver"] = draw(dates(latest=0))
        if draw(st.booleans()):
            made["daysSupply"] = quantity(draw(st.sampled_from((3, 5, 30, 90))), "d")
    elif draw(st.booleans()):
        made["effectiveDateTime"] = draw(dates(latest=0))
    else:
        made["effectivePeriod"] = draw(periods())
    return made


@st.composite
def periods(draw: st.DrawFn) -> Json:
    start, end = sorted((draw(st.integers(-10, 800)), draw(st.one_of(days_ago(), st.integers(-10, 40)))))[
        ::-1
    ]
    made = {"start": day(start), "end": day(end)}
    for key in draw(st.sampled_from(((), (), ("start",), ("end",)))):
        del made[key]
    return made


@st.composite
def active(draw: st.DrawFn, concept: Json) -> Json:
    """An entry that says, on any list, that ``concept`` is taken now."""
    kind = draw(st.sampled_from(KINDS))
    made = entry(kind, concept, "active", draw(_ACTIVE_IDS))
    began = day(draw(st.integers(0, 25)))
    if kind == "MedicationRequest":
        made["status"] = draw(st.sampled_from(("active", "on-hold")))
        if draw(st.integers(0, 2)):
            made["authoredOn"] = began
        if draw(st.booleans()):
            made["dispenseRequest"] = {"expectedSupplyDuration": quantity(30, "d")}
    elif kind == "MedicationStatement":
        if draw(st.integers(0, 2)):
            made["effectivePeriod"] = {"start": began}
        if draw(st.booleans()):
            made["dateAsserted"] = day(0)
    elif kind == "MedicationDispense":
        made |= {"status": "completed", "whenHandedOver": began, "daysSupply": quantity(30, "d")}
    else:
        made |= {"status": "in-progress", "effectivePeriod": {"start": began}}
    return made


def ended(concept: Json, ago: int, lasted: int, identifier: str, kind: str = "MedicationStatement") -> Json:
    """An entry that says that ``concept`` was taken until ``ago`` days ago, on the list of its ``kind``."""
    period = {"start": day(ago + lasted), "end": day(ago)}
    if kind == "MedicationDispense":
        return entry(
            kind, concept, "completed", identifier,
            whenHandedOver=day(ago + lasted), daysSupply=quantity(lasted, "d"),
        )  # fmt: skip
    if kind == "MedicationRequest":
        return entry(
            kind, concept, "completed", identifier,
            authoredOn=day(ago + lasted), dispenseRequest={"expectedSupplyDuration": quantity(lasted, "d")},
        )  # fmt: skip
    return entry(kind, concept, "completed", identifier, effectivePeriod=period)
