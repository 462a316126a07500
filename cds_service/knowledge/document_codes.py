"""The part of docs/knowledge.md on conditions and measurements: many codes in few lines."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from cds_service.knowledge import tables
from cds_service.knowledge.concepts import Meaning, Measure
from cds_service.knowledge.condition_patterns import NAMES

_MOST = 40
"""Codes listed one by one; more are told by their stems."""


def conditions() -> Iterator[str]:
    """Codes and words of every meaning."""
    yield "## Conditions\n"
    yield (
        "A code the tables know decides, also when it is known to say nothing (remission, history, the "
        "newborn's record); names are read only where no code is known. Dots do not matter; `*` stands for "
        "all codes below. Counts are of codes.\n"
    )
    icd10, snomed = list(tables.rows("icd10cm")), list(tables.rows("snomed"))
    for meaning in Meaning:
        yield f"### {meaning.replace('-', ' ')}\n"
        yield f"- ICD-10-CM: {_icd10(row for row in icd10 if meaning in tables.cell(row['meanings']))}"
        found = [row for row in snomed if meaning in tables.cell(row["meanings"])]
        yield f"- SNOMED CT: {_listed(found)}"
        if meaning in NAMES:
            yield f"- By name: {', '.join(_readable(words) for words in NAMES[meaning])}"
        yield ""
    silent = [row for row in snomed if not row["meanings"]]
    yield f"### Known and silent\n\n{sum(1 for r in icd10 if not r['meanings'])} ICD-10-CM codes and:\n"
    yield "".join(
        f"- {row['code']} {row['display']}: {row['note'] or 'no rule needs it'}\n" for row in silent
    )


def _icd10(rows: Iterable[dict[str, str]]) -> str:
    rows = list(rows)
    codes = [row["code"] + ("*" if row["match"] == "prefix" else "") for row in rows]
    if len(codes) <= _MOST:
        return f"{len(codes)} codes: {', '.join(codes)}" if codes else "none"
    stems: dict[str, int] = {}
    for code in codes:
        stems[code[:3]] = stems.get(code[:3], 0) + 1
    counted = ", ".join(f"{stem} ({count})" for stem, count in sorted(stems.items()))
    return f"{len(codes)} codes, by their first three characters: {counted}"


def _listed(rows: list[dict[str, str]]) -> str:
    if not rows:
        return "none"
    return f"{len(rows)} codes: " + "; ".join(f"{row['code']} {row['display']}" for row in rows)


def _readable(pattern: str) -> str:
    """A word pattern with its grouping marks made plain."""
    return "`" + re.sub(r"\(\?:", "(", pattern).replace("|", " / ") + "`"


def observations() -> Iterator[str]:
    """LOINC codes of every measurement, and the coded answers."""
    yield "## Measurements\n"
    loinc = list(tables.rows("loinc"))
    for measure in Measure:
        found = [row for row in loinc if row["measure"] == measure]
        yield f"- **{measure.replace('-', ' ')}**: {_measured(found)}"
    silent = sum(1 for row in loinc if not row["measure"])
    yield (
        f"- **known and no result**: {silent} codes (assays of naltrexone, naltrexol and naloxone, cutoffs, "
        "panels, deprecated codes)\n"
    )
    yield "Coded answers:\n"
    for row in tables.rows("answers"):
        of = f" (as {row['measure'].replace('-', ' ')})" if row["measure"] else ""
        yield f"- {row['system']} {row['code']} {row['display']}: {row['answer'].replace('-', ' ')}{of}"
    yield ""


def _measured(rows: list[dict[str, str]]) -> str:
    codes = ", ".join(row["code"] for row in rows)
    return f"{len(rows)} LOINC codes: {codes}" if rows else "by name only"
