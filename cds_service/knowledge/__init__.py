"""Facts: what medicines, conditions and observations are, from committed data tables."""

from cds_service.knowledge.clinical import Clinical, Schedule, load_clinical
from cds_service.knowledge.codings import names_nothing
from cds_service.knowledge.concepts import Measure
from cds_service.knowledge.conditions import condition_meanings, gestational_weeks
from cds_service.knowledge.medicines import recognise
from cds_service.knowledge.observations import observation_measures, read_answer
from cds_service.knowledge.placeholders import is_placeholder, name_in_directions
from cds_service.knowledge.tables import version
from cds_service.knowledge.wording import titles


def preload() -> None:
    """Load every table, every wording and every pattern now, not on the first request."""
    recognise([("rxnorm", "0", "naltrexone"), ("ndc", "00000000000", None)], [])
    condition_meanings([("icd10", "Z00", None), ("snomed", "0", None)], "pregnancy")
    observation_measures([("loinc", "0", None)])
    read_answer(Measure.PREGNANCY_STATUS, [("loinc", "0", None)])
    titles()


VERSION = version()
"""Release of the tables and a short hash of their content."""

__all__ = [
    "VERSION",
    "Clinical",
    "Schedule",
    "condition_meanings",
    "gestational_weeks",
    "is_placeholder",
    "load_clinical",
    "name_in_directions",
    "names_nothing",
    "observation_measures",
    "preload",
    "read_answer",
    "recognise",
]
