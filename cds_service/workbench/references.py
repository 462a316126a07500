"""References in a text, as links: DOI, PMID, and addresses as sources write them."""

from __future__ import annotations

import re
from collections.abc import Iterable

from markupsafe import Markup, escape

_REFERENCE = re.compile(
    r"doi:(?P<doi>10\.\d{4,9}/\S*[\w)])"
    r"|PMID (?P<pmid>\d{6,9})"
    r"|(?P<nct>NCT\d{8})"
    r"|(?P<web>(?:[a-z0-9-]+\.)+(?:com|org|gov|net|eu|uk|au|de|ai)(?:/[\w./%+-]*[\w/])?)"
)
_DASHES = str.maketrans({"\u2010": "-", "\u2011": "-"})


def linked(text: str) -> Markup:
    """``text`` with every reference in it a link; the rest escaped."""
    parts: list[Markup] = []
    end = 0
    for found in _REFERENCE.finditer(text.translate(_DASHES)):
        words, url = _balanced(found)
        parts += [escape(text[end : found.start()]), Markup('<a href="{}">{}</a>').format(url, words)]
        end = found.start() + len(words)
    return Markup("").join([*parts, escape(text[end:])])


def references(texts: Iterable[str]) -> list[tuple[str, str]]:
    """(words, address) of each publication named in ``texts``, once, in their order."""
    found = (_balanced(each) for text in texts for each in _REFERENCE.finditer(text) if not each["web"])
    return list(dict.fromkeys(found))


def _balanced(found: re.Match[str]) -> tuple[str, str]:
    """The words and the address of a reference; a bracket that closes the sentence is no part of it."""
    words = found.group()
    while words.endswith(")") and words.count(")") > words.count("("):
        words = words[:-1]
    if found["doi"]:
        return words, f"https://doi.org/{words.removeprefix('doi:')}"
    if found["pmid"]:
        return words, f"https://pubmed.ncbi.nlm.nih.gov/{found['pmid']}/"
    if found["nct"]:
        return words, f"https://clinicaltrials.gov/study/{words}"
    return words, f"https://{words}"
