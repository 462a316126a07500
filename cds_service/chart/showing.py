"""Our own words for dates and names, as cards show them."""

from __future__ import annotations

from datetime import date

from cds_service.knowledge.concepts import KnownBy, Medicine

_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def day(when: date) -> str:
    """``12 Oct 2026``: no order of day and month to mistake."""
    return f"{when.day} {_MONTHS[when.month - 1]} {when.year}"


def month(when: date) -> str:
    """``Oct 2026``, for a date without a day."""
    return f"{_MONTHS[when.month - 1]} {when.year}"


def listed(names: list[str] | tuple[str, ...], last: str = "and") -> str:
    """``a``, ``a and b``, ``a, b and c``."""
    unique = list(dict.fromkeys(names))
    return (
        unique[0] if len(unique) == 1 else f"{', '.join(unique[:-1])} {last} {unique[-1]}" if unique else ""
    )


def milligrams(mg: float) -> str:
    """``4.5``, ``50``, ``0.045``: no trailing zero (ISMP)."""
    return f"{mg:.4f}".rstrip("0").rstrip(".")


def medicine_name(medicine: Medicine) -> str:
    """The name, with how it was recognised when that was not by its code, and what contradicts."""
    name = medicine.name
    if medicine.known_by in (KnownBy.DISPLAY, KnownBy.TEXT):
        name += " (recognised by name)"
    return f"{name} ({medicine.conflict})" if medicine.conflict else name
