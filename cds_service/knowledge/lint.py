"""Checks the data tables: ``python -m cds_service.knowledge.lint`` lists what is wrong and exits 1.

Looks for rows without a known source, wrong check digits, unknown values and ingredients, opioids
without duration or interval, duplicates and contradictions, codes that two classes claim, and
figures and topics without a reference.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Iterator
from enum import StrEnum
from itertools import combinations

from cds_service.knowledge import tables
from cds_service.knowledge.checkdigits import is_loinc_code, is_snomed_id
from cds_service.knowledge.codings import System
from cds_service.knowledge.concepts import Answer, Duration, Form, Meaning, Measure, Role
from cds_service.knowledge.lint_claims import claims
from cds_service.knowledge.review import review_state
from cds_service.knowledge.words import words

Row = dict[str, str]

_KEYS: dict[str, tuple[str, ...]] = {
    "answers": ("system", "code", "measure"),
    "icd10cm": ("code",),
    "ingredients": ("name",),
    "loinc": ("code",),
    "medicine_codes": ("system", "code"),
    "ndc": ("ndc",),
    "product_names": ("name",),
    "rxnorm_products": ("rxcui",),
    "snomed": ("code",),
    "sources": ("key",),
}
"""Which columns make a row of each table unique."""

_VALUES: dict[str, type[StrEnum]] = {
    "role": Role,
    "duration": Duration,
    "form": Form,
    "meanings": Meaning,
    "measure": Measure,
    "answer": Answer,
    "system": System,
}
_FLAGS = {
    "extended_release": ("", "yes"),
    "per_ml": ("", "yes"),
    "current": ("", "yes"),
    "match": ("exact", "prefix"),
}

_CONTRADICTING: tuple[frozenset[Meaning], ...] = tuple(
    frozenset(pair)
    for pair in (
        *combinations(
            (Meaning.PREGNANT, Meaning.NOT_PREGNANT, Meaning.POSSIBLY_PREGNANT, Meaning.DELIVERED), 2
        ),
        (Meaning.PREGNANT, Meaning.PREGNANCY_ENDED),
        (Meaning.PREGNANT, Meaning.POSTPARTUM),
        (Meaning.LACTATING, Meaning.NOT_LACTATING),
        (Meaning.CIRRHOSIS, Meaning.DECOMPENSATED_CIRRHOSIS),
    )
)


def problems() -> list[str]:
    """Everything wrong with the tables, one line each."""
    loaded = {name: list(tables.rows(name)) for name in tables.names()}
    known = {column: {str(value) for value in values} for column, values in _VALUES.items()}
    known["source"] = known["class_source"] = {row["key"] for row in loaded["sources"]}
    known["ingredients"] = {row["name"] for row in loaded["ingredients"]}
    found = [f"{name}: no rule for this table" for name in loaded if name not in _KEYS]
    for name, rows in loaded.items():
        found += _duplicates(name, rows)
        for line, row in enumerate(rows, start=2):
            found += [f"{name}.csv:{line}: {problem}" for problem in _row_problems(name, row, known)]
    return found + list(_names_twice(loaded)) + list(claims(loaded))


def _duplicates(name: str, rows: list[Row]) -> Iterator[str]:
    counts = Counter(tuple(row[column] for column in _KEYS.get(name, ())) for row in rows)
    for key, count in counts.items():
        if count > 1 and key:
            yield f"{name}.csv: {' '.join(key)} stands there {count} times"


def _row_problems(name: str, row: Row, known: dict[str, set[str]]) -> Iterator[str]:
    if None in row or None in row.values():
        yield "wrong number of cells"
        return
    for column, values in known.items():
        for value in tables.cell(row.get(column, "")):
            if value not in values:
                yield f"unknown {column} {value!r}"
    if name != "sources" and "reviewer" not in row:
        yield "no column reviewer"
    for column in ("source", "ingredients"):
        if column in row and not row[column]:
            yield f"no {column}"
    yield from _flag_problems(row)
    yield from _meaning_problems(row)
    yield from _code_problems(name, row)


def _flag_problems(row: Row) -> Iterator[str]:
    for column, allowed in _FLAGS.items():
        if column in row and row[column] not in allowed:
            yield f"{column} is {row[column]!r}"
    if "reviewer" in row and not row["reviewer"]:
        yield "no reviewer"


def _meaning_problems(row: Row) -> Iterator[str]:
    meanings = set(tables.cell(row.get("meanings", "")))
    for pair in _CONTRADICTING:
        if pair <= meanings:
            yield f"contradicting meanings {' and '.join(sorted(pair))}"
    if row.get("role") in (Role.OPIOID, Role.OPIOID_LIKE) and not row["duration"]:
        yield f"opioid {row['name']!r} without duration"
    if row.get("role") in (Role.OPIOID, Role.OPIOID_LIKE, Role.PERIPHERAL_OPIOID) and not row["agonist"]:
        yield f"opioid {row['name']!r} without kind of agonist"
    if row.get("role") in (Role.OPIOID, Role.OPIOID_LIKE, Role.PERIPHERAL_OPIOID):
        yield from _class_problems(row)
    if row.get("naltrexone_mg") and not 0 < float(row["naltrexone_mg"]) <= 1000:
        yield f"naltrexone_mg is {row['naltrexone_mg']}"


_ASSUMED_KINDS = frozenset({"full agonist (assumed)", "not stated"})


def _class_problems(row: Row) -> Iterator[str]:
    """Kind of agonist and duration come from a source that was read, or are the cautious ones."""
    sources = set(tables.cell(row.get("class_source", "")))
    if "own" in sources:
        yield f"opioid {row['name']!r}: an own decision is no source for kind or duration"
    if not sources and row["agonist"] not in _ASSUMED_KINDS:
        yield f"opioid {row['name']!r}: kind of agonist without a source"
    if not sources and row["duration"] == Duration.SHORT:
        yield f"opioid {row['name']!r}: short-acting without a source"


def _code_problems(name: str, row: Row) -> Iterator[str]:
    system, code = row.get("system", name), row.get("code", "")
    if system == System.SNOMED and not is_snomed_id(code):
        yield f"SNOMED CT id {code} fails its check digit"
    if system == System.LOINC and not is_loinc_code(code):
        yield f"LOINC code {code} fails its check digit"
    if name == "ndc" and not (row["ndc"].isdigit() and len(row["ndc"]) == 11):
        yield f"NDC {row['ndc']} has not eleven digits"
    if name == "rxnorm_products" and not row["rxcui"].isdigit():
        yield f"RxCUI {row['rxcui']} is no number"


def _names_twice(loaded: dict[str, list[Row]]) -> Iterator[str]:
    """Names that would be read as two different things, and codes of NDCs that lead nowhere."""
    meanings: dict[tuple[str, ...], set[str]] = {}
    for row in loaded["ingredients"]:
        for name in tables.cell(row["names"]):
            meanings.setdefault(tuple(words(name)), set()).add(row["name"])
    for row in loaded["product_names"]:
        meanings.setdefault(tuple(words(row["name"])), set()).add(row["ingredients"])
    for name_words, known in meanings.items():
        if len(known) > 1 or not name_words:
            yield f"the name {' '.join(name_words)!r} means {' and '.join(sorted(known))}"
    products = {row["rxcui"] for row in loaded["rxnorm_products"]}
    for row in loaded["ndc"]:
        if row["rxcui"] not in products:
            yield f"ndc.csv: {row['ndc']} leads to the unknown RxCUI {row['rxcui']}"


def main() -> int:
    """Print every problem; 1 when there is one."""
    found = problems()
    for problem in found:
        print(problem)
    print(review_state().words())
    print(f"{len(found)} problems" if found else f"tables {tables.version()}: nothing wrong")
    return 1 if found else 0


if __name__ == "__main__":
    sys.exit(main())
