"""What the knowledge base answers: medicines and their ingredients, conditions and measurements.

These are values without behaviour; :mod:`cds_service.knowledge.medicines` and
:mod:`cds_service.knowledge.conditions` make them from codes and names.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum


class Role(StrEnum):
    """What an ingredient is to this service."""

    OPIOID = "opioid"
    """Acts on central opioid receptors, partial and mixed agonists included."""
    OPIOID_LIKE = "opioid-like"
    """Kratom and tianeptine: act on opioid receptors, not medicines called opioids."""
    PERIPHERAL_OPIOID = "peripheral-opioid"
    """Loperamide, diphenoxylate, difenoxin, eluxadoline, difelikefalin."""
    NALTREXONE = "naltrexone"
    ANTAGONIST = "antagonist"
    """Nalmefene, samidorphan: systemic opioid antagonists for regular use."""
    RESCUE_ANTAGONIST = "rescue-antagonist"
    """Naloxone (and nalmefene nasal spray or injection): reversal, no daily therapy."""
    OPIOID_SIGN = "opioid-sign"
    """Methylnaltrexone, naloxegol, naldemedine, lofexidine: taken by those who take opioids or stop them."""
    THIORIDAZINE = "thioridazine"
    DISULFIRAM = "disulfiram"
    OTHER = "other"
    """Known, and of no concern here (bupropion, dextromethorphan, acetaminophen …)."""


class Duration(StrEnum):
    """Class that decides the opioid-free interval."""

    SHORT = "short-acting"
    LONG = "long-acting"
    METHADONE_BUPRENORPHINE = "methadone-buprenorphine"


class Form(StrEnum):
    """Dose form, as far as a rule needs it."""

    TABLET = "tablet"
    CAPSULE = "capsule"
    LIQUID = "liquid"
    FILM = "film"
    PATCH = "patch"
    INJECTION = "injection"
    DEPOT = "depot injection"
    """Works for weeks from one dose: naltrexone 380 mg, Sublocade, Brixadi."""
    IMPLANT = "implant"
    NASAL = "nasal spray"
    SUPPOSITORY = "suppository"
    TOPICAL = "topical"


class KnownBy(StrEnum):
    """How a medicine was recognised, best first."""

    CODE = "code"
    DISPLAY = "display"
    """The display of a coding whose code is not known."""
    TEXT = "text"
    """CodeableConcept.text, Reference.display or a free-text order."""
    NOT = "not recognised"


@dataclass(frozen=True, slots=True)
class Ingredient:
    """One active ingredient, ``name`` in RxNorm's spelling (``meperidine``)."""

    name: str
    role: Role
    duration: Duration | None = None
    """Of the immediate-release form; the product's own is :attr:`Medicine.duration`."""


@dataclass(frozen=True, slots=True)
class Medicine:
    """What one medication entry is.

    ``ingredients`` is empty for a medicine the service does not know, which is
    then of no concern to it. ``naltrexone_mg`` is the strength in mg of the
    salt per unit, or per mL when ``per_ml``. ``name`` is what to call it on a card,
    ``code`` the coding it was known by (``rxnorm 1049502``). ``conflict`` says
    that code and text name different ingredients (the code is believed).
    """

    name: str
    ingredients: tuple[Ingredient, ...] = ()
    known_by: KnownBy = KnownBy.NOT
    code: str | None = None
    form: Form | None = None
    extended_release: bool = False
    duration: Duration | None = None
    """The longest duration class of the opioids in it, form and release considered."""
    naltrexone_mg: float | None = None
    per_ml: bool = False
    low_dose: bool = False
    """Called low dose by name: "LDN", "low dose naltrexone"."""
    in_directions: bool = False
    """Named by its directions alone, the order itself is a placeholder: whoever changes them must name it."""
    conflict: str | None = None
    roles: frozenset[Role] = field(init=False, repr=False, compare=False)
    """Of all its ingredients."""
    is_opioid: bool = field(init=False, repr=False, compare=False)
    """Holds a centrally acting opioid (Embeda and Troxyca do, their naltrexone notwithstanding)."""
    is_naltrexone: bool = field(init=False, repr=False, compare=False)
    """Holds naltrexone and no opioid."""

    def __post_init__(self) -> None:
        """Told once: a rule asks a dozen times."""
        roles = frozenset(ingredient.role for ingredient in self.ingredients)
        opioid = not roles.isdisjoint((Role.OPIOID, Role.OPIOID_LIKE))
        object.__setattr__(self, "roles", roles)
        object.__setattr__(self, "is_opioid", opioid)
        object.__setattr__(self, "is_naltrexone", Role.NALTREXONE in roles and not opioid)

    def has(self, *roles: Role) -> bool:
        """Whether any ingredient has one of ``roles``."""
        return not self.roles.isdisjoint(roles)

    def named(self, *roles: Role) -> tuple[str, ...]:
        """Names of the ingredients that have one of ``roles``."""
        return tuple([i.name for i in self.ingredients if i.role in roles])


class Meaning(StrEnum):
    """What a coded or named condition can mean to a rule."""

    # pregnancy and breast-feeding
    PREGNANT = "pregnant"
    POSSIBLY_PREGNANT = "possibly-pregnant"
    NOT_PREGNANT = "not-pregnant"
    DELIVERED = "delivered"
    PREGNANCY_ENDED = "pregnancy-ended"
    POSTPARTUM = "postpartum"
    LACTATING = "lactating"
    NOT_LACTATING = "not-lactating"
    # opioids and alcohol
    OPIOID_USE_DISORDER = "opioid-use-disorder"
    OPIOID_AGONIST_THERAPY = "opioid-agonist-therapy"
    LONG_TERM_OPIOID = "long-term-opioid"
    OPIOID_WITHDRAWAL = "opioid-withdrawal"
    OPIOID_OVERDOSE = "opioid-overdose"
    NALOXONE_CHALLENGE_FAILED = "naloxone-challenge-failed"
    ALCOHOL_USE_DISORDER = "alcohol-use-disorder"
    # liver and kidney
    ACUTE_HEPATITIS = "acute-hepatitis"
    LIVER_FAILURE = "liver-failure"
    DECOMPENSATED_CIRRHOSIS = "decompensated-cirrhosis"
    CIRRHOSIS = "cirrhosis"
    DECOMPENSATION_SIGN = "decompensation-sign"
    """Ascites, varices …: decompensated only together with CIRRHOSIS."""
    SEVERE_RENAL_IMPAIRMENT = "severe-renal-impairment"
    # context
    DEPRESSION = "depression"
    SUICIDALITY = "suicidality"
    PLANNED_SURGERY = "planned-surgery"
    NALTREXONE_ALLERGY = "naltrexone-allergy"
    NALOXONE_ALLERGY = "naloxone-allergy"
    # indications seen for LDN
    FIBROMYALGIA = "fibromyalgia"
    CRPS = "complex-regional-pain-syndrome"
    RHEUMATOID_ARTHRITIS = "rheumatoid-arthritis"
    LUPUS = "lupus"
    MULTIPLE_SCLEROSIS = "multiple-sclerosis"
    CROHNS_DISEASE = "crohns-disease"
    ENDOMETRIOSIS = "endometriosis"
    ME_CFS = "me-cfs"
    LONG_COVID = "long-covid"
    CHRONIC_PAIN = "chronic-pain"
    NEUROPATHIC_PAIN = "neuropathic-pain"
    PELVIC_PAIN = "pelvic-pain"


class Measure(StrEnum):
    """What an observation measures."""

    PREGNANCY_STATUS = "pregnancy-status"
    BREASTFEEDING_STATUS = "breastfeeding-status"
    DUE_DATE = "due-date"
    GESTATIONAL_AGE = "gestational-age"
    PREGNANCY_TEST = "pregnancy-test"
    OPIOID_SCREEN = "opioid-screen"
    """Immunoassay, unconfirmed."""
    DRUG_SCREEN = "drug-screen"
    """A screen for several drugs told in one text: positive when the text says so of an opioid."""
    OPIOID_ASSAY = "opioid-assay"
    """Confirmed: chromatography, mass spectrometry, or named "confirm"."""
    NALOXONE_CHALLENGE = "naloxone-challenge"
    ALT = "alt"
    AST = "ast"
    EGFR = "egfr"


class Answer(StrEnum):
    """What an observation's value says, when it is not a number."""

    PREGNANT = "pregnant"
    POSSIBLY_PREGNANT = "possibly-pregnant"
    NOT_PREGNANT = "not-pregnant"
    LACTATING = "lactating"
    NOT_LACTATING = "not-lactating"
    POSITIVE = "positive"
    NEGATIVE = "negative"
    UNKNOWN = "unknown"
