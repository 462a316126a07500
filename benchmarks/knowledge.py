"""What the knowledge costs: loading, memory, a name, a code. ``python benchmarks/knowledge.py``

Each figure stands beside a yardstick measured in the same run, so that machines can be compared.
"""

from __future__ import annotations

import csv
import gc
import io
import subprocess
import sys
import timeit
import tracemalloc
from collections.abc import Callable

from cds_service.knowledge import condition_meanings, preload, recognise, tables
from cds_service.knowledge.codings import Coding
from cds_service.knowledge.drug_names import _cached, _read
from cds_service.knowledge.products import known_products

NDC = "http://hl7.org/fhir/sid/ndc"
RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ROUNDS = 5
_IMPORT = "import cds_service.knowledge"
_PRELOAD = "from cds_service.knowledge import preload; preload()"
_PLAIN = (
    "import csv, pathlib\n"
    "for p in sorted(pathlib.Path('cds_service/knowledge/tables').glob('*.csv')):\n"
    "    list(csv.DictReader(p.open(encoding='utf-8', newline='')))\n"
)


def fresh(code: str) -> float:
    """Seconds of ``code`` in a new interpreter, the best of a few."""
    timed = f"import time\nt = time.perf_counter()\n{code}\nprint(time.perf_counter() - t)"
    runs = [
        subprocess.run([sys.executable, "-c", timed], capture_output=True, check=True) for _ in range(ROUNDS)
    ]
    return min(float(run.stdout) for run in runs)


def microseconds(statement: Callable[[], object], number: int) -> float:
    """Of one call, the best of a few rounds."""
    return min(timeit.repeat(statement, number=number, repeat=ROUNDS)) / number * 1e6


def memory() -> tuple[float, float]:
    """MB held by the loaded tables, and by the same rows as plain dicts."""
    gc.collect()
    tracemalloc.start()
    preload()
    gc.collect()
    loaded = tracemalloc.get_traced_memory()[0]
    plain = [list(csv.DictReader(io.StringIO(_text(name)))) for name in tables.names()]
    gc.collect()
    both = tracemalloc.get_traced_memory()[0]
    tracemalloc.stop()
    assert plain
    return loaded / 1e6, (both - loaded) / 1e6


def _text(name: str) -> str:
    return (tables.folder() / f"{name}.csv").read_text("utf-8")


def line(label: str, value: float, unit: str, ratio: str = "") -> None:
    """One figure."""
    print(f"{label:24}{value:9.2f} {unit:3}{ratio}")


def names() -> None:
    """A name, read anew and from the cache, beside a dict look-up."""
    texts = [row["name"] for row in tables.rows("rxnorm_products")][:2000]
    plain = dict.fromkeys(texts, 1)
    looked_up = microseconds(lambda: [plain[text] for text in texts], 20) / len(texts)
    for text in texts:
        _cached(text)
    ways = {
        "name, read anew": microseconds(lambda: [_read(text) for text in texts], 1),
        "name, cached": microseconds(lambda: [_cached(text) for text in texts], 20),
        "recognise(text)": microseconds(lambda: [recognise([], [text]) for text in texts], 1),
    }
    for label, spent in ways.items():
        each = spent / len(texts)
        line(label, each, "us", f"   {each / looked_up:7.1f} x a dict look-up ({looked_up:.3f} us)")


def codes() -> None:
    """A code of a medicine and of a condition."""
    rxnorm = [[(RXNORM, row["rxcui"], None)] for row in tables.rows("rxnorm_products")][:2000]
    ndc = [[(NDC, row["ndc"], None)] for row in tables.rows("ndc")][:2000]
    icd = [[("icd10", row["code"], None)] for row in tables.rows("icd10cm")][:2000]
    ways: dict[str, tuple[Callable[[list[Coding]], object], list[list[Coding]]]] = {
        "RxNorm code to product": (known_products, rxnorm),
        "NDC to product": (known_products, ndc),
        "ICD-10-CM to meaning": (condition_meanings, icd),
        "recognise(code)": (lambda codings: recognise(codings, []), rxnorm),
    }
    for label, (ask, rows) in ways.items():
        line(label, microseconds(lambda a=ask, r=rows: [a(codings) for codings in r], 2) / len(rows), "us")


def main() -> None:
    """Print every figure."""
    held, as_dicts = memory()
    load, imports, plain = fresh(_PRELOAD), fresh(_IMPORT), fresh(_PLAIN)
    line(
        "import and load all",
        load * 1e3,
        "ms",
        f"   {load / plain:7.1f} x csv.DictReader ({plain * 1e3:.0f} ms)",
    )
    line("  of it, the import", imports * 1e3, "ms")
    line("memory", held, "MB", f"   {held / as_dicts:7.1f} x the rows as dicts ({as_dicts:.1f} MB)")
    names()
    codes()


if __name__ == "__main__":
    main()
