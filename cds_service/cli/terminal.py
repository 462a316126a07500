"""What the commands print: cards as plain text, headings, lists, JSON, problems."""

from __future__ import annotations

import sys
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn
from urllib.parse import urlsplit

import click
import msgspec

WIDTH = 96
REFUSED, MISUSED, UNREACHABLE = 1, 2, 3
"""Exit codes of all commands: the answer is no; used wrongly; a server that is needed does not answer."""


class HttpUrl(click.ParamType[str]):
    """An address to call; anything else is the command used wrongly, not a server that is away."""

    name = "URL"

    def convert(self, value: str, param: click.Parameter | None, ctx: click.Context | None) -> str:
        try:
            parts = urlsplit(value)
            fits = parts.scheme in ("http", "https") and bool(parts.hostname) and (parts.port or 1) > 0
        except ValueError:
            fits = False
        if not fits:
            self.fail(f"{value!r} is no http or https URL", param, ctx)
        return value


_MARKS = {"critical": "!!", "warning": " !", "info": " i"}
_COLOURS = {"critical": "red", "warning": "yellow", "info": "cyan"}


def readable(card: dict[str, Any]) -> list[str]:
    """A card as lines of plain text, whatever service it is of."""
    indicator, topic = str(card.get("indicator")), (card.get("source") or {}).get("topic") or {}
    head = f"{_MARKS.get(indicator, '  ')} {indicator.upper()}  {topic.get('code', '')}".rstrip()
    lines = ["", click.style(head, fg=_COLOURS.get(indicator), bold=True) if coloured() else head]
    lines += wrapped(str(card.get("summary", "")), 3)
    for paragraph in str(card.get("detail", "")).replace("**", "").replace("\\", "").splitlines():
        lines += wrapped(paragraph.strip("*"), 5)
    lines += [f"   [ {suggestion.get('label')} ]" for suggestion in card.get("suggestions", [])]
    reasons = " · ".join(str(reason.get("display")) for reason in card.get("overrideReasons", []))
    return [*lines, *(wrapped(f"Override: {reasons}", 3) if reasons else [])]


def wrapped(text: str, indent: int) -> list[str]:
    """``text`` in lines of the terminal's usual width."""
    space = " " * indent
    return textwrap.wrap(text, WIDTH, initial_indent=space, subsequent_indent=space)


def coloured() -> bool:
    """Only where a person looks."""
    return sys.stdout.isatty()


def heading(text: str) -> None:
    click.echo()
    click.secho(text, bold=True) if coloured() else click.echo(text)


def bullets(lines: Iterator[str] | list[str], indent: int = 2) -> None:
    for line in lines:
        for position, part in enumerate(textwrap.wrap(line, WIDTH - indent) or [""]):
            click.echo(f"{' ' * indent}{'- ' if position == 0 else '  '}{part}")


def print_json(value: Any) -> None:
    """As JSON on standard output."""
    click.echo(msgspec.json.format(msgspec.json.encode(value)).decode())


def fail(words: str, code: int = REFUSED) -> NoReturn:
    """Say on standard error what is wrong, and end with ``code``."""
    click.echo(f"ldn-cds: {words}", err=True)
    raise SystemExit(code)


def read_input(path: str) -> bytes:
    """The bytes of a file, ``-`` for standard input."""
    if path == "-":
        return sys.stdin.buffer.read()
    try:
        return Path(path).read_bytes()
    except OSError as error:
        fail(f"{path}: {error.strerror}", MISUSED)
