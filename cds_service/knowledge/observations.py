"""What an observation measures, and what its coded or written value says."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import cache

from cds_service.knowledge import tables
from cds_service.knowledge.codings import Coding, System, known_codings
from cds_service.knowledge.concepts import Answer, Meaning, Measure, Role
from cds_service.knowledge.conditions import condition_meanings
from cds_service.knowledge.drug_names import read_drug_name
from cds_service.knowledge.ingredients import by_name
from cds_service.knowledge.memory import Memory
from cds_service.knowledge.words import plain

Measures = frozenset[Measure]
_NOTHING: Measures = frozenset()


def observation_measures(codings: Sequence[Coding], text: str | None = None) -> Measures:
    """What an observation measures, as far as a rule needs it.

    Assays of naltrexone, naltrexol and naloxone, cutoffs, panels and deprecated
    codes measure nothing here, whatever opioid value sets they sit in.
    """
    return _measured.ask((tuple(codings), text), lambda: _work_out(codings, text))


_measured: Memory[Measures] = Memory()


def _work_out(codings: Sequence[Coding], text: str | None) -> Measures:
    coded = (code_measures(system, code) for system, code, _ in known_codings(codings))
    known = [measures for measures in coded if measures is not None]
    if known:
        return _NOTHING.union(*known)
    names = {display for _, _, display in codings if display} | ({text} if text else set())
    return _NOTHING.union(*(_named_measures(name) for name in names))


def code_measures(system: System, code: str) -> Measures | None:
    """What a code measures, empty when it is known to be no result, None when it is not known."""
    if system is System.LOINC:
        return _loinc().get(code)
    return _local().get(code) if system is System.LOCAL else None


@cache
def _loinc() -> dict[str, Measures]:
    return {row["code"]: _one(row) for row in tables.rows_with_site("loinc")}


@cache
def _local() -> dict[str, Measures]:
    """Observations of the site's own systems; no such table is shipped."""
    return {row["code"]: _one(row) for row in tables.of_site("local_observations")}


def _one(row: dict[str, str]) -> Measures:
    return frozenset({Measure(row["measure"])}) if row["measure"] else _NOTHING


def forget() -> None:
    """Read the tables again: a site has taught codes."""
    _loinc.cache_clear()
    _local.cache_clear()
    _measured.forget()


# --- names --------------------------------------------------------------------------------------

_CHALLENGE = re.compile(r"\b(?:naloxone|narcan)[ -]+challenge")
_NOT_A_RESULT = re.compile(r"naltrex|nalox|cut-?off|deprecated|\bratio\b|cord blood")
_NAMED: tuple[tuple[Measure, re.Pattern[str]], ...] = tuple(
    (measure, re.compile(pattern))
    for measure, pattern in (
        (
            Measure.PREGNANCY_TEST,
            r"\b(?:b|beta|u|s|poc)?[ -]?hcg\b|choriogonadotropin|chorionic gonadotropin|\bpregnancy test"
            r"|\b(?:urine|serum) pregnancy\b|\bpregnancy,? (?:urine|serum|poc)\b|\bupt\b",
        ),
        (Measure.PREGNANCY_STATUS, r"\bpregnancy status\b|\bpregnant\b|^\s*pregnancy\s*$"),
        (Measure.BREASTFEEDING_STATUS, r"\bbreast[ -]?feeding\b|\blactation status\b|\blactating\b"),
        (Measure.DUE_DATE, r"\bdate of (?:delivery|confinement)\b|\bdelivery date\b|\bdue date\b|\bed[dc]\b"),
        (Measure.GESTATIONAL_AGE, r"\bgestational age\b|\bweeks?(?: of)? gestation\b"),
        (Measure.ALT, r"\balt\b|\balanine (?:amino ?transferase|transaminase)\b|\bsgpt\b"),
        (Measure.AST, r"\bast\b|\baspartate (?:amino ?transferase|transaminase)\b|\bsgot\b"),
        (Measure.EGFR, r"\be-?gfr\b|\bglomerular filtration\b"),
    )
)
_OPIOID = re.compile(
    r"\bopiates?\b|\bopioids?\b|\bnarcotics?\b|\bheroin\b|acetylmorphine|\b6-?mam\b|\beddp\b|glucuronide"
    r"|\bnor(?:fentanyl|oxycodone|oxymorphone|hydrocodone|meperidine|buprenorphine|tapentadol|codeine|morphine)\b"
)
_ASSAY = re.compile(
    r"\burine\b|\bserum\b|\bplasma\b|\bblood\b|\bsaliva\b|oral fluid|\bscreen|\bconfirm|\bql\b|\bqual|\bquant"
    r"|\bdrug|\btox|immunoassay|\b[lg]c[-/ ]?ms|mass spec|presence|\buds\b|\bassay\b|\bu\b|metabolite"
)
_CONFIRMED = re.compile(
    r"\bconfirm(?:ed|ation|atory)?\b|\b[lg]c[-/ ]?ms|mass spec|chromatograph|\bdefinitive\b"
)


_DRUG_SCREEN = re.compile(
    r"\b(?:drugs?(?: of abuse)?|tox(?:icology)?)[ -]+(?:screen\w*|panel|test\w*)\b|\bu[dt]s\b|\budt\b"
)


def _named_measures(name: str) -> Measures:
    written = plain(name)
    if _CHALLENGE.search(written):
        return frozenset({Measure.NALOXONE_CHALLENGE})
    if _NOT_A_RESULT.search(written):
        return _NOTHING
    found = frozenset(measure for measure, pattern in _NAMED if pattern.search(written))
    if found or not _ASSAY.search(written):
        return found
    if not _names_opioid(written):
        return frozenset({Measure.DRUG_SCREEN}) if _DRUG_SCREEN.search(written) else found
    return frozenset({Measure.OPIOID_ASSAY if _CONFIRMED.search(written) else Measure.OPIOID_SCREEN})


def _names_opioid(written: str) -> bool:
    if _OPIOID.search(written):
        return True
    roles = {by_name()[name].role for name in read_drug_name(written).ingredients}
    return bool(roles & {Role.OPIOID, Role.OPIOID_LIKE})


# --- answers ------------------------------------------------------------------------------------

_STATUS_OF = {
    Meaning.PREGNANT: Answer.PREGNANT,
    Meaning.NOT_PREGNANT: Answer.NOT_PREGNANT,
    Meaning.POSSIBLY_PREGNANT: Answer.POSSIBLY_PREGNANT,
    Meaning.LACTATING: Answer.LACTATING,
    Meaning.NOT_LACTATING: Answer.NOT_LACTATING,
}
_SAME: dict[Measure, dict[Answer, Answer]] = {
    Measure.PREGNANCY_STATUS: {Answer.POSITIVE: Answer.PREGNANT, Answer.NEGATIVE: Answer.NOT_PREGNANT},
    Measure.BREASTFEEDING_STATUS: {Answer.POSITIVE: Answer.LACTATING, Answer.NEGATIVE: Answer.NOT_LACTATING},
    Measure.PREGNANCY_TEST: {Answer.PREGNANT: Answer.POSITIVE, Answer.NOT_PREGNANT: Answer.NEGATIVE},
}
_UNKNOWN = re.compile(
    r"\bunknown\b|\bindeterminate\b|\binconclusive\b|\bequivocal\b|\bpending\b|\bcancel|\binvalid\b|\bunsure\b"
    r"|\bnot (?:done|performed|tested|asked|reported|available|sure)\b|\bunable\b|\binsufficient\b|^n/?a$"
)
_NEGATIVE = re.compile(
    r"\bneg(?:ative)?\b|\b(?:not|none|non|no)[ -]?(?:detected|reactive|present)\b|\bundetect\w*|\babsent\b"
    r"|^nd$|^-$|^(?:no|false|n)\b|\bpass(?:ed)?\b"
)
_FED = re.compile(r"(?:(?:exclusively|partly|partially|currently) )?breast[ -]?fed(?: \(finding\))?$")
_POSITIVE = re.compile(
    r"\bpos(?:itive)?\b|\bdetected\b|\bpresent\b|\breactive\b|^\++$|^(?:yes|true|y)\b|\bfail(?:ed)?\b"
)


def read_answer(measure: Measure, codings: Sequence[Coding], text: str | None = None) -> Answer | None:
    """What a coded, boolean ("true", "false") or written value of ``measure`` says; None for numbers."""
    names = [display for _, _, display in codings if display] + ([text] if text else [])
    if measure is Measure.DRUG_SCREEN:  # a bare "positive" names no drug
        return Answer.POSITIVE if any(_says_opioid(plain(name)) for name in names) else None
    for system, code, _ in known_codings(codings):
        answer = _coded_answer(measure, system, code)
        if answer is not None:
            return _SAME.get(measure, {}).get(answer, answer)
    answers = (_written_answer(measure, name) for name in names)
    return next((answer for answer in answers if answer is not None), None)


def _coded_answer(measure: Measure, system: System, code: str) -> Answer | None:
    answers = _answers()
    found = answers.get((system, code, str(measure))) or answers.get((system, code, ""))
    if found is None and system is System.SNOMED:
        found = _status(condition_meanings([("http://snomed.info/sct", code, None)]))
    return found


@cache
def _answers() -> dict[tuple[System, str, str], Answer]:
    rows = tables.rows("answers")
    return {(System(r["system"]), r["code"].upper(), r["measure"]): Answer(r["answer"]) for r in rows}


def _status(meanings: frozenset[Meaning]) -> Answer | None:
    return next((answer for meaning, answer in _STATUS_OF.items() if meaning in meanings), None)


def _written_answer(measure: Measure, name: str) -> Answer | None:
    written = plain(name).strip()
    if measure is Measure.BREASTFEEDING_STATUS and _FED.match(written):
        return Answer.LACTATING
    status = _status(condition_meanings([], name)) if measure in _SAME else None
    return status and _SAME[measure].get(status, status) or _plain_answer(measure, written)


def _says_opioid(written: str) -> bool:
    """Whether an opioid stands among what is positive: "positive for THC, opiates"."""
    for sentence in re.split(r"[;.\n]", written):
        positive = False
        for part in re.split(r",|\band\b", sentence):
            if _UNKNOWN.search(part) or _NEGATIVE.search(part.strip()):
                positive = False
            elif _POSITIVE.search(part.strip()):
                positive = True
            if positive and _names_opioid(part):
                return True
    return False


def _plain_answer(measure: Measure, written: str) -> Answer | None:
    answers = ((_UNKNOWN, Answer.UNKNOWN), (_NEGATIVE, Answer.NEGATIVE), (_POSITIVE, Answer.POSITIVE))
    found = next((answer for pattern, answer in answers if pattern.search(written)), None)
    if found is None:
        return None
    wanted = _SAME.get(measure, {}) if measure is not Measure.PREGNANCY_TEST else {}
    return wanted.get(found, found)
