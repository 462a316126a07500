"""Words that may stay: those of our tables, of directions, of FHIR's codes. Any other becomes ``…``."""

from __future__ import annotations

import re
from collections.abc import Iterator
from functools import cache
from itertools import chain

from cds_service.fhir.resources import Resource
from cds_service.knowledge import condition_patterns as patterns
from cds_service.knowledge import tables
from cds_service.knowledge.checkdigits import is_loinc_code, is_snomed_id
from cds_service.knowledge.clinical import load_clinical
from cds_service.knowledge.codings import System, spell, system_of

GONE = "…"


def _kinds(view: type[Resource]) -> set[str]:
    found = {kind for sub in view.__subclasses__() for kind in _kinds(sub)}
    return found | {view.__name__}


RESOURCE_TYPES = frozenset(_kinds(Resource) - {"Resource", "MedicationRecord"}) | {
    "Bundle", "Practitioner", "PractitionerRole", "Encounter", "Organization", "Location", "Device",
    "RelatedPerson", "CarePlan", "NutritionOrder", "DeviceRequest", "DiagnosticOrder", "Appointment",
    "Procedure", "Immunization", "DiagnosticReport", "Specimen", "Coverage", "CareTeam",
}  # fmt: skip
"""FHIR types whose names may stand in a redacted request."""

_CODES = """
    active on-hold cancelled completed entered-in-error stopped draft unknown ended suspended
    revoked proposed planned requested accepted preparation in-progress not-done intended not-taken
    declined recorded withheld aborted final preliminary registered amended corrected appended
    proposal plan order original-order reflex-order filler-order instance-order option directive y n
    unk na male female other inactive resolved remission recurrence relapse unconfirmed provisional
    differential confirmed refuted allergy intolerance low high unable-to-assess critl crith critu
    mild moderate severe s min h d wk mo a mon tue wed thu fri sat sun morn morn.early morn.late
    noon aft aft.early aft.late eve eve.early eve.late night phs hs wake c cm cd cv ac acm acd acv
    pc pcm pcd pcv imd < <= >= > ad fatal error warning information success invalid structure
    required value invariant security login expired forbidden suppressed processing not-supported
    duplicate multiple-matches not-found deleted too-long code-invalid extension too-costly
    business-rule conflict limited-filter transient lock-error no-store exception timeout incomplete
    throttled informational taking not-taking unassessed true false pos neg det nd ind l ll hh u aa
    r i w b vital-signs laboratory survey social-history exam imaging procedure therapy medication
    food environment biologic inpatient outpatient community discharge patientspecified
    problem-list-item encounter-diagnosis health-concern match include outcome searchset collection
    self next previous first last prev
"""
CODES = frozenset(_CODES.split())
"""Values of FHIR's own code lists (https://hl7.org/fhir/terminologies-valuesets.html)."""

_DIRECTIONS = """
    failed challenge screen screening test tests assay confirmed laparoscopic open left right bilateral repair
    a an and as at by for from in into of off on once one two three four five six seven eight nine
    ten or per than that the then thereafter this to under until up use using via when while with
    without no not nil none take takes taking taken give given apply insert inject chew swallow
    dissolve place put hold spray inhale mouth po oral orally oris pr rectally rectal sublingual
    sublingually buccal tongue skin topical topically transdermal transdermally nasal intranasal
    intramuscular subcutaneous intravenous im sc sq iv vaginal capsule capsules cap caps tablet
    tablets tab tabs pill pills lozenge lozenges troche troches film films strip strips patch
    patches suppository suppositories drop drops puff puffs vial vials syringe ampule unit units
    dose doses half quarter mg mcg ug µg μg g ml l mls cc milligram milligrams microgram micrograms
    milliliter milliliters millilitre millilitres teaspoon tsp tablespoon daily nightly bedtime bed
    night nights nightime nocte morning mornings evening evenings noon afternoon every other each
    alternate day days week weeks weekly month months monthly hour hours hourly h hr hrs d wk twice
    thrice times time qd qid tid bid tds bd od om qhs hs qam qpm q qod prn needed required directed
    increase increased increasing increases decrease titrate titrated titration followed after
    before maximum max total start starting begin continue stop stopped increments increment slow
    slowly step pain sleep nausea empty stomach food meal meals water supervised dissolved low ldn
    er xr sr cr ir la xl long short acting release extended immediate sustained delayed compounded
    compound suspension solution liquid powder cream ointment injection injectable kit rescue disp
    refill refills supply sublocade brixadi positive negative detected undetected present absent
    reactive nonreactive normal abnormal unknown pending pregnant pregnancy breastfeeding breast
    feeding lactating lactation yes rash hives urticaria anaphylaxis angioedema itching pruritus
    dyspnea dyspnoea swelling vomiting dizziness headache insomnia dreams anxiety allergy
    intolerance reaction diarrhoea obesity penicillin lactose crohn crohns sjogren hashimoto
    parkinson alzheimer find formulary nonformulary miscellaneous misc unlisted list text outside
    own compounding prescription rx item tk cs ts mgs teaspoonful whole incr inc another further
    additional ea i onwards cut tenth sig
"""
_WORD = re.compile(r"[^\W\d_]+(?:['’-][^\W\d_]+)*")
_PIECE = re.compile(
    rf"(?P<word>{_WORD.pattern})|(?P<number>[.,/:-]{{0,9}}\d[\d.,/:-]*)|(?P<space>\s+)|(?P<mark>.)", re.DOTALL
)
_MARKS = set("()[]{}.,;:/+%-*=&×½¼¾#'")
_NUMBER = re.compile(r"\d{0,3}(?:[.,]\d{1,4})?|\d(?:/\d)|\d{1,2}-\d{1,3}|\d{1,3}(?:\.\d+)?/\d{1,3}(?:\.\d+)?")
_LARGE = re.compile(r"\d{4}")


@cache
def words_known() -> frozenset[str]:
    """In lower case."""
    known = set(_DIRECTIONS.split())
    for table, column in (
        ("ingredients", "names"),
        ("product_names", "name"),
        ("rxnorm_products", "name"),
        ("medicine_codes", "display"),
    ):
        for row in tables.rows(table):
            known.update(word.lower() for word in _WORD.findall(row[column]))
    for table in ("icd10cm", "snomed", "loinc", "answers"):
        for row in tables.rows(table):
            first, *rest = [*_WORD.findall(row["display"]), ""]
            known.update(word.lower() for word in (first, *rest) if word.islower() or word is first)
    known.update(_surgical(), _of_conditions())
    return frozenset(known) - set(_NAMES.split())


def _of_conditions() -> Iterator[str]:
    """The words by which conditions are recognised, and doubted: ``no history of``."""
    named = (*patterns.NAMES.values(), *(alternatives for _, alternatives in patterns.FIXED))
    around = (
        patterns.NOT_BEFORE,
        patterns.NOT_AFTER,
        patterns.PAST,
        patterns.REMISSION,
        patterns.SOMEONE_ELSE,
    )
    for pattern in chain.from_iterable((*named, *around)):
        yield from re.findall(r"(?<!\\)[a-z]{2,}", pattern)


def _surgical() -> Iterator[str]:
    surgery = load_clinical().surgery
    for phrase in (*surgery.words, *surgery.phrases, *surgery.not_words):
        yield from _WORD.findall(phrase)


_NAMES = "rose will may grace faith hope joy dawn june april mark frank grant pat bill rob jean art"
"""Given names that are also words of the tables: without them, no direction loses its sense."""


def text(given: str) -> str:
    """``given`` with every word, number and sign that is not known replaced.

    A known word that begins with a capital goes too beside an unknown one that does: ``Rose Quorn``.
    """
    pieces = [(found.lastgroup or "", found.group()) for found in _PIECE.finditer(given)]
    kept = [_piece(kind, piece, index, pieces) for index, (kind, piece) in enumerate(pieces)]
    return re.sub(r"…(?:[\s.]*…)+", GONE, "".join(kept))


def _piece(kind: str, piece: str, index: int, pieces: list[tuple[str, str]]) -> str:
    if kind == "space":
        return " "
    if kind == "mark":
        return piece if piece in _MARKS else GONE
    if kind == "number":
        return piece if _is_number(piece.rstrip(".,:"), pieces[index + 1 : index + 3]) else GONE
    if not is_known(piece) or (piece[0].isupper() and _beside_a_name(index, pieces)):
        return GONE
    return piece


def is_known(word: str) -> bool:
    """A word, or one of several joined by hyphens, all known."""
    parts = re.split(r"['’-]", word.lower())
    known = words_known()
    if word.lower() in known or word.lower().endswith(_operations()):
        return True
    return all(part in known or part == "s" for part in parts)


def _is_number(piece: str, following: list[tuple[str, str]]) -> bool:
    """Short numbers; four digits only before a unit of mass."""
    if _NUMBER.fullmatch(piece):
        return True
    unit = next((text.lower() for kind, text in following if kind == "word"), "")
    return bool(_LARGE.fullmatch(piece)) and unit in {"mg", "mcg", "ug", "micrograms", "units"}


def _beside_a_name(index: int, pieces: list[tuple[str, str]]) -> bool:
    around = [
        i for i in (index - 2, index + 2) if 0 <= i < len(pieces) and pieces[(i + index) // 2][0] == "space"
    ]
    return any(
        pieces[i][0] == "word" and pieces[i][1][0].isupper() and not is_known(pieces[i][1]) for i in around
    )


@cache
def _operations() -> tuple[str, ...]:
    """Endings of the names of operations: ``ectomy``."""
    return tuple(load_clinical().surgery.suffixes)


# --- codings -------------------------------------------------------------------

_SHAPES = {
    System.RXNORM: re.compile(r"\d{1,8}"),
    System.NDC: re.compile(r"\d{4,5}-?\d{3,4}-?\d{1,2}"),
    System.ATC: re.compile(r"[A-Z]\d\d[A-Z]{1,2}(\d\d)?", re.IGNORECASE),
    System.UNII: re.compile(r"[A-Z0-9]{10}", re.IGNORECASE),
    System.HCPCS: re.compile(r"[A-Z]\d{4}", re.IGNORECASE),
    System.ICD10: re.compile(r"[A-Z]\d[0-9A-Z](\.?[0-9A-Z]{1,4})?", re.IGNORECASE),
}
_HL7 = re.compile(r"https?://(terminology\.)?hl7\.org/[A-Za-z0-9/._-]{1,80}|urn:oid:[0-9.]{1,40}")
_UCUM = "http://unitsofmeasure.org"
_LOCAL = "urn:example:local"


def coding(system: str | None, code: str | None) -> tuple[str | None, str | None]:
    """System and code as they may stay: terminologies by the shape of their codes, HL7's lists by value."""
    if system is None:
        return None, code if code and code.lower() in CODES else (GONE if code else None)
    known = system_of(system)
    if known is not None and code is not None and _fits(known, code):
        return _plain(system), code
    if (
        _HL7.fullmatch(system)
        and code is not None
        and code.lower() in CODES
        and not system.startswith("urn:")
    ):
        return _plain(system), code
    return (_plain(system) if known is not None else _LOCAL), GONE if code else None


def _fits(system: System, code: str) -> bool:
    if system is System.SNOMED:
        return is_snomed_id(code)
    if system is System.LOINC:
        return is_loinc_code(code) or code.upper() in _answers()
    if system in _SHAPES:
        return bool(_SHAPES[system].fullmatch(code.strip()))
    return code.lower() in CODES or code.upper() in _answers()


@cache
def _answers() -> frozenset[str]:
    return frozenset(row["code"].upper() for row in tables.rows("answers"))


def _plain(system: str) -> str:
    """Editions and versions of a terminology may name a country, no more."""
    return system if re.fullmatch(r"[A-Za-z0-9:/._-]{1,80}", system) else str(spell(system, "")[0].value)


@cache
def unit(given: str) -> str:
    """A unit of dose, time or measure; any other is ``unknown-unit``."""
    plain = given.strip()
    if re.fullmatch(r"[\d{}\[\]/.%^*_a-zA-Zµμ ]{1,24}", plain) and all(
        part.lower() in _UNIT_WORDS or is_known(part) for part in re.findall(r"[A-Za-zµμ]+", plain)
    ):
        return plain
    return "unknown-unit"


_UNITS = """
    mg mcg ug µg μg g kg ng ml dl l iu u ku mmol umol mol meq m min h d wk mo a s yr pill tbl tab
    capsule cap tablet film patch spray vial x uln egfr iu
"""
_UNIT_WORDS = frozenset(_UNITS.split())
