"""Facts: what medicines, conditions and observations are, from committed data tables."""

from cds_service.knowledge.clinical import Clinical, Schedule, load_clinical
from cds_service.knowledge.findings import condition_findings, gestational_weeks
from cds_service.knowledge.medicines import recognise
from cds_service.knowledge.observations import observation_measures, read_answer
from cds_service.knowledge.tables import version

VERSION = version()
"""Release of the tables and a short hash of their content."""

__all__ = [
    "VERSION",
    "Clinical",
    "Schedule",
    "condition_findings",
    "gestational_weeks",
    "load_clinical",
    "observation_measures",
    "read_answer",
    "recognise",
]
