"""Resources at a glance: their elements undecoded, until it is known whether anybody needs them.

Nine in ten resources of a record say nothing to whoever asks: a potassium result, an order of
lisinopril. To see that takes one element of each. A :class:`Sketch` has the elements its view names,
each still as it was sent; :func:`in_full` gives them to :mod:`cds_service.fhir.reading` as a resource,
:func:`whose` says whom it is about.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

import msgspec

from cds_service.fhir.datatypes import Reference, View
from cds_service.fhir.reading import VIEWS, Read, read_resource
from cds_service.fhir.resources import Resource

NOTHING: Final = msgspec.Raw()
"""An element that is absent."""

SOME: Final = 5
"""So many are kept of those passed over, to tell what all of them are like."""


class Sketch(View):
    """The elements that the view of its type names, under the same names, undecoded."""

    subject: ClassVar[msgspec.Raw] = NOTHING
    patient: ClassVar[msgspec.Raw] = NOTHING

    if TYPE_CHECKING:

        def __getattr__(self, element: str) -> msgspec.Raw: ...


def _sketch_of(view: type[Resource]) -> type[Sketch]:
    elements: list[tuple[str, Any, Any]] = [
        (element, msgspec.Raw, NOTHING) for element in view.__struct_fields__
    ]
    made = msgspec.defstruct(
        view.__name__, elements, bases=(Sketch,), tag_field="resourceType", tag=view.__name__, gc=False
    )
    return cast(type[Sketch], made)


SKETCHES: Final[dict[str, type[Sketch]]] = {name: _sketch_of(view) for name, view in VIEWS.items()}
if TYPE_CHECKING:
    AnySketch = Sketch
else:
    AnySketch = reduce(or_, SKETCHES.values())
    """The type to decode into: the struct of whatever ``resourceType`` names."""

Judge = Callable[[Sketch], bool]
"""Whether a resource of one type must be read in full. True when in doubt."""

Needed = Mapping[type[Sketch], Judge]
"""The judge of each type of which not every resource must be read in full.

Of types that name no patient (Patient, Medication) every one must be: nobody could tell whose it is.
"""

EVERYTHING: Final[Needed] = {}
"""Nothing is passed over."""


class Whose(View):
    """The elements that name a patient."""

    subject: Reference | None = None
    patient: Reference | None = None


_decode_reference = msgspec.json.Decoder(Reference | None).decode


def in_full(sketch: Sketch, path: str) -> Read:
    """The resource itself; ``path`` is where it stands in the request."""
    return read_resource(msgspec.json.encode(sketch), path)


def whose(sketch: Sketch) -> Whose | Resource | None:
    """What says whom it is about; None if it cannot be read."""
    try:
        return Whose(subject=_reference(sketch.subject), patient=_reference(sketch.patient))
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        return in_full(sketch, "").resource


def _reference(written: msgspec.Raw) -> Reference | None:
    return None if written is NOTHING else _decode_reference(written)


class Alike(msgspec.Struct):
    """Resources of one type that name their patient alike: how many, and the first few of them."""

    kind: str
    some: list[Sketch]
    count: int


def alike(sketches: Iterable[Sketch]) -> list[Alike]:
    """What is passed over, without all its elements, by runs that are alike."""
    found: list[Alike] = []
    kind, subject, patient = Sketch, NOTHING, NOTHING
    for sketch in sketches:
        if type(sketch) is not kind or sketch.subject != subject or sketch.patient != patient:
            kind, subject, patient = type(sketch), sketch.subject, sketch.patient
            run = Alike(kind.__name__, [], 0)
            found.append(run)
        run.count += 1
        if run.count <= SOME:
            run.some.append(sketch)
    return found
