"""Reads the files in which a site teaches its codes; what does not fit becomes a line with file and place.

``local-codes.csv``            our own medication codes
``<kind>-<what>.valueset.json``  a FHIR ValueSet whose codes all are one thing (``meaning-pregnant``,
                               ``measure-opioid-screen``, ``ingredient-oxycodone``, ``role-opioid``);
                               between kind and ending may stand more: ``meaning-pregnant.vsac.valueset.json``
``*.conceptmap.json``          a FHIR ConceptMap from the site's codes to codes the tables know
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from cds_service.knowledge.checkdigits import is_loinc_code, is_snomed_id
from cds_service.knowledge.codings import System, ndc_spellings, spell
from cds_service.knowledge.concepts import Form, Meaning, Measure, Role
from cds_service.knowledge.ingredients import by_name
from cds_service.knowledge.site_facts import Code, Condition, Fact, Medicine, Observation

LOCAL_CODES = "local-codes.csv"
VALUE_SET = ".valueset.json"
CONCEPT_MAP = ".conceptmap.json"
COLUMNS = ("system", "code", "name", "ingredients", "naltrexone_mg", "per_ml", "form")
_MEDICINES = (System.RXNORM, System.SNOMED, System.ATC, System.UNII, System.HCPCS, System.LOCAL)
_CONDITIONS = (System.SNOMED, System.ICD10, System.LOCAL)
_OBSERVATIONS = (System.LOINC, System.LOCAL)
_MOST_MG = 1000.0


@dataclass(slots=True)
class Read:
    """What the files said, and everything wrong with them."""

    facts: list[Fact] = field(default_factory=list)
    pairs: list[tuple[Code, Code]] = field(default_factory=list)
    """Mapped codes: the site's, and the one it means."""
    problems: list[str] = field(default_factory=list)


def read_folder(folder: Path) -> Read:
    """Every file of the folder, in the order of their names."""
    read = Read()
    for path in sorted(p for p in folder.iterdir() if p.is_file() and not p.name.startswith(".")):
        reader = _reader_of(path.name)
        if reader is not None:
            reader(path, read)
        elif path.suffix in (".csv", ".json"):
            read.problems.append(
                f"{path.name}: not known; {LOCAL_CODES}, *{VALUE_SET} and *{CONCEPT_MAP} are read"
            )
    return read


def _reader_of(name: str) -> Callable[[Path, Read], None] | None:
    if name == LOCAL_CODES:
        return _read_local_codes
    if name.endswith(VALUE_SET):
        return _read_value_set
    return _read_concept_map if name.endswith(CONCEPT_MAP) else None


# --- local-codes.csv ----------------------------------------------------------------------------


def _read_local_codes(path: Path, read: Read) -> None:
    with path.open(encoding="utf-8-sig", newline="") as lines:
        table = csv.DictReader(lines)
        missing = [column for column in COLUMNS if column not in (table.fieldnames or ())]
        if missing:
            read.problems.append(f"{path.name}: no column {', '.join(missing)}")
            return
        seen: set[tuple[str, str]] = set()
        for row in table:
            where = f"{path.name}:{table.line_num}"
            problems = list(_row_problems(row))
            key = (row["system"] or "", row["code"] or "")
            if key in seen:
                problems.append(f"code: {key[1]!r} stands there twice")
            seen.add(key)
            read.problems += [f"{where}: {problem}" for problem in problems]
            if not problems:
                read.facts.append(_local_medicine(row, where))


def _row_problems(row: dict[str, str]) -> Iterator[str]:
    if None in row or None in row.values():
        yield "wrong number of cells"
        return
    for column in ("system", "code", "name", "ingredients"):
        if not row[column].strip():
            yield f"{column}: empty"
    for name in _cells(row["ingredients"]):
        if name not in by_name():
            yield f"ingredients: {name!r} is not known (docs/knowledge.md lists the names)"
    if row["form"] and row["form"] not in set(Form):
        yield f"form: {row['form']!r} is none of {', '.join(Form)}"
    if row["per_ml"] not in ("", "yes"):
        yield f"per_ml: {row['per_ml']!r} is neither empty nor 'yes'"
    if problem := _mg_problem(row):
        yield problem
    if row["system"].strip() and (problem := _code_problem(*spell(row["system"], row["code"]), _MEDICINES)):
        yield problem


def _mg_problem(row: dict[str, str]) -> str | None:
    written = row["naltrexone_mg"]
    if not written:
        return None
    try:
        mg = float(written)
    except ValueError:
        return f"naltrexone_mg: {written!r} is no number"
    if not 0 < mg <= _MOST_MG:
        return f"naltrexone_mg: {written} is not between 0 and {_MOST_MG:g}"
    if "naltrexone" not in _cells(row["ingredients"]):
        return "naltrexone_mg: the ingredients hold no naltrexone"
    return None


def _cells(cell: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in cell.split("|") if part.strip())


def _local_medicine(row: dict[str, str], where: str) -> Medicine:
    system, code = spell(row["system"], row["code"])
    return Medicine(
        of=Code(system, code, row["name"].strip(), where),
        ingredients=_cells(row["ingredients"]),
        form=Form(row["form"]) if row["form"] else None,
        naltrexone_mg=float(row["naltrexone_mg"]) if row["naltrexone_mg"] else None,
        per_ml=row["per_ml"] == "yes",
    )


def _code_problem(system: System, code: str, allowed: tuple[System, ...]) -> str | None:
    if system not in allowed:
        return f"system: {system} codes cannot be taught here"
    if system is System.SNOMED and not is_snomed_id(code):
        return f"code: SNOMED CT id {code} fails its check digit"
    if system is System.LOINC and not is_loinc_code(code):
        return f"code: LOINC code {code} fails its check digit"
    return None


# --- ValueSet -----------------------------------------------------------------------------------


def _read_value_set(path: Path, read: Read) -> None:
    resource = _resource(path, "ValueSet", read)
    if resource is None:
        return
    try:
        fact, allowed = meant_by(path.name.split(".")[0])
    except ValueError as error:
        read.problems.append(f"{path.name}: {error}")
        return
    codes = list(_value_set_codes(resource, path.name))
    if not codes:
        read.problems.append(
            f"{path.name}: neither expansion.contains nor compose.include.concept holds a code"
        )
    for where, item in codes:
        code = _code(item, where, allowed)
        if isinstance(code, str):
            read.problems.append(code)
        else:
            read.facts.append(fact(code))


def meant_by(kind: str) -> tuple[Callable[[Code], Fact], tuple[System, ...]]:
    """What each code of a value set called ``kind`` is, and of which systems it may be.

    Raises ``ValueError`` for a name that says no known thing.
    """
    key, _, value = kind.partition("-")
    if key == "meaning" and value in set(Meaning):
        meaning = frozenset({Meaning(value)})
        return (lambda code: Condition(code, meaning)), _CONDITIONS
    if key == "measure" and value in set(Measure):
        measure = Measure(value)
        return (lambda code: Observation(code, measure)), _OBSERVATIONS
    name = value.replace("_", " ")
    if kind == f"role-{Role.OPIOID}":
        name = "unspecified opioid"
    if (key == "ingredient" or name == "unspecified opioid") and name in by_name():
        return (lambda code: Medicine(code, (name,))), _MEDICINES
    raise ValueError(
        f"{kind!r} says no known thing: name it meaning-<meaning>, measure-<measure>, "
        "ingredient-<name> or role-opioid"
    )


def _value_set_codes(resource: dict[str, Any], name: str) -> Iterator[tuple[str, dict[str, Any]]]:
    expansion = resource.get("expansion")
    if isinstance(expansion, dict):
        yield from _contained(_list(expansion, "contains"), f"{name}: expansion.contains")
        return
    compose = resource.get("compose")
    for i, include in enumerate(_list(compose, "include")):
        for j, concept in enumerate(_list(include, "concept")):
            where = f"{name}: compose.include[{i}].concept[{j}]"
            yield where, {**_object(concept), "system": include.get("system")}


def _contained(items: list[Any], path: str) -> Iterator[tuple[str, dict[str, Any]]]:
    for i, item in enumerate(items):
        item = _object(item)
        if not item.get("abstract"):
            yield f"{path}[{i}]", item
        yield from _contained(_list(item, "contains"), f"{path}[{i}].contains")


def _code(item: dict[str, Any], where: str, allowed: tuple[System, ...]) -> Code | str:
    """The code of a FHIR element, or what is wrong with it."""
    uri, code, display = item.get("system"), item.get("code"), item.get("display")
    if not (isinstance(uri, str) and uri.strip()):
        return f"{where}.system: missing"
    if not (isinstance(code, str) and code.strip()):
        return f"{where}.code: missing"
    system, spelled = spell(uri, code)
    problem = _code_problem(system, spelled, allowed)
    if problem:
        return f"{where}.{problem}"
    return Code(system, spelled, display if isinstance(display, str) else code, where)


# --- ConceptMap ---------------------------------------------------------------------------------

_ANY = (*_MEDICINES, System.ICD10, System.LOINC, System.NDC)
_NOT_THE_SAME = frozenset({"not-related-to", "disjoint", "unmatched"})


def _read_concept_map(path: Path, read: Read) -> None:
    resource = _resource(path, "ConceptMap", read)
    if resource is None:
        return
    for i, group in enumerate(_list(resource, "group")):
        for j, element in enumerate(_list(group, "element")):
            for k, target in enumerate(_list(element, "target")):
                where = f"{path.name}: group[{i}].element[{j}]"
                if _object(target).get("relationship", target.get("equivalence")) not in _NOT_THE_SAME:
                    _read_pair(group, element, target, where, f"{where}.target[{k}]", read)


def _read_pair(
    group: dict[str, Any], element: dict[str, Any], target: dict[str, Any], at: str, to: str, read: Read
) -> None:
    ours = _code({**element, "system": group.get("source")}, at, _ANY)
    theirs = _code({**target, "system": group.get("target")}, to, _ANY)
    for code in (ours, theirs):
        if isinstance(code, str):
            read.problems.append(code)
    if isinstance(ours, Code) and isinstance(theirs, Code):
        if ours.system is System.NDC and len(ndc_spellings(ours.code)) != 1:
            read.problems.append(
                f"{at}.code: NDC {ours.code} is written neither with hyphens nor in 11 digits"
            )
        else:
            read.pairs.append((ours, theirs))


# --- JSON ---------------------------------------------------------------------------------------


def _resource(path: Path, kind: str, read: Read) -> dict[str, Any] | None:
    try:
        resource = json.loads(path.read_text("utf-8-sig"))
    except ValueError as error:
        read.problems.append(f"{path.name}: no JSON: {error}")
        return None
    if not isinstance(resource, dict) or resource.get("resourceType") != kind:
        read.problems.append(f"{path.name}: resourceType is not {kind}")
        return None
    return resource


def _list(parent: Any, key: str) -> list[Any]:
    value = parent.get(key) if isinstance(parent, dict) else None
    return value if isinstance(value, list) else []


def _object(value: Any) -> dict[str, Any]:
    return value if isinstance(value, dict) else {}
