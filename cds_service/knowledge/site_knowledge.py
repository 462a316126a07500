"""Codes a site adds without code, from a folder: local codes, ValueSets and ConceptMaps.

Read once, before the first request. What the shipped tables know stays as it is: a correction of
theirs belongs to the tables, where a pharmacist reviews it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from cds_service.knowledge import conditions, medicines, observations, products, tables
from cds_service.knowledge.codings import System
from cds_service.knowledge.site_facts import Code, Condition, Fact, Medicine, Observation, Package
from cds_service.knowledge.site_files import Read, read_folder


class SiteKnowledgeError(ValueError):
    """The folder holds what cannot be read; one line for each problem, with file and place."""


@dataclass(frozen=True, slots=True)
class SiteKnowledge:
    """What was added from a site's folder."""

    added: int
    """Codes the shipped tables do not know."""
    kept: tuple[str, ...]
    """Codes of the site that the shipped tables know otherwise: those stay as shipped."""
    version: str
    """Short hash of the folder's files."""


def add_site_knowledge(folder: Path) -> SiteKnowledge:
    """Add the codes of ``folder`` to what is recognised; a second call replaces the first.

    Raises :class:`SiteKnowledgeError` naming every problem; then nothing is added.
    """
    forget_site_knowledge()
    if not folder.is_dir():
        raise SiteKnowledgeError(f"{folder}: no such folder")
    read = read_folder(folder)
    facts = [*read.facts, *_mapped(read)]
    if read.problems:
        raise SiteKnowledgeError("\n".join(read.problems))
    known = [(fact, _shipped(fact)) for fact in facts]
    fresh = [fact for fact, shipped in known if shipped is None]
    _teach(_united(fresh))
    kept = tuple(fact.of.where for fact, shipped in known if shipped not in (None, _says(fact)))
    return SiteKnowledge(len({(f.table, f.of.code) for f in fresh}), kept, _version(folder))


def forget_site_knowledge() -> None:
    """Know only what is shipped."""
    _teach([])


def _teach(facts: Iterable[Fact]) -> None:
    rows: dict[str, list[dict[str, str]]] = {}
    for fact in facts:
        rows.setdefault(fact.table, []).append(fact.row())
    tables.teach(rows)
    for module in (products, medicines, conditions, observations):
        module.forget()


def _united(facts: Iterable[Fact]) -> Iterator[Fact]:
    """One fact a code: a condition in two value sets means both."""
    united: dict[tuple[str, str], Fact] = {}
    for fact in facts:
        key = fact.table, f"{fact.of.system}|{fact.of.code}"
        other = united.get(key)
        if isinstance(fact, Condition) and isinstance(other, Condition):
            fact = replace(fact, meanings=fact.meanings | other.meanings)
        elif isinstance(fact, Medicine) and isinstance(other, Medicine):
            fact = replace(fact, ingredients=tuple(dict.fromkeys(other.ingredients + fact.ingredients)))
        united[key] = fact
    return iter(united.values())


# --- what the shipped tables say -----------------------------------------------------------------


def _says(fact: Fact) -> frozenset[str]:
    if isinstance(fact, Medicine):
        return frozenset(fact.ingredients)
    if isinstance(fact, Condition):
        return frozenset(fact.meanings)
    if isinstance(fact, Observation):
        return frozenset({fact.measure} if fact.measure else ())
    return frozenset({fact.rxcui})


def _shipped(fact: Fact) -> frozenset[str] | None:
    """The same, as the shipped tables say it; None when they do not know the code."""
    system, code = fact.of.system, fact.of.code
    if isinstance(fact, Condition):
        return conditions.code_meanings(system, code)
    if isinstance(fact, Observation):
        return observations.code_measures(system, code)
    product = products.find(system, code)
    if product is None:
        return None
    return _says(fact) if isinstance(fact, Package) else frozenset(product.ingredients)


def _mapped(read: Read) -> Iterator[Fact]:
    """What the site's codes of ConceptMaps are: the same as the codes they are mapped to."""
    taught = {(fact.of.system, fact.of.code): fact for fact in read.facts}
    for ours, theirs in read.pairs:
        fact = _known(ours, theirs) or taught.get((theirs.system, theirs.code))
        if fact is None:
            read.problems.append(f"{theirs.where}.code: {theirs.system} {theirs.code} is not known here")
        elif ours.system is System.NDC and not isinstance(fact, Package):
            read.problems.append(f"{theirs.where}.code: an NDC needs an RxNorm product, not {theirs.system}")
        else:
            yield replace(fact, of=ours)


def _known(ours: Code, theirs: Code) -> Fact | None:
    product = products.find(theirs.system, theirs.code)
    if product is not None and ours.system is System.NDC and theirs.system is System.RXNORM:
        return Package(ours, theirs.code)
    if product is not None:
        drug = product.described()
        return Medicine(ours, product.ingredients, drug.form, drug.naltrexone_mg, drug.per_ml)
    if (meanings := conditions.code_meanings(theirs.system, theirs.code)) is not None:
        return Condition(ours, meanings)
    if (measures := observations.code_measures(theirs.system, theirs.code)) is not None:
        return Observation(ours, next(iter(measures), None))
    return None


def _version(folder: Path) -> str:
    digest = hashlib.blake2s(digest_size=4)
    for path in sorted(p for p in folder.iterdir() if p.is_file()):
        digest.update(path.name.encode())
        digest.update(path.read_bytes())
    return digest.hexdigest()
