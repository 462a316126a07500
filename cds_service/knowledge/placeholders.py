"""Names under which an EHR orders what its list of medicines does not have.

A compounded capsule of LDN is on no list, so it is ordered as "Compounded medication",
"Unable to find" or "Non-formulary", and its own name stands in the directions.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

from cds_service.knowledge.codings import Coding
from cds_service.knowledge.words import plain

_WHAT = (
    r"(?:medications?|medicines?|meds?|drugs?|products?|prescriptions?|rx|items?|orders?|capsules?|suspension"
    r"|supply)"
)
_PLACEHOLDER = re.compile(
    rf"\bcompound(?:ed|ing)?(?:\s+{_WHAT})?\s*(?:$|[-:(,/])|\bcompound(?:ed|ing)?\s+{_WHAT}\b"
    rf"|\bnon[\s-]?formulary\b|\bunable to find\b|\bunlisted\b|\bnot (?:on|in) (?:the )?list\b"
    rf"|\b(?:misc(?:ellaneous)?|free[\s-]?text|other|outside|patient'?s? own|own)\s+(?:compounded\s+)?"
    rf"{_WHAT}\b"
)
_LONGEST_NAME = 100
_LATER = re.compile(r"^\s*not before [^.]{0,120}\.\s*", re.I)
"""How a later start that was taken from a card begins."""
_END_OF_NAME = re.compile(
    r"[;\n]|[.](?!\d)|\b(?:do not|don't|avoid|never|not with|while (?:on|taking))\b", re.I
)


def is_placeholder(codings: Iterable[Coding], texts: Iterable[str]) -> bool:
    """Whether the name says only that the medicine is not on the EHR's list."""
    names = [*texts, *(display for _, _, display in codings if display)]
    return any(_PLACEHOLDER.search(plain(name)) for name in names)


def name_in_directions(text: str) -> str:
    """The part of directions that can name the medicine: their beginning, before any warning."""
    told = _LATER.sub("", text, count=1)
    return _END_OF_NAME.split(told[:_LONGEST_NAME], maxsplit=1)[0]
