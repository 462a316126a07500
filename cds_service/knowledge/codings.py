"""Code systems and codes as clients spell them, brought to one form.

EHRs write the same system as http and https, with and without ``www``, as OID or
as a bare name, and the same code with and without dots and hyphens.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator
from enum import StrEnum
from functools import lru_cache

Coding = tuple[str | None, str | None, str | None]
"""System, code and display of one FHIR Coding."""


class System(StrEnum):
    """A code system the tables know."""

    RXNORM = "rxnorm"
    NDC = "ndc"
    SNOMED = "snomed"
    ATC = "atc"
    UNII = "unii"
    HCPCS = "hcpcs"
    ICD10 = "icd10"
    LOINC = "loinc"
    V2_YES_NO = "v2-0136"
    NULL_FLAVOR = "v3-NullFlavor"
    INTERPRETATION = "v3-ObservationInterpretation"
    LOCAL = "local"
    """Any other system: known only when a site has taught its codes."""


# Scheme, "www." and a trailing slash are taken off before looking up. OIDs: HL7 FHIR, terminologies-systems.
_ALIASES: dict[str, System] = {
    "nlm.nih.gov/research/umls/rxnorm": System.RXNORM,
    "2.16.840.1.113883.6.88": System.RXNORM,
    "rxnorm": System.RXNORM,
    "hl7.org/fhir/sid/ndc": System.NDC,
    "2.16.840.1.113883.6.69": System.NDC,
    "ndc": System.NDC,
    "snomed.info/sct": System.SNOMED,
    "snomed.info": System.SNOMED,
    "2.16.840.1.113883.6.96": System.SNOMED,
    # dm+d identifiers are SNOMED CT identifiers of the UK drug extension
    "dmd.nhs.uk": System.SNOMED,
    "snomed": System.SNOMED,
    "snomedct": System.SNOMED,
    "snomed-ct": System.SNOMED,
    "whocc.no/atc": System.ATC,
    "2.16.840.1.113883.6.73": System.ATC,
    "atc": System.ATC,
    "fdasis.nlm.nih.gov": System.UNII,
    "2.16.840.1.113883.4.9": System.UNII,
    "unii": System.UNII,
    "cms.gov/medicare/coding/hcpcsreleasecodesets": System.HCPCS,
    "2.16.840.1.113883.6.285": System.HCPCS,
    "hcpcs": System.HCPCS,
    "hl7.org/fhir/sid/icd-10-cm": System.ICD10,
    "2.16.840.1.113883.6.90": System.ICD10,
    # WHO and national editions share the stems; where they differ (F11.2-F11.4) the broader row is cautious
    "hl7.org/fhir/sid/icd-10": System.ICD10,
    "2.16.840.1.113883.6.3": System.ICD10,
    # ICD-10-GM: build.fhir.org/ig/hl7germany/terminologie-basis-de; "dimdi" until 2020
    "fhir.de/codesystem/bfarm/icd-10-gm": System.ICD10,
    "fhir.de/codesystem/dimdi/icd-10-gm": System.ICD10,
    "icd-10-cm": System.ICD10,
    "icd10cm": System.ICD10,
    "icd10": System.ICD10,
    "icd-10": System.ICD10,
    "loinc.org": System.LOINC,
    "2.16.840.1.113883.6.1": System.LOINC,
    "loinc": System.LOINC,
    "terminology.hl7.org/codesystem/v2-0136": System.V2_YES_NO,
    "hl7.org/fhir/v2/0136": System.V2_YES_NO,
    "terminology.hl7.org/codesystem/v3-nullflavor": System.NULL_FLAVOR,
    "hl7.org/fhir/v3/nullflavor": System.NULL_FLAVOR,
    "terminology.hl7.org/codesystem/v3-observationinterpretation": System.INTERPRETATION,
    "hl7.org/fhir/v3/observationinterpretation": System.INTERPRETATION,
    "hl7.org/fhir/v2/0078": System.INTERPRETATION,
}
_SPACE = re.compile(r"\s+")


@lru_cache(maxsize=512)
def system_of(uri: str) -> System | None:
    """The code system a URI, OID or bare name stands for, if the tables know it."""
    name = uri.strip().lower().partition("|")[0].rstrip("/")
    name = name.removeprefix("https://").removeprefix("http://").removeprefix("urn:oid:")
    name = name.removeprefix("www.")
    if name.startswith("snomed.info/sct/"):  # an edition or version
        return System.SNOMED
    return _ALIASES.get(name)


def known_codings(codings: Iterable[Coding]) -> Iterator[tuple[System, str, str | None]]:
    """Codings with a system and a code, in the order given; those of unknown systems as local."""
    for uri, code, display in codings:
        if uri and code and code.strip():
            system, spelled = spell(uri, code)
            yield system, spelled, display


_OF_MEDICINES = frozenset({System.RXNORM, System.NDC, System.SNOMED, System.ATC, System.UNII, System.HCPCS})
"""Systems whose opioids and naltrexone the tables hold: a code they lack is none of these."""


def names_nothing(codings: Iterable[Coding], texts: Iterable[str]) -> bool:
    """Whether nobody can tell what is meant: no word, and codes of a hospital's own at most."""
    told = list(codings)
    if any(texts) or any([display for _, _, display in told]):
        return False
    return all([system not in _OF_MEDICINES for system, _, _ in known_codings(told)])


def spell(uri: str, code: str) -> tuple[System, str]:
    """System and code as the tables spell them."""
    system = system_of(uri)
    if system is None:
        return System.LOCAL, f"{uri.strip().rstrip('/').lower()}|{code.strip()}"
    return system, _spell(system, code)


def _spell(system: System, code: str) -> str:
    """The code as the tables spell it."""
    code = code.strip()
    if system is System.ICD10:
        return _SPACE.sub("", code).replace(".", "").upper()
    if system in (System.RXNORM, System.SNOMED, System.NDC):
        return code
    return code.upper()


def ndc_spellings(code: str) -> list[str]:
    """The eleven-digit forms an NDC may stand for.

    Hyphens tell where the zero is missing (4-4-2, 5-3-2, 5-4-1); ten digits without
    hyphens can mean any of the three.
    """
    parts = code.strip().split("-")
    if not all(part.isdigit() for part in parts):
        return []
    if len(parts) == 3:
        return [parts[0].zfill(5) + parts[1].zfill(4) + parts[2].zfill(2)]
    digits = "".join(parts)
    if len(digits) == 11:
        return [digits]
    if len(digits) != 10:
        return []
    return ["0" + digits, f"{digits[:5]}0{digits[5:]}", f"{digits[:9]}0{digits[9]}"]


def ndc_product(code: str) -> str | None:
    """Labeller and product (nine digits) of an NDC that is written without the package."""
    parts = code.strip().split("-")
    if len(parts) == 2 and all(part.isdigit() for part in parts):
        return parts[0].zfill(5) + parts[1].zfill(4)
    return None
