"""What a site's file says of one code, and the table row it becomes."""

from __future__ import annotations

from dataclasses import dataclass

from cds_service.knowledge import tables
from cds_service.knowledge.codings import System, ndc_spellings
from cds_service.knowledge.concepts import Form, Meaning, Measure

Row = dict[str, str]
_SOURCE = "site"


@dataclass(frozen=True, slots=True)
class Code:
    """A code as the tables spell it, and where in which file it stands."""

    system: System
    code: str
    name: str
    where: str


@dataclass(frozen=True, slots=True)
class Medicine:
    """A code of a medicine."""

    of: Code
    ingredients: tuple[str, ...]
    form: Form | None = None
    naltrexone_mg: float | None = None
    per_ml: bool = False

    @property
    def table(self) -> str:
        """The table the row belongs to."""
        return "rxnorm_products" if self.of.system is System.RXNORM else "medicine_codes"

    def row(self) -> Row:
        """The row of that table."""
        return {
            "system": self.of.system,
            "code": self.of.code,
            "rxcui": self.of.code,
            "display": self.of.name,
            "name": self.of.name,
            "ingredients": tables.SEPARATOR.join(self.ingredients),
            "form": self.form or "",
            "naltrexone_mg": "" if self.naltrexone_mg is None else str(self.naltrexone_mg),
            "per_ml": "yes" if self.per_ml else "",
            "source": _SOURCE,
        }


@dataclass(frozen=True, slots=True)
class Package:
    """An NDC of a known RxNorm product."""

    of: Code
    rxcui: str
    table: str = "ndc"

    def row(self) -> Row:
        """The row of that table."""
        (ndc,) = ndc_spellings(self.of.code)
        return {"ndc": ndc, "rxcui": self.rxcui, "source": _SOURCE}


@dataclass(frozen=True, slots=True)
class Condition:
    """A code of a condition, empty ``meanings`` for one that is known to say nothing."""

    of: Code
    meanings: frozenset[Meaning]

    @property
    def table(self) -> str:
        """The table the row belongs to."""
        shipped = {System.SNOMED: "snomed", System.ICD10: "icd10cm"}
        return shipped.get(self.of.system, "local_conditions")

    def row(self) -> Row:
        """The row of that table."""
        meanings = tables.SEPARATOR.join(sorted(self.meanings))
        return {"code": self.of.code, "match": "exact", "meanings": meanings, "source": _SOURCE}


@dataclass(frozen=True, slots=True)
class Observation:
    """A code of an observation."""

    of: Code
    measure: Measure | None

    @property
    def table(self) -> str:
        """The table the row belongs to."""
        return "loinc" if self.of.system is System.LOINC else "local_observations"

    def row(self) -> Row:
        """The row of that table."""
        return {"code": self.of.code, "measure": self.measure or "", "source": _SOURCE}


Fact = Medicine | Package | Condition | Observation
