"""Codes as plain values: what a CodeableConcept says, in its own words."""

from __future__ import annotations

from typing import NamedTuple

from cds_service.fhir.datatypes import CodeableConcept, ConceptOrReference


class Code(NamedTuple):
    """One coding (https://hl7.org/fhir/datatypes.html#Coding), blanks stripped, empty as ``None``."""

    system: str | None
    code: str | None
    display: str | None


def codes_of(concept: CodeableConcept | ConceptOrReference | None) -> tuple[Code, ...]:
    """All codings of a concept that say anything, in the order sent."""
    if concept is None:
        return ()
    codes: list[Code] = []
    for coding in concept.coding:
        code, display = clean(coding.code), clean(coding.display)
        if code or display:
            codes.append(Code(clean(coding.system), code, display))
    return tuple(codes)


def text_of(concept: CodeableConcept | ConceptOrReference | None) -> str | None:
    """The concept's own text."""
    return clean(concept.text) if concept is not None else None


def clean(text: str | None) -> str | None:
    """``text`` without blanks around it; ``None`` when nothing is left."""
    return (text.strip() or None) if text else None
