"""What kind of naltrexone treatment an order or a list entry is."""

from __future__ import annotations

from enum import StrEnum

from cds_service.chart import Exposure, NaltrexoneDose, Order, PatientChart
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Form, Meaning, Medicine, Role

DISORDERS = {
    Meaning.OPIOID_USE_DISORDER: "opioid use disorder",
    Meaning.ALCOHOL_USE_DISORDER: "alcohol use disorder",
}
INDICATIONS = (
    Meaning.FIBROMYALGIA,
    Meaning.CRPS,
    Meaning.RHEUMATOID_ARTHRITIS,
    Meaning.LUPUS,
    Meaning.MULTIPLE_SCLEROSIS,
    Meaning.CROHNS_DISEASE,
    Meaning.ENDOMETRIOSIS,
    Meaning.ME_CFS,
    Meaning.LONG_COVID,
    Meaning.NEUROPATHIC_PAIN,
    Meaning.PELVIC_PAIN,
    Meaning.CHRONIC_PAIN,
)


class Regimen(StrEnum):
    """By dose first, then by product."""

    MICRO = "below the LDN range"
    LOW = "LDN"
    STANDARD = "standard dose"
    INJECTION = "injection or implant"
    COMBINATION = "combination product"
    ODD = "neither LDN nor standard"
    UNKNOWN = "dose not known"


LOW_DOSE = frozenset({Regimen.MICRO, Regimen.LOW})
POSSIBLY_LDN = LOW_DOSE | {Regimen.UNKNOWN}
FULL_DOSE = frozenset({Regimen.STANDARD, Regimen.INJECTION, Regimen.COMBINATION, Regimen.ODD})


def regimen(medicine: Medicine, dose: NaltrexoneDose | None, clinical: Clinical) -> Regimen:
    """The regimen of ``medicine`` at ``dose``.

    A low dose is LDN whatever product it is written on (the product is another
    rule's question). Without a dose, a product of full strength is what it is.
    """
    mg = dose.mg_per_day if dose else None
    limits = clinical.dose
    edge = limits.upper_edge_mg
    if dose and mg is not None and mg <= edge and (dose.per_dose_mg or 0.0) <= edge:
        return Regimen.LOW if mg >= limits.low_mg else Regimen.MICRO
    if medicine.form in (Form.DEPOT, Form.IMPLANT):
        return Regimen.INJECTION
    if is_combination(medicine):
        return Regimen.COMBINATION
    if dose is None or mg is None:
        return Regimen.UNKNOWN
    return Regimen.STANDARD if _is_standard(dose, clinical) else Regimen.ODD


def is_combination(medicine: Medicine) -> bool:
    """Naltrexone with another active ingredient (Contrave, Mysimba)."""
    return medicine.is_naltrexone and len(medicine.ingredients) > 1


def _is_standard(dose: NaltrexoneDose, clinical: Clinical) -> bool:
    """A regimen of the label: mg per dose, and no more often than the label gives it."""
    mg, every = dose.per_dose_mg or 0.0, dose.every_days
    daily = dose.mg_per_day or 0.0
    smallest, largest = min(clinical.dose.standard_start_mg), max(clinical.dose.standard_start_mg)
    if smallest <= mg <= largest:
        return daily <= min(clinical.dose.standard_mg)
    if mg not in clinical.dose.standard_mg:
        return False
    return mg <= min(clinical.dose.standard_mg) and daily <= mg or every >= 1.5


def of_order(order: Order, clinical: Clinical) -> Regimen:
    """The regimen of an order; a bare order of the 50 mg tablet stays unknown until it has a dose."""
    return regimen(order.medicine, order.dose, clinical)


def of_exposure(exposure: Exposure, clinical: Clinical) -> Regimen:
    """The regimen of a list entry; without a dose, a full-strength product counts as taken as labelled,
    and what is called "LDN" as LDN."""
    kind = regimen(exposure.medicine, exposure.dose, clinical)
    if kind is not Regimen.UNKNOWN:
        return kind
    strength = exposure.medicine.naltrexone_mg or 0.0
    if not exposure.medicine.per_ml and strength >= clinical.dose.full_dose_mg:
        return Regimen.STANDARD
    return Regimen.LOW if exposure.medicine.low_dose else kind


def is_full_dose(exposure: Exposure, clinical: Clinical) -> bool:
    """Taken at a dose that blocks opioids: 25 mg and more, an injection, a combination."""
    kind = of_exposure(exposure, clinical)
    mg = exposure.dose.mg_per_day if exposure.dose else None
    odd_but_low = kind is Regimen.ODD and mg is not None and mg < clinical.dose.full_dose_mg
    return kind in FULL_DOSE and not odd_but_low


def is_renewal(chart: PatientChart, clinical: Clinical) -> bool:
    """Whether the patient takes a naltrexone of the ordered kind already; low doses are one kind."""
    taken = {_class(of_exposure(e, clinical)) for e in chart.taking_naltrexone()}
    if not taken:
        return False
    return any(_class(of_order(order, clinical)) in taken for order in chart.naltrexone_in_basket)


def _class(kind: Regimen) -> Regimen:
    return Regimen.LOW if kind in LOW_DOSE else kind


def drug(chart: PatientChart, clinical: Clinical) -> str:
    """What to call the ordered naltrexone in a sentence: LDN when every order is a low dose."""
    kinds = [of_order(order, clinical) for order in chart.naltrexone_in_basket]
    return "LDN" if kinds and LOW_DOSE.issuperset(kinds) else "naltrexone"


def disorder_treated(order: Order, chart: PatientChart, clinical: Clinical) -> str | None:
    """The use disorder an order treats: by its own reason, else by the problem list, remission included.

    A low dose treats none, whatever its reason; nor does an order whose reason is an indication of LDN.
    """
    kind = of_order(order, clinical)
    if kind in LOW_DOSE:
        return None
    for meaning, name in DISORDERS.items():
        if meaning in order.reasons:
            return name
    if kind not in (Regimen.STANDARD, Regimen.INJECTION) or order.reasons & set(INDICATIONS):
        return None
    recorded = (m for m in DISORDERS if chart.with_meaning(m, active=None))
    return next((DISORDERS[meaning] for meaning in recorded), None)


def disorder_recorded(order: Order, chart: PatientChart) -> bool:
    """Whether opioid or alcohol use disorder is the order's reason or stands on the problem list."""
    treated = {*DISORDERS, Meaning.OPIOID_AGONIST_THERAPY}
    return bool(order.reasons & treated or chart.with_meaning(*treated, active=None))


_AGONIST_TREATMENT = frozenset({"methadone", "buprenorphine", "levomethadone", "levacetylmethadol"})


def for_opioid_use_disorder(medicine: Medicine, reasons: frozenset[Meaning], chart: PatientChart) -> bool:
    """Methadone or buprenorphine that treats opioid use disorder, as far as the record tells."""
    if _AGONIST_TREATMENT.isdisjoint(medicine.named(Role.OPIOID)) or medicine.form is Form.PATCH:
        return False
    with_naloxone = medicine.has(Role.RESCUE_ANTAGONIST) and "buprenorphine" in medicine.named(Role.OPIOID)
    recorded = chart.with_meaning(Meaning.OPIOID_USE_DISORDER, Meaning.OPIOID_AGONIST_THERAPY)
    depot = medicine.form in (Form.DEPOT, Form.IMPLANT)
    return with_naloxone or depot or Meaning.OPIOID_USE_DISORDER in reasons or bool(recorded)
