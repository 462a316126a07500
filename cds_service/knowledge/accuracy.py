"""How well medicines are recognised, over lists of labelled names and codes.

``python -m cds_service.knowledge.accuracy [--list FILE]... [--folder FOLDER]``

A list is a CSV with the columns name, code, system, contains_central_opioid, contains_naltrexone,
is_ldn; the labels are yes, no or empty (not judged). A column ``kind`` sorts the figures:
``rxnorm``, ``british``, ``ehr`` …; without it British codes are told by their system. Every miss is
listed. Exit status 1 when a target is missed: by name alone no central opioid missed (99.5 % of
British names) and 99.9 % specificity; by code 100 % of RxNorm, NDC and ATC codes.
"""

from __future__ import annotations

import argparse
import csv
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from cds_service.knowledge.clinical import load_clinical
from cds_service.knowledge.codings import System, system_of
from cds_service.knowledge.concepts import Form, Medicine
from cds_service.knowledge.medicines import recognise
from cds_service.knowledge.site_knowledge import add_site_knowledge
from cds_service.knowledge.words import words

LABELS = ("contains_central_opioid", "contains_naltrexone", "is_ldn")
COLUMNS = ("name", "code", "system", *LABELS)
OPIOID, _, _ = LABELS
BY_NAME, BY_CODE, BY_BOTH = "by name alone", "by code alone", "by code with its display"
BRITISH = "british"

_NOT_BY_MOUTH = frozenset({Form.DEPOT, Form.IMPLANT, Form.INJECTION, Form.TOPICAL, Form.PATCH})


@dataclass(frozen=True, slots=True)
class Labelled:
    """One row of a list."""

    name: str
    code: str
    system: str
    kind: str
    labels: dict[str, bool]
    """What is judged; a label that is empty in the list is missing here."""


@dataclass(frozen=True, slots=True)
class Miss:
    """A row that was told wrongly."""

    way: str
    label: str
    truth: bool
    row: Labelled

    def words(self) -> str:
        """One line."""
        kind = "missed" if self.truth else "wrongly called"
        code = f" ({self.row.system} {self.row.code})" if self.row.code else ""
        return f"  {kind} {self.label} {self.way}: {self.row.name}{code}"


@dataclass(slots=True)
class Figure:
    """Right and wrong answers to one question, asked in one way of one kind of rows."""

    way: str
    label: str
    kind: str
    right: dict[bool, int]
    asked: dict[bool, int]

    def share(self, truth: bool) -> float | None:
        """Sensitivity (``True``) or specificity (``False``); None when nothing was asked."""
        return self.right[truth] / self.asked[truth] if self.asked[truth] else None

    def words(self) -> str:
        """One line."""
        shares = ", ".join(
            f"{name} {100 * share:.2f} % ({self.right[truth]}/{self.asked[truth]})"
            for name, truth in (("sensitivity", True), ("specificity", False))
            if (share := self.share(truth)) is not None
        )
        return f"{self.label:24} {self.way:25} {self.kind:8} {shares}"


# --- what is asked ------------------------------------------------------------------------------


def is_low_dose(medicine: Medicine) -> bool:
    """Whether a product is low dose naltrexone: naltrexone alone, by mouth, 0.5 to 6 mg a unit.

    Liquids are made for low doses only; a product without a strength is one when its name says so.
    RxNorm has no low-dose product: its small strengths are components of Embeda and Troxyca.
    """
    if medicine.code is not None and medicine.code.startswith(f"{System.RXNORM} "):
        return False
    if [i.name for i in medicine.ingredients] != ["naltrexone"] or medicine.form in _NOT_BY_MOUTH:
        return False
    if medicine.naltrexone_mg is None:
        said = words(medicine.name)
        return "ldn" in said or any(said[i : i + 2] == ["low", "dose"] for i in range(len(said)))
    dose = load_clinical().dose
    return medicine.per_ml or dose.low_mg <= medicine.naltrexone_mg <= dose.upper_edge_mg


def _answers(medicine: Medicine) -> dict[str, bool]:
    naltrexone = any(i.name == "naltrexone" for i in medicine.ingredients)
    return dict(zip(LABELS, (medicine.is_opioid, naltrexone, is_low_dose(medicine)), strict=True))


def _ways(row: Labelled) -> Iterator[tuple[str, dict[str, bool]]]:
    """Each way to ask of a row, with the answers."""
    if row.name:
        yield BY_NAME, _answers(recognise([], [row.name]))
    if row.code:
        yield BY_CODE, _answers(recognise([(row.system, row.code, None)], []))
    if row.name and row.code:
        yield BY_BOTH, _answers(recognise([(row.system, row.code, row.name)], []))


def measure(rows: Iterable[Labelled]) -> tuple[list[Figure], list[Miss]]:
    """Figures for each question, way and kind, and every miss."""
    figures: dict[tuple[str, str, str], Figure] = {}
    misses = []
    for row in rows:
        for way, answers in _ways(row):
            for label, truth in row.labels.items():
                key = label, way, _kind(row, way)
                if key not in figures:
                    figures[key] = Figure(way, label, key[2], {True: 0, False: 0}, {True: 0, False: 0})
                figures[key].asked[truth] += 1
                figures[key].right[truth] += answers[label] is truth
                if answers[label] is not truth:
                    misses.append(Miss(way, label, truth, row))
    return sorted(figures.values(), key=lambda f: (LABELS.index(f.label), f.way, f.kind)), misses


def _kind(row: Labelled, way: str) -> str:
    """Names by where they come from, codes by their system."""
    return row.kind if way == BY_NAME else str(system_of(row.system) or "other")


# --- lists --------------------------------------------------------------------------------------


def read_list(path: Path) -> list[Labelled]:
    """The rows of a list. Raises ``ValueError`` naming file and line for one that does not fit."""
    with path.open(encoding="utf-8-sig", newline="") as lines:
        table = csv.DictReader(lines)
        missing = [column for column in COLUMNS if column not in (table.fieldnames or ())]
        if missing:
            raise ValueError(f"{path}: no column {', '.join(missing)}")
        return [_labelled(row, f"{path}:{table.line_num}") for row in table]


_TRUTH = {
    "yes": True,
    "y": True,
    "true": True,
    "1": True,
    "no": False,
    "n": False,
    "false": False,
    "0": False,
}


def _labelled(row: dict[str, str], where: str) -> Labelled:
    labels = {}
    for label in LABELS:
        written = (row[label] or "").strip().lower()
        if written and written not in _TRUTH:
            raise ValueError(f"{where}: {label} is {row[label]!r}, not yes, no or empty")
        if written:
            labels[label] = _TRUTH[written]
    system = row["system"].strip()
    kind = (row.get("kind") or "").strip() or _guessed_kind(system, row["code"].strip())
    return Labelled(row["name"].strip(), row["code"].strip(), system, kind, labels)


_BRITISH_NAMESPACE = "1000001"


def _guessed_kind(system: str, code: str) -> str:
    """dm+d by its own system, or by the UK namespace inside a SNOMED CT identifier."""
    british = "dmd" in system.lower() or (
        system_of(system) is System.SNOMED and code[-10:-3] == _BRITISH_NAMESPACE
    )
    return BRITISH if british else "other"


# --- targets ------------------------------------------------------------------------------------

_CODES_IN_FULL = {System.RXNORM, System.NDC, System.ATC}
_SPECIFICITY, _BRITISH_SENSITIVITY = 0.999, 0.995


def missed_targets(figures: Iterable[Figure]) -> list[str]:
    """The targets that are missed, one line each."""
    return [f"target missed: {why}: {figure.words()}" for figure in figures for why in _missed(figure)]


def _missed(figure: Figure) -> Iterator[str]:
    sensitivity, specificity = figure.share(True), figure.share(False)
    if figure.way == BY_CODE and figure.kind in _CODES_IN_FULL:
        if any(share is not None and share < 1 for share in (sensitivity, specificity)):
            yield "100 % by code"
    elif figure.way == BY_NAME and figure.label == OPIOID:
        wanted = _BRITISH_SENSITIVITY if figure.kind == BRITISH else 1.0
        if sensitivity is not None and sensitivity < wanted:
            yield f"{100 * wanted:g} % sensitivity"
        if specificity is not None and specificity < _SPECIFICITY:
            yield f"{100 * _SPECIFICITY:g} % specificity"


# --- report -------------------------------------------------------------------------------------

DEFAULT_FOLDER = Path("tests/knowledge/labelled")


def main(arguments: Sequence[str] | None = None) -> int:
    """Print figures and misses; 1 when a target is missed, 2 when a list cannot be read."""
    parser = argparse.ArgumentParser(
        prog="python -m cds_service.knowledge.accuracy",
        description=__doc__,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--list", type=Path, action="append", default=[], help="a CSV; may be repeated")
    parser.add_argument(
        "--folder", type=Path, default=DEFAULT_FOLDER, help="measured when no --list is given"
    )
    parser.add_argument(
        "--site-folder", type=Path, help="codes of a site (KNOWLEDGE_DIR), for instance its dm+d extract"
    )
    given = parser.parse_args(arguments)
    paths = given.list or sorted(given.folder.glob("*.csv"))
    try:
        rows = [row for path in paths for row in read_list(path)]
        if given.site_folder:
            add_site_knowledge(given.site_folder)
    except (OSError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    if not rows:
        print(f"no list in {given.folder}", file=sys.stderr)
        return 2
    return _report(rows, len(paths))


def _report(rows: list[Labelled], lists: int) -> int:
    figures, misses = measure(rows)
    print(f"{len(rows)} rows of {lists} lists")
    for figure in figures:
        print(figure.words())
    print(f"{len(misses)} misses")
    for miss in misses:
        print(miss.words())
    missed = missed_targets(figures)
    for line in missed:
        print(line)
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
