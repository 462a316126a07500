"""Writes docs/knowledge.md: all of the knowledge in clinical language, for a pharmacist's review.

``python -m cds_service.knowledge.document [--check]``; with ``--check`` nothing is written and the
exit status is 1 when the page is not what the tables say.
"""

from __future__ import annotations

import argparse
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from cds_service.knowledge import tables
from cds_service.knowledge.clinical import shipped_figures
from cds_service.knowledge.concepts import Duration, Role
from cds_service.knowledge.document_codes import conditions, observations
from cds_service.knowledge.review import review_state

PAGE = Path("docs/knowledge.md")

_HEAD = """# What the service knows

Written by `python -m cds_service.knowledge.document` from the tables and figures it decides with; do
not edit. Corrections go into `cds_service/knowledge/tables/*.csv` and `clinical.toml` (who signs a row
puts a name into its `reviewer` cell), or, for one site only, into the site's own files.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD, *_release(), *_opioids(), *_other_medicines(), *_naltrexone(), *_combinations()]
    parts += [*_codes_of_medicines(), *conditions(), *observations(), *_figures(), *_sources(), _site()]
    return "\n".join(parts).rstrip() + "\n"


def table(head: Sequence[str], rows: Sequence[Sequence[object]]) -> str:
    """A Markdown table."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    lines += ["| " + " | ".join(_cell(value) for value in row) + " |" for row in rows]
    return "\n".join([*lines, ""])


def _cell(value: object) -> str:
    return str(value).replace("|", "/").replace("\n", " ")


# --- what stands first --------------------------------------------------------------------------


def _release() -> Iterator[str]:
    yield f"Tables {tables.version()}. **Review:** {review_state().words()}.\n"
    counts = [(name, sum(1 for _ in tables.rows(name))) for name in tables.names()]
    yield table(["table", "rows"], counts)


# --- medicines ----------------------------------------------------------------------------------


def _names_of_products() -> dict[tuple[str, ...], list[str]]:
    """Brands and other product names by their ingredients."""
    found: dict[tuple[str, ...], list[str]] = {}
    for row in tables.rows("product_names"):
        found.setdefault(tables.cell(row["ingredients"]), []).append(row["name"])
    return found


def _interval(duration: str) -> str:
    days = shipped_figures()["opioid_free"]
    return {
        Duration.SHORT: f"{days['short']} days (label minimum {days['short_label_minimum']})",
        Duration.LONG: f"{days['long']} days (expert, no label figure)",
        Duration.METHADONE_BUPRENORPHINE: f"{days['methadone_buprenorphine']} days (label: up to)",
    }[Duration(duration)]


_ROLE_WORDS = {
    Role.OPIOID: "central opioid",
    Role.OPIOID_LIKE: "acts on opioid receptors, no opioid medicine",
    Role.PERIPHERAL_OPIOID: "acts on gut or skin at the labelled dose",
    Role.ANTAGONIST: "opioid antagonist for regular use",
    Role.RESCUE_ANTAGONIST: "reversal of an overdose; silent",
    Role.OPIOID_SIGN: "sign that opioids are taken or were stopped",
    Role.THIORIDAZINE: "interaction named in the label",
    Role.DISULFIRAM: "interaction named in the label",
}


def _opioids() -> Iterator[str]:
    yield "## Opioids\n"
    yield (
        "Partial and mixed agonists count as opioids. The duration is that of the immediate-release form; "
        "extended-release products, patches, depots and implants count as long-acting. Where no source for "
        "kind and duration was read, the cautious ones stand: full agonist (assumed), long-acting.\n"
    )
    products = _names_of_products()
    rows = [row for row in tables.rows("ingredients") if row["role"] in (Role.OPIOID, Role.OPIOID_LIKE)]
    yield table(
        [
            "ingredient",
            "class",
            "duration",
            "opioid-free interval",
            "class and duration from",
            "read as",
            "brands and other names",
            "review",
        ],
        [
            [
                row["name"],
                _ROLE_WORDS[Role(row["role"])],
                row["agonist"],
                row["duration"],
                _interval(row["duration"]),
                ", ".join(tables.cell(row["class_source"])) or "no source read",
                ", ".join(tables.cell(row["names"])),
                ", ".join(products.get((row["name"],), [])),
                row["reviewer"],
            ]
            for row in sorted(rows, key=lambda row: row["name"])
        ],
    )


def _other_medicines() -> Iterator[str]:
    yield "## Other medicines that a rule looks at\n"
    skipped = (Role.OPIOID, Role.OPIOID_LIKE, Role.NALTREXONE, Role.OTHER)
    rows = [row for row in tables.rows("ingredients") if row["role"] not in skipped]
    yield table(
        ["ingredient", "what it is here", "read as", "note"],
        [
            [r["name"], _ROLE_WORDS[Role(r["role"])], ", ".join(tables.cell(r["names"])), r["note"]]
            for r in rows
        ],
    )
    others = sorted(row["name"] for row in tables.rows("ingredients") if row["role"] == Role.OTHER)
    yield "Known and of no concern, so that they are never taken for one: " + ", ".join(others) + ".\n"


def _naltrexone() -> Iterator[str]:
    yield "## Naltrexone\n"
    yield (
        "Strengths are of the hydrochloride. LDN is told by ingredient and daily dose, never by a product "
        "list alone: RxNorm has no low-dose product. Embeda and Troxyca hold an opioid and are never LDN.\n"
    )
    named = [row for row in tables.rows("product_names") if "naltrexone" in tables.cell(row["ingredients"])]
    yield table(
        ["name", "ingredients", "form", "mg", "note"],
        [[r["name"], _and(r["ingredients"]), r["form"], r["naltrexone_mg"], r["note"]] for r in named],
    )
    strengths = sorted(
        {
            (float(r["naltrexone_mg"]), r["per_ml"])
            for r in tables.rows("medicine_codes")
            if _only_naltrexone(r)
        }
    )
    words = [f"{mg:g} mg/mL" if per_ml else f"{mg:g} mg" for mg, per_ml in strengths]
    yield "Strengths known by SNOMED CT (UK) code: " + ", ".join(words) + ".\n"


def _only_naltrexone(row: dict[str, str]) -> bool:
    return bool(row["naltrexone_mg"]) and row["ingredients"] == "naltrexone"


def _combinations() -> Iterator[str]:
    yield "## Names of combinations\n"
    rows = [
        (" + ".join(ingredients), ", ".join(names))
        for ingredients, names in sorted(_names_of_products().items())
        if len(ingredients) > 1
    ]
    yield table(["ingredients", "names"], rows)


def _codes_of_medicines() -> Iterator[str]:
    yield "## Codes of medicines\n"
    counts: dict[str, int] = {}
    for row in tables.rows("medicine_codes"):
        counts[row["system"]] = counts.get(row["system"], 0) + 1
    current = [row["current"] == "yes" for row in tables.rows("rxnorm_products")]
    rows: list[tuple[str, object, str]] = [
        ("RxNorm", len(current), f"{len(current) - sum(current)} of them retired or not prescribable"),
        ("NDC", sum(1 for _ in tables.rows("ndc")), "packages; other packages of a product are known too"),
    ]
    rows += [(system, count, "only those the rules need") for system, count in sorted(counts.items())]
    yield table(["system", "codes", ""], rows)


def _and(cell: str) -> str:
    return " + ".join(tables.cell(cell))


# --- figures and sources ------------------------------------------------------------------------


def _figures() -> Iterator[str]:
    yield "## Figures\n"
    yield (
        "`expert` means practice without a trial or a label behind it. A site changes a figure in its own "
        "file; `ldn-cds figures` shows what is in force.\n"
    )
    for section, content in shipped_figures().items():
        yield f"### {section.replace('_', ' ')}\n"
        values = {key: value for key, value in content.items() if not key.endswith("source")}
        if values:
            yield table(["figure", "value"], [[key, _value(value)] for key, value in values.items()])
        for key, value in content.items():
            if key.endswith("source"):
                yield f"{'Standard regimens' if key != 'source' else 'Source'}: {value}.\n"


def _value(value: object) -> str:
    if isinstance(value, list) and value and isinstance(value[0], dict):
        return "; ".join(f"{v['name']}: {_steps(v['steps'])}" for v in value)
    if isinstance(value, list):
        return ", ".join(str(item) for item in value) or "none"
    if isinstance(value, dict):
        return ", ".join(f"{key} {item}" for key, item in value.items()) or "none"
    return str(value)


def _steps(steps: Sequence[Sequence[float]]) -> str:
    return ", then ".join(f"{mg:g} mg" + (f" for {days:g} days" if days else "") for mg, days in steps)


def _sources() -> Iterator[str]:
    yield "## Sources of the tables\n"
    rows = [[r["key"], r["citation"], r["date"], r["licence"]] for r in tables.rows("sources")]
    yield table(["key", "source", "date", "licence"], rows)


def _site() -> str:
    return (tables.folder() / "SITE.md").read_text("utf-8")


# --- command ------------------------------------------------------------------------------------


def main(arguments: Sequence[str] | None = None) -> int:
    """Write the page, or with ``--check`` say whether it is current."""
    parser = argparse.ArgumentParser(prog="python -m cds_service.knowledge.document", description=__doc__)
    parser.add_argument("--check", action="store_true", help="write nothing; 1 when the page is stale")
    parser.add_argument("--page", type=Path, default=PAGE)
    given = parser.parse_args(arguments)
    wanted = page()
    if given.check:
        current = given.page.exists() and given.page.read_text("utf-8") == wanted
        print(f"{given.page} is {'current' if current else 'stale: run this command without --check'}")
        return 0 if current else 1
    given.page.parent.mkdir(parents=True, exist_ok=True)
    given.page.write_text(wanted, "utf-8")
    print(f"{given.page}: {wanted.count(chr(10))} lines")
    return 0


if __name__ == "__main__":
    sys.exit(main())
