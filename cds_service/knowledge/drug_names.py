"""Reads the name of a medicine as EHRs, pharmacies and prescribers write it.

RxNorm names, shouted abbreviations, brands, British names and free text alike:
ingredients by whole words, then dose form, release and the strength of naltrexone.
What a text says about stopping or not taking a medicine is not read here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import NamedTuple

from cds_service.knowledge.concepts import Form
from cds_service.knowledge.ingredients import Name, phrases, spellings
from cds_service.knowledge.words import plain, words

CACHED_LENGTH = 80
"""Longer texts may hold anything, a patient's name included, and are not kept."""


@dataclass(frozen=True, slots=True)
class NamedDrug:
    """What one text says; ``ingredients`` is empty when it names nothing known."""

    ingredients: tuple[str, ...] = ()
    form: Form | None = None
    extended_release: bool = False
    naltrexone_mg: float | None = None
    per_ml: bool = False
    low_dose: bool = False
    """Calls naltrexone low dose by name: "LDN", "low dose naltrexone"."""


def read_drug_name(text: str) -> NamedDrug:
    """What a medication text names."""
    return _cached(text) if len(text) <= CACHED_LENGTH else _read(text)


def _read(text: str) -> NamedDrug:
    tokens = spellings().read(words(text))
    names = [meaning for _, _, meaning in phrases().find(tokens)]
    if not names:
        return NamedDrug()
    ingredients = tuple(dict.fromkeys(i for name in names for i in name.ingredients))
    released = any(name.extended_release for name in names) or _is_extended_release(tokens)
    strength = _naltrexone_strength(text, names, ingredients)
    form = next((name.form for name in names if name.form), None) or _form(tokens)
    if "depot" in tokens and _DEPOTS & set(ingredients):
        form = Form.DEPOT
    form = _long_lasting(form, ingredients, text, released, strength.mg)
    low = "naltrexone" in ingredients and bool(_LOW_DOSE.search(plain(text)))
    return NamedDrug(
        ingredients=ingredients,
        form=form,
        extended_release=released and form is not Form.SUPPOSITORY,
        naltrexone_mg=strength.mg,
        per_ml=strength.per_ml,
        low_dose=low,
    )


_cached = lru_cache(maxsize=8192)(_read)


# Dose form: the first row with a word in the text wins, so that "tablet for oral suspension" is a tablet.
# Each row: English, then French, German, Nordic, Spanish and Italian words, without accents.
_FORMS: tuple[tuple[Form, frozenset[str]], ...] = tuple(
    (form, frozenset(known.split()))
    for form, known in (
        (Form.IMPLANT, "implant implants pellet pellets"),
        (Form.TOPICAL, "cream gel ointment lotion topical ophthalmic eyedrops creme pommade salbe crema"),
        (
            Form.PATCH,
            "patch patches transdermal td ptwk pt transdermique transdermiques pflaster depotplaster plaster"
            " parche parches cerotto cerotti pleister",
        ),
        (Form.NASAL, "nasal intranasal nasenspray nesespray"),
        (
            Form.SUPPOSITORY,
            "suppository suppositories supp rectal suppositoire suppositoires zapfchen stikkpille stikkpiller"
            " supositorio supositorios supposta supposte",
        ),
        (
            Form.INJECTION,
            "injection injections injectable inj ampoule ampoules amp vial vials syringe syringes cartridge"
            " injector autoinjector iv im sc subq subcutaneous intravenous intramuscular infusion pca"
            " intrathecal epidural injektion injektionslosung injeksjon inyectable iniettabile ampullen",
        ),
        (Form.FILM, "film films strip strips"),
        (
            Form.CAPSULE,
            "capsule capsules cap caps cp gelule gelules kapsel kapseln kapslar hartkapseln retardkapsel"
            " retardkapseln depotkapsel depotkapsler capsula capsulas",
        ),
        (
            Form.TABLET,
            "tablet tablets tab tabs tb caplet caplets odt subl tbec comprime comprimes cpr tablette"
            " tabletten filmtablette filmtabletten retardtablette retardtabletten tablett"
            " tabletter depottablett"
            " depottabletter sublingvaltablett comprimido comprimidos compressa compresse",
        ),
        (
            Form.LIQUID,
            "solution soln liquid suspension susp syrup elixir linctus tincture mixture drops conc"
            " concentrate liqd syrp elix sirop gouttes tropfen saft mikstur draper jarabe gotas"
            " sciroppo gocce siroop",
        ),
    )
)
_MISLEADING = (("film", "coated"), ("oral", "syringe"), ("gel", "caps"), ("gel", "capsule"))
_SHORTHAND = frozenset({"pt", "tb", "cp"})
"""Only before a number: Epic writes PT72, TB12, CP24."""


def _form(tokens: Sequence[str]) -> Form | None:
    pairs = list(zip(tokens, [*tokens[1:], ""], strict=True))
    telling = {word for word, after in pairs if word not in _SHORTHAND or after.isdigit()}
    for first, second in _MISLEADING:
        if (first, second) in pairs:
            telling -= {first, second} - {"caps", "capsule"}
    return next((form for form, known in _FORMS if known & telling), None)


_RELEASE_WORDS = frozenset(
    {"er", "xr", "sr", "cr", "la", "mr", "pr", "xl", "lp", "contin", "continus", "retard", "ret", "depot"}
    | {
        f"{kind}{form}"
        for kind in ("retard", "depot")
        for form in ("tablette", "tabletten", "kapsel", "kapseln")
    }
    | {"depottablett", "depottabletter", "depotkapsler", "prolongee", "prolongada", "prolungato"}
)
""""Depot" is Nordic for extended release; a depot injection is told in :func:`_long_lasting`."""
_RELEASE_PAIRS = frozenset(
    {(kind, "release") for kind in ("extended", "prolonged", "modified", "sustained", "controlled", "slow")}
    | {("long", "acting"), ("m", "r"), ("l", "p"), ("prolonged", "rel"), ("extended", "rel")}
    | {(kind, hours) for kind in ("tb", "cp", "t", "c") for hours in ("12", "24")}
)
_INTERVAL_WORDS = frozenset({"q", "every", "per", "over", "each", "in", "for"})


def _is_extended_release(tokens: Sequence[str]) -> bool:
    if not _RELEASE_WORDS.isdisjoint(tokens):
        return True
    pairs = list(zip(tokens, tokens[1:], strict=False))
    if not _RELEASE_PAIRS.isdisjoint(pairs):
        return True
    return any(_marks_hours(tokens, at) for at, pair in enumerate(pairs) if pair[1] in ("hr", "hour"))


def _marks_hours(tokens: Sequence[str], at: int) -> bool:
    """Whether "12 hr" is RxNorm's release marker and no dosing interval."""
    return tokens[at] in ("12", "24") and (at == 0 or tokens[at - 1] not in _INTERVAL_WORDS)


_STRENGTH = re.compile(
    r"(?<![\d.,])(?P<number>\d+(?:[.,]\d+)*|\.\d+)\s*"
    r"(?P<unit>mg|milligrams?|mcg|ug|micrograms?|g|grams?)\b"
    r"(?:\s*(?:/|per|in)\s*(?P<volume>\d+(?:\.\d+)?|\.\d+)?\s*"
    r"(?P<per>ml|cc|milliliters?|millilitres?|hr|hour|h|kg)\b)?"
)
_RANGE_BEFORE = re.compile(r"\d\s*(?:-|to)\s*$")
_THOUSANDS = re.compile(r"\d{1,3}(?:,\d{3})+(?:\.\d+)?")
_NALTREXONE = re.compile(r"(?<![a-z])(?:naltrex[a-z]*|naltraxone|u?ldn)(?![a-z])")
_LOW_DOSE = re.compile(r"(?<![a-z])(?:u?ldn|lo(?:w|west)?[ -]?dose)(?![a-z])")
_BARE_NUMBER = re.compile(r"[\s-]*(\d\.\d+)\s*")
""""LDN 4.5" and nothing more: milligrams. A whole number could be a count of capsules."""
_NEXT_INGREDIENT = re.compile(r"[/+&](?=\s*[a-z])|\band\b|\bwith\b")


class _Strength(NamedTuple):
    """Mg in a unit, or in a millilitre if ``per_ml``; None where the text tells none."""

    mg: float | None = None
    per_ml: bool = False


def _naltrexone_strength(text: str, names: Sequence[Name], ingredients: Sequence[str]) -> _Strength:
    if "naltrexone" not in ingredients:
        return _Strength()
    written = plain(text)
    named = _NALTREXONE.search(written)
    if named is not None:
        after, before = written[named.end() :], written[: named.start()]
        if len(ingredients) > 1:
            after, before = _NEXT_INGREDIENT.split(after, maxsplit=1)[0], ""
        found = _strengths(after)[:1] or _strengths(before)[-1:]
        if found:
            return found[0]
        if bare := _BARE_NUMBER.fullmatch(after):
            return _Strength(float(bare[1]))
    return _Strength(next((name.naltrexone_mg for name in names if name.naltrexone_mg), None))


def _strengths(text: str) -> list[_Strength]:
    """Every strength in a text; ranges, doses by the hour and by weight tell none."""
    found = []
    for match in _STRENGTH.finditer(text):
        mg = _number(match["number"]) * _mg_per(match["unit"])
        if (
            match["per"]
            and match["per"].startswith(("h", "k"))
            or _RANGE_BEFORE.search(text, 0, match.start())
        ):
            continue
        volume = float(match["volume"] or 1) if match["per"] else 0.0
        found.append(_Strength(round(mg / volume, 6), True) if volume else _Strength(round(mg, 6)))
    return found


def _number(written: str) -> float:
    if _THOUSANDS.fullmatch(written):
        return float(written.replace(",", ""))
    parts = written.replace(",", ".").split(".")
    return float(".".join(parts[:2]) if written[0] != "." else "0" + written)


def _mg_per(unit: str) -> float:
    if unit in ("mg", "milligram", "milligrams"):
        return 1.0
    return 1000.0 if unit in ("g", "gram", "grams") else 0.001


_DEPOTS = frozenset({"naltrexone", "buprenorphine"})
"""Ingredients of depot injections."""
_DEPOT_NALTREXONE_MG = 300.0
_DEPOT_BUPRENORPHINE_MG_PER_ML = 20.0
"""Sublocade and Brixadi hold 50 mg/mL and more, buprenorphine for pain 0.3 mg/mL (RxNorm)."""


def _long_lasting(
    form: Form | None, ingredients: Sequence[str], text: str, released: bool, mg: float | None
) -> Form | None:
    """The form, with depot injections and patches told from plain ones by their strength."""
    if form in (None, Form.INJECTION) and mg is not None and mg >= _DEPOT_NALTREXONE_MG:
        return Form.DEPOT
    if form is Form.INJECTION and released and _DEPOTS & set(ingredients):
        return Form.DEPOT
    if form is Form.INJECTION and "buprenorphine" in ingredients:
        strong = any(
            s.per_ml and s.mg and s.mg >= _DEPOT_BUPRENORPHINE_MG_PER_ML for s in _strengths(plain(text))
        )
        return Form.DEPOT if strong else form
    if form is None and {"fentanyl", "buprenorphine"} & set(ingredients) and _PER_HOUR.search(plain(text)):
        return Form.PATCH
    return form


_PER_HOUR = re.compile(r"\d\s*(?:mcg|ug|micrograms?|mg)\s*(?:/|per)\s*(?:hr|hour|h)\b")
