"""All scenarios by name, and the versions of FHIR that each is tried in."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

from cds_service.conversion import VERSIONS
from cds_service.scenarios import all_names, load

NOW = datetime(2026, 10, 14, 9, 30, tzinfo=UTC)
NAMES = all_names()
NOT_EXPRESSED = {
    ("plans-mistakes-and-drafts-are-no-use", "DSTU2"): "a MedicationOrder is no plan or proposal",
    ("a-client-that-bends-the-shapes", "STU3"): "category is bent already",
    ("order-not-to-give-naltrexone", "DSTU2"): "no doNotPerform",
    ("order-not-to-give-naltrexone", "STU3"): "no doNotPerform",
}
"""What a version has no element for, with the reason that is given; everything else runs in all four."""


def _converted() -> Iterator[tuple[str, str]]:
    """(name, version) of every R4 scenario in every other version that can express it."""
    natives = (name for name in NAMES if load(name).fhir_version == "R4")
    return ((name, v) for name in natives for v in VERSIONS if (name, v) not in NOT_EXPRESSED)


CONVERTED = list(_converted())
