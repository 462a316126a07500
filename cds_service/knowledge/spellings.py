"""One ingredient under many spellings: other languages, salts in one word, cut-off and mistyped names.

Nonproprietary names are written alike across languages but for a few letters: "f" for "ph", "t" for
"th", "c" for "ch", "i" for "y", "e" for "ae" and "oe" (name changes of International Nonproprietary
Names, liquisearch.com/international_nonproprietary_name/name_changes, read 2026-11-25). Written the
short way in both spellings, without "h", "k", doubled letters and the last vowels, one thing is left:
oxycodone, Oxycodon, oxikodon, oksykodoni and oxicodona are the same. That no other medicine falls
together with them is shown by lists, not by rule.
"""

from __future__ import annotations

import re
from bisect import bisect_left
from collections.abc import Iterable, Iterator, Sequence
from itertools import pairwise

SHORTEST = 6
"""Letters a word needs before it is taken for a spelling of another."""
_MISTYPED = 8
"""Letters a name needs before one slip in it is forgiven: below, one letter makes another word."""
_CUT_SHARE = 0.6
"""Share of a name that must be left for a cut-off word to mean it."""

_RIVALS = ("dihydrochloride", "phenazopyridine", "hydrocortisone", "dihydroergotamine", "amidon")
"""Words that are or begin like a spelling of an opioid (French "amidon" is starch). The first two are
all that 11,790 words of RxNorm, BNF, Canadian and French names without an opioid brought up."""

_SALTS = tuple(
    sorted(
        ("sulfat", "idroclorid", "clorid", "clorur", "fosfat", "citrat", "tartrat", "bitartrat", "maleat")
        + (
            "idrogentartrat",
            "idrogenotartrat",
            "cloridrat",
            "clorhidrat",
            "bromid",
            "acetat",
            "lactat",
            "emisulfat",
        ),
        key=len,
        reverse=True,
    )
)
"""As they end a compound word ("Morphinsulfat"), in the form :func:`skeleton` gives them."""

_DOUBLED = re.compile(r"(.)\1+")
_REWRITTEN = (("ph", "f"), ("ae", "e"), ("oe", "e"), ("h", ""), ("y", "i"), ("k", "c"), ("cs", "x"))


def skeleton(word: str) -> str:
    """What the spellings of one name have in common; ``word`` is lower case without accents."""
    for written, told in _REWRITTEN:
        word = word.replace(written, told)
    return _DOUBLED.sub(r"\1", word).rstrip("aeiou")


class Spellings:
    """Brings the words of a text to the spelling that the tables have."""

    def __init__(self, names: Iterable[str], known: Iterable[str]) -> None:
        """``names`` are to be found under other spellings; ``known`` words stay as they are."""
        words = [name for name in names if len(name) >= SHORTEST and name.isalpha()]
        # abbreviations are no models: what is near "hydromor" is another word
        cut_short = {one for one, longer in pairwise(sorted(set(words))) if _is_cut_off(one, longer)}
        whole = [name for name in words if name not in cut_short]
        self._known = frozenset({*known, *_RIVALS})
        self._skeletons = {skeleton(name): name for name in reversed(whole)}
        models = list(self._skeletons.values())  # a spelling of a spelling would be another word
        rivals = sorted({*_RIVALS, *(w for w in self._known if skeleton(w) not in self._skeletons)})
        self._cut = {
            cut: name for cut, name in _unambiguous(_cuts(models)) if not _begins_one_of(cut, rivals)
        }
        self._slips = dict(_unambiguous(_one_letter_less(models)))
        self._exact = frozenset(models)

    def read(self, words: Iterable[str]) -> list[str]:
        """The words, those that are another spelling of a name replaced by it."""
        return [self._read(word) for word in words]

    def _read(self, word: str) -> str:
        if len(word) < SHORTEST or word in self._known or not word.isalpha():
            return word
        bare = skeleton(word)
        return (
            self._skeletons.get(bare)
            or self._salt(bare)
            or self._cut.get(word)
            or self._mistyped(word)
            or word
        )

    def _salt(self, bare: str) -> str | None:
        """The name that a compound with its salt begins with."""
        for salt in _SALTS:
            if bare.endswith(salt):
                return self._skeletons.get(bare[: -len(salt)].rstrip("aeiou"))
        return None

    def _mistyped(self, word: str) -> str | None:
        """The one name that differs by one letter too many, too few, other, or two that changed places."""
        if len(word) < _MISTYPED - 1:
            return None
        if name := self._slips.get(word):
            return name
        shorter = [word[:at] + word[at + 1 :] for at in range(len(word))]
        found = {name for less in shorter if (name := less if less in self._exact else self._slips.get(less))}
        return found.pop() if len(found) == 1 and _differs_by_one(word, *found) else None


def _is_cut_off(word: str, longer: str) -> bool:
    """ "tramadol" is no abbreviation of "tramadole": both are one name."""
    return longer.startswith(word) and skeleton(longer) != skeleton(word)


def _begins_one_of(start: str, words: Sequence[str]) -> bool:
    """Whether any of ``words``, which are sorted, starts so."""
    at = bisect_left(words, start)
    return at < len(words) and words[at].startswith(start)


def _unambiguous(pairs: Iterable[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    meant: dict[str, set[str]] = {}
    for written, name in pairs:
        meant.setdefault(written, set()).add(name)
    for written, names in meant.items():
        if len({skeleton(name) for name in names}) == 1:
            yield written, min(names)


def _cuts(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        for length in range(max(SHORTEST, int(len(name) * _CUT_SHARE + 0.999)), len(name)):
            yield name[:length], name


def _one_letter_less(names: Iterable[str]) -> Iterator[tuple[str, str]]:
    for name in names:
        if len(name) >= _MISTYPED:
            for at in range(len(name)):
                yield name[:at] + name[at + 1 :], name


def _differs_by_one(word: str, name: str) -> bool:
    """One letter more, another letter, or two neighbours in each other's place."""
    if len(word) == len(name) + 1:
        return len(name) >= _MISTYPED
    if len(word) != len(name) or len(name) < _MISTYPED:
        return False
    wrong = [at for at, (one, other) in enumerate(zip(word, name, strict=True)) if one != other]
    if len(wrong) == 2 and wrong[1] == wrong[0] + 1:
        return word[wrong[0]] == name[wrong[1]] and word[wrong[1]] == name[wrong[0]]
    return len(wrong) == 1
