"""JSON that does not hold: where it breaks, for people who must mend it."""

from __future__ import annotations

import json
from typing import Any

_EXCERPT = 60


class BadJson(ValueError):
    """Not JSON: what was expected, at which line and column (from 1), and the text around it."""

    def __init__(self, words: str, line: int, column: int, excerpt: str) -> None:
        super().__init__(words)
        self.words, self.line, self.column, self.excerpt = words, line, column, excerpt


def parse_json(body: bytes) -> Any:
    """The decoded body. Raises :class:`BadJson`."""
    try:
        text = body.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = body[: error.start]
        line = before.count(b"\n") + 1
        column = error.start - before.rfind(b"\n")
        raise BadJson("The body is not UTF-8", line, column, "") from None
    try:
        return json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        raise BadJson(error.msg, error.lineno, error.colno, _around(text, error.pos)) from None
    except RecursionError:
        raise BadJson("The JSON is nested too deeply", 1, 1, "") from None
    except ValueError as error:
        raise BadJson(str(error), 1, 1, "") from None


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON number")


def _around(text: str, position: int) -> str:
    """The line it breaks in, or the part of it around the place, with a mark there."""
    start = max(text.rfind("\n", 0, position) + 1, position - _EXCERPT)
    end = text.find("\n", position)
    end = min(len(text) if end < 0 else end, position + _EXCERPT)
    return f"{text[start:position]}⟂{text[position:end]}"
