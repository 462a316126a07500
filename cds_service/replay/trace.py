"""What one decision did, as plain data: whom it was asked by, what it read, what every rule said.

A trace holds the patient's data as the request did; the access token is never in it. It is made from the
:class:`~cds_service.decision.Workings` of a decision, without any input or output.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import msgspec
from msgspec import Struct

from cds_service.cds_hooks import FhirAuthorization
from cds_service.chart import Evidence, Exposure, NaltrexoneDose, Order, PatientChart, milligrams
from cds_service.chart.baskets import Concern
from cds_service.chart.entries import Entry
from cds_service.chart.exposures import exposures, why_no_exposure
from cds_service.chart.medicines import medicine_of
from cds_service.decision import Workings
from cds_service.fhir.records import PatientRecord, Source
from cds_service.fhir.resources import MEDICATION_RECORDS, MedicationRecord
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Form, KnownBy, Medicine
from cds_service.replay.lists import KeyRead, ListRead, keys_read, lists_read
from cds_service.rules.verdicts import Spoken, Verdict, verdicts

_KNOWN_BY = {
    KnownBy.CODE: "by its code",
    KnownBy.DISPLAY: "by the name beside a code that is not known",
    KnownBy.TEXT: "by its name in free text",
    KnownBy.NOT: "not recognised: of no concern to the rules",
}
_NEEDS = {
    Concern.NONE: "no order to judge holds naltrexone, an opioid or surgery: nothing was read",
    Concern.MEDICATIONS: "an opioid or surgery is to be judged: medications are needed",
    Concern.EVERYTHING: "naltrexone, or an order still without its medicine, is to be judged: every list is",
}  # fmt: skip


class Asker(Struct, frozen=True, omit_defaults=True):
    """Who called: the client, the user, and what ``fhirAuthorization`` claims, without the token."""

    client: str | None = None
    tenant: str | None = None
    dialect: str | None = None
    user: str | None = None
    token: dict[str, str] = {}


class Drug(Struct, frozen=True, omit_defaults=True):
    """A medicine as it was understood, and how."""

    name: str
    known_by: str
    ingredients: tuple[str, ...] = ()
    """Each with what it is to the rules: ``oxycodone (opioid, short-acting)``."""
    code: str | None = None
    details: tuple[str, ...] = ()
    """Form, release, strength."""
    conflict: str | None = None


class Dose(Struct, frozen=True, omit_defaults=True):
    """A dose of naltrexone as it was read."""

    read: str
    coded: str | None = None
    directions: str | None = None
    disagree: bool = False


class Ordered(Struct, frozen=True, omit_defaults=True):
    """One order of the basket."""

    path: str
    drug: Drug
    judged: bool
    reference: str | None = None
    dose: Dose | None = None
    facts: tuple[str, ...] = ()


class Listed(Struct, frozen=True, omit_defaults=True):
    """One medication of the lists; ``exposure`` is None where it counts as no use, ``why_not`` says why."""

    kind: str
    came_from: str
    drug: Drug
    exposure: str | None = None
    facts: tuple[str, ...] = ()
    dose: Dose | None = None
    why_not: str | None = None


class Meant(Struct, frozen=True, omit_defaults=True):
    """A condition, result or allergy that means something to a rule."""

    name: str
    means: tuple[str, ...]
    facts: tuple[str, ...] = ()


class Said(Struct, frozen=True, omit_defaults=True):
    """One finding of a rule, and what became of it."""

    topic: str
    indicator: str
    summary: str
    outcome: str


class RuleTrace(Struct, frozen=True, omit_defaults=True):
    """One rule: what it found, else why it is silent."""

    rule: str
    said: tuple[Said, ...] = ()
    silent: str | None = None


class Trace(Struct, frozen=True, omit_defaults=True):
    """The whole of it. ``milliseconds`` are by stage."""

    hook: str
    decided_on: date
    fhir_version: str
    asker: Asker
    needs: str
    tolerated: tuple[str, ...] = ()
    keys: tuple[KeyRead, ...] = ()
    lists: tuple[ListRead, ...] = ()
    orders: tuple[Ordered, ...] = ()
    medications: tuple[Listed, ...] = ()
    patient: tuple[str, ...] = ()
    meanings: tuple[Meant, ...] = ()
    rules: tuple[RuleTrace, ...] = ()
    milliseconds: dict[str, float] = {}


def trace(
    workings: Workings, clinical: Clinical, *, keys: Mapping[str, str], milliseconds: Mapping[str, float]
) -> Trace:
    """The trace of one decision; ``keys`` are the prefetch keys the site (and the client) named itself."""
    request, chart, record = workings.request, workings.chart, workings.record
    told = workings.told_version
    return Trace(
        hook=request.hook.name,
        decided_on=workings.clock.today,
        fhir_version=f"{told.value}, by the shape of a draft" if told else "not told by any draft",
        asker=_asker(workings),
        needs=_NEEDS[workings.needs],
        tolerated=tuple(str(notice) for notice in request.notices),
        keys=tuple(keys_read(request.prefetch, request.patient_id, keys)),
        lists=tuple(lists_read(record, request.prefetch, keys)) if record else (),
        orders=tuple(_ordered(order) for order in chart.orders) if chart else (),
        medications=tuple(_medications(workings, record, clinical)) if record else (),
        patient=tuple(_patient(chart)) if chart else (),
        meanings=tuple(_meanings(chart)) if chart else (),
        rules=tuple(_rule(verdict) for verdict in verdicts(chart, clinical)) if chart else (),
        milliseconds={stage: round(taken, 2) for stage, taken in milliseconds.items()},
    )


def _asker(workings: Workings) -> Asker:
    caller, request = workings.call.caller, workings.request
    return Asker(
        client=caller.client.id if caller else None,
        tenant=caller.tenant if caller else None,
        dialect=caller.client.dialect if caller else None,
        user=request.user_id,
        token=_claims(request.authorization) if request.authorization else {},
    )


def _claims(authorization: FhirAuthorization) -> dict[str, str]:
    """What the EHR says of its access token; never the token (R10)."""
    claims = {
        "token_type": authorization.token_type,
        "expires_in": None if authorization.expires_in is None else f"{authorization.expires_in:g} s",
        "scope": authorization.scope,
        "subject": authorization.subject,
        "patient": authorization.patient,
    }
    return {name: value for name, value in claims.items() if value}


# --- medicines ---------------------------------------------------------------


def drug(medicine: Medicine) -> Drug:
    """A medicine in words."""
    return Drug(
        name=medicine.name,
        known_by=_KNOWN_BY[medicine.known_by],
        ingredients=tuple(
            f"{i.name} ({', '.join(filter(None, (i.role.value, i.duration)))})" for i in medicine.ingredients
        ),
        code=medicine.code,
        details=tuple(_details(medicine)),
        conflict=medicine.conflict,
    )


def _details(medicine: Medicine) -> Iterator[str]:
    if medicine.form:
        yield Form(medicine.form).value
    if medicine.extended_release:
        yield "extended release"
    if medicine.duration and medicine.is_opioid:
        yield medicine.duration.value
    if medicine.naltrexone_mg:
        yield f"naltrexone {milligrams(medicine.naltrexone_mg)} mg{' per mL' if medicine.per_ml else ''}"


def _dose(dose: NaltrexoneDose) -> Dose:
    steps = [
        f"{milligrams(step.mg)} mg a day" + (f" for {step.days:g} days" if step.days else "")
        for step in dose.steps
    ]
    return Dose(
        read="; then ".join(steps) or f"not read: {dose.problem.value if dose.problem else 'no dose given'}",
        coded=_mg(dose.structured_mg),
        directions=_mg(dose.text_mg),
        disagree=dose.sources_disagree,
    )


def _mg(mg: float | None) -> str | None:
    return None if mg is None else f"{milligrams(mg)} mg a day"


def _ordered(order: Order) -> Ordered:
    facts = [] if order.route_oral else ["not by mouth"]
    facts += [f"starts {order.starts}"] if order.starts else []
    facts += [f"reason: {meaning.value}" for meaning in sorted(order.reasons)]
    facts += [f"replaces {reference}" for reference in order.replaces]
    return Ordered(
        path=order.path,
        drug=drug(order.medicine),
        judged=order.selected,
        reference=order.reference,
        dose=_dose(order.dose) if order.medicine.is_naltrexone else None,
        facts=tuple(facts),
    )


def _medications(workings: Workings, record: PatientRecord, clinical: Clinical) -> Iterator[Listed]:
    in_basket = {(draft.resource_type, draft.id) for draft in workings.drafts if draft.id}
    for view in MEDICATION_RECORDS:
        for resource, source in record.of_type(view):
            if (view.__name__, resource.id) in in_basket:
                medicine, _ = medicine_of(resource, record)
                yield Listed(view.__name__, came_from(source), drug(medicine), why_not="stands in the basket")
            else:
                yield _listed(resource, source, workings, record, clinical)


def _listed(
    resource: MedicationRecord, source: Source, workings: Workings, record: PatientRecord, clinical: Clinical
) -> Listed:
    medicine, gap = medicine_of(resource, record)
    found = _exposure_of(resource, medicine, workings, clinical)
    listed = Listed(type(resource).__name__, came_from(source), drug(medicine))
    if found is None:
        unknown = "its medicine is not known" if gap else "of no concern to the rules"
        return msgspec.structs.replace(listed, why_not=why_no_exposure(resource) or unknown)
    facts = list(found.evidence.facts)
    facts += ["contradicted by another entry"] if found.contradicted else []
    facts += ["a single dose or a short supply"] if found.brief else []
    dose = _dose(found.dose) if found.dose and medicine.is_naltrexone else None
    return msgspec.structs.replace(listed, exposure=found.presence.value, facts=tuple(facts), dose=dose)


def _exposure_of(
    resource: MedicationRecord, medicine: Medicine, workings: Workings, clinical: Clinical
) -> Exposure | None:
    """As the chart has it, with what other entries say against it."""
    if not any(ingredient.role.value != "other" for ingredient in medicine.ingredients):
        return None
    alone = exposures((Entry(resource, medicine),), workings.clock, clinical)
    if not alone:
        return None
    on_chart = workings.chart.exposures if workings.chart else ()
    same = (e for e in on_chart if (e.kind, e.id) == (alone[0].kind, alone[0].id) and e.id)
    return next(same, alone[0])


def came_from(source: Source) -> str:
    """``prefetch $.prefetch.medications.entry[0].resource``, or ``server``."""
    return f"{source.origin} {source.path}".strip()


# --- the patient -------------------------------------------------------------


def _patient(chart: PatientChart) -> Iterator[str]:
    yield "age not known" if chart.person.age is None else f"{chart.person.age} years old"
    if chart.person.sex:
        yield chart.person.sex
    state = chart.pregnancy.state
    yield (
        f"pregnancy: {chart.pregnancy.why_unclear or state}"
        if state != "none"
        else "pregnancy: none recorded"
    )
    if chart.pregnancy.breastfeeding:
        yield "breast-feeding"


def _meanings(chart: PatientChart) -> Iterator[Meant]:
    for problem in chart.problems:
        doubts = {"not active": not problem.active, "not confirmed": not problem.confirmed}
        if problem.meanings:
            facts = tuple(words for words, so in doubts.items() if so)
            yield _meant(problem.evidence, sorted(m.value for m in problem.meanings), facts)
    for result in chart.measurements:
        if result.measures:
            yield _meant(result.evidence, sorted(m.value for m in result.measures))
    for allergy in chart.allergies:
        yield _meant(allergy.evidence, ["intolerance" if allergy.intolerance else "allergy"])
    for planned in chart.surgeries:
        yield _meant(planned.evidence, ["planned surgery"])


def _meant(evidence: Evidence, means: Sequence[str], facts: tuple[str, ...] = ()) -> Meant:
    return Meant(evidence.name, tuple(means), (*evidence.facts, *facts))


# --- the rules ---------------------------------------------------------------


def _rule(verdict: Verdict) -> RuleTrace:
    said = tuple(
        Said(
            topic=spoken.finding.topic.value,
            indicator=spoken.shown_as or spoken.finding.indicator.value,
            summary=spoken.finding.summary,
            outcome=_outcome(spoken),
        )
        for spoken in verdict.spoken
    )
    return RuleTrace(verdict.rule.replace("_", "-"), said, verdict.silent)


def _outcome(spoken: Spoken) -> str:
    by = ", ".join(spoken.withheld_by)
    if spoken.switched_off:
        return "not shown: the topic is switched off at this site"
    if spoken.shown_as is None:
        return f"not shown: withheld by {by}"
    shown = "shown" if spoken.shown_as == spoken.finding.indicator else "shown at the level of this site"
    return f"{shown}; what it would offer is withheld by {by}" if by else shown
