"""Text that would have an effect where it is shown as it is, and requests that are full of it."""

from __future__ import annotations

import copy
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from hypothesis import strategies as st

from cds_service.scenarios import all_names, load

NOW = datetime(2026, 11, 22, 15, 0, tzinfo=UTC)
HOSTILE = (
    "<img src=x onerror=alert(1)>", "[click](javascript:alert(1))", "![x](https://evil.example/x.png)",
    "https://evil.example/a", "www.evil.example", "<https://evil.example>", "**bold** _it_ ~~no~~",
    "# Heading",
    "`code`", "&lt;script&gt;", "| a | b |", "line\n\n# next", "\u202egnp.exe", "a\u200bb\u2066c",
    "me@evil.example",
    "[x]: https://evil.example", "\\[x](y)", "- item", "1. item", "> quote", "```\nfence", "\x1b[31mred",
)  # fmt: skip

Place = tuple[Any, ...]
"""The keys and indexes that lead to a value."""


def strings(node: Any, path: Place = ()) -> list[Place]:
    """The places of all strings in ``node``: any of them may be shown one day."""
    if isinstance(node, str):
        return [path]
    pairs = node.items() if isinstance(node, dict) else enumerate(node) if isinstance(node, list) else ()
    return [place for key, value in pairs for place in strings(value, (*path, key))]


def texts(node: Any) -> list[Place]:
    """The places of the strings that are text for people."""
    return [place for place in strings(node) if place[-1] in ("text", "display", "valueString")]


@st.composite
def hostile_requests(draw: st.DrawFn, places: Callable[[Any], list[Place]]) -> tuple[str, dict[str, Any]]:
    """A hook and the request of a scenario for it, with hostile text behind up to six of its strings."""
    scenario = load(draw(st.sampled_from(all_names())))
    hook = scenario.hooks[0]
    request = copy.deepcopy(scenario.request(hook, NOW))
    plants = st.lists(st.sampled_from(places(request)), min_size=1, max_size=6, unique=True)
    for *path, last in draw(plants):
        node: Any = request
        for key in path:
            node = node[key]
        node[last] += draw(st.sampled_from([" ", ""])) + draw(st.sampled_from(HOSTILE))
    return hook, request
