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

from cds_service.knowledge import condition_meanings, preload, recognise, tables
from cds_service.knowledge.drug_names import _cached, _read
from cds_service.knowledge.products import known_products

RXNORM = "http://www.nlm.nih.gov/research/umls/rxnorm"
ROUNDS = 5
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


def microseconds(statement: object, number: int) -> float:
    """Of one call, the best of a few rounds."""
    return min(timeit.repeat(statement, number=number, repeat=ROUNDS)) / number * 1e6  # type: ignore[arg-type]


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


def names() -> None:
    """A name, read anew and from the cache, beside a dict look-up."""
    texts = [row["name"] for row in tables.rows("rxnorm_products")][:2000]
    plain = dict.fromkeys(texts, 1)
    looked_up = microseconds(lambda: [plain[text] for text in texts], 20) / len(texts)
    anew = microseconds(lambda: [_read(text) for text in texts], 1) / len(texts)
    for text in texts:
        _cached(text)
    cached = microseconds(lambda: [_cached(text) for text in texts], 20) / len(texts)
    whole = microseconds(lambda: [recognise([], [text]) for text in texts], 1) / len(texts)
    print(
        f"name, read anew        {anew:8.2f} us   {anew / looked_up:7.0f} x a dict look-up ({looked_up:.3f} us)"
    )
    print(f"name, cached           {cached:8.2f} us   {cached / looked_up:7.1f} x a dict look-up")
    print(f"recognise(text)        {whole:8.2f} us   {whole / looked_up:7.0f} x a dict look-up")


def codes() -> None:
    """A code of a medicine and of a condition."""
    codings = [[(RXNORM, row["rxcui"], None)] for row in tables.rows("rxnorm_products")][:2000]
    ndcs = [[("http://hl7.org/fhir/sid/ndc", row["ndc"], None)] for row in tables.rows("ndc")][:2000]
    icd = [[("icd10", row["code"], None)] for row in tables.rows("icd10cm")][:2000]
    for label, rows in (("RxNorm code to product", codings), ("NDC to product", ndcs)):
        print(
            f"{label:22} {microseconds(lambda r=rows: [known_products(c) for c in r], 2) / len(rows):8.2f} us"
        )
    print(
        f"{'ICD-10-CM to meaning':22} {microseconds(lambda: [condition_meanings(c) for c in icd], 2) / 2000:8.2f} us"
    )
    one = microseconds(lambda: [recognise(c, []) for c in codings], 1) / len(codings)
    print(f"{'recognise(code)':22} {one:8.2f} us")


def main() -> None:
    """Print every figure."""
    held, plain_held = memory()
    load, plain = fresh(_PRELOAD), fresh(_PLAIN)
    print(
        f"load all tables        {load * 1e3:8.0f} ms   {load / plain:7.1f} x csv.DictReader ({plain * 1e3:.0f} ms)"
    )
    print(
        f"memory                 {held:8.1f} MB   {held / plain_held:7.1f} x the rows as dicts ({plain_held:.1f} MB)"
    )
    names()
    codes()


if __name__ == "__main__":
    main()
