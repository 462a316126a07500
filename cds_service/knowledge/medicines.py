"""What a medication entry is, from all its codings and texts.

A known code is believed before a display, a display before free text; a text that
names other ingredients than the code is reported in :attr:`Medicine.conflict`.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import lru_cache
from itertools import chain

from cds_service.knowledge.codings import Coding
from cds_service.knowledge.concepts import Duration, Form, Ingredient, KnownBy, Medicine, Role
from cds_service.knowledge.drug_names import CACHED_LENGTH, NamedDrug, read_drug_name
from cds_service.knowledge.ingredients import by_name, of_concern
from cds_service.knowledge.products import Product, known_products

_NAME_LENGTH = 120
_UNNAMED = "medicine without a name"


@dataclass(frozen=True, slots=True)
class _Evidence:
    """One thing that names ingredients: a code, a display or a text."""

    by: KnownBy
    name: str
    drug: NamedDrug
    label: str | None = None

    @property
    def ingredients(self) -> frozenset[str]:
        return frozenset(self.drug.ingredients)

    @property
    def concern(self) -> frozenset[str]:
        return of_concern(self.ingredients)


def recognise(
    codings: Sequence[Coding], texts: Sequence[str], ingredient_codings: Sequence[Coding] = ()
) -> Medicine:
    """What medicine the codings (system, code, display) and texts name.

    ``ingredient_codings`` are those of ``Medication.ingredient``: together they are one
    more piece of evidence, and add to what the product's own codes say. Texts are
    names of medicines, not instructions. The same short names are looked up once.
    """
    asked = tuple(codings), tuple(texts), tuple(ingredient_codings)
    said = filter(None, chain(asked[1], *asked[0], *asked[2]))
    longest = max(map(len, said), default=0)
    return _remembered(*asked) if longest <= CACHED_LENGTH else _recognise(*asked)


def _recognise(
    codings: Sequence[Coding], texts: Sequence[str], ingredient_codings: Sequence[Coding]
) -> Medicine:
    codes = [_coded(product) for product in known_products(codings)]
    displays = _named(KnownBy.DISPLAY, (display for _, _, display in codings))
    composed = _composed(ingredient_codings)
    if composed is not None:
        (codes if composed.by is KnownBy.CODE else displays).append(composed)
    free = _named(KnownBy.TEXT, texts)
    ranks = [rank for rank in (codes, displays, free) if rank]
    if not ranks:
        return Medicine(name=_first_text(codings, texts))
    believed = next((rank for rank in ranks if any(e.concern for e in rank)), ranks[0])
    others = [e for rank in ranks if rank is not believed for e in rank]
    return _medicine(believed, others)


_remembered = lru_cache(maxsize=8192)(_recognise)


def forget() -> None:
    """Look everything up anew: a site has taught codes."""
    _remembered.cache_clear()


def _coded(product: Product) -> _Evidence:
    return _Evidence(KnownBy.CODE, product.name, product.described(), product.label)


def _composed(codings: Sequence[Coding]) -> _Evidence | None:
    """The ingredients of a Medication as one piece of evidence: together they are the product."""
    parts = [_coded(product) for product in known_products(codings)]
    parts += _named(KnownBy.DISPLAY, (display for _, _, display in codings))
    if not parts:
        return None
    names = tuple(dict.fromkeys(name for part in parts for name in part.drug.ingredients))
    return _Evidence(parts[0].by, " / ".join(names), NamedDrug(names), parts[0].label)


def _named(by: KnownBy, texts: Iterable[str | None]) -> list[_Evidence]:
    """The texts that name a known ingredient."""
    drugs = ((text.strip(), read_drug_name(text)) for text in texts if text)
    return [_Evidence(by, text, drug) for text, drug in drugs if drug.ingredients]


def _first_text(codings: Sequence[Coding], texts: Sequence[str]) -> str:
    candidates = [*texts, *(display for _, _, display in codings), *(code for _, code, _ in codings)]
    return next((text.strip()[:_NAME_LENGTH] for text in candidates if text and text.strip()), _UNNAMED)


def _medicine(believed: Sequence[_Evidence], others: Sequence[_Evidence]) -> Medicine:
    names = tuple(dict.fromkeys(n for e in believed for n in e.drug.ingredients))
    known = frozenset(names)
    agreeing = [e for e in others if _disagreement(believed[0], known, e) is None]
    product = _product([*believed, *agreeing])
    ingredients = tuple(_with_role(by_name()[name], product.form) for name in names)
    first = believed[0]
    return Medicine(
        name=_card_name(believed, agreeing),
        ingredients=ingredients,
        known_by=first.by,
        code=first.label,
        form=product.form,
        extended_release=product.extended_release,
        duration=_duration(ingredients, product.form, product.extended_release),
        naltrexone_mg=product.naltrexone_mg,
        per_ml=product.per_ml,
        low_dose=any([e.drug.low_dose for e in (*believed, *agreeing)]),
        conflict=_conflict(believed, others),
    )


def _product(evidence: Sequence[_Evidence]) -> NamedDrug:
    """Form, release and strength, each from the best evidence that tells it."""
    drugs = [e.drug for e in evidence]
    formed = next((d for d in drugs if d.form), None)
    up_to = drugs.index(formed) + 1 if formed else len(drugs)
    strong = next((d for d in drugs if d.naltrexone_mg is not None), NamedDrug())
    released = any(d.extended_release for d in drugs[:up_to])
    return NamedDrug(
        form=formed.form if formed else None,
        extended_release=released,
        naltrexone_mg=strong.naltrexone_mg,
        per_ml=strong.per_ml,
    )


def _with_role(ingredient: Ingredient, form: Form | None) -> Ingredient:
    """Nalmefene is a rescue product as spray and injection, and a daily medicine as tablet."""
    if ingredient.name == "nalmefene" and form in (Form.NASAL, Form.INJECTION):
        return replace(ingredient, role=Role.RESCUE_ANTAGONIST)
    return ingredient


def _duration(ingredients: Iterable[Ingredient], form: Form | None, released: bool) -> Duration | None:
    """The longest class among the opioids, form and release considered."""
    opioids = [i for i in ingredients if i.role in (Role.OPIOID, Role.OPIOID_LIKE)]
    classes = {i.duration for i in opioids}
    if not opioids:
        return None
    if Duration.METHADONE_BUPRENORPHINE in classes:
        return Duration.METHADONE_BUPRENORPHINE
    lasting = released or form in (Form.PATCH, Form.DEPOT, Form.IMPLANT)
    return Duration.LONG if lasting or Duration.LONG in classes else Duration.SHORT


def _card_name(believed: Sequence[_Evidence], agreeing: Sequence[_Evidence]) -> str:
    """The EHR's own words where they name the same and tell a dose form: the prescriber knows them.

    Else the code's name, unless it is a bare ingredient and a text says more.
    """
    named = of_concern(frozenset(n for e in believed for n in e.ingredients))
    own = [e for by in (KnownBy.TEXT, KnownBy.DISPLAY) for e in agreeing if e.by is by and e.concern == named]
    telling = (e for e in (*own, *believed, *agreeing) if e.drug.form or e.drug.naltrexone_mg)
    return next(telling, believed[0]).name[:_NAME_LENGTH]


def _conflict(believed: Sequence[_Evidence], others: Sequence[_Evidence]) -> str | None:
    """The first contradiction: each piece believed against those before it, then the others against all."""
    first, known = believed[0], believed[0].ingredients
    for evidence in believed[1:]:
        if said := _disagreement(first, known, evidence):
            return said
        known |= evidence.ingredients
    return next((said for e in others if (said := _disagreement(first, known, e))), None)


def _disagreement(first: _Evidence, known: frozenset[str], other: _Evidence) -> str | None:
    """In plain words how ``other`` contradicts the ``known`` ingredients, ``first`` named, or None."""
    concern = of_concern(known)
    if other.concern == concern or _is_part(other, known, concern):
        return None
    return (
        f"The {_KIND[first.by]} says {_listed(known)}, "
        f"the {_KIND[other.by]} says {_listed(other.ingredients)}; the {_KIND[first.by]} is believed."
    )


def _is_part(other: _Evidence, known: frozenset[str], concern: frozenset[str]) -> bool:
    """Whether the other names part of the product, and not naltrexone where the product is an opioid."""
    if other.by is KnownBy.CODE:
        return other.ingredients <= known or known <= other.ingredients
    hides_opioid = other.concern == {"naltrexone"} != concern
    return other.ingredients <= known and not hides_opioid


_KIND = {KnownBy.CODE: "code", KnownBy.DISPLAY: "display", KnownBy.TEXT: "text"}


def _listed(names: Iterable[str]) -> str:
    return " and ".join(sorted(names))
