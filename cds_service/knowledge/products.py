"""What a medication code stands for: RxNorm, NDC, SNOMED CT, ATC, UNII and HCPCS codes to ingredients."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from functools import cache, lru_cache

from cds_service.knowledge import tables
from cds_service.knowledge.codings import Coding, System, known_codings, ndc_product, ndc_spellings
from cds_service.knowledge.concepts import Form
from cds_service.knowledge.drug_names import NamedDrug, read_drug_name


@dataclass(frozen=True, slots=True)
class Product:
    """One known code; form and strength are given where the name does not tell them."""

    system: System
    code: str
    name: str
    ingredients: tuple[str, ...]
    form: Form | None = None
    naltrexone_mg: float | None = None
    per_ml: bool = False

    @property
    def label(self) -> str:
        """The coding, as a card cites it."""
        return f"{self.system} {self.code}"

    def described(self) -> NamedDrug:
        """Ingredients, form, release and strength, from the table and from the name."""
        return _describe(self)


@lru_cache(maxsize=4096)
def _describe(product: Product) -> NamedDrug:
    read = read_drug_name(product.name)
    if not read.ingredients:  # a name of the site's own: form and release are read beside the ingredients
        read = read_drug_name(f"{' / '.join(product.ingredients)} {product.name}")
    told = product.naltrexone_mg is not None
    mg = product.naltrexone_mg if told else read.naltrexone_mg
    per_ml = product.per_ml if told else read.per_ml
    return NamedDrug(product.ingredients, product.form or read.form, read.extended_release, mg, per_ml)


def known_products(codings: Iterable[Coding]) -> list[Product]:
    """The products that the known codes among ``codings`` stand for, in their order."""
    found = (find(system, code) for system, code, _ in known_codings(codings))
    return [product for product in found if product is not None]


def find(system: System, code: str) -> Product | None:
    """The product a code, as the tables spell it, stands for."""
    if system is System.NDC:
        named = (_products().get((System.RXNORM, rxcui)) for rxcui in sorted(_rxcuis_of(code)))
        return _packaged(code, [product for product in named if product])
    return _products().get((system, code))


def _packaged(ndc: str, products: list[Product]) -> Product | None:
    """The product of an NDC; a spelling that can mean several is all of them, so that none is overlooked."""
    if not products:
        return None
    if len(products) == 1:
        return replace(products[0], system=System.NDC, code=ndc)
    names = " or ".join(product.name for product in products)
    ingredients = tuple(dict.fromkeys(name for product in products for name in product.ingredients))
    return Product(System.NDC, ndc, names, ingredients)


def _rxcuis_of(ndc: str) -> set[str]:
    """The products of an NDC: more than one where ten digits without hyphens can be read in several ways."""
    packages, products = _ndcs()
    spellings = ndc_spellings(ndc)
    found = {packages[s] for s in spellings if s in packages}
    if not found and len(spellings) == 1:  # another package of a known product
        found = {products[s[:9]] for s in spellings if s[:9] in products}
    short = ndc_product(ndc)
    if short in products:
        found = {products[short]}
    return found


@cache
def _products() -> dict[tuple[System, str], Product]:
    found: dict[tuple[System, str], Product] = {}
    for row in tables.rows_with_site("rxnorm_products"):
        found[System.RXNORM, row["rxcui"]] = _product(System.RXNORM, row["rxcui"], row["name"], row)
    for row in tables.rows_with_site("medicine_codes"):
        system = System(row["system"])
        found[system, row["code"]] = _product(system, row["code"], row["display"], row)
    return found


def _product(system: System, code: str, name: str, row: dict[str, str]) -> Product:
    return Product(
        system=system,
        code=code,
        name=name,
        ingredients=tables.cell(row["ingredients"]),
        form=Form(row["form"]) if row["form"] else None,
        naltrexone_mg=float(row["naltrexone_mg"]) if row["naltrexone_mg"] else None,
        per_ml=row.get("per_ml") == "yes",
    )


@cache
def _ndcs() -> tuple[dict[str, str], dict[str, str]]:
    """RxCUI by package (eleven digits) and by product (nine digits)."""
    packages = {row["ndc"]: row["rxcui"] for row in tables.rows_with_site("ndc")}
    products: dict[str, str] = {}
    for ndc, rxcui in packages.items():
        products.setdefault(ndc[:9], rxcui)
    return packages, products


def forget() -> None:
    """Read the tables again: a site has taught codes."""
    _products.cache_clear()
    _ndcs.cache_clear()
