"""Resources at a glance: their elements undecoded, until it is known whether anybody needs them.

Nine in ten resources of a record say nothing to whoever asks: a potassium result, an order of
lisinopril. To see that takes one element of each. A :class:`Sketch` has the elements its view names,
each still as it was sent; :func:`in_full` gives them to :mod:`cds_service.fhir.reading` as a resource.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import reduce
from operator import or_
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast

import msgspec

from cds_service.fhir.reading import VIEWS, Read, read_resource
from cds_service.fhir.resources import Resource, View

NOTHING: Final = msgspec.Raw()
"""An element that is absent."""


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

Needed = Callable[[Sketch], bool]
"""Whether a resource must be read in full. True when in doubt."""


def everything(sketch: Sketch) -> bool:
    """Nothing is passed over."""
    return True


def in_full(sketch: Sketch, path: str) -> Read:
    """The resource itself; ``path`` is where it stands in the request."""
    return read_resource(msgspec.json.encode(sketch), path)


def subject_of(sketch: Sketch) -> bytes:
    """Whose it is, as written: equal for all resources that name their patient alike."""
    if sketch.patient is NOTHING:
        return bytes(sketch.subject)
    return bytes(sketch.subject) + b"|" + bytes(sketch.patient)
