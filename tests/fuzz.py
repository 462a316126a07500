"""Inputs made from our own OpenAPI document; ``python -m tests.fuzz --examples 20000`` is the long run.

Valid and invalid requests alike: never a 5xx, never an answer that the document does not know.
"""

from __future__ import annotations

import argparse
import time
from collections import Counter
from collections.abc import Callable
from functools import partial
from typing import Any

import schemathesis
from hypothesis import HealthCheck, Phase, given, reject, settings
from hypothesis import strategies as st
from schemathesis import GenerationMode
from schemathesis.checks import not_a_server_error
from schemathesis.config import SchemathesisConfig
from schemathesis.core.errors import UnsupportedSchema
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from cds_service import create_app
from cds_service.settings import Settings

CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
"""What every answer must hold; a wrong value that we tolerate is no fault (conformance T5)."""


def schema_of(database_url: str = "sqlite://") -> Any:
    """The document of a service in development, with the service behind it."""
    app = create_app(
        Settings(
            cds_environment="development",
            database_url=database_url,
            audit_days=0,
            time_budget_ms=50,
            log_level="ERROR",
        )
    )
    return schemathesis.openapi.from_wsgi("/openapi.json", app, config=SchemathesisConfig())


@st.composite
def possible(draw: st.DrawFn, cases: st.SearchStrategy[Any]) -> Any:
    """Of ``cases`` those that can be made: schemathesis thinks of wrong schemas that it then cannot fill.

    Which it thinks of hangs on the modules loaded, whose constants it takes.
    """
    try:
        return draw(cases)
    except UnsupportedSchema:
        return reject()


def run(
    examples: int,
    *,
    derandomize: bool,
    database_url: str = "sqlite://",
    tell: Callable[[str], None] = lambda line: None,
) -> tuple[Counter[str], float]:
    """Answers by operation and status for ``examples`` inputs of each operation, and the slowest in seconds.

    Raises what a check finds. ``tell`` hears of each operation that is done.
    """
    seen: Counter[str] = Counter()
    slowest = 0.0
    for result in schema_of(database_url).get_all_operations():
        operation = result.ok()
        for mode in (GenerationMode.POSITIVE, GenerationMode.NEGATIVE):
            if mode is GenerationMode.NEGATIVE and not operation.body:
                continue

            @settings(
                max_examples=examples,
                deadline=None,
                derandomize=derandomize,
                database=None,
                phases=[Phase.generate],
                suppress_health_check=list(HealthCheck),
            )
            @given(case=possible(operation.as_strategy(generation_mode=mode)))
            def ask(case: Any) -> None:
                nonlocal slowest
                began = time.perf_counter()
                answer = case.call()
                slowest = max(slowest, time.perf_counter() - began)
                seen[f"{case.method} {case.operation.path} {answer.status_code}"] += 1
                case.validate_response(answer, checks=CHECKS)

            ask()
            tell(f"{seen.total():8}  inputs after {operation.label}, {mode.value}")
    return seen, slowest


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.fuzz", description=__doc__)
    parser.add_argument("--examples", type=int, default=20_000, help="inputs of each operation and mode")
    seen, slowest = run(parser.parse_args().examples, derandomize=False, tell=partial(print, flush=True))
    for line, count in sorted(seen.items()):
        print(f"{count:8}  {line}")
    print(f"{seen.total()} inputs, no 5xx, slowest {slowest * 1000:.0f} ms")


if __name__ == "__main__":
    main()
