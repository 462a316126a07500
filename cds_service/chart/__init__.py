"""The patient at the moment of decision: medications as exposures, problems, pregnancy, allergies, gaps."""

from cds_service.chart.model import (
    Allergy,
    Basket,
    DailyStep,
    DoseProblem,
    Evidence,
    Exposure,
    Measurement,
    NaltrexoneDose,
    Order,
    PatientChart,
    Person,
    PlannedSurgery,
    Pregnancy,
    Presence,
    Problem,
)
from cds_service.chart.showing import day, listed, milligrams

__all__ = [
    "Allergy",
    "Basket",
    "DailyStep",
    "DoseProblem",
    "Evidence",
    "Exposure",
    "Measurement",
    "NaltrexoneDose",
    "Order",
    "PatientChart",
    "Person",
    "PlannedSurgery",
    "Pregnancy",
    "Presence",
    "Problem",
    "day",
    "listed",
    "milligrams",
]
