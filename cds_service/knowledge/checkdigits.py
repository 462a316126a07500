"""Check digits of SNOMED CT identifiers and LOINC codes."""

from __future__ import annotations

# Verhoeff's dihedral group D5: multiplication, and the permutation applied by position.
_TIMES = (
    (0, 1, 2, 3, 4, 5, 6, 7, 8, 9),
    (1, 2, 3, 4, 0, 6, 7, 8, 9, 5),
    (2, 3, 4, 0, 1, 7, 8, 9, 5, 6),
    (3, 4, 0, 1, 2, 8, 9, 5, 6, 7),
    (4, 0, 1, 2, 3, 9, 5, 6, 7, 8),
    (5, 9, 8, 7, 6, 0, 4, 3, 2, 1),
    (6, 5, 9, 8, 7, 1, 0, 4, 3, 2),
    (7, 6, 5, 9, 8, 2, 1, 0, 4, 3),
    (8, 7, 6, 5, 9, 3, 2, 1, 0, 4),
    (9, 8, 7, 6, 5, 4, 3, 2, 1, 0),
)
_FIRST = (1, 5, 7, 6, 2, 8, 3, 0, 9, 4)
_PERIOD = 8


def is_snomed_id(code: str) -> bool:
    """Whether a SNOMED CT identifier has 6 to 18 digits and a right Verhoeff check digit."""
    if not (code.isdigit() and code[0] != "0" and 6 <= len(code) <= 18):
        return False
    check = 0
    for place, digit in enumerate(reversed(code)):
        value = int(digit)
        for _ in range(place % _PERIOD):
            value = _FIRST[value]
        check = _TIMES[check][value]
    return check == 0


def is_loinc_code(code: str) -> bool:
    """Whether a LOINC code or answer (``LA6576-8``) has a right mod-10 check digit.

    Letters count with their distance from the digit 0 in ASCII.
    """
    number, hyphen, check = code.partition("-")
    if not (hyphen and number.isalnum() and number.isascii() and len(check) == 1 and check.isdigit()):
        return False
    total = 0
    for place, character in enumerate(reversed(number)):
        value = ord(character) - ord("0")
        total += 2 * value - value // 5 * 9 if place % 2 == 0 else value
    return (10 - total % 10) % 10 == int(check)
