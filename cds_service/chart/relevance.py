"""Which resources of a record can matter to a rule, by one glance at their codes and names.

Everything here errs on the side of reading: what is unusual, doubtful or written in another
shape is needed. What a concept means is asked of the knowledge once and then remembered, as yes or no.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import msgspec

from cds_service.chart.problems import excipients, triples
from cds_service.fhir.codes import codes_of, text_of
from cds_service.fhir.datatypes import CodeableConcept
from cds_service.fhir.sketches import NOTHING, SKETCHES, Judge, Needed, Sketch
from cds_service.knowledge import (
    condition_meanings,
    is_placeholder,
    names_nothing,
    observation_measures,
    recognise,
)
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Role
from cds_service.knowledge.memory import Memory

OF_CONCERN = frozenset(set(Role) - {Role.OTHER})
"""Roles of ingredients that a rule asks for."""

_decode_concept = msgspec.json.Decoder(CodeableConcept).decode


class _Remembered(Memory[bool]):
    """A yes or no about concepts as they were written, each worked out once."""

    def __init__(self, judge: Callable[[CodeableConcept], bool]) -> None:
        super().__init__()
        self._judge = judge

    def says(self, written: msgspec.Raw) -> bool:
        text = bytes(written)
        known = self._answers.get(hash(text))
        return self.ask(text, partial(self._judged, text)) if known is None else known

    def _judged(self, text: bytes) -> bool:
        try:
            return self._judge(_decode_concept(text))
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return True


class Relevance:
    """Whether a resource is needed, under the figures in force at a site and the knowledge loaded."""

    def __init__(self, clinical: Clinical) -> None:
        self._excipients = excipients(tuple(clinical.compounding.excipients))
        self._medicine = _Remembered(_names_medicine_of_concern)
        self._problem = _Remembered(_names_problem)
        self._measure = _Remembered(_names_measure)
        self._allergen = _Remembered(self._names_allergen)
        judges: Mapping[str, Judge] = {
            "MedicationRequest": self._medication,
            "MedicationOrder": self._medication,
            "MedicationStatement": self._medication,
            "MedicationDispense": self._medication,
            "MedicationAdministration": self._medication,
            "Condition": self._condition,
            "Observation": self._observation,
            "AllergyIntolerance": self._allergy,
        }
        self.judges: Needed = {SKETCHES[kind]: judge for kind, judge in judges.items()}

    def _medication(self, sketch: Sketch) -> bool:
        """A medicine named by a reference, or in R5's way, is not told at a glance."""
        concept: msgspec.Raw = sketch.medication_codeable_concept
        if (
            concept is NOTHING
            or sketch.medication_reference is not NOTHING
            or sketch.medication is not NOTHING
        ):
            return True
        return self._medicine.says(concept)

    def _condition(self, sketch: Sketch) -> bool:
        return sketch.code is NOTHING or self._problem.says(sketch.code)

    def _observation(self, sketch: Sketch) -> bool:
        return sketch.code is NOTHING or sketch.component is not NOTHING or self._measure.says(sketch.code)

    def _allergy(self, sketch: Sketch) -> bool:
        if sketch.code is NOTHING or b'"substance"' in bytes(sketch.reaction):
            return True
        return self._allergen.says(sketch.code) or (
            sketch.substance is not NOTHING and self._allergen.says(sketch.substance)
        )

    def _names_allergen(self, concept: CodeableConcept) -> bool:
        """Of a medicine of concern, or of something that capsules are filled and coloured with."""
        names = [concept.text, *(coding.display or coding.code for coding in concept.coding)]
        return _names_medicine_of_concern(concept) or any(self._excipients.search(n) for n in names if n)


def _names_medicine_of_concern(concept: CodeableConcept) -> bool:
    """Also what names nothing at all, which is said, and what its directions alone may name."""
    codings, text = codes_of(concept), text_of(concept)
    texts = [text] if text else []
    if names_nothing(codings, texts) or is_placeholder(codings, texts):
        return True
    return recognise(codings, texts).has(*OF_CONCERN)


def _names_problem(concept: CodeableConcept) -> bool:
    return bool(condition_meanings(triples(concept.coding), concept.text))


def _names_measure(concept: CodeableConcept) -> bool:
    return bool(observation_measures(triples(concept.coding), concept.text))
