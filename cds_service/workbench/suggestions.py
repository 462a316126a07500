"""What the drug field offers while typing; free text is always taken."""

from __future__ import annotations

from cds_service.chart.showing import milligrams
from cds_service.knowledge import tables
from cds_service.knowledge.clinical import Clinical
from cds_service.knowledge.concepts import Role


def drugs(clinical: Clinical) -> list[str]:
    """Naltrexone as it is ordered, then the opioids of the knowledge."""
    doses = sorted({mg for schedule in clinical.titration.schedules for mg, _ in schedule.steps})
    naltrexone = [f"naltrexone {milligrams(mg)} mg compounded capsule" for mg in doses]
    liquid = ["naltrexone 1 mg/mL oral liquid"]
    full = [f"naltrexone {milligrams(min(clinical.dose.standard_mg))} mg tablet"]
    brands = [
        row["name"] for row in tables.rows("product_names") if "naltrexone" in tables.cell(row["ingredients"])
    ]
    opioids = sorted(row["name"] for row in tables.rows("ingredients") if row["role"] == Role.OPIOID)
    return [*naltrexone, *liquid, *full, *brands, *(name for name in opioids if "unspecified" not in name)]
