"""Text as the name readers see it: lower-case words and numbers, nothing else.

Word edges are what keeps "ReVia" out of "placenta previa" and "morphine" out of
"apomorphine": names are compared word by word, never inside a word.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterator, Sequence
from typing import Generic, TypeVar

T = TypeVar("T")

_TOKEN = re.compile(r"[a-z]+|\d+(?:[.,]\d+)*")
_DROPPED = str.maketrans({"®": " ", "™": " ", "µ": "u", "μ": "u", "’": "'"})


def plain(text: str) -> str:
    """Lower case, without accents and trade marks."""
    text = text.translate(_DROPPED).lower()
    if text.isascii():
        return text
    return "".join(c for c in unicodedata.normalize("NFKD", text) if not unicodedata.combining(c))


def words(text: str) -> list[str]:
    """The words and numbers of a text; "4.5mg" is two of them."""
    return _TOKEN.findall(plain(text))


class Phrases(Generic[T]):
    """Finds known phrases in a list of words, longest first."""

    def __init__(self) -> None:
        self._by_first: dict[str, list[tuple[tuple[str, ...], T]]] = {}

    def add(self, phrase: str, meaning: T) -> None:
        """Teach one phrase; the first meaning taught stays."""
        key = tuple(words(phrase))
        found = self._by_first.setdefault(key[0], [])
        if all(known != key for known, _ in found):
            found.append((key, meaning))
            found.sort(key=lambda entry: -len(entry[0]))

    def find(self, text: Sequence[str]) -> Iterator[tuple[int, int, T]]:
        """Start, end and meaning of each phrase, left to right, without overlap."""
        at = 0
        while at < len(text):
            hit = self._longest(text, at)
            if hit is None:
                at += 1
                continue
            yield at, hit[0], hit[1]
            at = hit[0]

    def _longest(self, text: Sequence[str], at: int) -> tuple[int, T] | None:
        for phrase, meaning in self._by_first.get(text[at], ()):
            end = at + len(phrase)
            if tuple(text[at:end]) == phrase:
                return end, meaning
        return None
