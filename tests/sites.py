"""Files that a site keeps."""

from __future__ import annotations

from pathlib import Path


def codes_of_a_site(folder: Path) -> Path:
    """A folder below ``folder`` with one code of the site's own, a house capsule of LDN 4.5 mg."""
    codes = folder / "codes"
    codes.mkdir()
    (codes / "local-codes.csv").write_text(
        "system,code,name,ingredients,naltrexone_mg,per_ml,form\n"
        "https://ehr.example.org/drugs,LDN45,House LDN,naltrexone,4.5,,capsule\n"
    )
    return codes
