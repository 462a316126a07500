"""Free-text directions to steps: (value, unit, times a day, days)."""

from __future__ import annotations

import pytest

from cds_service.chart.directions import read_directions

Step = tuple[float, str, float | None, float | None]


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("1 cap qhs", [(1, "unit", 1, None)]),
        ("4.5mg nightly", [(4.5, "mg", 1, None)]),
        ("4.5 mg" + " " * 2000 + "nightly", [(4.5, "mg", 1, None)]),
        ("4,5 mg at night", [(4.5, "mg", 1, None)]),
        ("0.5 mL of 3 mg/mL", [(1.5, "mg", None, None)]),
        ("1 mL (1 mg/mL) at bedtime", [(1, "mg", 1, None)]),
        ("take 2.5 mL nightly", [(2.5, "mL", 1, None)]),
        ("1.5 mg (1.5 mL) nightly", [(1.5, "mg", 1, None)]),
        ("1.5 mg x 2 weeks then 3 mg", [(1.5, "mg", None, 14), (3, "mg", None, None)]),
        ("half of a 3 mg capsule", [(1.5, "mg", None, None)]),
        ("1/4 tablet daily", [(0.25, "unit", 1, None)]),
        ("Take 1 capsule (4.5 mg) by mouth at bedtime", [(4.5, "mg", 1, None)]),
        ("Take 4.5mg (3 capsules) at night", [(4.5, "mg", 1, None)]),
        ("Take 2 x 1.5 mg caps at night", [(3, "mg", 1, None)]),
        (
            "1.5mg caps: 1 qhs x 14 days, then 2 qhs x 14 days, then 3 qhs",
            [(1.5, "mg", 1, 14), (3, "mg", 1, 14), (4.5, "mg", 1, None)],
        ),
        (
            "take 1.5 mg nightly for 14 days, then 3 mg for 14 days, then 4.5 mg",
            [(1.5, "mg", 1, 14), (3, "mg", 1, 14), (4.5, "mg", 1, None)],
        ),
        (
            "start 0.5 mg nightly, increase by 0.5 mg every week to 4.5 mg",
            [*((n / 2, "mg", 1, 7) for n in range(1, 9)), (4.5, "mg", 1, None)],
        ),
        ("take 1/2 tab of 3mg", [(1.5, "mg", None, None)]),
        ("two capsules of 1.5 mg nightly", [(3, "mg", 1, None)]),
        ("3 x 1.5 mg nightly", [(4.5, "mg", 1, None)]),
        ("50 mg tablet, 1/10 daily", [(5, "mg", 1, None)]),
        ("1 and 1/2 capsules nightly", [(1.5, "unit", 1, None)]),
        ("one and a half tablets daily", [(1.5, "unit", 1, None)]),
        ("half a tablet daily", [(0.5, "unit", 1, None)]),
        ("take half a 50 mg tablet nightly", [(25, "mg", 1, None)]),
        ("a quarter of a tablet at night", [(0.25, "unit", 1, None)]),
        ("a tenth of a tablet daily", [(0.1, "unit", 1, None)]),
        ("take a tablet daily", [(1, "unit", 1, None)]),
        ("naltrexone 50 mg 2 tablets daily", [(100, "mg", 1, None)]),
        ("naltrexone 4.5 mg 30 capsules, nightly", [(4.5, "mg", 1, None)]),
        ("naltrexone 1.5 mg capsule, take 3 capsules nightly", [(4.5, "mg", 1, None)]),
        ("naltrexone 50 mg tablets, half a tablet daily", [(25, "mg", 1, None)]),
        ("dissolve 1 tablet in 50 ml, take 1.5 ml nightly", [(0.03, "unit", 1, None)]),
        ("dissolve one 50 mg tablet in 50 mL of water and take 4.5 mL at night", [(4.5, "mg", 1, None)]),
        ("crush a tablet and mix in 100 ml water, 3 ml daily", [(0.03, "unit", 1, None)]),
        ("1½ capsules nightly", [(1.5, "unit", 1, None)]),
        ("4.5 mg/day", [(4.5, "mg", 1, None)]),
        (
            "3.5 mg QHS, increase 0.5 mg every week as tolerated up to 4.5 mg",
            [(3.5, "mg", 1, 7), (4, "mg", 1, 7), (4.5, "mg", 1, None)],
        ),
        (
            "1.5 mg nightly, increasing weekly by 1.5 mg to a maximum of 4.5 mg",
            [(1.5, "mg", 1, 7), (3, "mg", 1, 7), (4.5, "mg", 1, None)],
        ),
        ("increase 1 mg every week up to 4.5 mg", [(4.5, "mg", None, None)]),
        ("take one capsule by mouth in the morning and one at night", [(2, "unit", 1, None)]),
        ("1 capsule in the morning and 2 at bedtime", [(3, "unit", 1, None)]),
        ("one 4.5 mg capsule in the morning and one at bedtime", [(9, "mg", 1, None)]),
        ("1 capsule in the morning and at night", [(1, "unit", 2, None)]),
        ("1 cap AM and PM", [(1, "unit", 2, None)]),
        ("cut tablet in 10, take one piece at bedtime", [(0.1, "unit", 1, None)]),
        ("cut a 50 mg tablet into 10 equal pieces and take 1 piece nightly", [(5, "mg", 1, None)]),
        (
            "1.5 mg → 3 mg -> 45 mg nightly",
            [(1.5, "mg", 1, None), (3, "mg", 1, None), (45, "mg", 1, None)],
        ),
        ("Not before 1 Dec, and only if opioid-free. 1 daily", [(1, "unit", 1, None)]),
        ("100 mg Mon and Wed, 150 mg Fri", [(100, "mg", 3 / 7, None)]),
        ("50 mg Mon-Fri daily", [(50, "mg", 1, None)]),
        ("inject 380 mg IM every Monday", [(380, "mg", 1 / 7, None)]),
        ("inject 380 mg IM, next due Mon", [(380, "mg", None, None)]),
        ("1 capsule nightly, start on Monday", [(1, "unit", 1, None)]),
        ("1.5 mg to 4.5 mg nightly", [(4.5, "mg", 1, None)]),
        ("4.5mg/d", [(4.5, "mg", 1, None)]),
        ("take 3 mg (1 capsule) in the morning and 1.5 mg at night", [(4.5, "mg", 1, None)]),
        (
            "LDN 1.5mg, increase by 1.5mg q2wk to 4.5",
            [(1.5, "mg", None, 14), (3, "mg", None, 14), (4.5, "mg", None, None)],
        ),
        (
            "1.5mg x14d, 3mg x14d, 4.5mg thereafter",
            [(1.5, "mg", None, 14), (3, "mg", None, 14), (4.5, "mg", None, None)],
        ),
        (
            "1 cap x 7 days, 2 caps x 7 days, then 3 caps nightly",
            [(1, "unit", 1, 7), (2, "unit", 1, 7), (3, "unit", 1, None)],
        ),
        ("increase by 1.5 mg weekly to 4.5 mg", [(4.5, "mg", None, None)]),
        ("5/325 mg tablet once daily", [(325, "mg", 1, None)]),
        ("Dissolve 50 mg tablet in 50 mL water, take 4.5 mL nightly", [(4.5, "mg", 1, None)]),
        ("45 mcg daily", [(0.045, "mg", 1, None)]),
        ("45 micrograms daily", [(0.045, "mg", 1, None)]),
        ("45 µg daily", [(0.045, "mg", 1, None)]),
        ("45 ug daily", [(0.045, "mg", 1, None)]),
        ("4.5 milligrams daily", [(4.5, "mg", 1, None)]),
        ("4.5 milligram daily", [(4.5, "mg", 1, None)]),
        ("0.1 mg twice a day", [(0.1, "mg", 2, None)]),
        ("50 mg every other day", [(50, "mg", 0.5, None)]),
        ("one capsule at night", [(1, "unit", 1, None)]),
        ("2 Kapseln zur Nacht", [(2, "unit", None, None)]),
        ("2x täglich 1 Kapsel", [(1, "unit", 2, None)]),
        ("eine halbe Tablette täglich", [(0.5, "unit", None, None)]),
        ("deux gélules au coucher", [(2, "unit", None, None)]),
        ("1 gélule deux fois par jour", [(1, "unit", 2, None)]),
        ("tomar dos cápsulas por la noche", [(2, "unit", None, None)]),
        ("take 3 times daily", []),
        ("Take as directed", []),
        ("", []),
    ],
)
def test_steps(text: str, steps: list[Step]) -> None:
    read = [(s.value, s.unit, s.per_day, s.lasts_days) for s in read_directions(text)]
    assert read == steps


@pytest.mark.parametrize(
    ("times", "words"),
    [
        (4, "qid, q.i.d, four times a day, 4 times daily, 4x per day, four times"),
        (3, "tid, t.i.d., three times a day, 3 times a day, tds"),
        (2, "bid, twice a day, two times a day, 2 times daily, 2x a day, bd, am and pm, qam & qhs"),
        (2, "morning and night, morning and at bedtime, morning & evening"),
        (2, "2 x täglich, 2 mal am Tag, zweimal täglich, 2 fois par jour, 2 veces al día"),
        (2, "morgens und abends, matin et soir"),
        (1 / 2, "every other day, every other night, alternate days, qod, every second day"),
        (3 / 7, "three times a week, 3 times weekly, 3x per week"),
        (2 / 7, "twice a week, twice weekly, two times each week"),
        (5, "5 times a day"),
        (1 / 7, "weekly, once weekly, once a week, per week, every week"),
        (1 / 30, "monthly, once a month, per month, every month"),
        (1, "qhs, q.h.s., hs, bedtime, bed time, at night, daily, q.d, qday, once a day, every day"),
        (1, "each day, per day, od, o.d., nocte, qam, qpm, q am, in the morning, evening, om, on"),
    ],
)
def test_how_often(times: float, words: str) -> None:
    read = {each: [s.per_day for s in read_directions(f"1 capsule {each}")] for each in words.split(", ")}
    assert read == {each: [times] for each in read}


RISING = [(n / 2, "mL", 1, 14) for n in range(1, 9)]


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        # the letters pharmacies write: T (take, tablet), C (capsule), TK, CS
        ("T2C PO QHS", [(2, "unit", 1, None)]),
        ("TK 1/2 T PO DAILY", [(0.5, "unit", 1, None)]),
        ("TK 1 C PO QHS FOR 2 WKS, THEN TK 2 CS PO QHS", [(1, "unit", 1, 14), (2, "unit", 1, None)]),
        ("sig: iii caps qhs", [(3, "unit", 1, None)]),
        ("3 mgs daily", [(3, "mg", 1, None)]),
        # a week that lasts is no week between doses
        ("1.5 mg at bedtime for a week, then 3 mg", [(1.5, "mg", 1, 7), (3, "mg", 1, None)]),
        ("0.5 mL qhs for the first week then 1 mL", [(0.5, "mL", 1, 7), (1, "mL", 1, None)]),
        ("1.5 mg nightly; after another week 3 mg", [(1.5, "mg", 1, None), (3, "mg", 1, None)]),
        ("1 cap hs x 2/52 then 2 caps hs", [(1, "unit", 1, 14), (2, "unit", 1, None)]),
        ("1 cap hs x2w, 2 caps hs", [(1, "unit", 1, 14), (2, "unit", 1, None)]),
        ("50 mg once a week", [(50, "mg", 1 / 7, None)]),
        # steps named by their weeks
        (
            "Weeks 1-2: 1 cap qhs. Weeks 3 and 4: 2 caps qhs. Week 5 on: 3 caps qhs",
            [(1, "unit", 1, 14), (2, "unit", 1, 14), (3, "unit", 1, None)],
        ),
        ("Day 1-14: 1 qhs, day 15+: 2 qhs", [(1, "unit", 1, 14), (2, "unit", 1, None)]),
        ("First week 1 mg, second week 2 mg daily", [(1, "mg", 1, 7), (2, "mg", 1, 7)]),
        ("1.5 mg week 1-2, 3 mg week 3 on", [(1.5, "mg", None, None), (3, "mg", None, None)]),
        ("1 cap x 1 week, 2-3 caps x 1 week", [(1, "unit", None, 7), (3, "unit", None, 7)]),
        ("1.5 mg every second day", [(1.5, "mg", 0.5, None)]),
        ("increase in week 2 to 3 mg", [(3, "mg", None, None)]),
        ("week 2-1: 3 mg", [(3, "mg", None, None)]),
        # rises in mL and in pieces, and what is left of a rise without its end
        ("0.5 mL hs, inc by 0.5 mL q2wk to 4.5 mL", [*RISING, (4.5, "mL", 1, None)]),
        ("1 mL (1 mg) hs ↑ 1 mL weekly to max 3 mL", [(1, "mg", 1, 7), (2, "mL", 1, 7), (3, "mL", 1, None)]),
        ("Titrate 1.5 mg weekly to 4.5 mg", [(4.5, "mg", None, None)]),
        ("titrate up from 0.5 mg to 4.5 mg nightly by 0.5 mg weekly", [(4.5, "mg", 1, None)]),
        ("start 1.5 mg, titrate to 4.5 mg", [(1.5, "mg", None, None), (4.5, "mg", None, None)]),
        ("1.5 mg nightly, increase by 1.5 mg every 2 weeks", [(1.5, "mg", 1, None)]),
        (
            "one capsule nightly, increase by one capsule each week up to 3 capsules",
            [(1, "unit", 1, 7), (2, "unit", 1, 7), (3, "unit", 1, None)],
        ),
        ("1 cap nightly, increase by 1 cap weekly to 4.5 mg", [(1, "unit", 1, None), (4.5, "mg", 1, None)]),
        # of a range of pieces the high end counts
        ("Take 1-3 capsules at bedtime", [(3, "unit", 1, None)]),
        ("1 or 2 caps qhs", [(2, "unit", 1, None)]),
        ("1-2 qhs", [(2, "unit", 1, None)]),
        (
            "take 1 for 2 weeks, 2 for 2 weeks then 3",
            [(1, "unit", None, 14), (2, "unit", None, 14), (3, "unit", None, None)],
        ),
        ("1 cap qam and 2 caps qhs", [(3, "unit", 1, None)]),
        ("1 capsule (1.5 mg) in AM and 2 capsules (3 mg) in PM", [(4.5, "mg", 1, None)]),
        ("1-0-2", [(3, "unit", 1, None)]),
        ("0-0-0-0", []),
        *((f"3 {when}", [(3, "unit", 1, None)]) for when in ("nocte", "each night", "per day", "OD")),
        ("3 ea qhs", [(3, "unit", 1, None)]),
        ("3/day", [(3, "unit", 1, None)]),
        ("sig: 3 qhs", [(3, "unit", 1, None)]),
        ("4.5 mg IV daily", [(4.5, "mg", 1, None)]),
        # small pieces of a tablet, never the number below the line
        ("1/16 tab nightly", [(0.0625, "unit", 1, None)]),
        ("1/10th tab", [(0.1, "unit", None, None)]),
        ("1/75 tab", []),
        ("ReVia 50mg: 1/8 tab", [(6.25, "mg", None, None)]),
        ("cut 50mg into 10ths take 1 piece nightly", [(5, "mg", 1, None)]),
        ("half a mL at night", [(0.5, "mL", 1, None)]),
        ("1/2 tsp nightly", [(2.5, "mL", 1, None)]),
        ("nightly; #30", []),
        ("one cap nightly; 30", [(1, "unit", 1, None)]),
    ],
)  # fmt: skip
def test_as_pharmacies_and_clinics_write_them(text: str, steps: list[Step]) -> None:
    """Each of these was read as another dose, or only its first step was."""
    test_steps(text, steps)


def test_monthly_injection() -> None:
    (step,) = read_directions("380 mg IM every 4 weeks")
    assert step.value == 380
    assert step.per_day == pytest.approx(1 / 28)


def test_as_needed() -> None:
    (step,) = read_directions("1 tablet prn")
    assert step.as_needed


def test_steps_follow_each_other() -> None:
    first, second = read_directions("1.5 mg nightly for 14 days then 3 mg nightly")
    assert (first.starts_after_days, second.starts_after_days) == (0, 14)


@pytest.mark.parametrize(
    ("text", "steps"),
    [
        ("4.5 mg per 0 mL, take 1 mL nightly", [(1, "mL", 1, None)]),
        ("1.5 mg every 0 hours", [(1.5, "mg", None, None)]),
        ("1 tablet q0h", [(1, "unit", None, None)]),
        (f"{'9' * 400} and a half mg", [(9_999_999_999.5, "mg", None, None)]),
        (
            f"1.5 mg, then 3 mg for {'9' * 400} weeks",
            [(1.5, "mg", None, None), (3, "mg", None, 69_999_999_993)],
        ),
    ],
)
def test_numbers_that_are_no_amount(text: str, steps: list[Step]) -> None:
    """What divides by nothing is passed over; what no float holds is still far too much."""
    test_steps(text, steps)


def test_digits_without_end_are_read_to_the_end() -> None:
    """With every digit tried as the beginning of a number, time went with the cube of their number."""
    (step,) = read_directions("9" * 100_000 + " mg nightly")
    assert step.value == 9_999_999_999


@pytest.mark.parametrize(
    "phrase",
    [
        "1 mg a.m ",
        "1 tablet morning and 2 ",
        "increase by 1 mg every ",
        "-",
        "week 1-",
        "1-2 or 3 ",
        "take 1 t ",
        "by 1 mg each ",
        "1/20 of a ",
    ],
)
def test_words_without_end_are_read_to_the_end(phrase: str) -> None:
    """Each phrase looked for its end through all that follows, so that time went with their square."""
    read_directions(phrase * (200_000 // len(phrase)))
